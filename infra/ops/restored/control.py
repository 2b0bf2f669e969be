"""The control table of a restore: senders, keys and jobs of before's table taken over; jobs under way begun anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.domain.jobs import JobKind, JobStatus
from chalicelib.store import codec
from chalicelib.store.calls import key_of
from chalicelib.store.models import ERASURE, LOGO, SENDER
from chalicelib.store.senders import partition_of
from infra.local.problems import CannotRun
from infra.ops.restored.items import BEHIND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from chalicelib.domain.senders import SenderEntry
    from infra.ops.restored.tables import Item, Table

_PARTITION = "sender#"
_FAILED = 1
"""In the place of the end of an export's lease: nobody has the job, and the next run begins anew."""
_AT_ONCE = 100
_FINGERPRINT, _CLOSED = "fingerprint", "closed_fingerprint"


def close(table: Table) -> None:
    """Has nobody be served from this table any more, which is read no more by whom it concerns.

    Whoever still names it (a deployment with the settings of before the restore) would answer checks from states that
    no opt-out comes to. A row without its fingerprint makes the service answer 503, and an alarm sound.
    """
    for item in table.scan():
        if item["sk"]["S"] == SENDER and _FINGERPRINT in item:
            closed = {name: value for name, value in item.items() if name != _FINGERPRINT}
            table.put_if({**closed, _CLOSED: item[_FINGERPRINT]}, "v = :v", v=item["v"])


def opened(row: Item) -> Item:
    """A sender's row as it was before `close`."""
    if _CLOSED not in row:
        return row
    return {**{name: value for name, value in row.items() if name != _CLOSED}, _FINGERPRINT: row[_CLOSED]}


def refuse_closed(rows: Iterable[Item]) -> None:
    """Raises CannotRun where the table of these was closed: what it holds is old."""
    if any(_CLOSED in row for row in rows):
        raise CannotRun(
            "These tables were restored into others, which the stage uses since: .chalice/config.json is of before "
            "that here. Fetch the one that was committed after the restore."
        )


def senders_in(table: Table) -> Iterator[str]:
    """The code of every sender."""
    for item in table.scan():
        if item["sk"]["S"] == SENDER:
            yield item["pk"]["S"].removeprefix(_PARTITION)


def take_over(new: Table, old: Table) -> None:
    """What before's table has, and what is newer there. Again, it changes nothing but what is newer still.

    Nobody else writes to the new table meanwhile.
    """
    batch: dict[tuple[str, str], Item] = {}
    for item in old.scan():
        if item["pk"]["S"].startswith(_PARTITION):
            batch[key_of(item)] = item
        if len(batch) == _AT_ONCE:
            _take_batch(new, old, batch)
            batch = {}
    _take_batch(new, old, batch)


def take_rows(new: Table, old: Table, code: str) -> None:
    """What may be taken over of a sender while the new table is in use: what it lacks, and that a key is revoked."""
    for item in map(opened, old.range(partition_of(code), " ", BEHIND)):
        if new.put_if(item, "attribute_not_exists(sk)"):
            continue
        if item["sk"]["S"].startswith("key#") and "revoked" in item:
            new.put_if(item, "attribute_not_exists(revoked)")


def _take_batch(new: Table, old: Table, theirs: Mapping[tuple[str, str], Item]) -> None:
    ours = new.get_all(theirs)
    for key, item in theirs.items():
        merged = item if key not in ours else _merged(ours[key], item)
        if merged != ours.get(key):
            new.put(merged)
        if key[1] == SENDER and merged == item:
            _take_logo(new, old, key[0])


def _take_logo(new: Table, old: Table, partition: str) -> None:
    """It goes with its sender's row, and so does that there is none."""
    theirs = old.get((partition, LOGO))
    if theirs is None:
        new.delete_all([(partition, LOGO)])
    else:
        new.put(theirs)


def _merged(ours: Item, theirs: Item) -> Item:
    kind = ours["sk"]["S"].partition("#")[0]
    return _RULES.get(kind, _keep)(ours, theirs)


def _keep(ours: Item, _theirs: Item) -> Item:
    return ours


