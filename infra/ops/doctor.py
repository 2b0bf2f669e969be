"""`python -m infra doctor`: what is there beside what should be there, each difference with what to do."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from infra.client.commands import stopping
from infra.client.shown import Shown, counted
from infra.ops import aws, deployed, stages
from infra.ops.hints import with_place
from infra.ops.places import go_there

if TYPE_CHECKING:
    from infra.ops.examined.finding import Finding
    from infra.ops.examined.outside import Outside
    from infra.ops.examined.view import View

_LINE = "check every resource, policy and setting of a stage against what the stacks say"
_DESCRIPTION = """\
Looks at everything that belongs to a stage, and changes nothing: the stacks beside infra/storage.yaml and
infra/edge.yaml, each table, bucket, queue, key and secret beside its stack, the functions, roles and the API beside
.chalice/config.json and the policies beside it, the domain with its certificate and DNS, the firewall, logs and alarms,
the account's quota of functions at once, and whether the service answers. Each difference is told in a sentence with
what to do. A "hint" is no difference: what nobody set wrong and you will want to know, such as a low quota.

What could not be looked at, because these credentials may not or the engine does not have it, is told as "not checked"
and never as "ok". What is in a secret is read, to see whether the service could use it, and never told.

Exits with 0: all is as it should be, hints or not; 1: something differs (or the command could not run); 3: nothing
differs, but something could not be checked; 130: stopped by Ctrl-C."""
_EXAMPLE = """\
  python -m infra doctor --stage prod
  python -m infra doctor --stage prod --json | jq '.findings[] | select(.state == "differs")'"""
_MARKS = {"ok": "ok", "hint": "hint", "differs": "DIFFERS", "not checked": "not checked"}


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = commands.add_parser(
        "doctor",
        help=_LINE,
        description=_DESCRIPTION,
        epilog=f"examples:\n{_EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    stages.add_to(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object with all findings, on standard output")
    parser.add_argument("--quiet", action="store_true", help="leave out what is as it should be")
    deployed.add_to(parser)
    aws.add_to(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, outside: Outside | None = None) -> int:
    """Look, and tell. Raises CannotRun."""
    shown = Shown()
    return stopping(shown, lambda: _run(options, shown, outside), lambda: "Nothing was changed.")


def _run(options: argparse.Namespace, shown: Shown, outside: Outside | None) -> int:
    from infra.ops.examined.examining import CHECKS, code_of, examine  # noqa: PLC0415 - the other commands need not load it

    view = view_of(options, outside)
    with aws.explaining():
        view.account  # noqa: B018 - the first call: without credentials nothing else needs to be tried
    with shown.work("Checked", len(CHECKS)) as bar:
        told = examine(view, CHECKS, lambda done, what: bar.to(done, len(CHECKS), what))
    found = [replace(each, text=with_place(each.text, options)) for each in told]
    sys.stdout.write(_json(view, found) if options.json else _text(found, is_quiet=options.quiet))
    sys.stdout.flush()
    shown.note(_sum(found))
    return code_of(found)


def view_of(options: argparse.Namespace, outside: Outside | None = None) -> View:
    """What the checks look through. Raises CannotRun, where the stage is elsewhere, too."""
    from infra.ops.examined.outside import Internet, Nowhere  # noqa: PLC0415 - as above
    from infra.ops.examined.view import View  # noqa: PLC0415 - as above

    stage = stages.stage_of(options)
    go_there(stage, options)
    aws.session(options)
    return View(options, stage, outside or (Nowhere() if aws.is_local(options) else Internet()))


def _text(found: list[Finding], *, is_quiet: bool) -> str:
    lines: list[str] = []
    group = ""
    for each in found:
        if is_quiet and each.state == "ok":
            continue
        if each.group != group:
            lines.append(("\n" if lines else "") + each.group)
            group = each.group
        tail = f": {each.text}" if each.text else ""
        lines.append(f"  {_MARKS[each.state]:<11}  {each.of}  {each.what}{tail}")
    return "".join(f"{line}\n" for line in lines)


def _json(view: View, found: list[Finding]) -> str:
    told = {
        "stage": view.name,
        "region": view.region,
        "account": view.account,
        "counts": {name: _count(found, name) for name in _MARKS},
        "findings": [
            {"group": each.group, "of": each.of, "what": each.what, "state": str(each.state), "text": each.text}
            for each in found
        ],
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _sum(found: list[Finding]) -> str:
    counts = {name: _count(found, name) for name in _MARKS}
    plural = {"hint": "hints", "differs": "differ"}
    return ", ".join(counted(number, name, plural.get(name, name)) for name, number in counts.items()) + "."


def _count(found: list[Finding], state: str) -> int:
    return sum(each.state == state for each in found)
