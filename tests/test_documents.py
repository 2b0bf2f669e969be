"""What the documents name is there: commands with their options, files, headings, and each alarm with what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from botocore import xform_name
from botocore.session import get_session
from chalice.cli import cli as chalice_cli

from bench import costs
from infra.__main__ import parser
from infra.edge import load_template
from tests.documents import DOCUMENTS, ROOT, anchors, commands, links

if TYPE_CHECKING:
    from pathlib import Path

    from tests.documents import Command

OPERATE = ROOT / "docs" / "operate.md"
UNFINISHED = ("the following arguments are required", "one of the arguments", "expected one argument")
"""What a command lacks that is named in a sentence, and not to be typed as it stands."""
AWS_ITSELF = {
    ("cloudformation", "deploy"): {"template-file", "stack-name", "s3-bucket", "s3-prefix", "capabilities", "region"},
    ("cloudformation", "package"): {"template-file", "s3-bucket", "s3-prefix", "output-template-file", "use-json"},
    ("configure", ""): set(),
    ("logs", "tail"): {"since", "follow", "filter-pattern"},
    ("s3", "cp"): {"recursive", "sse"},
    ("s3", "mb"): {"region"},
    ("s3", "ls"): {"recursive"},
    ("sso", "login"): {"profile"},
}
"""Commands of AWS's command line that are no calls of a service: https://docs.aws.amazon.com/cli/latest/reference/"""
AWS_ALWAYS = {"region", "profile", "query", "output", "no-cli-pager", "endpoint-url"}


def test_there_are_commands_to_try() -> None:
    assert [each for each in commands("python", "-m", "infra") if each.whole]
    assert [each for each in commands("python", "-m", "infra") if not each.whole]


@pytest.mark.parametrize("command", commands("python", "-m", "infra"), ids=str)
def test_every_command_and_option_is_there(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint(command.words, capsys)
    assert not said or (not command.whole and any(words in said for words in UNFINISHED)), said


def complaint(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    """What the command line says against them; `…` stands for any command."""
    if words == ("…",):
        return ""
    try:
        parser().parse_args(words)
    except SystemExit as end:
        said = capsys.readouterr().err
        return said if end.code else ""
    return ""


@pytest.mark.parametrize("command", commands("chalice"), ids=str)
def test_every_command_of_chalice_is_there(command: Command) -> None:
    known = chalice_cli.commands[command.words[0]]
    options = {option for parameter in known.params for option in parameter.opts}
    assert {word for word in command.words[1:] if word.startswith("--")} <= options


@pytest.mark.parametrize("command", commands("aws"), ids=str)
def test_every_command_of_aws_is_there(command: Command) -> None:
    service, operation = (*command.words, "", "")[:2]
    named = {word[2:].partition("=")[0] for word in command.words if word.startswith("--")}
    own = AWS_ITSELF.get((service, operation))
    assert named <= (call_of(service, operation) if own is None else own) | AWS_ALWAYS


def call_of(service: str, operation: str) -> set[str]:
    """The options of a call, as AWS's command line names them."""
    model = get_session().get_service_model(service)
    [name] = [each for each in model.operation_names if xform_name(each, "-") == operation]
    shape = model.operation_model(name).input_shape
    options = set() if shape is None else {xform_name(member, "-") for member in shape.members}
    return options | {f"no-{option}" for option in options}


@pytest.mark.parametrize(("document", "link"), links(), ids=lambda each: str(each).rpartition("/")[2])
def test_every_link_leads_somewhere(document: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    file = (document.parent / path).resolve() if path else document
    assert file.exists(), link
    assert not anchor or anchor in anchors(file), link


def test_decisions_are_numbered_as_their_files_are() -> None:
    files = [file for file in DOCUMENTS if file.parent.name == "decisions"]
    numbers = [int(file.name[:4]) for file in files]
    assert numbers == sorted(set(numbers))
    for file, number in zip(files, numbers, strict=True):
        assert re.match(rf"# {number}\. \S", file.read_text("utf-8")), file.name


def test_every_alarm_has_a_section_that_says_what_to_do() -> None:
    """By its anchor, in the order of the template; and each names the one it has."""
    resources = load_template()["Resources"].values()
    told = [each["Properties"] for each in resources if each["Type"] == "AWS::CloudWatch::Alarm"]
    names = [each["AlarmName"]["Fn::Sub"].removeprefix("signoff-${Stage}-") for each in told]
    assert names
    for name, alarm in zip(names, told, strict=True):
        assert f"docs/operate.md#alarm-{name}" in " ".join(str(alarm["AlarmDescription"]).split()), name
    text = OPERATE.read_text("utf-8")
    sections = re.findall(r'^<a id="alarm-([\w-]+)"></a>\n### (\S+)\n\n\*.+?\*', text, re.MULTILINE | re.DOTALL)
    assert sections == [(name, name) for name in names]


def test_the_costs_are_those_that_the_command_prints() -> None:
    """Of what is in the repository now: after a change, `python -m bench.costs --write`."""
    assert costs.shown() == costs.tables(costs.reckon())


def test_a_document_names_no_place_of_a_machine() -> None:
    for file in DOCUMENTS:
        assert not re.search(r"/work/|/root/|/home/|/tmp/", file.read_text("utf-8")), file.relative_to(ROOT)