def _newer(number: str) -> Callable[[Item, Item], Item]:
    def choose(ours: Item, theirs: Item) -> Item:
        return theirs if int(theirs[number]["N"]) >= int(ours[number]["N"]) else ours

    return choose


def _key(ours: Item, theirs: Item) -> Item:
    """A key that one of the two knows as revoked is revoked."""
    revoked = [item["revoked"] for item in (theirs, ours) if "revoked" in item]
    used = [item["last_used"] for item in (ours, theirs) if "last_used" in item]
    merged = ours | theirs
    if revoked:
        merged["revoked"] = revoked[0]
    if used:
        merged["last_used"] = max(used, key=lambda day: int(day["N"]))
    return merged


_RULES: Mapping[str, Callable[[Item, Item], Item]] = {
    SENDER: _newer("v"),
    "key": _key,
    "keys": _newer("n"),
    ERASURE: _newer("n"),
    str(JobKind.IMPORT): _newer("v"),
    str(JobKind.EXPORT): _newer("v"),
}
"""What its sort key begins with → which of two. A logo goes with its sender's row."""


def learn(control: Table, entry: SenderEntry) -> None:
    """Brings a sender's row up to a line that tells of it; of one without a category the content is not in the line."""
    key = partition_of(entry.sender), SENDER
    row = control.get(key)
    if row is None or int(row["v"]["N"]) >= entry.version:
        return
    changed = {**row, "v": {"N": str(entry.version)}}
    if entry.category is not None:
        told = codec.dump_category(entry.category)
        held = json.loads(row["categories"]["S"])
        places = [place for place, category in enumerate(held) if category["id"] == told["id"]]
        held[slice(places[0], places[0] + 1) if places else slice(len(held), None)] = [told]
        changed["categories"] = {"S": codec.dump(held)}
    control.put_if(changed, "v = :v", v=row["v"])


def mend_logo(control: Table, code: str) -> None:
    """A row tells of the logo that is there, and of none where there is none: they are written in one transaction."""
    row, logo = control.get((partition_of(code), SENDER)), control.get((partition_of(code), LOGO))
    if row is None or "profile" not in row:
        return
    profile, about = json.loads(row["profile"]["S"]), None if logo is None else json.loads(logo["about"]["S"])
    if profile.get("logo") not in (None, about):
        control.put({**row, "profile": {"S": codec.dump({**profile, "logo": about})}})


def withdraw_exports(control: Table, code: str) -> None:
    """Files with addresses are not told any more: who was erased since they were written may not be known (C5)."""
    key = partition_of(code), ERASURE
    row = control.get(key)
    count = 0 if row is None else int(row["n"]["N"])
    control.put({"pk": {"S": key[0]}, "sk": {"S": key[1]}, "n": {"N": str(count + 1)}})


def begin_jobs_anew(control: Table, code: str, *, has_progress: bool) -> list[tuple[str, str]]:
    """Kind and id of every job of a sender that is not over, each as it is to be taken up.

    An export begins anew: what it has read of one table does not go with what it would read of another. An import
    goes on where it was, but without `has_progress`: then it reads its file again, and records nothing twice. How far
    one was that begins anew is no measure of how far it comes now.
    """
    unfinished = []
    for kind in JobKind:
        for item in control.range(partition_of(code), f"{kind}#", f"{kind}#{BEHIND}"):
            if JobStatus(item["status"]["S"]) in {JobStatus.DONE, JobStatus.FAILED}:
                continue
            job = item["sk"]["S"].partition("#")[2]
            unfinished.append((str(kind), job))
            done = _anew(kind, json.loads(item["done"]["S"]), has_progress=has_progress)
            changed = {**item, "done": {"S": codec.dump(done)}}
            if changed != item:
                control.put({**changed, "v": {"N": str(int(item["v"]["N"]) + 1)}})
    return unfinished


def _anew(kind: JobKind, done: dict[str, Any], *, has_progress: bool) -> dict[str, Any]:
    if kind is JobKind.EXPORT:
        return {**done, "lease": _FAILED, "begun": 0, "mark": 0} if done else done
    if has_progress or "line" not in done:
        return done
    return {**done, "line": 0, "rows": 0, "rejected": 0, "read": 0, "mark": 0}
