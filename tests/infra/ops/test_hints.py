"""What messages tell people to type next: the whole command, for the stage and the place that they typed."""

from __future__ import annotations

import argparse
import ast
import re
from typing import TYPE_CHECKING

import pytest

from infra.__main__ import parser
from infra.ops.hints import command_on, typed_of, with_place
from tests.infra.processes import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = [*(ROOT / "infra" / "ops").rglob("*.py")]
BY_HAND = re.compile(r"python -m infra (?!backup-key\b)(?!\S+ --help)")
"""A command that is written out; what needs no stage is left out, and so is help."""


def typed(*words: str) -> argparse.Namespace:
    options = parser().parse_args(words)
    options.words = list(words)
    return options


def messages(file: Path) -> list[tuple[int, str]]:
    """The texts of a source that a command shows: no docstring, and no help, whose commands are examples."""
    tree = ast.parse(file.read_text("utf-8"))
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    others = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    others |= {id(node.value) for node in tree.body if isinstance(node, ast.Assign) and is_help(node)}
    return [(node.lineno, str(node.value)) for node in texts if id(node) not in others]


def is_help(node: ast.Assign) -> bool:
    """A text of a parser has several lines, or is the example alone."""
    name = node.targets[0]
    text = node.value.value if isinstance(node.value, ast.Constant) else None
    return isinstance(text, str) and ("\n" in text or (isinstance(name, ast.Name) and name.id == "_EXAMPLE"))


def test_no_message_writes_a_command_out() -> None:
    """`Stage.command` and `deployment.command` make them, with --stage and with where it is."""
    found = [
        f"{file.relative_to(ROOT)}:{line}: {text}"
        for file in SOURCES
        if file.name != "hints.py"
        for line, text in messages(file)
        if BY_HAND.search(text)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (["--stage", "prod"], "--stage prod"),
        (["--stage", "prod", "--region", "eu-central-1"], "--stage prod --region eu-central-1"),
        (["--region=eu-central-1", "--stage=prod"], "--stage prod --region eu-central-1"),
        (["--stage", "dev", "--endpoint-url", "http://127.0.0.1:1"], "--stage dev --endpoint-url http://127.0.0.1:1"),
        (["--project", "my folder", "--stage", "dev"], "--stage dev --project 'my folder'"),
    ],
)
def test_a_command_has_what_was_typed(words: list[str], where: str) -> None:
    options = typed("status", *words)
    assert command_on(options.stage, typed_of(options), "doctor") == f"python -m infra doctor {where}"


def test_where_nothing_was_typed_nothing_is_added() -> None:
    """`chalice deploy` looks at a stage too."""
    assert typed_of(argparse.Namespace(stage="dev", region=None)) == ()


def test_commands_of_aws_go_where_this_one_went() -> None:
    """They read no .chalice/config.json, so that a region which was found there is told them, too."""
    options = argparse.Namespace(region="eu-central-1", endpoint_url=None)
    at = "--region eu-central-1"
    for text, placed in (
        ("Run `aws s3 rb s3://x`, then `chalice deploy`.", f"Run `aws s3 rb s3://x {at}`, then `chalice deploy`."),
        ("`aws configure`, `aws sso login`", "`aws configure`, `aws sso login`"),
        ("`aws sqs x --region eu-west-1`", "`aws sqs x --region eu-west-1`"),
        ("`aws kms a && aws kms b` (see `aws`)", f"`aws kms a {at} && aws kms b {at}` (see `aws`)"),
    ):
        assert with_place(text, options) == placed


def test_a_region_that_was_found_is_not_typed() -> None:
    options = typed("status", "--stage", "prod")
    options.region = "eu-central-1"
    assert typed_of(options) == ()


def test_the_stack_of_a_pipeline_is_named_to_the_commands_that_ask_for_it() -> None:
    options = typed("doctor", "--stage", "prod", "--app-stack", "shop-mail")
    told = typed_of(options)
    assert command_on("prod", told, "finish").endswith(" --stage prod --app-stack shop-mail")
    assert command_on("prod", told, "provision").endswith(" --stage prod")
    compromise = command_on("prod", told, "keys compromise", "--version 3")
    assert compromise.endswith(" --stage prod --app-stack shop-mail"), "else it would reach no function"
