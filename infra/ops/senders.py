"""`python -m infra sender`: create, list, close and open senders."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from infra.client.commands import stopping
from infra.client.shown import Shown, count, counted
from infra.local.problems import CannotRun
from infra.ops import deployment, yes

if TYPE_CHECKING:
    from chalicelib.domain.categories import Catalogue
    from chalicelib.domain.senders import Sender
    from chalicelib.service import Service

_LINE = "create, list, close and open senders"
_DESCRIPTION = """\
A sender is a tenant of a deployment: its categories, API keys and recipients are its own. None is ever deleted, because
its links never expire.

Exits with 0: done; 1: failed, or not wanted; 130: stopped by Ctrl-C."""
_EXAMPLE = """\
  python -m infra sender create --stage prod --name "Example Shop" --category newsletter=Newsletter
  python -m infra sender close shopshop --stage prod"""
_CREATE = """\
Creates a sender, and prints its code. Every sender has a category that recipients cannot opt out of, with its legal
ground; optional ones can be made here, or by the sender itself (PUT /v1/categories). The number of shards can never be
changed: one takes about 20 one-clicks a second. Its first API key comes from `python -m infra key create`."""
_LIST = "Lists all senders, one a line."
_CLOSE = """\
Closes a sender: its API answers 403 to every key, everywhere within 30 seconds. Its links, pages, opt-out form and
opt-outs go on working, because links never expire. Nothing is deleted; `sender open` takes it back."""
_OPEN = "Opens a closed sender again: its API keys work as before, everywhere within 30 seconds."
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_CODE_LENGTH = 8
_GROUNDS = (
    "transaction (that is taken where none is named)",
    "warranty_recall_safety_security",
    "account_change",
    "account_statement",
    "employment_benefit",
    "delivery",
)
_DEFAULT_ALERT = "service-alerts=Service alerts"


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = commands.add_parser(
        "sender",
        help=_LINE,
        description=_DESCRIPTION,
        epilog=f"examples:\n{_EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    acts = parser.add_subparsers(required=True, metavar="create|list|close|open")
    _add_create(acts)
    listing = deployment.add_act(acts, "list", _LIST, _list)
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    for name, text, command in (("close", _CLOSE, _close), ("open", _OPEN, _open)):
        parser = deployment.add_act(acts, name, text, command)
        parser.add_argument("sender", metavar="CODE", help="the sender's code")
        yes.add_to(parser)


def _add_create(acts: Any) -> None:
    parser = deployment.add_act(acts, "create", _CREATE, _create)
    parser.add_argument("--name", required=True, help="what recipients read, such as the company's name")
    parser.add_argument("--code", help="eight of a-z and 2-7; made at random where it is left out")
    parser.add_argument(
        "--category", action="append", default=[], metavar="ID=NAME", help="an optional category; as often as wanted"
    )
    parser.add_argument(
        "--service-alert", default=_DEFAULT_ALERT, metavar="ID=NAME", help=f"the mandatory one (else {_DEFAULT_ALERT})"
    )
    parser.add_argument("--ground", default="transaction", help=f"its legal ground, of {', '.join(_GROUNDS)}")
    parser.add_argument("--shards", type=int, default=8, metavar="N", help="1 to 64 (else 8)")
    parser.add_argument("--hashed", action="store_true", help="store recipient ids alone, and no address ever")


def _create(options: argparse.Namespace) -> int:
    service, shown = deployment.service_of(options), Shown()
    from infra.ops.asked import told  # noqa: PLC0415 - the other commands need not load the service

    with told(service, options):
        sender = _sender_of(options)
        service.senders.create(sender)
    shown.note(f"The sender {sender.name} is created; its code is")
    print(sender.code)
    shown.note(f"Its first API key: {deployment.command(options, 'key', 'create', '--sender', sender.code)}")
    return 0


def _sender_of(options: argparse.Namespace) -> Sender:
    from chalicelib.domain.senders import PEPPER_OCTETS, Sender  # noqa: PLC0415 - as above

    return Sender(
        code=options.code or "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH)),
        name=options.name,
        catalogue=_catalogue(options),
        pepper=secrets.token_bytes(PEPPER_OCTETS),
        shards=options.shards,
        hashed=options.hashed,
    )


def _catalogue(options: argparse.Namespace) -> Catalogue:
    from chalicelib.domain.categories import Catalogue, Category, Ground, Kind  # noqa: PLC0415 - as above

    try:
        ground = Ground(options.ground)
    except ValueError:
        raise CannotRun(f"--ground is one of {', '.join(Ground)}.") from None
    found = Catalogue(())
    for text in options.category:
        found = found.adding(Category(*_named("--category", text, found.next_number, Kind.OPTIONAL)))
    alert = _named("--service-alert", options.service_alert, found.next_number, Kind.SERVICE_ALERT)
    return found.adding(Category(*alert, ground=ground))


def _named(option: str, text: str, number: int, kind: Any) -> tuple[str, int, Any, str]:
    category, is_named, name = text.partition("=")
    if not is_named:
        raise CannotRun(f"{option} is {text!r}; it should be an id and a name, like newsletter=Newsletter.")
    return category, number, kind, name


def _list(options: argparse.Namespace) -> int:
    service, shown = deployment.service_of(options), Shown()
    return stopping(shown, lambda: _print_all(service, shown, options), lambda: "Nothing was changed.")


def _print_all(service: Service, shown: Shown, options: argparse.Namespace) -> int:
    from infra.ops.asked import told  # noqa: PLC0415 - as above

    with told(service, options):
        senders = [service.senders.get(code) for code in sorted(service.senders.codes())]
    for sender in senders:
        sys.stdout.write((json.dumps(_object_of(sender)) if options.json else _line_of(sender)) + "\n")
    shown.note(f"{counted(len(senders), 'sender')}, {count(sum(sender.closed for sender in senders))} closed.")
    return 0


def _line_of(sender: Sender) -> str:
    state = "closed" if sender.closed else "open"
    categories = counted(len(sender.catalogue.active), "category", "categories")
    about = (categories, counted(sender.shards, "shard"), *(["hashed"] if sender.hashed else []))
    return f"{sender.code}  {state:<6}  {sender.name} ({', '.join(about)})"


def _object_of(sender: Sender) -> dict[str, Any]:
    return {
        "sender": sender.code,
        "name": sender.name,
        "closed": sender.closed,
        "categories": [category.id for category in sender.catalogue.active],
        "shards": sender.shards,
        "hashed": sender.hashed,
        "form_open": sender.form_open,
        "version": sender.version,
    }


def _close(options: argparse.Namespace) -> int:
    what = "Its API will answer 403 to every key; its links, pages and opt-outs go on working."
    return _change(options, what, closed=True)


def _open(options: argparse.Namespace) -> int:
    return _change(options, "Its API keys will work again.", closed=False)


def _change(options: argparse.Namespace, what: str, *, closed: bool) -> int:
    service, shown = deployment.service_of(options), Shown()
    from chalicelib.store.changing import Change  # noqa: PLC0415 - as above
    from infra.ops.asked import is_wanted, told  # noqa: PLC0415 - as above

    word = "closed" if closed else "open"
    with told(service, options, options.sender):
        before = service.senders.get(options.sender)
        if before.closed is closed:
            shown.note(f"The sender {before.name} ({before.code}) is {word} already.")
            return 0
        if not is_wanted(options, shown, f"The sender {before.name} ({before.code}) would be {word}. {what}"):
            return 1
        change_id = secrets.token_urlsafe(16)
        service.change_sender(before.code, change_id, lambda now: Change(replace(now, closed=closed)))
    shown.note(f"The sender {before.name} ({before.code}) is {word}: everywhere within 30 seconds.")
    return 0
