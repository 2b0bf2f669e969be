"""The documents of the project, and the commands and links that stand in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")],
)
_BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_ANCHOR = re.compile(r'<a id="([\w-]+)"></a>')
_SETTING = re.compile(r"[A-Z][A-Z0-9_]*=\S*")
_PYTHON = re.compile(r"(?:\.venv/bin/)?python3?")


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a document names; `whole` where it stands in a block, to be typed as it is."""

    document: str
    words: tuple[str, ...]
    whole: bool

    def __str__(self) -> str:
        return f"{self.document}: {' '.join(self.words)}"


def commands(*program: str) -> list[Command]:
    """All that begin with these words, which are left out, and say more."""
    found = [each for document in DOCUMENTS for each in _commands_of(document)]
    return [
        Command(each.document, each.words[len(program) :], each.whole)
        for each in found
        if each.words[: len(program)] == program and len(each.words) > len(program)
    ]


def _commands_of(document: Path) -> list[Command]:
    text, name = document.read_text("utf-8"), str(document.relative_to(ROOT))
    lines = [line for block in _BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    typed = [Command(name, words, whole=True) for line in lines if (words := _words(line.strip().removeprefix("$ ")))]
    spans = _SPAN.findall(_BLOCK.sub("", text))
    return typed + [Command(name, words, whole=False) for span in spans if (words := _words(span))]


def _words(line: str) -> tuple[str, ...]:
    """As a shell takes them, without settings before the program; none where it would not take the line."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return ()
    while words and _SETTING.fullmatch(words[0]):
        words.pop(0)
    if words and _PYTHON.fullmatch(words[0]):
        words[0] = "python"
    return tuple(words)


def links() -> list[tuple[Path, str]]:
    """Each link within the project, with the document it stands in."""
    found = [(document, link) for document in DOCUMENTS for link in _LINK.findall(document.read_text("utf-8"))]
    return [(document, link) for document, link in found if "://" not in link and not link.startswith("mailto:")]


def anchors(document: Path) -> set[str]:
    """What a link may name behind a `#`: headings as GitHub names them, and anchors of our own."""
    text = _BLOCK.sub("", document.read_text("utf-8"))
    names = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in _HEADING.findall(text)}
    return names | set(_ANCHOR.findall(text))
