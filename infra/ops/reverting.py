"""What `python -m infra revert` does, once it is known on which deployment."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.text import Text

from chalicelib.api.times import tell
from chalicelib.domain.acts import OptedIn, OptedOut, Part, Undone, Via, scope_of
from chalicelib.domain.errors import InvalidRequest, PepperUnusable, StoreUnavailable, UnknownSender
from chalicelib.domain.state import Value
from chalicelib.use_cases.reverting import BY_LINK, REVERSIBLE, Fate, Finding, Meant, find, revert
from chalicelib.use_cases.scanning import Ledger, ledger_of
from infra.client.commands import same_command
from infra.client.refusals import clean
from infra.client.shown import Shown, count, counted
from infra.local.problems import CannotRun
from infra.ops.asked import is_wanted
from infra.ops.deployment import where
from infra.ops.times import has_zone, taken

if TYPE_CHECKING:
    import argparse

    from chalicelib.domain.acts import Restored
    from chalicelib.service import Service
    from infra.client.shown import Bar

_STYLES = {Fate.STANDS: "yellow", Fate.REVERSED: "green", Fate.OVERTAKEN: "cyan"}
_WARNINGS = {
    **dict.fromkeys(
        BY_LINK,
        "Acts by links are the recipients' own, as long as the links were in their own hands: reverse them only where "
        "somebody else could make or use such links.",
    ),
    Via.OPT_OUT_FORM: "Nobody knows who typed an address into the form: recipients' own wishes may be among these.",
}


class Reverting:
    """One run through the ledgers."""

    def __init__(self, options: argparse.Namespace, service: Service, shown: Shown) -> None:
        self._options, self._service, self._shown = options, service, shown
        self._meant = meant_by(options)
        self._fates: Counter[Fate] = Counter()
        self._read = 0

    def run(self) -> int:
        """All of it; the exit code. Raises CannotRun."""
        self._say_what_is_taken()
        self._go_through_all()
        if self._is_wanted():
            self._options.yes, self._shown.quiet = True, False
            self._fates.clear()
            self._read = 0
            self._go_through_all()
        return 0

    def _go_through_all(self) -> None:
        ledgers = self._ledgers()
        try:
            with self._shown.work("Reverting" if self._options.yes else "Reading the ledger") as bar:
                for ledger in ledgers:
                    self._go_through(ledger, bar, sum(map(len, ledgers)))
                bar.to(1, 1, self._told())
        except StoreUnavailable as error:
            raise CannotRun(f"The store: {error}. {self.standing()}") from None
        self._summarize()

    def standing(self) -> str:
        """How things are, and the command to go on with."""
        if not self._options.yes:
            return f"Nothing was changed, and not all was listed. List it again with:\n  {same_command(self._options)}"
        return (
            f"Reversed so far: {_acts(self._fates[Fate.REVERSED])}, perhaps some more; that stays. "
            f"Go on with:\n  {same_command(self._options, '--yes')}"
        )

    @property
    def _by(self) -> str:
        version = self._meant.key_version
        return str(self._meant.via) if version is None else f"{self._meant.via}, key version {version}"

    def _say_what_is_taken(self) -> None:
        window = f"recorded from {tell(self._meant.start)} to before {tell(self._meant.end)}"
        self._shown.note(f"Acts by {self._by}, {window}, in {self._service.settings.recipients_table}:")
        if not (has_zone(self._options.start) and has_zone(self._options.end)):
            self._shown.note("Times without Z or an offset are taken as UTC.")
        if not self._options.yes and (warning := _WARNINGS.get(self._meant.via)):
            self._shown.note(warning)

    def _ledgers(self) -> list[Ledger]:
        """Of the senders that are meant. Raises CannotRun."""
        code: str | None = self._options.sender
        try:
            codes = sorted(self._service.senders.codes()) if code is None else [code]
            return [ledger_of(self._service, self._service.senders.get(each)) for each in codes]
        except UnknownSender:
            raise CannotRun(f"There is no sender {clean(code)}.") from None
        except PepperUnusable as error:
            raise CannotRun(f"A sender's pepper cannot be used: {error}.") from None
        except StoreUnavailable as error:
            raise CannotRun(f"{where(self._service)} cannot be read ({error}). Nothing was changed.") from None

    def _go_through(self, ledger: Ledger, bar: Bar, total: int) -> None:
        def read(lines: int) -> None:
            self._read += lines
            show()

        def show() -> None:
            # What was read last is not done yet: never all of it before the end.
            bar.to(self._read, total + 1, self._told())

        for finding in (revert if self._options.yes else find)(ledger, self._meant, read):
            self._fates[finding.fate] += 1
            self._print(finding)
            show()

    def _told(self) -> str:
        found = _acts(self._fates.total())
        return f"{found}, {count(self._fates[Fate.REVERSED])} reversed" if self._options.yes else found

    def _print(self, finding: Finding) -> None:
        if self._options.json:
            sys.stdout.write(json.dumps(object_of(finding)) + "\n")
        elif self._options.yes:
            return
        elif self._shown.out.is_terminal:
            self._shown.out.print(line_of(finding), soft_wrap=True)
        else:
            sys.stdout.write(f"{line_of(finding).plain}\n")
        sys.stdout.flush()

    def _summarize(self) -> None:
        main = Fate.REVERSED if self._options.yes else Fate.STANDS
        others = [fate for fate in Fate if fate is not main and self._fates[fate]]
        rows = [(str(fate), count(self._fates[fate])) for fate in (main, *others)]
        self._shown.summary(
            f"{_acts(self._fates.total())} by {self._by}",
            rows,
            beside_results=self._options.json or not self._options.yes,
        )
        if not self._options.yes and not self._fates[Fate.STANDS]:
            self._shown.note("Nothing was changed, and there is nothing to reverse.")

    def _is_wanted(self) -> bool:
        """After the list. Of who lists alone, or has it read by a program, nothing is asked."""
        options, number = self._options, self._fates[Fate.STANDS]
        if options.yes or not number:
            return False
        if options.list or options.json:
            self._shown.note(f"Nothing was changed. To reverse them:\n  {_carrying_out(options)}")
            return False
        return is_wanted(options, self._shown, f"{_acts(number)} would be reversed.")


def _acts(number: int) -> str:
    return counted(number, "act")


def meant_by(options: argparse.Namespace) -> Meant:
    """The acts that the options mean. Raises CannotRun."""
    try:
        via = Via(options.via)
    except ValueError:
        raise CannotRun(f"There is no way {clean(options.via)}: possible are {', '.join(REVERSIBLE)}.") from None
    start, end = taken("--from", options.start), taken("--to", options.end)
    try:
        return Meant(via, start, end, options.key_version)
    except InvalidRequest as error:
        raise CannotRun(f"This cannot be reversed: {error.reason}.") from None


def line_of(finding: Finding) -> Text:
    """One act on one line, in columns; colours where there is a terminal."""
    entry = finding.entry
    line = Text(f"{tell(entry.recorded)}  {entry.place.sender}  {entry.place.recipient}  ")
    line.append(f"{', '.join(filter(None, map(_did, entry.act.parts))):<16}  ")
    return line.append(_becomes(finding), _STYLES.get(finding.fate, "dim"))


def _did(part: Part) -> str:
    match part:
        case OptedOut() | OptedIn():
            return f"{'out of' if isinstance(part, OptedOut) else 'in to'} {scope_of(part)}"
        case Undone(_, restored):
            return f"undid {' '.join(former.scope for former in restored)}"
        case _:
            return ""


def _becomes(finding: Finding) -> str:
    backs = [f"{former.scope} {_former(former)}" for former in finding.restored]
    scopes = {former.scope for former in finding.restored}
    stays = [f"{scope} stays" for scope in sorted(finding.entry.formers) if finding.restored and scope not in scopes]
    return ": ".join(filter(None, [str(finding.fate), ", ".join(backs + stays)]))


def _former(former: Restored) -> str:
    choice = former.choice
    if choice is None or choice.value is Value.UNSET:
        return "as if never chosen"
    return f"{choice.value} again, since {tell(choice.since)}"


def object_of(finding: Finding) -> dict[str, Any]:
    """One act for programs. A restored `choice` is `out`, `in`, or null where nothing was chosen."""
    entry = finding.entry
    return {
        "recorded": tell(entry.recorded),
        "sender": entry.place.sender,
        "recipient": entry.place.recipient,
        "act": entry.act.id,
        "via": str(entry.act.via),
        "key_version": entry.act.key_version,
        "categories": sorted(entry.formers),
        "fate": finding.fate.replace(" ", "_"),
        "restored": [_restored(former) for former in finding.restored],
        "reversal": finding.reversal,
    }


def _restored(former: Restored) -> dict[str, Any]:
    choice = former.choice
    is_chosen = choice is not None and choice.value is not Value.UNSET
    return {
        "category": former.scope,
        "choice": str(choice.value) if choice is not None and is_chosen else None,
        "since": tell(choice.since) if choice is not None and is_chosen else None,
    }


def _carrying_out(options: argparse.Namespace) -> str:
    options.words = [word for word in options.words if word != "--list"]
    return same_command(options, "--yes")
