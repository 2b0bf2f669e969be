"""The stacks: are they there and whole, protected, and made of the templates in this folder?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.ops.domains import PROD
from infra.ops.examined.finding import Finding, NotChecked, Of
from infra.ops.examined.view import here

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.ops.examined.view import Deployed, View

GROUP = "stacks"
_WHOLE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
_UNDONE = frozenset({"UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"})


def storage_stack(view: View) -> Iterator[Finding]:
    """The stack of stores."""
    yield from look_at_stack(view, view.stage.storage_stack, here(), "infra/storage.yaml", "provision")


def look_at_stack(view: View, name: str, template: dict[str, Any], file: str, command: str) -> Iterator[Finding]:
    """A stack, beside its template in this folder and the command that makes it."""
    of, again = Of(GROUP, name), f"Run `{view.command(command)}`"
    stack = view.stack(name)
    if stack is None:
        yield of.differs("is there", f"There is no such stack. {again}.")
        return
    yield of.ok("is there")
    yield _state(of, stack, again)
    if view.name == PROD and name == view.stage.storage_stack:
        yield of.holds(
            "termination protection",
            is_so=stack.is_protected,
            text=f"One call could delete the stack of prod. {again}, which turns it on.",
        )
    yield _same_template(of, stack, template, file, again)


def _state(of: Of, stack: Deployed, again: str) -> Finding:
    text = f"It is {stack.status}"
    if stack.status in _WHOLE:
        return of.ok("state")
    if stack.status in _UNDONE:
        return of.differs("state", f"{text}: its last change failed and was taken back. {again}: it says why.")
    if stack.status.endswith("_IN_PROGRESS"):
        return of.differs("state", f"{text}: somebody is changing it. Look again when that is done.")
    return of.differs("state", f"{text}. {again}: it says why, and the way out.")


def _same_template(of: Of, stack: Deployed, template: dict[str, Any], file: str, again: str) -> Finding:
    names = [name for name in ("Parameters", "Conditions", "Outputs") if stack.template.get(name) != template.get(name)]
    made, told = stack.template["Resources"], template["Resources"]
    names += [name for name in {**told, **made} if made.get(name) != told.get(name)]
    return of.holds(
        f"is made of {file}",
        is_so=not names,
        text=f"The stack is of another version of the file: {', '.join(names)} differ. {again} (with --dry-run it "
        "shows what would change).",
    )


def drift(view: View) -> Iterator[Finding]:
    """What CloudFormation itself finds of differences between the storage stack and what is there."""
    from infra.ops.examined.drift import drifted  # noqa: PLC0415 - it waits, and is asked for last

    if view.is_local:
        raise NotChecked("Local engines have no drift detection.")
    name = view.stage.storage_stack
    if view.stack(name) is None:
        raise NotChecked(f"There is no stack {name}.")
    yield from drifted(view.client("cloudformation"), name)
