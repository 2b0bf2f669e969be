"""Senders, in the control table."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from pynamodb.exceptions import ScanError, UpdateError

from chalicelib.domain.categories import Catalogue
from chalicelib.domain.errors import ActRefused, PepperUnusable, StoreUnavailable, UnknownSender
from chalicelib.domain.identity import pepper_fingerprint
from chalicelib.domain.profiles import Profile
from chalicelib.domain.senders import Sender
from chalicelib.store import codec, pepper
from chalicelib.store.calls import put_if, translated, unavailable
from chalicelib.store.ledger import CONTROL_DEADLINE, Patience, Timing
from chalicelib.store.models import ERASURE, LOGO, PK, SENDER, ErasureItem, LogoItem, SenderItem
from chalicelib.store.port import Busy, OutcomeUnknown
from chalicelib.store.reading import read_items, read_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.domain.images import Logo
    from chalicelib.store.calls import Key, Raw
    from chalicelib.store.reading import Ahead
    from chalicelib.store.wire import Wire

_PARTITION = "sender#"


class Senders:
    """Reads and writes of senders. Every read is strongly consistent."""

    def __init__(self, connection: Wire, table: str, pepper_key: bytes, timing: Timing | None = None) -> None:
        self._timing = timing or Timing(deadline=CONTROL_DEADLINE)
        self._connection = connection
        self._table = table
        self._pepper_key = pepper_key

    def get(self, code: str) -> Sender:
        """The sender of this code. Raises `UnknownSender`, `PepperUnusable`, `StoreUnavailable`."""
        key = partition_of(code), SENDER
        raw = read_items(self._connection, self._table, [key], self._timing).get(key)
        if raw is None:
            raise UnknownSender
        return load_sender(self._pepper_key, code, raw)

    def get_beside(self, code: str, table: str, keys: list[Key]) -> tuple[Sender, Ahead]:
        """As `get`, and by the same call what another table has under these keys."""
        key = partition_of(code), SENDER
        wanted = {self._table: [key], **({table: keys} if keys else {})}
        found = read_tables(self._connection, wanted, self._timing)
        raw = found[self._table].get(key)
        if raw is None:
            raise UnknownSender
        return load_sender(self._pepper_key, code, raw), {one: found[table].get(one) for one in keys}

    def codes(self) -> Iterator[str]:
        """The code of every sender, in no order. Reads the whole table, page by page: for ops, not for a request.

        Raises `StoreUnavailable`.
        """
        start = None
        while True:
            page = Patience(self._timing).until_not_busy(partial(self._scan, start))
            yield from (raw[PK]["S"].removeprefix(_PARTITION) for raw in page["Items"])
            start = page.get("LastEvaluatedKey")
            if start is None:
                return

    def _scan(self, start: Any) -> dict[str, Any]:
        try:
            return self._connection.scan(
                self._table,
                filter_condition=SenderItem.sk == SENDER,
                attributes_to_get=[PK],
                exclusive_start_key=start,
                consistent_read=True,
            )
        except ScanError as error:
            raise translated(error) from None

    def find_logo(self, code: str) -> tuple[Logo, bytes] | None:
        """The sender's logo and its octets, which fit each other. Raises `StoreUnavailable`."""
        key = partition_of(code), LOGO
        raw = read_items(self._connection, self._table, [key], self._timing).get(key)
        if raw is None:
            return None
        item = LogoItem.from_raw_data(raw)
        return codec.load_logo(json.loads(item.about)), item.image

    def count_erasure(self, code: str) -> None:
        """Counts that somebody is erased, or begins to be. Raises `StoreUnavailable`."""
        try:
            self._connection.update_item(self._table, partition_of(code), ERASURE, actions=[ErasureItem.times.add(1)])
        except UpdateError as error:
            raise unavailable(error) from None

    def erasures(self, code: str) -> int:
        """The count of erasures. Raises `StoreUnavailable`."""
        key = partition_of(code), ERASURE
        raw = read_items(self._connection, self._table, [key], self._timing).get(key)
        return 0 if raw is None else int(raw["n"]["N"])

    def create(self, sender: Sender) -> None:
        """Stores a new sender. Raises `ActRefused` where the code is taken, `StoreUnavailable`."""
        item = SenderItem(
            partition_of(sender.code),
            SENDER,
            version=sender.version,
            name=sender.name,
            categories=dump_catalogue(sender.catalogue),
            shards=sender.shards,
            hashed=sender.hashed,
            form_open=sender.form_open,
            profile=codec.dump(codec.dump_profile(sender.profile)),
            pepper=_text(pepper.wrap(self._pepper_key, sender.code, sender.pepper)),
            fingerprint=_text(pepper_fingerprint(sender.pepper, sender.shards)),
            closed=sender.closed,
        )
        self._put(item)

    def _put(self, item: SenderItem) -> None:
        try:
            is_new = put_if(self._connection, item, SenderItem.sk.does_not_exist())
        except (Busy, OutcomeUnknown):
            raise StoreUnavailable("the store did not answer") from None
        if not is_new:
            raise ActRefused("this code is taken")


def load_sender(pepper_key: bytes, code: str, raw: Raw) -> Sender:
    """The sender in a raw item. Raises `PepperUnusable`."""
    item = SenderItem.from_raw_data(raw)
    if "pepper" not in raw or "fingerprint" not in raw:
        raise PepperUnusable(code)
    shards = int(item.shards)
    return Sender(
        code=code,
        name=item.name,
        catalogue=_load_catalogue(item.categories),
        pepper=pepper.unwrap(pepper_key, code, _octets(item.pepper), shards, _octets(item.fingerprint)),
        shards=shards,
        hashed=item.hashed,
        form_open=item.form_open,
        profile=codec.load_profile(json.loads(item.profile)) if "profile" in raw else Profile(),
        version=int(item.version),
        closed=bool(item.closed),
    )


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def _octets(text: str) -> bytes:
    """Nothing for what is not base64: it then fits no fingerprint."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def partition_of(code: str) -> str:
    """The partition of all that belongs to a sender."""
    return f"{_PARTITION}{code}"


def dump_catalogue(catalogue: Catalogue) -> str:
    """All categories, as JSON."""
    return codec.dump([codec.dump_category(category) for category in catalogue.categories])


def _load_catalogue(text: str) -> Catalogue:
    return Catalogue(tuple(codec.load_category(raw) for raw in json.loads(text)))
