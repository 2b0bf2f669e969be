"""`make catalogues`: brings the catalogues to what the pages say. What is new in them is empty, for a translator."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import polib
from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from chalicelib.web.languages import LOCALE, OFFERED, SOURCE

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "chalicelib" / "web"
KEYWORDS = {"N_": None, "say": None, "count": (1, 2)}
"""What marks a message in the code, and which of its arguments are messages."""
PLURALS = {"he": "nplurals=3; plural=(n==1 ? 0 : n==2 ? 1 : 2);", "tr": "nplurals=2; plural=(n != 1);"}
"""Where Babel's formula is not what CLDR says of whole numbers."""
NOT_REVIEWED = "no native speaker has reviewed this catalogue"
HEAD = f"""\
# The pages of Signoff in {{language}}.
#
# X-Reviewed-By names the native speaker who has read all of it, or says that there was none:
# then it is a draft, made by a machine. Corrections are welcome.
# What stands in braces is filled in by the pages: keep it, wherever the sentence wants it.
# "{NOT_REVIEWED}" becomes a name and a date, and nothing else, once somebody has."""


def extracted() -> Catalog:
    """Every message of the pages, in the order of the files."""
    found = Catalog(project="Signoff", fuzzy=False)
    texts = extract_from_dir(
        PAGES,
        method_map=[("reference.py", "ignore"), ("**.py", "python")],
        keywords=KEYWORDS,
        comment_tags=["Translators:"],
        strip_comment_tags=True,
    )
    for file, _, message, comments, context in texts:
        found.add(message, None, [(f"chalicelib/web/{file}", 0)], auto_comments=comments, context=context)
    return found


def codes() -> list[str]:
    """The languages that have a catalogue."""
    return [code for code in OFFERED if code != SOURCE]


def read(code: str, folder: Path = LOCALE) -> Catalog:
    """A catalogue as it is."""
    with (folder / f"{code}.po").open("rb") as file:
        return read_po(file, locale=code)


def reviewed_by(code: str, folder: Path = LOCALE) -> str:
    """Who has read a catalogue, or that nobody has."""
    return str(polib.pofile(str(folder / f"{code}.po")).metadata["X-Reviewed-By"])


def updated(code: str, template: Catalog, folder: Path = LOCALE) -> bytes:
    """A catalogue with the messages of the template, and no other."""
    file = folder / f"{code}.po"
    reviewed = NOT_REVIEWED
    catalogue = Catalog(locale=code)
    if file.exists():
        catalogue = read(code, folder)
        reviewed = reviewed_by(code, folder)
    catalogue.update(template, no_fuzzy_matching=True, update_header_comment=False)
    catalogue.obsolete.clear()
    octets = BytesIO()
    write_po(octets, catalogue, width=100, include_lineno=False, omit_header=True)
    return _head(code, reviewed).encode() + octets.getvalue()


def _head(code: str, reviewed: str) -> str:
    locale = Locale.parse(code)
    plural = PLURALS.get(code) or Catalog(locale=code).plural_forms
    fields = {
        "Project-Id-Version": "Signoff",
        "Language": code,
        "X-Reviewed-By": reviewed,
        "Plural-Forms": plural,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
    }
    lines = "\n".join(f'"{name}: {value}\\n"' for name, value in fields.items())
    return f'{HEAD.format(language=locale.english_name)}\nmsgid ""\nmsgstr ""\n{lines}\n\n'


def main() -> None:
    """Writes all of them, and says what is left to translate."""
    template = extracted()
    for code in codes():
        octets = updated(code, template)
        (LOCALE / f"{code}.po").write_bytes(octets)
        gaps = sum(bool(message.id) and not is_whole(message) for message in read(code))
        print(f"{code}: {len(template)} messages, {gaps} to translate")  # noqa: T201 - a command


def is_whole(message: Message) -> bool:
    """Whether nothing of it is left to translate."""
    return all(message.string) if isinstance(message.string, tuple | list) else bool(message.string)


if __name__ == "__main__":
    main()
