"""How a sender shows itself around every page: logo, name, colour; beneath it its name again, its address, its privacy.

All of it comes with the sender, which every page reads anyway. Names and addresses are text and get escaped; the colour
that reaches the style sheet is computed from three numbers; the logo is an image of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from chalicelib.domain.profiles import MAX_LINK
from chalicelib.markup import Markup
from chalicelib.web.fitting import octets, shortened
from chalicelib.web.voices import plain

if TYPE_CHECKING:
    from chalicelib.domain.images import Logo
    from chalicelib.domain.senders import Sender
    from chalicelib.web.voices import Voice

NAME_DIGITS = 32
"""Of a logo's SHA-256, that name it in its URL."""
ADDRESS_OCTETS = 600
"""Of a postal address: 200 letters of Hindi or Japanese."""


@dataclass(frozen=True, slots=True)
class Brand:
    """What comes before and after a page's own content, and what that needs: a colour as #rrggbb, an image.

    `slim_footer` is without the postal address and without a heavy link, for a page that would get too heavy.
    """

    header: Markup
    footer: Markup
    slim_footer: Callable[[], Markup]
    accent: str | None = None
    has_image: bool = False


PLAIN = Brand(Markup(""), Markup(""), Markup)
"""Of a page that speaks of no sender."""


def brand_of(voice: Voice, sender: Sender) -> Brand:
    """The sender's own, in the language of the page."""
    logo = sender.profile.logo
    image = _IMAGE.format(logo_path(voice.prefix, sender.code, logo), *_shown_size(logo)) if logo else Markup("")
    header = Markup("<header>{}<span>{}</span></header>\n").format(image, voice.sender(sender))
    address = shortened(sender.profile.postal_address or "", ADDRESS_OCTETS)
    link = sender.profile.privacy_link or ""
    slim = partial(_footer, voice, sender, "", link if _is_light(link) else "")
    whole = _footer(voice, sender, address, link)
    return Brand(header, whole, slim, sender.profile.accent, has_image=logo is not None)


def _is_light(link: str) -> bool:
    """Whether HTML writes it with hardly more octets than it has: each & takes five."""
    return octets(link) <= MAX_LINK


def logo_path(prefix: str, code: str, logo: Logo) -> str:
    """Where a logo is, for ever: another one has another path."""
    return f"{prefix}/l/{code}/{logo.sha256[:NAME_DIGITS]}"


# Decoration: the name stands beside it. Its size is told, so that nothing moves when it comes; the URL of the page,
# which holds a token, is not.
_IMAGE = Markup('<img src="{}" width="{}" height="{}" alt="" referrerpolicy="no-referrer">')
_HIGH, _WIDE = 40, 160


def _shown_size(logo: Logo) -> tuple[int, int]:
    """In CSS pixels: as large as fits, in its own proportions."""
    scale = min(_HIGH / logo.height, _WIDE / logo.width)
    return max(1, round(logo.width * scale)), max(1, round(logo.height * scale))


def _footer(voice: Voice, sender: Sender, postal_address: str, link: str) -> Markup:
    name, lines = voice.sender(sender), postal_address.split("\n")
    # Many addresses begin with the name already.
    shown = [voice.isolated(line) for line in lines if line]
    shown = shown if lines[0].startswith(plain(name)) else [name, *shown]
    privacy = Markup('<p><a href="{}" rel="noreferrer">{}</a></p>').format(link, voice.say("Privacy notice"))
    return Markup("<address>{}</address>{}").format(Markup("<br>").join(shown), privacy if link else "")
