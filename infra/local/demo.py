"""What the local runner has to show: a sender with categories, an API key, a recipient with links, a message."""

from __future__ import annotations

import json
import os
import secrets
import time
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

from infra.local.folder import write_privately
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from pathlib import Path

    from chalicelib.domain.profiles import Profile
    from chalicelib.domain.senders import Sender
    from chalicelib.service import Service

DEMO = "demo.json"
MESSAGE = "welcome.eml"
SENDER_CODE = "demosend"
RECIPIENT = "dana.reader@example.com"


def prepare_demo(folder: Path, public_url: str) -> list[str]:
    """Make what is missing of the demo, and answer the lines that tell what to open and to try.

    Called once the environment is set, the tables exist and `app` is imported, before the first request is answered.
    On a folder of an earlier run what it made is there already, unless the engine was in memory.
    """
    from chalicelib.domain.errors import SignoffError  # noqa: PLC0415 - the runner sets the environment first
    from chalicelib.service import Service  # noqa: PLC0415 - as above
    from chalicelib.settings import settings_from  # noqa: PLC0415 - as above

    try:
        service = Service(settings_from(os.environ))
        sender = _sender(service)
        api_key = _kept_key(service, folder / DEMO) or _new_key(service, sender)
        demo = _describe(service, sender, api_key, public_url)
        write_privately(folder / DEMO, json.dumps(demo, indent=2) + "\n")
        write_privately(folder / MESSAGE, _message(service, sender))
    except (SignoffError, OSError) as error:
        raise CannotRun(f"The demo in {folder} cannot be made: {error}. Move the folder away, or mend it.") from error
    return _lines(folder, demo)


def _sender(service: Service) -> Sender:
    from chalicelib.domain.errors import UnknownSender  # noqa: PLC0415 - as in prepare_demo
    from chalicelib.domain.senders import PEPPER_OCTETS, Sender  # noqa: PLC0415 - as above

    try:
        return service.senders.get(SENDER_CODE)
    except UnknownSender:
        sender = Sender(SENDER_CODE, "Demo Shop", _catalogue(), secrets.token_bytes(PEPPER_OCTETS), profile=_profile())
        service.senders.create(sender)
        return sender


def _kept_key(service: Service, file: Path) -> str | None:
    """The API key of an earlier run, where it is whole and this store knows it."""
    from chalicelib.api_keys import parse_api_key  # noqa: PLC0415 - as in prepare_demo
    from chalicelib.domain.errors import Unauthenticated  # noqa: PLC0415 - as above

    try:
        text = str(json.loads(file.read_text("utf-8"))["api_key"])
        parsed = parse_api_key(service.keyring, text)
    except (OSError, ValueError, KeyError, TypeError, Unauthenticated):
        return None
    key = service.keys.find(parsed.sender_code, parsed.id)
    return text if key is not None and key.is_live else None


