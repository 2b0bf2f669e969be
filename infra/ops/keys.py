"""`python -m infra keys`: list the master keys of a stage, rotate them, mark one as compromised."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.client.commands import stopping
from infra.client.shown import Shown
from infra.local.children import ROOT
from infra.local.problems import CannotRun
from infra.ops import aws, deployed, deployment, yes

if TYPE_CHECKING:
    from infra.ops.kept_keys import Kept
    from infra.ops.rotation import Keys

_LINE = "list the keys that links are made of, rotate them, mark one as compromised"
_DESCRIPTION = """\
Every link, cursor and API key names the version of the master key that it was made under, and works as long as that
version is kept: for ever. No command here prints a key or takes one away.

With --stage the keys of a deployed stage are meant, without it those of `make run`, in its data folder."""
_EXAMPLE = """\
  python -m infra keys list --stage prod
  python -m infra keys rotate --stage prod --yes
  python -m infra keys compromise --stage prod --version 3 --yes"""
_LIST = "Lists the versions, and what each does now."
_ROTATE = """\
Adds a version. It verifies at once and mints from ten minutes later on, so that no container is behind; until then the
version before it mints. Links minted before work on. The functions of the stage are told by a setting
(SIGNOFF_KEYS_CHANGED), so that their containers begin anew; no request fails meanwhile. First it shows the keys as they
would be.

Exits with 0: done; 1: failed, or not wanted; 130: stopped by Ctrl-C."""
_COMPROMISE = """\
Marks a version whose key may be known to somebody else. Its links still opt out and open nothing else: no preference
centre, no data, no history. Where it is the version that mints, a new one mints in its place at once. It cannot be
taken back. What came by its links can be: see `python -m infra revert --key-version`. Run again it tells the functions
again. First it shows the keys as they would be.

Exits with 0: done; 1: failed, or not wanted; 130: stopped by Ctrl-C."""


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = _parser(commands, "keys", _LINE, _DESCRIPTION, epilog=f"examples:\n{_EXAMPLE}")
    acts = parser.add_subparsers(required=True, metavar="list|rotate|compromise")
    _add(acts, "list", _LIST, _list)
    _add(acts, "rotate", _ROTATE, _rotate)
    _add(acts, "compromise", _COMPROMISE, _compromise).add_argument(
        "--version", type=int, required=True, metavar="N", help="the version whose key may be known to others"
    )


def _add(acts: Any, name: str, text: str, command: Any) -> argparse.ArgumentParser:
    parser = _parser(acts, name, text.partition(".")[0], text)
    parser.add_argument("--stage", metavar="NAME", help="one of the stages in .chalice/config.json")
    parser.add_argument(
        "--project", type=Path, default=ROOT, metavar="FOLDER", help="where .chalice is (else this project)"
    )
    parser.add_argument(
        "--data-dir", type=Path, metavar="FOLDER", help="that of `make run` (else SIGNOFF_LOCAL_DIR, else .local)"
    )
    if name != "list":
        yes.add_to(parser)
        deployed.add_to(parser)
    aws.add_to(parser)
    parser.set_defaults(command=command)
    return parser


def _parser(commands: Any, name: str, line: str, text: str, **more: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=line,
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        **more,
    )
    return parser


def _list(options: argparse.Namespace) -> int:
    kept, shown = _kept(options), Shown()
    shown.summary(f"Master keys of {kept.name}", kept.read().rows())
    return 0


def _rotate(options: argparse.Namespace) -> int:
    kept = _kept(options)
    before = kept.read()
    return _change(options, kept, before, before.rotated())


def _compromise(options: argparse.Namespace) -> int:
    kept = _kept(options)
    before = kept.read()
    return _change(options, kept, before, before.compromised(options.version))


def _change(options: argparse.Namespace, kept: Kept, before: Keys, after: Keys) -> int:
    shown = Shown()
    from infra.ops.asked import is_wanted  # noqa: PLC0415 - as below

    if not options.yes:
        shown.summary(f"Master keys of {kept.name}, as they would be", after.rows())
    if not is_wanted(options, shown, "The keys would be changed to these."):
        return 1
    return stopping(shown, lambda: _do(shown, kept, before, after), lambda: _standing(options))


def _do(shown: Shown, kept: Kept, before: Keys, after: Keys) -> int:
    if after != before:
        kept.write(after)
    shown.summary(f"Master keys of {kept.name}", after.rows())
    try:
        for line in kept.begin_anew(after):
            shown.note(line)
    except CannotRun as error:
        raise CannotRun(
            f"The keys are changed, but not all functions were told to begin anew: {error} Containers that run learn a "
            "new version from the first link made under it. Of a version that is compromised they learn only so: "
            "repeat the command for it."
        ) from None
    return 0


def _standing(options: argparse.Namespace) -> str:
    return f"Perhaps the keys are changed: see `{deployment.command(options, 'keys', 'list')}`."


def _kept(options: argparse.Namespace) -> Kept:
    """Where the keys are that the options mean. Raises CannotRun."""
    from infra.ops.kept_keys import FolderKeys, StageKeys  # noqa: PLC0415 - the other commands need not load it

    if options.stage is None:
        return FolderKeys(options.data_dir or Path(os.environ.get("SIGNOFF_LOCAL_DIR") or ".local"))
    if options.data_dir is not None:
        raise CannotRun("--stage and --data-dir mean two deployments: use one of them.")
    from infra.ops.places import go_there  # noqa: PLC0415 - as above
    from infra.ops.stages import stage_of  # noqa: PLC0415 - as above

    stage = stage_of(options)
    go_there(stage, options)
    return StageKeys(stage, options)
