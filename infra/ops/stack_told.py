"""A stack's plan and its progress, as people who wait see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.ops.stacks import Event, Plan, Stack

_MARKS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "<", "Dynamic": "?"}


def plan_told(
    stack: Stack, template: str, parameters: Mapping[str, str], note: Callable[[str], None], *, dry_run: bool
) -> Plan:
    """What it takes to have the stack as `template` says, each change on a line. Raises CannotRun."""
    if dry_run:
        _refuse_to_clear(stack)
    else:
        stack.make_ready(note)
    plan = stack.plan(template, parameters)
    if not plan.changes:
        note(f"{stack.name}: nothing to change.")
    for change in plan.changes:
        replaced = "  (made anew: the old one is kept)" if change.replaces else ""
        note(f"  {_MARKS.get(change.action, '?')} {change.resource}  {change.type}{replaced}")
    return plan


def event_told(stack: str, note: Callable[[str], None]) -> Callable[[Event], None]:
    """Hears what happens to the resources of a stack, and says it."""

    def told(event: Event) -> None:
        if event.resource != stack:
            note(f"  {event.status.replace('_', ' ').lower():<20} {event.resource}  {event.type}")

    return told


def _refuse_to_clear(stack: Stack) -> None:
    """A dry run waits for nobody and clears nothing away."""
    status = stack.status()
    if (status is not None and not status.endswith("_COMPLETE")) or status == "ROLLBACK_COMPLETE":
        raise CannotRun(
            f"{stack.name} is half made ({status}), so there is nothing to compare with: "
            "the command without --dry-run says why, clears it away or waits for it, and makes it."
        )
