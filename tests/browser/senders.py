"""Senders as they come: one in all its colours, one that told nothing of itself, one whose words are too long."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING

from chalicelib.domain.categories import Catalogue, Category, Ground, Kind
from chalicelib.domain.profiles import Profile
from chalicelib.domain.senders import Sender
from chalicelib.store.operations import Claim
from chalicelib.use_cases.describing import Edit, put_logo
from tests.browser.pictures import COLOURS, png_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.service import Service

FULL, PLAIN, LONG, EMPTY = "harbourb", "plainsnd", "longname", "emptysnd"
WORD = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunt"
"""Of 60 characters, with no place to break."""
assert len(WORD) == 60

OPTIONAL, ALERT = Kind.OPTIONAL, Kind.SERVICE_ALERT
CATEGORIES = (
    Category(
        "newsletter",
        1,
        OPTIONAL,
        "The Harbour Letter",
        "New books and what we think of them, once a month.",
        names={"de": "Der Hafenbrief", "ja": "ハーバー通信", "ar": "رسالة الميناء"},
        descriptions={
            "de": "Neue Bücher und was wir von ihnen halten, einmal im Monat.",
            "ja": "新しい本とその感想を、月に一度お届けします。",
            "ar": "كتب جديدة ورأينا فيها، مرة في الشهر.",
        },
    ),
    Category(
        "offers",
        2,
        OPTIONAL,
        "Offers",
        "What costs less this week. Two or three mails a month.",
        names={"de": "Angebote", "ja": "お買い得情報", "ar": "العروض"},
        descriptions={
            "de": "Was diese Woche weniger kostet. Zwei oder drei E-Mails im Monat.",
            "ja": "今週お安くなっている本。月に二、三通。",
            "ar": "ما ينخفض سعره هذا الأسبوع. رسالتان أو ثلاث في الشهر.",
        },
    ),
    Category(
        "events",
        3,
        OPTIONAL,
        "Readings and events",
        "Who reads where, near you.",
        names={"de": "Lesungen und Termine", "ja": "朗読会とイベント", "ar": "قراءات وفعاليات"},
        descriptions={
            "de": "Wer wo in Ihrer Nähe liest.",
            "ja": "お近くでの朗読会のご案内。",
            "ar": "من يقرأ وأين، بالقرب منك.",
        },
    ),
    Category(
        "orders",
        4,
        ALERT,
        "Your orders",
        "What you bought, and where it is.",
        ground=Ground.TRANSACTION,
        names={"de": "Ihre Bestellungen", "ja": "ご注文", "ar": "طلباتك"},
        descriptions={
            "de": "Was Sie gekauft haben und wo es ist.",
            "ja": "ご購入の品と配送状況。",
            "ar": "ما اشتريته وأين هو.",
        },
    ),
    Category("gone", 5, OPTIONAL, "Book club", "Closed last year.", retired=True),
)
"""In four languages, but for what is long gone."""
LONG_CATEGORIES = (
    Category("long", 1, OPTIONAL, f"{WORD} {WORD}", f"{WORD} and {WORD}, " + "and so on " * 30),
    Category("even-longer", 2, OPTIONAL, "Very " * 50 + "long", "x" * 500),
    Category("alert", 3, ALERT, WORD, WORD * 2, ground=Ground.ACCOUNT_CHANGE),
)
SENDERS = (
    Sender(
        FULL,
        "Harbour Books",
        Catalogue(CATEGORIES),
        bytes(range(32)),
        profile=Profile(
            names={"ja": "ハーバー書店", "ar": "مكتبة الميناء"},
            languages=("en", "de", "ja", "ar"),
            accent="#e4572e",
            postal_address="Harbour Books Ltd\n12 Quay Street\nBristol BS1 4DJ",
            privacy_link="https://harbour-books.example.com/privacy?from=mail&lang=en",
        ),
    ),
    Sender(PLAIN, "Test & Sons", Catalogue(CATEGORIES), bytes(range(32))),
    Sender(
        LONG,
        WORD + " " + "N" * 39,
        Catalogue(LONG_CATEGORIES),
        bytes(range(32)),
        profile=Profile(
            accent="#ffff00",
            postal_address="\n".join([WORD[:49]] * 10),
            privacy_link="https://example.com/" + "p" * 450,
        ),
    ),
    Sender(EMPTY, "Empty Ltd", Catalogue((CATEGORIES[3],)), bytes(range(32)), form_open=False),
)


def create_senders(service: Service) -> None:
    """All of them, with their logos."""
    for sender in SENDERS:
        service.senders.create(sender)
    set_logo(service, FULL, drawn(96, 96, _waves))
    set_logo(service, LONG, drawn(1_200, 60, lambda x, _: (x % 250, 40, 90, 255)))


def set_logo(service: Service, code: str, octets: bytes) -> None:
    put_logo(Edit(service, code, Claim(1, is_new=True, nonce=token_hex(8))), octets)


Pixel = tuple[int, int, int, int]


def drawn(width: int, height: int, pixel: Callable[[int, int], Pixel]) -> bytes:
    """A PNG with red, green, blue and opacity of every pixel."""
    rows = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(width)) for y in range(height))
    return png_of(width, height, COLOURS, rows)


def _waves(x: int, y: int) -> Pixel:
    """A sun over the sea, on nothing."""
    if (x - 48) ** 2 + (y - 40) ** 2 < 26**2 and y < 56:
        return 228, 87, 46, 255
    swell = abs((x + (12 if (y // 12) % 2 else 0)) % 24 - 12) // 2
    return (22, 60, 92, 255) if y >= 58 and (y + swell) % 12 < 7 and 6 <= x < 90 else (0, 0, 0, 0)
