"""What is typed for `finish` and cannot be: one sentence, before anything is asked, with --dry-run as without."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from infra.__main__ import main
from tests.infra.deploying.accounts import DOMAIN
from tests.infra.processes import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.deploying.accounts import Account
    from tests.infra.deploying.finishes import Finish

NOBODY = "http://127.0.0.1:9"
"""No engine: whatever asked one would say more, or something else."""
WRONG = {
    "a limit that there is not": (["--set", "Nonsense=1"], "--set is 'Nonsense=1'; it should be one of FormPostsMost,"),
    "a parameter that is no limit": (["--set", "Stage=1"], "--set is 'Stage=1'"),
    "a limit without a number": (["--set", "OptOutsMost"], "--set is 'OptOutsMost'"),
    "a limit in words": (["--set", "OptOutsMost=many"], "--set is 'OptOutsMost=many'"),
    "a limit below nothing": (["--set", "OptOutsMost=-1"], "--set is 'OptOutsMost=-1'"),
    "a limit in other digits": (["--set", "OptOutsMost=\u0663"], "and a whole number"),
    "a limit that is far too large": (["--set", "PagesMost=1000000000"], "of at most nine digits"),
    "a rate that WAF does not take": (["--set", "PagesMost=9"], "--set is 'PagesMost=9'; PagesMost is 10 at least."),
    "the second of two limits": (["--set", "OptOutsMost=1", "--set", "X=1"], "--set is 'X=1'"),
    "no address": (
        ["--alarm-email", "nobody-example.com"],
        "--alarm-email is not a mail address: an address has an @.",
    ),
    "an empty address": (["--alarm-email", ""], "--alarm-email is not a mail address: the address is empty."),
    "no topic": (["--alarm-topic-arn", "alarms"], "--alarm-topic-arn is not like arn:aws:sns:"),
    "an empty topic": (["--alarm-topic-arn", ""], "--alarm-topic-arn is not like arn:aws:sns:"),
    "a topic elsewhere": (
        ["--alarm-topic-arn", "arn:aws:sns:eu-west-1:123456789012:alarms"],
        "The topic is in eu-west-1 and the stage in us-east-1",
    ),
    "a zone without a domain": (["--hosted-zone-id", "Z1"], "The stage dev has no domain, so that there is no record"),
    "an open URL": (["--public-url", "http://proxy.example.com"], "--public-url cannot be used: it must be https"),
    "no URL": (["--public-url", "proxy.example.com"], "--public-url cannot be used: it is not a URL such as"),
}
OF_A_DOMAIN = {
    "no zone": (["--hosted-zone-id", "/hostedzone/Z1"], "--hosted-zone-id is '/hostedzone/Z1'; it should be like Z0"),
    "another URL": (["--public-url", "https://proxy.example.com"], f"lead to its domain, {DOMAIN}: it has no"),
}
TIMES = ["-1", "nan", "inf", "1441", "soon"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stage without a domain, dev, and one with, prod."""
    told = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
    told["stages"]["prod"]["api_gateway_custom_domain"] = {"domain_name": DOMAIN}
    (tmp_path / ".chalice").mkdir()
    (tmp_path / ".chalice" / "config.json").write_text(json.dumps(told), "utf-8")
    return tmp_path


def finishing(project: Path, stage: str, *arguments: str) -> int:
    where = ["--project", str(project), "--region", "us-east-1", "--endpoint-url", NOBODY]
    return main(["finish", "--stage", stage, *where, *arguments])


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]], ids=["for real", "dry run"])
class TestTyped:
    @pytest.mark.parametrize("case", WRONG)
    def test_wrongly(
        self, case: str, dry_run: list[str], folder: Path, capsys: pytest.CaptureFixture[str], local_aws: None
    ) -> None:
        typed, sentence = WRONG[case]
        assert finishing(folder, "dev", *typed, *dry_run) == 1
        said = capsys.readouterr().err
        assert sentence in said
        assert said.count("\n") == 1

    @pytest.mark.parametrize("case", OF_A_DOMAIN)
    def test_wrongly_for_a_stage_with_a_domain(
        self, case: str, dry_run: list[str], folder: Path, capsys: pytest.CaptureFixture[str], local_aws: None
    ) -> None:
        typed, sentence = OF_A_DOMAIN[case]
        assert finishing(folder, "prod", *typed, *dry_run) == 1
        assert sentence in capsys.readouterr().err

    @pytest.mark.parametrize("time", TIMES)
    def test_a_time_that_there_is_not(
        self, time: str, dry_run: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            finishing(folder, "dev", f"--wait={time}", *dry_run)
        assert ended.value.code == 2
        assert f"{time!r} is no number of minutes from 0 to 1440" in capsys.readouterr().err


def test_an_address_that_cannot_be_is_not_repeated(
    folder: Path, capsys: pytest.CaptureFixture[str], local_aws: None
) -> None:
    assert finishing(folder, "dev", "--alarm-email", "ada..lovelace@example.com") == 1
    assert "lovelace" not in capsys.readouterr().err


def test_what_is_right_is_asked_about(account: Account, finish: Finish) -> None:
    """Else nothing above would say that it is looked at before."""
    typed = ["--set", "PagesMost=10", "--alarm-email", "ops@example.com", "--public-url", "https://proxy.example.com/x"]
    assert "The stage dev is not provisioned" in finish(*typed, "--dry-run").text
