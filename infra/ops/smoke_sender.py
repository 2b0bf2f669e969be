"""A sender of the smoke test's own, and a key for one run of it.

It has one optional category, keeps no address (`hashed`), and its form is switched off. Between two runs it has no key
that works, so that nobody can ask anything in its name; like every sender it is never deleted.
"""

from __future__ import annotations

import contextlib
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chalicelib.domain.categories import Catalogue, Category, Ground, Kind
from chalicelib.domain.errors import ActRefused, UnknownSender
from chalicelib.domain.senders import PEPPER_OCTETS, Sender
from chalicelib.use_cases.keys import create_key
from chalicelib.use_cases.repeating import Request
from infra.local.problems import CannotRun
from infra.ops.api_keys import revoke_in_turn
from infra.ops.asked import told
from infra.ops.deployment import command

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from chalicelib.service import Service

CODE = "smokerun"
NAME = "Signoff's smoke test"
CATEGORY = "smoke"
_SCOPES = frozenset({"links", "read", "write"})


@contextmanager
def smoke_key(service: Service, options: argparse.Namespace) -> Iterator[str]:
    """A key that works within the block, however that ends. Raises CannotRun."""
    with told(service, options, CODE):
        sender = _sender(service, options)
        _revoke_all(service)  # what a run left that was killed
        key, text = create_key(service, sender, _SCOPES, Request(None, ""))
    try:
        yield text
    finally:
        with told(service, options, CODE):
            revoke_in_turn(service, CODE, key.id)


def _sender(service: Service, options: argparse.Namespace) -> Sender:
    try:
        found = service.senders.get(CODE)
    except UnknownSender:
        return _made(service)
    if found.name != NAME:
        raise CannotRun(f"The code {CODE} belongs to the sender {found.name}, and the smoke test wants its own.")
    if found.closed:
        opening = command(options, "sender", "open", CODE)
        raise CannotRun(f"The sender {CODE} is closed: run `{opening}`, or use --no-smoke.")
    return found


def _made(service: Service) -> Sender:
    optional = Category(CATEGORY, 1, Kind.OPTIONAL, "Smoke test")
    alert = Category("service-alerts", 2, Kind.SERVICE_ALERT, "Service alerts", ground=Ground.TRANSACTION)
    catalogue = Catalogue(()).adding(optional).adding(alert)
    pepper = secrets.token_bytes(PEPPER_OCTETS)
    with contextlib.suppress(ActRefused):  # another run was as quick
        service.senders.create(Sender(CODE, NAME, catalogue, pepper, shards=1, hashed=True, form_open=False))
    return service.senders.get(CODE)


def _revoke_all(service: Service) -> None:
    for key in service.keys.list(CODE):
        if key.is_live:
            revoke_in_turn(service, CODE, key.id)
