"""Senders and their recipients, to whom all happens that a store has to hold: for drills of a restore."""

from __future__ import annotations

import json
import random
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chalicelib.api_keys import ApiKey, mint_api_key
from chalicelib.domain.acts import (
    Act,
    Blocked,
    Bounced,
    BounceLifted,
    Complained,
    Consented,
    Erased,
    Evidence,
    OptedIn,
    OptedOut,
    Part,
    Stated,
    Unblocked,
    Via,
    act_id_of,
)
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.domain.jobs import Job, JobKind, JobStatus, job_id
from chalicelib.domain.senders import Place, Sender
from chalicelib.domain.undo import restorations
from chalicelib.service import Service
from chalicelib.store.bulk import Given
from chalicelib.store.changing import Change
from chalicelib.store.ledger import Beside
from chalicelib.use_cases.looking import forget
from tests.campaigns.worlds import Report
from tests.site import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.domain.recipients import Recipient

CODES = ("shopaaaa", "shopbbbb", "shopcccc")
SHARDS = 2
"""Few, so that the lines of many recipients stand in one ledger."""
EVIDENCE = Evidence("a form", "Yes, send me news.", "the shop's page")
SCOPES = ("news", "offers", ALL)


@dataclass
class Lives:
    """What is done at random, by a seed. Each act is acknowledged when its method returns; `acked` are opt-outs."""

    service: Service
    chance: random.Random
    people: int = 6
    name: str = "one"
    """Of who does it, for what only one does at a time."""
    report: Report = field(default_factory=lambda: Report("lives"))
    acked: list[tuple[Place, Act]] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)

    def begin(self) -> None:
        """Three senders, one of them hashed."""
        for code in CODES:
            hashed = code == CODES[-1]
            sender = Sender(code, code.title(), CATALOGUE, code.encode() * 4, shards=SHARDS, hashed=hashed)
            self.service.senders.create(sender)

    def step(self) -> None:
        """Something happens."""
        sender = self.service.senders.get(self.chance.choice(CODES))
        number = self.chance.randrange(self.people)
        address = parse_address(f"reader{number}@{sender.code}.example.com")
        kinds: list[Callable[[Sender, Place, str], None]] = [self.opt_out] * 4
        kinds += [self.choose] * 3 + [self.told] * 3 + [self.consent] * 2 + [self.imported] * 2
        kinds += [self.undo, self.erase, self.describe, self.rename, self.key, self.note, self.job]
        kind = self.chance.choice(kinds)
        kind(sender, sender.place_of(address), address.spelled)
        self.report.note(kind.__name__)

    def opt_out(self, sender: Sender, place: Place, spelled: str) -> None:
        via = self.chance.choice((Via.ONE_CLICK, Via.UNSUBSCRIBE_PAGE, Via.OPT_OUT_FORM))
        scope = ALL if via is Via.OPT_OUT_FORM else self.chance.choice(SCOPES)
        act = self._record(sender, place, via, spelled, OptedOut(scope))
        if act is not None:
            self.acked.append((place, act))

    def choose(self, sender: Sender, place: Place, spelled: str) -> None:
        parts: list[Part] = [OptedIn("news")]
        if self.chance.random() < 1 / 2:
            parts.append(OptedOut("offers"))
        self._record(sender, place, Via.PREFERENCE_PAGE, spelled, *parts)

    def told(self, sender: Sender, place: Place, spelled: str) -> None:
        at = self.service.clock() - self.chance.choice((0, 1_000, 100_000))
        scope = self.chance.choice(SCOPES)
        parts = (Stated(scope, at), Complained(at), Bounced(at), Blocked(scope), Unblocked(scope), BounceLifted())
        self._record(sender, place, Via.API, spelled, self.chance.choice(parts))

    def consent(self, sender: Sender, place: Place, spelled: str) -> None:
        act_id = act_id_of(Via.API, self._random())
        part = Consented("news", self.service.clock(), act_id)
        beside = Beside(None if sender.hashed else spelled, EVIDENCE)
        self.service.ledger.record(place, Act(act_id, Via.API, (part,)), beside)

    def undo(self, sender: Sender, place: Place, spelled: str) -> None:
        act_id = act_id_of(Via.PREFERENCE_PAGE, self._random())
        known = self.service.reader.recipient(place)
        lines = self.service.reader.history(place, known.recent[0].seq if known.recent else 0, 1)
        formers = {(line.act.id, scope): former for line in lines for scope, former in line.formers.items()}

        def draft(recipient: Recipient) -> Act | None:
            from chalicelib.domain.acts import Undone  # noqa: PLC0415 - beside its only use

            acts = tuple(line.act.id for line in lines)
            restored = restorations(recipient.state, acts, formers)
            return Act(act_id, Via.PREFERENCE_PAGE, (Undone(acts, restored),), 1) if restored else None

        self.service.ledger.record(place, draft)

    def erase(self, _sender: Sender, place: Place, _spelled: str) -> None:
        forget(self.service, place, Act(act_id_of(Via.API, self._random()), Via.API, (Erased(),)))

    def imported(self, sender: Sender, _place: Place, _spelled: str) -> None:
        """Some rows of an import under way: one transaction, with the progress of the job."""
        job, first = f"imp_{sender.code}{self.name}", self.lines.get(sender.code, 0) + 1
        numbers = self.chance.sample(range(self.people), 4)
        addresses = [parse_address(f"reader{number}@{sender.code}.example.com") for number in numbers]
        by_shard: dict[int, list[Given]] = {}
        for line, address in enumerate(addresses, first):
            place = sender.place_of(address)
            act_id = act_id_of(Via.IMPORT, self._random())
            now = self.service.clock()
            parts = (Stated("offers", now), Consented("news", now, act_id))[self.chance.randrange(2) :]
            shown = EVIDENCE if any(isinstance(part, Consented) for part in parts) else None
            spelled = None if sender.hashed else address.spelled
            given = Given(line, 1, place, Act(act_id, Via.IMPORT, parts), spelled, shown)
            by_shard.setdefault(place.shard, []).append(given)
        for rows in by_shard.values():
            assert self.service.bulk.record(job, rows, lambda: True)
        self.lines[sender.code] = first + len(numbers)

    def describe(self, sender: Sender, _place: Place, _spelled: str) -> None:
        name = f"News {self._random()}"
        self._change(sender, lambda now: changing_category(now, name))

    def rename(self, sender: Sender, _place: Place, _spelled: str) -> None:
        name = f"Shop {self._random()}"
        self._change(sender, lambda now: Change(replace(now, name=name, closed=not now.closed)))

    def key(self, sender: Sender, _place: Place, _spelled: str) -> None:
        """A new key, or the end of one."""
        live = [key for key in self.service.keys.list(sender.code) if key.is_live]
        turn = self.service.keys.turn(sender.code)
        if live and self.chance.random() < 1 / 2:
            self.service.keys.revoke_in_turn(sender.code, live[0].id, self.service.clock(), turn)
            return
        made = mint_api_key(self.service.keyring, sender.code)
        scopes = frozenset({"read"})
        self.service.keys.create_in_turn(ApiKey(made.id, sender.code, made.digest, scopes, self.service.clock()), turn)

    def note(self, sender: Sender, _place: Place, _spelled: str) -> None:
        """An idempotency key, and sometimes its answer."""
        name, shard = self._random(), self.chance.randrange(SHARDS)
        claim = self.service.operations.claim(sender.code, shard, name, "hash", self.service.clock())
        if self.chance.random() < 1 / 2:
            self.service.operations.keep(sender.code, shard, name, claim, json.dumps([200, {}]))

    def job(self, sender: Sender, _place: Place, _spelled: str) -> None:
        """One that waits, or the next step of one."""
        kind = self.chance.choice(list(JobKind))
        begun = [one for one in self.service.jobs.newest(kind, sender.code, None, 10) if not one.is_over]
        if not begun:
            now = self.service.clock()
            name = job_id(kind, now, self._random())
            self.service.jobs.create(Job(kind, name, sender.code, now, "key", JobStatus.WAITING, {}, {}))
        elif begun[0].status is JobStatus.WAITING:
            done = {"line": 7, "rows": 7, "rejected": 0, "read": 99} if kind is JobKind.IMPORT else {"lease": 0}
            self.service.jobs.change(begun[0], JobStatus.RUNNING, done)
        else:
            self.service.jobs.change(begun[0], JobStatus.DONE, begun[0].done)

    def _record(self, sender: Sender, place: Place, via: Via, spelled: str, *parts: Part) -> Act | None:
        """The act as it is in the ledger; None where it changed nothing."""
        by_link = via in {Via.ONE_CLICK, Via.UNSUBSCRIBE_PAGE, Via.PREFERENCE_PAGE}
        act = Act(act_id_of(via, self._random()), via, parts, 1 if by_link else None)
        self.service.ledger.record(place, act, Beside(None if sender.hashed else spelled))
        found = self.service.reader.recipient(place).find_recent(act.id)
        if found is None:
            return None
        return self.service.reader.entries(place.sender, place.shard, [found.seq])[found.seq].act

    def _change(self, sender: Sender, draft: Callable[[Sender], Change]) -> None:
        self.service.sender_changes.make(sender.code, self._random(), draft)

    def _random(self) -> str:
        return secrets.token_urlsafe(12)


def changing_category(sender: Sender, name: str) -> Change:
    """A category of another name."""
    catalogue = sender.catalogue.putting("news", {"name": name})
    return Change(replace(sender, catalogue=catalogue), catalogue.get("news"))
