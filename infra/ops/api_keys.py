"""`python -m infra key`: create, list and revoke the API keys of a sender; for ops, and for its first one."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from infra.client.shown import Shown, count, counted
from infra.local.problems import CannotRun
from infra.ops import deployment, yes

if TYPE_CHECKING:
    from chalicelib.api_keys import ApiKey
    from chalicelib.service import Service

_LINE = "create, list and revoke API keys of a sender"
_DESCRIPTION = """\
API keys of a sender. A sender makes its own by POST /v1/keys; ops make the first one, and revoke what leaked. A key is
shown once, when it is made: of it only a hash is stored. These are not the keys that links are made of.

Exits with 0: done; 1: failed, or not wanted; 130: stopped by Ctrl-C."""
_EXAMPLE = """\
  python -m infra key create --stage prod --sender shopshop
  python -m infra key create --stage prod --sender shopshop --scope read --scope links
  python -m infra key revoke shopshopabcdefgh --stage prod --yes"""
_CREATE = """\
Makes an API key, and prints it, once, on standard output. Without --scope it has all of them. Hand it to nobody but
whom it is for, and by no mail."""
_LIST = "Lists the keys of a sender, revoked ones too: id, scopes, and when it was made, last used and revoked."
_REVOKE = """\
Revokes a key, by its id (16 characters, after sgn_): it stops everywhere within a minute. This cannot be taken back.
Unlike the API it revokes the last key that may administer, too."""
_ALL = ("links", "read", "write", "admin")
_CODE_LENGTH = 8
_ID_LENGTH = 16
_ATTEMPTS = 20


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = commands.add_parser(
        "key",
        help=_LINE,
        description=_DESCRIPTION,
        epilog=f"examples:\n{_EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    acts = parser.add_subparsers(required=True, metavar="create|list|revoke")
    creating = deployment.add_act(acts, "create", _CREATE, _create)
    creating.add_argument("--sender", required=True, metavar="CODE", help="whose key it is")
    creating.add_argument("--scope", action="append", choices=_ALL, help="what it may do; as often as wanted")
    listing = deployment.add_act(acts, "list", _LIST, _list)
    listing.add_argument("--sender", required=True, metavar="CODE", help="whose keys")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    revoking = deployment.add_act(acts, "revoke", _REVOKE, _revoke)
    revoking.add_argument("key", metavar="ID", help="the key's id, never the key itself")
    yes.add_to(revoking)


def _create(options: argparse.Namespace) -> int:
    service, shown = deployment.service_of(options), Shown()
    from chalicelib.use_cases.keys import create_key  # noqa: PLC0415 - the other commands need not load the service
    from chalicelib.use_cases.repeating import Request  # noqa: PLC0415 - as above
    from infra.ops.asked import told  # noqa: PLC0415 - as above

    scopes = frozenset(options.scope or _ALL)
    with told(service, options, options.sender):
        sender = service.senders.get(options.sender)
        key, text = create_key(service, sender, scopes, Request(None, ""))
    shown.note(f"The key {key.id} of {sender.name}, for {', '.join(sorted(scopes))}. It is shown this once:")
    print(text)
    if sender.closed:
        shown.note("The sender is closed: until it is opened again its API answers 403 to this key, too.")
    return 0


def _list(options: argparse.Namespace) -> int:
    service, shown = deployment.service_of(options), Shown()
    from infra.ops.asked import told  # noqa: PLC0415 - as above

    with told(service, options, options.sender):
        sender = service.senders.get(options.sender)
        keys = service.keys.list(sender.code)
    for key in keys:
        told_of = _object_of(key)
        sys.stdout.write((json.dumps(told_of) if options.json else _line_of(told_of)) + "\n")
    shown.note(f"{counted(len(keys), 'key')} of {sender.name}, {count(sum(key.is_live for key in keys))} live.")
    return 0


def _object_of(key: ApiKey) -> dict[str, Any]:
    from chalicelib.api import times  # noqa: PLC0415 - as above

    return {
        "id": key.id,
        "scopes": sorted(key.scopes),
        "created": times.tell(key.created),
        "last_used": times.tell_day(key.last_used),
        "revoked": times.tell(key.revoked),
        "replaces": key.replaces,
    }


def _line_of(key: dict[str, Any]) -> str:
    state = f"revoked {key['revoked']}" if key["revoked"] else f"live, last used {key['last_used'] or 'never'}"
    return f"{key['id']}  {','.join(key['scopes']):<22}  made {key['created']}  {state}"


def _revoke(options: argparse.Namespace) -> int:
    key_id: str = options.key
    if len(key_id) != _ID_LENGTH:
        listing = deployment.command(options, "key", "list", "--sender …")
        raise CannotRun(f"A key's id has 16 characters, those after sgn_: `{listing}` shows it.")
    service, shown = deployment.service_of(options), Shown()
    from infra.ops.asked import is_wanted, told  # noqa: PLC0415 - as above

    code = key_id[:_CODE_LENGTH]
    with told(service, options, code):
        key = _found(service, code, key_id)
        if not key.is_live:
            shown.note(f"The key {key_id} is revoked already.")
            return 0
        what = f"The key {key_id} ({', '.join(sorted(key.scopes))}) would be revoked, which cannot be taken back."
        if not is_wanted(options, shown, what):
            return 1
        revoke_in_turn(service, code, key_id)
    shown.note(f"The key {key_id} is revoked: it stops everywhere within a minute.")
    return 0


def _found(service: Service, code: str, key_id: str) -> ApiKey:
    from chalicelib.domain.errors import UnknownKey  # noqa: PLC0415 - as above

    found = service.keys.find(service.senders.get(code).code, key_id)
    if found is None:
        raise UnknownKey
    return found


def revoke_in_turn(service: Service, code: str, key_id: str) -> None:
    """Until nobody changed the sender's keys meanwhile. Raises `StoreUnavailable`."""
    from chalicelib.domain.errors import StoreUnavailable  # noqa: PLC0415 - as above

    for _ in range(_ATTEMPTS):
        turn = service.keys.turn(code)
        if not _found(service, code, key_id).is_live or service.revoke_key(code, key_id, turn):
            return
    raise StoreUnavailable("the keys are being changed")
