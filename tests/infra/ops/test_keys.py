"""`python -m infra keys`, on a stage at moto over HTTP and on a data folder."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest

from chalicelib.keyring import Keyring, master_keys_from
from infra.__main__ import main
from infra.local.environment import REGION
from infra.local.folder import open_folder
from infra.local.problems import CannotRun
from infra.ops.kept_keys import CHANGED, FolderKeys, Kept, StageKeys
from infra.ops.stages import read_stage
from tests.infra.deploying.conftest import account_server
from tests.infra.ops.typed import Terminal
from tests.kept_secrets import Document, KeptSecrets, master_key

if TYPE_CHECKING:
    import argparse

__all__ = ["account_server"]

ONE: Document = {"1": master_key(1)}
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Ops:
    """Types commands on a stage whose project is in a folder of its own."""

    kept: KeptSecrets
    project: Path
    capture: pytest.CaptureFixture[str]

    def keys(self, *words: str) -> Said:
        at = ("--stage", self.kept.stage, "--project", str(self.project), "--endpoint-url", self.kept.url)
        code = main(["keys", words[0], *at, *words[1:]])
        said = self.capture.readouterr()
        for told in self.kept.document.values() if words[0] != "list" else ():
            assert told["secret"] not in said.out + said.err
        return Said(code, said.out, said.err)

    def client(self, service: str) -> Any:
        return botocore.session.get_session().create_client(service, REGION, endpoint_url=self.kept.url)

    def deploy(self, *names: str, prefix: str | None = None) -> list[str]:
        """Functions as `chalice deploy` would leave them, and its note of them."""
        role = self.client("iam").create_role(RoleName=self.kept.stage, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        before = f"{self.kept.stage}-" if prefix is None else prefix
        arns = [self._function(before + name, role) for name in names]
        resources = [{"name": "role", "resource_type": "iam_role", "role_arn": role}]
        resources += [{"name": "api", "resource_type": "lambda_function", "lambda_arn": arn} for arn in arns]
        note = self.project / ".chalice" / "deployed" / f"{self.kept.stage}.json"
        note.parent.mkdir()
        note.write_text(json.dumps({"resources": resources, "schema_version": "2.0", "backend": "api"}), "utf-8")
        return arns

    def _function(self, name: str, role: str) -> str:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("app.py", "")
        made = self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=role,
            Handler="app.app",
            Code={"ZipFile": packed.getvalue()},
            Environment={"Variables": {"SIGNOFF_PUBLIC_URL": "https://choices.example.com"}},
        )
        return str(made["FunctionArn"])

    def settings(self, arn: str) -> dict[str, str]:
        told: dict[str, str] = self.client("lambda").get_function_configuration(FunctionName=arn)["Environment"][
            "Variables"
        ]
        return told


@pytest.fixture
def ops(account_server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ops:
    """At the moto that also has CloudFormation, where a pipeline's stack would be."""
    kept = KeptSecrets.at(account_server, ONE)
    return Ops(kept, project_of(kept, tmp_path), capsys)


def project_of(kept: KeptSecrets, folder: Path) -> Path:
    (folder / ".chalice").mkdir()
    settings = {"environment_variables": {"SIGNOFF_MASTER_SECRET": kept.master_arn}}
    document = {"version": "2.0", "app_name": "signoff", "stages": {kept.stage: settings, "empty": {}}}
    (folder / ".chalice" / "config.json").write_text(json.dumps(document), "utf-8")
    return folder


def stage_keys(ops: Ops, options: argparse.Namespace) -> StageKeys:
    return StageKeys(read_stage(ops.project / ".chalice" / "config.json", ops.kept.stage), options)


def versions(document: Document) -> dict[str, str]:
    return {version: told["state"] for version, told in document.items()}


def test_they_are_listed_and_no_key_is_shown(ops: Ops) -> None:
    said = ops.keys("list")
    assert (said.code, said.out, said.err) == (0, f"Master keys of stage {ops.kept.stage}\nversion 1: mints\n", "")


def test_without_yes_nothing_is_changed_and_it_is_said_how_to(ops: Ops) -> None:
    for words in (("rotate",), ("compromise", "--version", "1")):
        said = ops.keys(*words)
        assert said.code == 1
        assert said.out.startswith(f"Master keys of stage {ops.kept.stage}, as they would be\nversion 1: ")
        assert f"infra keys {words[0]} --stage {ops.kept.stage} " in said.err
        assert said.err.endswith(" --yes\n")
    assert ops.kept.document == ONE


