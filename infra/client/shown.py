"""What people see: bars on a terminal, plain lines elsewhere, tables at the end."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from infra.client.refusals import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType
    from rich.progress import Task

_TENTHS = 10


class Bar(Protocol):
    """Something under way."""

    def to(self, done: int, of: int | None = None, told: str = "") -> None:
        """So much is done, of so much where that is known; `told` is a short line of its own."""
        ...


class _Output(Console):
    """A console that says when nobody reads it any more; rich's own would end the program at once."""

    def on_broken_pipe(self) -> None:
        """As any other output."""
        raise BrokenPipeError


@dataclass(slots=True)
class Shown:
    """Results on standard output, everything else on standard error."""

    out: Console = field(default_factory=lambda: _Output(highlight=False))
    err: Console = field(default_factory=lambda: _Output(stderr=True, highlight=False))
    quiet: bool = False
    """No bar: the results themselves pass by on the same terminal."""

    def note(self, text: str) -> None:
        """One line for the person who waits."""
        self.err.print(Text(text), soft_wrap=True)

    @contextmanager
    def octets(self, label: str, of: int | None) -> Iterator[Bar]:
        """A transfer: octets, speed, time left."""
        columns = (DownloadColumn(), TransferSpeedColumn(), _time_left())
        with self._under_way(label, of, columns) as bar:
            yield bar

    @contextmanager
    def work(self, label: str, of: int | None = None) -> Iterator[Bar]:
        """Work with a line of its own about what became of it."""
        with self._under_way(label, of, (_time_left(),)) as bar:
            yield bar

    @contextmanager
    def _under_way(self, label: str, of: int | None, columns: Sequence[ProgressColumn]) -> Iterator[Bar]:
        if self.quiet:
            yield _NoBar()
        elif not self.err.is_terminal:
            yield _Lines(self, label)
        else:
            name = TextColumn("[bold]{task.description}")
            shape = BarColumn(bar_width=None)
            with _WithLine(name, shape, _Percent(), *columns, console=self.err, expand=True) as progress:
                yield _OnTerminal(progress, progress.add_task(label, total=of))

    def summary(self, title: str, rows: Sequence[tuple[str, str]], *, beside_results: bool = False) -> None:
        """Names and values, one pair on each line; on standard error where standard output holds the results."""
        console = self.err if beside_results else self.out
        if not console.is_terminal:
            lines = "".join(f"{name}: {value}\n" for name, value in rows)
            console.print(Text(f"{title}\n{lines}"), end="", soft_wrap=True)
            return
        console.print(Text(title, style="bold"))
        table = Table(box=box.SIMPLE, show_header=False)
        table.add_column(style="cyan")
        table.add_column(justify="right" if all(_is_count(value) for _, value in rows) else "left", overflow="fold")
        for name, value in rows:
            table.add_row(Text(name), Text(value))
        console.print(table)


def _time_left() -> ProgressColumn:
    """And at the end, the time it took."""
    return TimeRemainingColumn(compact=True, elapsed_when_finished=True)


def count(number: int) -> str:
    """12345 → `12,345`."""
    return f"{number:,}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 sender`, `12,345 senders`; `many` where it is not `one` with an s."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def _is_count(text: str) -> bool:
    return text.replace(",", "").isdigit()


class _Percent(ProgressColumn):
    """The share that is done; never 100 % before all is."""

    def render(self, task: Task) -> Text:
        """Nothing where the whole is not known."""
        return Text(f"{int(task.percentage):>3} %" if task.total else "", style="green")


class _WithLine(Progress):
    """A bar, and under it one line in words."""

    line = ""

    def get_renderables(self) -> Iterator[RenderableType]:
        """The bar first."""
        yield self.make_tasks_table(self.tasks)
        if self.line:
            yield Text(f"  {self.line}", style="dim", overflow="fold")


@dataclass(slots=True)
class _OnTerminal:
    progress: _WithLine
    task: TaskID

    def to(self, done: int, of: int | None = None, told: str = "") -> None:
        self.progress.line = clean(told)
        # None leaves what was known of the whole.
        self.progress.update(self.task, total=of, completed=done)


@dataclass(slots=True)
class _Lines:
    """A line at each tenth, and at each change of what is told while the whole is not known."""

    shown: Shown
    label: str
    last: tuple[int, str] = (-1, "")

    def to(self, done: int, of: int | None = None, told: str = "") -> None:
        tenth = done * _TENTHS // of if of else 0
        now = (tenth, told if not of else "")
        if now == self.last:
            return
        self.last = now
        share = f" {tenth * 100 // _TENTHS} %" if of else ""
        self.shown.note(f"{self.label}{share}{': ' if told else ''}{clean(told)}")


class _NoBar:
    def to(self, done: int, of: int | None = None, told: str = "") -> None:
        """Show nothing."""
