"""Every error that a route can tell has a stable type, which the document and `docs/problems.md` explain.

`python -m tests.api.test_problems` writes the page anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.api.openapi import document
from chalicelib.boundary import name_of, problem, status_of
from chalicelib.domain import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "problems.md"
PROBLEMS: dict[str, dict[str, Any]] = document("https://choices.example.com")["x-problems"]
HEAD = """# Problems

Every error of the API is a problem document (RFC 9457): `type` is one of those below and never changes, `status` is the
HTTP status, `detail` says what was wrong this time, and `pointer`, where there is one, where in the body (RFC 6901).
`type` is a name and no address: nothing is to be fetched there. No field ever repeats an address.
Make decisions by `type`; show `detail` to people.
"""


def kinds(of: type[errors.SignoffError] = errors.SignoffError) -> Iterator[type[errors.SignoffError]]:
    for kind in of.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
        yield from kinds(kind)


INSIDE = {errors.BadFile, errors.JobFailed, errors.NoProgress, errors.RowRefused, errors.UnknownLayout}
"""What jobs raise: told of a row or of an import, and never as the answer to a request."""
KINDS = sorted(set(kinds()) - INSIDE, key=lambda kind: kind.__name__)


def made(kind: type[errors.SignoffError]) -> errors.SignoffError:
    """One of its kind; what it says is of no matter to its name and status."""
    return kind.__new__(kind)


def page() -> str:
    sections = [
        f"## `{name}`\n\n**{told['status']}** · {told['meaning']}\n\n{told['remedy']}\n"
        for name, told in sorted(PROBLEMS.items())
    ]
    return "\n".join([HEAD, *sections])


def test_the_document_explains_every_error_of_the_code_and_no_other() -> None:
    assert {f"urn:signoff:{name_of(made(kind))}" for kind in KINDS} == set(PROBLEMS)


@pytest.mark.parametrize("kind", KINDS)
def test_its_status_is_the_one_that_is_answered(kind: type[errors.SignoffError]) -> None:
    told = PROBLEMS[f"urn:signoff:{name_of(made(kind))}"]
    assert told["status"] == status_of(made(kind)).value
    assert all(told[name].endswith(".") for name in ("meaning", "remedy"))


def test_the_page_says_the_same() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `python -m tests.api.test_problems`"


def test_the_document_says_where_to_read_on() -> None:
    told = document("https://choices.example.com/api")
    assert "docs/problems.md" in told["info"]["description"]
    assert told["externalDocs"]["url"] == "https://choices.example.com/api/docs"


def test_a_type_is_the_urn_that_is_told() -> None:
    assert json.loads(problem(errors.UnknownKey()).body)["type"] in PROBLEMS


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