def _new_key(service: Service, sender: Sender) -> str:
    from chalicelib.api_keys import ApiKey, mint_api_key  # noqa: PLC0415 - as in prepare_demo

    key = mint_api_key(service.keyring, sender.code)
    scopes = frozenset({"links", "read", "write", "admin"})
    service.keys.create(ApiKey(key.id, sender.code, key.digest, scopes, time.time_ns() // 1_000_000))
    return key.text


def _profile() -> Profile:
    from chalicelib.domain.profiles import Profile  # noqa: PLC0415 - as in prepare_demo

    return Profile(
        accent="#0f766e",
        postal_address="Demo Shop\n1 Example Street\nSpringfield",
        privacy_link="https://demo-shop.example.com/privacy",
    )


def _catalogue() -> Any:
    from chalicelib.domain.categories import Catalogue, Category, Ground, Kind  # noqa: PLC0415 - as in prepare_demo

    return Catalogue(
        (
            Category(
                "newsletter",
                1,
                Kind.OPTIONAL,
                "Newsletter",
                "News of the shop, once a month",
                names={"es": "Boletín", "pl": "Biuletyn", "ar": "النشرة البريدية"},
                descriptions={"de": "Neues aus dem Laden, einmal im Monat", "es": "Novedades de la tienda, cada mes"},
            ),
            Category(
                "offers",
                2,
                Kind.OPTIONAL,
                "Offers",
                "What is cheaper this week",
                names={"de": "Angebote", "es": "Ofertas", "pl": "Oferty", "ar": "العروض"},
                descriptions={"de": "Was diese Woche günstiger ist", "es": "Lo que está más barato esta semana"},
            ),
            Category("policy-updates", 3, Kind.OPTIONAL, "Policy updates", "What changes in our terms"),
            Category(
                "service-alerts",
                4,
                Kind.SERVICE_ALERT,
                "Service alerts",
                "Orders and the security of your account",
                ground=Ground.TRANSACTION,
                names={"de": "Servicemeldungen", "es": "Avisos de servicio"},
            ),
        )
    )


def _minted(service: Service, sender: Sender) -> Any:
    from chalicelib.domain.addresses import parse_address  # noqa: PLC0415 - as in prepare_demo
    from chalicelib.use_cases.minting import mint_links  # noqa: PLC0415 - as above

    return mint_links(service, sender, sender.catalogue.get("newsletter"), parse_address(RECIPIENT))


def _describe(service: Service, sender: Sender, api_key: str, public_url: str) -> dict[str, Any]:
    minted = _minted(service, sender)
    return {
        "url": public_url,
        "sender": sender.code,
        "api_key": api_key,
        "recipient": RECIPIENT,
        "categories": [category.id for category in sender.catalogue.active],
        "links": {
            "one_click": minted.one_click,
            "preferences": minted.preferences,
            "opt_out_form": f"{public_url}/o/{sender.code}",
        },
    }


def _message(service: Service, sender: Sender) -> str:
    from chalicelib.message import footer_of, headers_of  # noqa: PLC0415 - as in prepare_demo

    minted = _minted(service, sender)
    headers, footer = headers_of(minted, service.settings.public_url), footer_of(minted)
    message = EmailMessage()
    message["From"] = "Demo Shop <news@shop.example.com>"
    message["To"] = RECIPIENT
    message["Subject"] = "Welcome"
    message.set_content(f"Welcome to Demo Shop!\n\n-- \n{footer['text']}\n", cte="8bit")
    message.add_alternative(f"<p>Welcome to Demo Shop!</p>\n<hr>\n{footer['html']}\n", subtype="html", cte="8bit")
    lines = "".join(f"{name}: {value}\n" for name, value in headers.items())
    return lines + message.as_string()


def _lines(folder: Path, demo: dict[str, Any]) -> list[str]:
    url, links, recipient = demo["url"], demo["links"], demo["recipient"]
    return [
        f"Signoff runs at {url} with its data in {folder}. Ctrl-C stops it.",
        "Uploads and exports are kept in memory, until it stops.",
        "",
        "Open:",
        f"  the unsubscribe page    {links['preferences'].replace('/p/', '/u/')}",
        f"  the preference centre   {links['preferences']}",
        f"  the opt-out form        {links['opt_out_form']}",
        "",
        "Try:",
        "  one click, as a mail client does it",
        f"    curl -d List-Unsubscribe=One-Click '{links['one_click']}'",
        "  may I send?",
        _curl(demo, "check", {"category": "newsletter", "addresses": [recipient]}),
        "  links, headers and a footer for a message",
        _curl(demo, "links", {"category": "offers", "recipients": [{"address": recipient}]}),
        "  an opt-out that was told on the telephone",
        _curl(demo, "acts", {"acts": [{"act": "opt_out", "address": recipient, "category": "*"}]}),
        "",
        f"All of it is in {folder / DEMO}, and a message with the real headers in {folder / MESSAGE}.",
    ]


def _curl(demo: dict[str, Any], route: str, body: dict[str, Any]) -> str:
    headers = f"-H 'Authorization: Bearer {demo['api_key']}' -H 'Content-Type: application/json'"
    return f"    curl {headers} -d '{json.dumps(body)}' {demo['url']}/v1/{route}"