@pytest.mark.parametrize(("line", "code"), [("yes\n", 0), ("no\n", 1), ("", 1)])
def test_on_a_terminal_it_asks(ops: Ops, monkeypatch: pytest.MonkeyPatch, line: str, code: int) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(line))
    said = ops.keys("rotate")
    assert said.code == code
    assert "as they would be\n" in said.out
    assert said.err.startswith("The keys would be changed to these.\nType yes to do it: ")
    assert len(ops.kept.document) == (2 if code == 0 else 1)


def test_a_rotation_keeps_the_old_key_and_tells_the_functions(ops: Ops) -> None:
    arns = ops.deploy("api", "jobs")
    said = ops.keys("rotate", "--yes")
    assert said.code == 0
    assert [line.partition(" 20")[0] for line in said.out.splitlines()[1:]] == [
        "version 1: mints until",
        "version 2: verifies, and mints from",
    ]
    assert ops.kept.document["1"]["secret"] == ONE["1"]["secret"]
    assert versions(ops.kept.document) == {"1": "verifying", "2": "minting"}
    Keyring(master_keys_from(json.dumps(ops.kept.document), "X"))
    for arn in arns:
        settings = ops.settings(arn)
        assert settings.pop(CHANGED).endswith("Z")
        assert settings == {"SIGNOFF_PUBLIC_URL": "https://choices.example.com"}, "every other setting stays"
    assert said.err.splitlines() == [f"{arn.rpartition(':')[2]} begins anew with the new keys." for arn in arns]


def test_where_nothing_is_deployed_from_here_it_says_so(ops: Ops) -> None:
    said = ops.keys("rotate", "--yes")
    assert said.code == 0
    assert said.err.startswith("No function was told: nothing of this stage is deployed")


def test_what_somebody_else_deployed_is_told_too(ops: Ops) -> None:
    """Without Chalice's note: a colleague's machine, or a pipeline's."""
    named = f"signoff-{ops.kept.stage}"
    arns = ops.deploy(named, f"{named}-jobs", prefix="")
    shutil.rmtree(ops.project / ".chalice" / "deployed")
    said = ops.keys("compromise", "--version", "1", "--yes")
    assert said.code == 0
    assert all(CHANGED in ops.settings(arn) for arn in arns), said.err


def test_two_rotations_at_once_are_one(ops: Ops) -> None:
    ops.keys("rotate", "--yes")
    before = ops.kept.document
    said = ops.keys("rotate", "--yes")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("Version 2 is new and mints from ")
    assert ops.kept.document == before


def test_a_compromised_version_is_marked_and_followed(ops: Ops) -> None:
    [arn] = ops.deploy("api")
    said = ops.keys("compromise", "--version", "1", "--yes")
    assert said.out.splitlines()[1:] == [
        "version 1: compromised: its links opt out and open nothing else",
        "version 2: mints",
    ]
    assert versions(ops.kept.document) == {"1": "compromised", "2": "minting"}
    first = ops.kept.document

    ops.client("lambda").update_function_configuration(FunctionName=arn, Environment={"Variables": {"A": "B"}})
    assert ops.keys("compromise", "--version", "1", "--yes").code == 0
    assert ops.settings(arn).keys() == {"A", CHANGED}, "again: the functions are told again"
    assert ops.kept.document == first, "and no key is made"


def test_a_function_that_cannot_be_told(ops: Ops) -> None:
    [arn] = ops.deploy("api")
    ops.client("lambda").delete_function(FunctionName=arn)
    said = ops.keys("rotate", "--yes")
    assert said.code == 1
    assert said.err.startswith("The keys are changed, but not all functions were told to begin anew: AWS refused ")
    assert versions(ops.kept.document) == {"1": "verifying", "2": "minting"}


def test_a_note_of_chalice_that_makes_no_sense(ops: Ops) -> None:
    ops.deploy()
    (ops.project / ".chalice" / "deployed" / f"{ops.kept.stage}.json").write_text("[]", "utf-8")
    assert "The note of `chalice deploy` on stage" in ops.keys("rotate", "--yes").err


