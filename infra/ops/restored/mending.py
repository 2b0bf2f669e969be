"""What both ways of restoring have in common once the tables are there: mended, told of, begun."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from chalicelib.domain.errors import PepperUnusable, StoreUnavailable, UnknownSender
from chalicelib.settings import pepper_key_from
from chalicelib.store.models import SENDER
from chalicelib.store.senders import load_sender, partition_of
from infra.client.shown import Shown, count
from infra.local.problems import CannotRun
from infra.ops import aws
from infra.ops.restored.control import opened
from infra.ops.restored.missing import Gone, sentences
from infra.ops.restored.notes import Counts, load_run
from infra.ops.restored.run import AlreadyServed, Restoring, Tables
from infra.ops.restored.shards import Disturbed, NotOnePast
from infra.ops.restored.tables import StillBusy, Table
from infra.ops.rotation import time_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.domain.senders import Sender
    from infra.ops.backups.writing import Secrets

PEPPER = "SIGNOFF_PEPPER_KEY"


def loader_of(table: Table, secrets: Secrets) -> Callable[[str], Sender]:
    """Reads a sender of this table of control. What it returns raises PepperUnusable."""
    key = pepper_key_from(secrets[PEPPER], PEPPER)

    def load(code: str) -> Sender:
        row = table.get((partition_of(code), SENDER))
        if row is None:
            raise UnknownSender
        return load_sender(key, code, opened(row))

    return load


def mend_and_begin(tables: Tables, secrets: Secrets, at: int, shown: Shown) -> None:
    """Until the restored tables may be served. Raises CannotRun."""
    run = load_run(tables.control, tables.recipients)
    if run is not None and run.is_begun:
        shown.note("  The restored tables are whole, and their epoch has begun.")
        tell_missing(run.gone, shown)
        return
    with shown.work("Mending") as bar:
        done = 0

        def read(lines: int) -> None:
            nonlocal done
            done += lines
            bar.to(done, None, "lines and recipients are gone through")

        restoring = Restoring(tables, loader_of(tables.control, secrets), at, read=read)
        counts = restoring.mend()
        if any(tables.old.names):
            counts = restoring.mend()  # what came while the first took its time
        restoring.begin()
    _tell(counts, shown)
    tell_missing(tables.old.gone, shown)


def tell_missing(gone: Gone, shown: Shown) -> None:
    """Which interval of which table may be missing."""
    for sentence in sentences(gone):
        shown.note(sentence)


def _tell(counts: Counts, shown: Shown) -> None:
    rows = [
        ("lines of the ledger", count(counts.lines)),
        ("taken over from the tables of before", count(counts.taken)),
        ("states behind their ledger, brought up", count(counts.folded)),
        ("lines made again", count(counts.rebuilt)),
        ("lines lost (holes)", count(counts.holes)),
        ("recipients whose address may be lost", count(counts.unaddressed)),
        ("newest act", time_of(counts.newest) if counts.newest else "none"),
    ]
    shown.summary("Restored", rows, beside_results=True)


@contextmanager
def in_sentences() -> Iterator[None]:
    """What can go wrong with restored tables. Raises CannotRun."""
    try:
        with aws.explaining():
            yield
    except AlreadyServed:
        raise CannotRun("These tables are restored and were served since: they are not restored over.") from None
    except Disturbed:
        raise CannotRun("Somebody else writes to the tables that are restored: stop that, and repeat it.") from None
    except NotOnePast as error:
        raise CannotRun(
            f"The tables of before and the restored ones have different pasts ({error}): these are two deployments' "
            "tables, and are not mixed."
        ) from None
    except (StillBusy, StoreUnavailable) as error:
        raise CannotRun(f"A table did not answer as it should ({error}): the same command goes on from here.") from None
    except PepperUnusable as error:
        raise CannotRun(f"{error}: is the secret of the peppers that of these tables?".capitalize()) from None
