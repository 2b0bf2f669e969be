"""A resource beside its template, property by property: each difference with what it means and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.ops.examined.finding import Finding, Of

if TYPE_CHECKING:
    from infra.ops.examined.view import View


@dataclass(frozen=True, slots=True)
class Told:
    """A property in people's words, and what to do where it differs; `{name}` in it is the resource's."""

    what: str
    todo: str


@dataclass(frozen=True, slots=True)
class Kind:
    """How resources of one type are compared."""

    group: str
    told: Mapping[str, Told]
    passed_over: frozenset[str] = frozenset()
    """Properties that are no state of a resource, or that it could not be found without."""


def compare(  # noqa: PLR0913 - two of them are of one resource each
    view: View,
    kind: Kind,
    resource: str,
    found: dict[str, Any],
    names: Mapping[str, str] | None = None,
    *,
    called: str = "",
) -> Iterator[Finding]:
    """Each property of the template beside `found`, which has them in the template's words.

    `called` is the resource's name, where that is not the template's.
    """
    template = view.storage
    of = Of(kind.group, called or template.name(resource))
    for name, expected in template.properties(resource).items():
        if name in kind.passed_over:
            continue
        told = kind.told.get(name)
        if told is None or name not in found:
            yield of.unknown(name, f"This version of the command does not know the property {name}")
        else:
            todo = told.todo.format(name=of.of, stage=view.name, **(names or {}))
            yield of.same(told.what, found[name], expected, todo)
