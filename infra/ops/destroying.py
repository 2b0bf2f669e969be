"""What `destroy` does: looks at what is in the way, asks, deletes the stacks, and tells what stays."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from infra.local.problems import CannotRun
from infra.ops import aws
from infra.ops.asked import nobody_here
from infra.ops.deployed import API_NOTE, any_function
from infra.ops.domains import PROD
from infra.ops.hints import aws_at
from infra.ops.places import check_place
from infra.ops.retained import Kept, kept_of
from infra.ops.stack_told import event_told
from infra.ops.stacks import Stack
from infra.ops.stages import stage_of

if TYPE_CHECKING:
    import argparse

    from infra.client.shown import Shown


class Destroying:
    """One run of the command."""

    def __init__(self, options: argparse.Namespace, shown: Shown) -> None:
        self.shown = shown
        self._options = options
        self._stage = stage_of(options)
        if options.region is None and self._stage.place is not None:
            options.region = self._stage.place.region

    def run(self) -> int:
        """Destroy, or with --dry-run tell what it would do. Raises CannotRun."""
        check_place(self._stage, str(aws.session(self._options).region_name), self._options)
        stacks = self._stacks()
        kept = kept_of(self._stage, self._options)
        if not stacks:
            self.shown.note(f"The stage {self._stage.name} has no stack here: there is nothing to destroy.")
            if kept:
                self._tell_kept(kept)
            return 0
        self._tell(stacks, kept)
        in_the_way = [*self._deployment(), *self._protected(stacks, kept)]
        for line in in_the_way:
            self.shown.note(f"\nIn the way: {line}")
        if self._options.dry_run:
            self.shown.note("Nothing was changed (--dry-run).")
            return 0
        if in_the_way:
            raise CannotRun("Nothing was changed: what is in the way has to be taken away by hand first, see above.")
        self._check_confirmed()
        for stack in stacks:
            self.shown.note(f"Deleting {stack.name}.")
            stack.delete()
        self.shown.note(f"The stage {self._stage.name} is destroyed.")
        self._tell_kept(kept)
        return 0

    def standing(self) -> str:
        """How things are after Ctrl-C."""
        return "CloudFormation may still be at work on the stacks: the same command goes on where this one stopped."

    def _stacks(self) -> list[Stack]:
        """Those that are there; what stands around the API goes first, for it stands on the rest."""
        client = aws.client("cloudformation", self._options)
        names = (self._stage.edge_stack, self._stage.storage_stack)
        found = [Stack(client, name, event_told(name, self.shown.note)) for name in names]
        return [stack for stack in found if stack.status() is not None]

    def _tell(self, stacks: list[Stack], kept: list[Kept]) -> None:
        self.shown.note("Would go:")
        for stack in stacks:
            self.shown.note(f"  the stack {stack.name}, with what it does not retain")
        self.shown.note("Stays, with all that is in it:")
        for each in kept:
            self.shown.note(f"  {each.what}")

    def _deployment(self) -> list[str]:
        """The functions, which would answer errors without their stores."""
        name = any_function(self._stage, self._options)
        if name is None:
            return []
        ways = "Links that lead to its domain open again once the stage is provisioned and deployed anew."
        if self._stage.domain is None:
            ways = "The stage has no domain: links that lead to the address of its API die with it, for ever."
        return [f"the function {name} is still deployed. Run {self._undeploying()} first. {ways}"]

    def _undeploying(self) -> str:
        note = self._options.project / ".chalice" / "deployed" / f"{self._stage.name}.json"
        if note.exists():
            return f"`chalice delete --stage {self._stage.name}`"
        stack = self._options.app_stack or self._stage.deployed_as
        if Stack(aws.client("cloudformation", self._options), stack).status() is not None:
            return f"`aws cloudformation delete-stack --stack-name {stack}{aws_at(self._options)}`"
        return f"`chalice delete --stage {self._stage.name}` (where {API_NOTE} is: it is not here)"

    def _protected(self, stacks: list[Stack], kept: list[Kept]) -> list[str]:
        at = aws_at(self._options)
        lines = [
            f"the stack {stack.name} is protected. To take that off: `aws cloudformation update-termination-protection "
            f"--no-enable-termination-protection --stack-name {stack.name}{at}`."
            for stack in stacks
            if stack.is_protected()
        ]
        return lines + [
            f"{each.what} is protected from deletion. It stays in any case; this keeps a stage from being taken away "
            f"by one line. To take it off: `aws dynamodb update-table --table-name {each.name} "
            f"--no-deletion-protection-enabled{at}`."
            for each in kept
            if each.is_protected
        ]

    def _check_confirmed(self) -> None:
        """Raises CannotRun where the stage's name is not said."""
        name, options = self._stage.name, self._options
        if options.confirm is not None:
            said = options.confirm
        elif options.yes and name != PROD:
            said = name
        elif not sys.stdin.isatty():
            raise CannotRun(nobody_here(options, f"--confirm={name}" if name == PROD else "--yes"))
        else:
            self.shown.err.print(f"Type the name of the stage ({name}) to do it: ", end="")
            said = sys.stdin.readline().strip()
        if said != name:
            raise CannotRun(f"Nothing was changed: {said!r} is not the name of the stage.")

    def _tell_kept(self, kept: list[Kept]) -> None:
        self.shown.note(
            "What was retained is there, and costs what it did. To have the stage again with it: "
            f"{self._stage.command('provision', '--adopt')}\n"
            "To remove it for good, which makes every link and every suppression of this stage useless for ever:"
        )
        for each in kept:
            self.shown.note(f"  {each.removal}")
