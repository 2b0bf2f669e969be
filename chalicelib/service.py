"""Everything that a request needs, wired together in one place."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.domain.errors import StoreUnavailable
from chalicelib.settings import Settings
from chalicelib.store.cache import Cache
from chalicelib.store.calls import connect
from chalicelib.store.engine import DynamoEngine
from chalicelib.store.ledger import Ledger, Timing
from chalicelib.store.secrets import Secrets
from chalicelib.store.senders import Senders

if TYPE_CHECKING:
    from chalicelib.api_keys import ApiKey
    from chalicelib.domain.senders import Sender
    from chalicelib.keyring import Keyring
    from chalicelib.store.budgets import Budgets
    from chalicelib.store.bulk import Bulk
    from chalicelib.store.calls import Key
    from chalicelib.store.changing import Draft, SenderChanges
    from chalicelib.store.evidence import Evidences
    from chalicelib.store.feed import Feed
    from chalicelib.store.files import Files
    from chalicelib.store.jobs import Jobs
    from chalicelib.store.keys import Keys
    from chalicelib.store.limits import Limits
    from chalicelib.store.operations import Operations
    from chalicelib.store.queue import Queue
    from chalicelib.store.reading import Ahead, Reader
    from chalicelib.store.wire import Wire

LOG = logging.getLogger("signoff")
SENDER_SECONDS = 30
"""A change of a sender or its categories is in force everywhere after this."""
KEY_SECONDS = 60
"""A good key costs one read in this time, and a revoked one stops within it."""
DAY = 86_400


@dataclass(frozen=True)
class Service:
    """Made once per container, each part imported and made when it is first needed. The clocks are for tests to own."""

    settings: Settings
    monotonic: Callable[[], float] = time.monotonic
    clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    """Milliseconds since 1970 UTC."""
    pause: Callable[[float], None] = time.sleep
    """Seconds; who waits for changes waits by it."""

    @cached_property
    def _wire(self) -> Wire:
        return connect(self.settings)

    @cached_property
    def secrets(self) -> Secrets:
        """The keys that everything else is made of."""
        return Secrets(self.settings, lambda: self._wire.credentials, self.monotonic, self.clock)

    @property
    def keyring(self) -> Keyring:
        """The master keys. Raises `SettingsError`, `StoreUnavailable`."""
        return self.secrets.keyring

    @cached_property
    def ledger(self) -> Ledger:
        """The write path."""
        timing = Timing(now=self.clock)
        return Ledger(DynamoEngine(self._wire, self.settings.recipients_table), timing)

    @cached_property
    def reader(self) -> Reader:
        """The read path."""
        from chalicelib.store.reading import Reader

        return Reader(self._wire, self.settings.recipients_table)

    @cached_property
    def feed(self) -> Feed:
        """The ledger as it grows."""
        from chalicelib.store.feed import Feed

        return Feed(self._wire, self.settings.recipients_table)

    @cached_property
    def senders(self) -> Senders:
        """Senders and their categories."""
        return Senders(self._wire, self.settings.control_table, self.secrets.pepper_key)

    @cached_property
    def sender_changes(self) -> SenderChanges:
        """The write path of senders and their categories."""
        from chalicelib.store.changing import SenderChanges

        return SenderChanges(self._wire, self.settings, self.secrets.pepper_key, Timing(now=self.clock))

    @cached_property
    def keys(self) -> Keys:
        """API keys."""
        from chalicelib.store.keys import Keys

        return Keys(self._wire, self.settings.control_table)

    @cached_property
    def evidences(self) -> Evidences:
        """What shows consents."""
        from chalicelib.store.evidence import Evidences

        return Evidences(self._wire, self.settings.recipients_table)

    @cached_property
    def operations(self) -> Operations:
        """The idempotency keys that were used."""
        from chalicelib.store.operations import Operations

        return Operations(self._wire, self.settings.recipients_table)

    @cached_property
    def jobs(self) -> Jobs:
        """Imports and exports."""
        from chalicelib.store.jobs import Jobs

        return Jobs(self._wire, self.settings.control_table)

    @cached_property
    def bulk(self) -> Bulk:
        """The write path of imports."""
        from chalicelib.store.bulk import Bulk

        return Bulk(self._wire, self.settings.recipients_table)

    @cached_property
    def limits(self) -> Limits:
        """The budgets of the opt-out form."""
        from chalicelib.store.limits import Limits

        return Limits(self._wire, self.settings.control_table)

    @cached_property
    def files(self) -> Files:
        """Uploads, rejected rows and exports."""
        from chalicelib.store.files import Files

        return Files(self.settings.files_bucket, self.settings.region, self.settings.s3_url)

    @cached_property
    def queue(self) -> Queue:
        """The jobs that wait."""
        from chalicelib.store.queue import Queue

        return Queue(self.settings.jobs_queue_url, self.settings.region, self.settings.sqs_url)

    @cached_property
    def budgets(self) -> Budgets:
        """The requests a minute of each API key."""
        from chalicelib.store.budgets import Budgets

        return Budgets(self.limits, self.settings.key_budget, self.clock)

    @cached_property
    def _cached_senders(self) -> Cache[Sender]:
        return Cache(SENDER_SECONDS, self.monotonic)

    @cached_property
    def _cached_keys(self) -> Cache[ApiKey | None]:
        return Cache(KEY_SECONDS, self.monotonic)

    def sender(self, code: str) -> Sender:
        """The sender of this code, at most 30 s old. Raises `UnknownSender`, `StoreUnavailable`."""
        return self._cached_senders.get(code, lambda: self.senders.get(code))

    def sender_beside(self, code: str, keys: list[Key]) -> tuple[Sender, Ahead | None]:
        """As `sender`; where that costs a read, it brings what the recipients table has under these keys.

        None where it costs none, and where the store has trouble with both at once: the sender is then read alone, and
        what is wrong with the rest shows, with its own patience, to who reads it next.
        """
        brought: list[Ahead] = []

        def read() -> Sender:
            try:
                sender, ahead = self.senders.get_beside(code, self.settings.recipients_table, keys)
            except StoreUnavailable:
                if not keys:
                    raise
                return self.senders.get(code)
            brought.append(ahead)
            return sender

        return self._cached_senders.get(code, read), brought[0] if brought else None

    def remembered_sender(self, code: str) -> Sender | None:
        """The sender as this container last saw it, without a read: whom a page names while there is trouble."""
        return self._cached_senders.remembered(code)

    def change_sender(self, code: str, change_id: str, draft: Draft) -> Sender:
        """Changes a sender: in force here at once, elsewhere within 30 s. Raises as `SenderChanges.make` does."""
        try:
            return self.sender_changes.make(code, change_id, draft)
        finally:
            self._cached_senders.forget(code)  # what failed may have been carried out

    def api_key(self, sender: str, key_id: str) -> ApiKey | None:
        """The API key of this id, at most 60 s old. Raises `StoreUnavailable`."""
        return self._cached_keys.get((sender, key_id), lambda: self._used(self.keys.find(sender, key_id)))

    def revoke_key(self, sender: str, key_id: str, turn: int) -> bool:
        """Revokes an API key: here at once, elsewhere within 60 s; False where the keys were changed since `turn`.

        Raises `StoreUnavailable`.
        """
        is_done = self.keys.revoke_in_turn(sender, key_id, self.clock(), turn)
        self._cached_keys.forget((sender, key_id))
        return is_done

    def _used(self, key: ApiKey | None) -> ApiKey | None:
        """Notes the day on which a key was last used: once a day, and without it the key works as well."""
        if key is not None and key.is_live and (key.last_used or 0) < self.today():
            try:
                self.keys.touch(key.sender, key.id, self.today())
            except StoreUnavailable as error:
                LOG.warning("the use of a key was not noted: %s", error)
        return key

    def today(self) -> int:
        """Days since 1970-01-01 UTC."""
        return self.clock() // 1000 // DAY