def overtaken(one: Kept, other: Kept) -> None:
    """Both have read; the one that writes second is refused, and then does it on what the first has written."""
    first, second = one.read(), other.read()
    written = first.compromised(1)
    one.write(written)
    with pytest.raises(CannotRun, match=r"^Somebody else changed the keys at the same time"):
        other.write(second.rotated())
    assert one.read().ring == written.ring
    other.write(other.read().compromised(2))
    assert [str(key.state) for key in one.read().ring] == ["compromised", "compromised", "minting"]


def test_of_two_ops_at_once_one_is_told_to_look_again(ops: Ops) -> None:
    options = options_for(ops)
    overtaken(stage_keys(ops, options), stage_keys(ops, options))
    kept = ops.kept.client.list_secret_version_ids(SecretId=ops.kept.master_arn, IncludeDeprecated=True)["Versions"]
    labels = sorted(label for version in kept for label in version["VersionStages"])
    assert labels == ["AWSCURRENT", "AWSPREVIOUS"], "nothing is left pending"


def test_an_answer_that_was_lost_is_no_other_op(ops: Ops) -> None:
    """boto3 sends the swap once more, and is refused what it has done."""
    kept = stage_keys(ops, options_for(ops))
    keys = kept.read()
    swap = kept._secrets.update_secret_version_stage

    def twice(**told: Any) -> Any:
        swap(**told)
        return swap(**told) if "MoveToVersionId" in told else None

    kept._secrets.update_secret_version_stage = twice
    kept.write(keys.rotated())
    assert versions(ops.kept.document) == {"1": "verifying", "2": "minting"}


def options_for(ops: Ops) -> argparse.Namespace:
    from argparse import Namespace  # noqa: PLC0415 - for these alone

    return Namespace(region=REGION, endpoint_url=ops.kept.url, project=ops.project, stage=ops.kept.stage)


REFUSED = [
    (("--stage", "nowhere"), "There is no stage 'nowhere' in "),
    (
        ("--stage", "empty"),
        "does not tell SIGNOFF_MASTER_SECRET of the stage empty: run `python -m infra provision --stage empty ",
    ),
    (("--stage", "empty", "--data-dir", "x"), "--stage and --data-dir mean two deployments: use one of them."),
    (("--data-dir", "nowhere"), "There are no keys in nowhere: start `make run` once, or name a stage by --stage."),
]


@pytest.mark.parametrize(("words", "says"), REFUSED)
def test_what_is_not_there_is_told_in_a_sentence(ops: Ops, words: tuple[str, ...], says: str) -> None:
    assert main(["keys", "list", *words, "--project", str(ops.project), "--endpoint-url", ops.kept.url]) == 1
    said = ops.capture.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert says in said.err


def test_a_secret_without_a_value(ops: Ops) -> None:
    empty = KeptSecrets.at(ops.kept.url)
    config = ops.project / ".chalice" / "config.json"
    config.write_text(config.read_text("utf-8").replace(ops.kept.master_arn, empty.master_arn), "utf-8")
    said = ops.keys("list")
    assert said.code == 1
    assert said.err.startswith("The secret of the master keys is not there, or has no value: run `python -m infra prov")


def test_keys_that_make_no_sense_are_not_touched(ops: Ops) -> None:
    broken = json.dumps({"1": {"secret": "c2VjcmV0", "state": "minting"}})
    ops.kept.put(broken)
    said = ops.keys("rotate", "--yes")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("The master keys cannot be used: ")
    assert "c2VjcmV0" not in said.err
    assert json.dumps(ops.kept.document) == broken


class TestADataFolder:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        with open_folder(tmp_path / "data") as made:
            made.secrets()
        return tmp_path / "data"

    def test_a_rotation_is_read_at_the_next_start(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with open_folder(folder) as running:
            before = running.secrets()
            assert main(["keys", "rotate", "--data-dir", str(folder), "--yes"]) == 0
        assert capsys.readouterr().err.endswith("start it again.\n")
        with open_folder(folder) as started:
            after = started.secrets()
        assert after["SIGNOFF_PEPPER_KEY"] == before["SIGNOFF_PEPPER_KEY"]
        old, new = (json.loads(each["SIGNOFF_MASTER_KEYS"]) for each in (before, after))
        assert new["1"]["secret"] == old["1"]["secret"]
        assert versions(new) == {"1": "verifying", "2": "minting"}
        assert (folder / "secrets.json").stat().st_mode & 0o777 == 0o600

    def test_of_two_at_once_one_is_told_to_look_again(self, folder: Path) -> None:
        overtaken(FolderKeys(folder), FolderKeys(folder))
