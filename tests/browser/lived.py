"""A recipient to whom everything happened that can happen: each kind of act, each way by which acts come."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING

from chalicelib.api_keys import ApiKey
from chalicelib.domain.acts import (
    Act,
    Blocked,
    Bounced,
    BounceLifted,
    Complained,
    Consented,
    Evidence,
    OptedOut,
    Restored,
    Stated,
    Unblocked,
    Undone,
    Via,
    act_id_of,
)
from chalicelib.domain.categories import ALL
from chalicelib.ingest.rows import Defaults
from chalicelib.store.operations import Claim
from chalicelib.tokens import Purpose, mint
from chalicelib.use_cases.acting import UNDATED, Told, record_told
from chalicelib.use_cases.choosing import Submission, centre, choose
from chalicelib.use_cases.erasing import erase_own
from chalicelib.use_cases.importing import import_rows
from chalicelib.use_cases.opening import OpenedLink, open_preferences
from chalicelib.use_cases.repeating import Request
from chalicelib.use_cases.stopping import opt_out, opt_out_by_form
from chalicelib.use_cases.undoing import undo
from tests.site import DAY, Site

if TYPE_CHECKING:
    from chalicelib.domain.acts import Part
    from chalicelib.domain.addresses import Address
    from chalicelib.domain.recipients import Entry
    from chalicelib.service import Service

SHOWN = Evidence("the form at the till", "Yes, write to me once a month", "till 3, receipt 4711")
LONG_AGO = "2026-03-03T12:00:00Z"
_SOURCES = count(1)


@dataclass
class Life:
    """One recipient of one sender; acts are recorded by the use cases, and into the ledger where there is none yet."""

    site: Site
    opened: OpenedLink

    @staticmethod
    def of(site: Site, sender: str, address: str) -> Life:
        """By a footer's link of today."""
        keyring = site.service.keyring
        return Life(
            site, open_preferences(site.service, mint(keyring, Purpose.PREFERENCES, sender, 1, site.day, address))
        )

    @property
    def service(self) -> Service:
        return self.site.service

    @property
    def address(self) -> Address:
        return self.opened.address

    @property
    def first(self) -> str:
        return self.opened.sender.catalogue.optional[0].id

    @property
    def second(self) -> str:
        return self.opened.sender.catalogue.optional[1].id

    def live(self) -> None:
        """What is told last comes first in the history."""
        self.is_consented()
        self.is_imported()
        self.is_told()
        self.is_forgotten_once()
        self.is_blocked()
        self.acts()

    def acts(self) -> None:
        """All that a person does, and what those who run the pages take back of it."""
        self.chooses(self.first, self.second)
        opt_out(self.service, self.opened, Via.ONE_CLICK)
        self._record(Via.MAILTO, OptedOut(self.second))
        self.chooses(self.first)
        stopped = opt_out(self.service, self.opened, Via.UNSUBSCRIBE_PAGE, of_all=True)
        undo(self.service, self.opened, frozenset([stopped.act]))
        opt_out_by_form(self.service, self.opened.sender, self.address, f"2001:db8:0:{next(_SOURCES):x}::1")
        self._record(Via.OPS, Undone((self.entries()[0].act.id,), (Restored(ALL, None),)))

    def chooses(self, *wanted: str) -> None:
        """These and no other."""
        before = centre(self.service, self.opened)
        shown = frozenset(one.category.id for one in before.standings)
        had = frozenset(one.category.id for one in before.standings if one.is_wanted)
        choose(self.service, self.opened, Submission(shown, had, frozenset(wanted), before.version))

    def is_consented(self) -> None:
        now = self.site.clock.milliseconds
        self._tell(Consented(self.second, now - 200 * DAY), SHOWN)
        self._tell(Consented(self.first, now), SHOWN)

    def is_imported(self) -> None:
        consent = {"category": self.second, "at": LONG_AGO, "how": "a list", "wording": "Yes", "source": "the till"}
        rows = [
            {"address": self.address.spelled, "reason": "opted_out", "at": LONG_AGO},
            {"address": self.address.spelled, "consent": consent},
        ]
        sender, request = self.opened.sender, Request(None, token_hex(8))
        key = ApiKey(token_hex(8), sender.code, "digest", frozenset({"write"}), 1)
        import_rows(self.service, sender, key, request, rows, Defaults(None, ALL))

    def is_told(self) -> None:
        """By the sender, and by the mail system."""
        now = self.site.clock.milliseconds
        self._tell(Stated(self.first, UNDATED))
        self._tell(Stated(self.second, now - 100 * DAY))
        self._record(Via.FEEDBACK, Complained(now - DAY))
        self._record(Via.FEEDBACK, Bounced(now))
        self._tell(BounceLifted())

    def is_blocked(self) -> None:
        self._tell(Blocked(ALL))
        self._tell(Unblocked(ALL))
        self._tell(Blocked(self.second))

    def is_forgotten_once(self) -> None:
        erase_own(self.service, self.opened)

    def entries(self) -> list[Entry]:
        """Of the ledger, newest first."""
        known = self.service.reader.recipient(self.opened.place)
        return self.service.reader.history(self.opened.place, known.recent[0].seq, 100)

    def _tell(self, part: Part, evidence: Evidence | None = None) -> None:
        claim = Claim(self.site.clock.milliseconds, is_new=True, nonce=token_hex(8))
        record_told(self.service, claim, [Told(self.opened.place, part, self.address.spelled, evidence)])

    def _record(self, via: Via, part: Part) -> None:
        self.service.ledger.record(self.opened.place, Act(act_id_of(via, token_hex(8)), via, (part,)))
