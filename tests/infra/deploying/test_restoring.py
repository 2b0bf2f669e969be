"""`python -m infra restore` on a stage: from points in time, after tables were deleted, and from a backup."""

from __future__ import annotations

import argparse
import base64
import io
import json
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.domain.acts import Act, OptedOut, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.domain.errors import CursorExpired, StoreUnavailable
from chalicelib.domain.senders import Sender
from chalicelib.service import Service
from chalicelib.store.ledger import Beside, Ledger
from chalicelib.store.models import bind
from chalicelib.use_cases.following import Wanted, cursor_of, follow
from infra.__main__ import main
from infra.client.shown import Shown
from infra.ops import deployment
from infra.ops.restored.stage import StageRestore
from tests.infra.deploying.accounts import Account, Provision, Said
from tests.infra.ops.backups.drills import OpsKey
from tests.infra.ops.test_keys import TRUST
from tests.kept_secrets import master_key
from tests.site import CATALOGUE
from tests.store.memory import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.client.shown import Bar

CODE = "testsend"
TABLES = ("SIGNOFF_RECIPIENTS_TABLE", "SIGNOFF_CONTROL_TABLE")


@dataclass
class Stage:
    """A stage of this account, and who opts out there."""

    account: Account
    project: Path
    capture: pytest.CaptureFixture[str]
    acked: list[str] = field(default_factory=list)

    def type(self, *words: str) -> Said:
        self.capture.readouterr()
        fixed = ("--stage", "dev", "--project", str(self.project), "--endpoint-url", self.account.url)
        code = main([words[0], *fixed, *words[1:]])
        out, err = self.capture.readouterr()
        assert "@" not in out + err
        return Said(code, out + err)

    def done(self, *words: str) -> str:
        said = self.type(*words)
        assert said.code == 0, said.text
        return said.text

    def options(self, **more: Any) -> argparse.Namespace:
        told = {"stage": "dev", "project": self.project, "data_dir": None, "region": None}
        return argparse.Namespace(**told, endpoint_url=self.account.url, **more)

    def service(self) -> Service:
        """On the tables that the settings name now."""
        return deployment.service_of(self.options())

    def service_on(self, names: list[str]) -> Service:
        """As a container has it that began when these were the tables."""
        service = self.service()
        return Service(replace(service.settings, recipients_table=names[0], control_table=names[1]))

    def opt_out(self, service: Service, name: str) -> None:
        bind(service.settings.recipients_table, service.settings.control_table)
        address = parse_address(f"{name}@example.com")
        place = service.senders.get(CODE).place_of(address)
        ledger = Ledger(service.ledger._engine, Clock(time.time_ns() // 1_000_000).timing())  # it gives up at once
        ledger.record(place, Act(f"o_{name}", Via.ONE_CLICK, (OptedOut(ALL),), 1), Beside(address.spelled))
        self.acked.append(name)

    def lost(self) -> list[str]:
        """Who opted out and is not known by the check."""
        service = self.service()
        sender = service.senders.get(CODE)
        places = {name: sender.place_of(parse_address(f"{name}@example.com")) for name in self.acked}
        return [name for name, place in places.items() if ALL not in service.reader.recipient(place).state.choice]

    def names(self) -> list[str]:
        told = json.loads((self.project / ".chalice" / "config.json").read_text("utf-8"))
        return [told["stages"]["dev"]["environment_variables"][name] for name in TABLES]

    def table(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.account.client("dynamodb").describe_table(TableName=name)["Table"]
        return found

    def delete(self, *names: str) -> None:
        client = self.account.client("dynamodb")
        for name in names:
            client.update_table(TableName=name, DeletionProtectionEnabled=False)
            client.delete_table(TableName=name)

    def deploy(self, *tables: str) -> None:
        """A function as `chalice deploy` would leave it, and its note of it."""
        functions, note = self.account.client("lambda"), self.project / ".chalice" / "deployed" / "dev.json"
        environment = {"Variables": dict(zip(TABLES, tables, strict=True))}
        if note.exists():
            functions.update_function_configuration(FunctionName="signoff-dev", Environment=environment)
            return
        role = self.account.client("iam").create_role(RoleName="dev", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("app.py", "")
        told = {"FunctionName": "signoff-dev", "Runtime": "python3.11", "Role": role, "Handler": "app.app"}
        made = functions.create_function(**told, Code={"ZipFile": packed.getvalue()}, Environment=environment)
        note.parent.mkdir()
        found = {"resource_type": "lambda_function", "lambda_arn": made["FunctionArn"]}
        note.write_text(json.dumps({"resources": [found]}), "utf-8")


@pytest.fixture
def stage(account: Account, project: Path, provision: Provision, capfd: pytest.CaptureFixture[str]) -> Stage:
    """With a sender, and two who opted out."""
    assert provision().code == 0
    made = Stage(account, project, capfd)
    service = made.service()
    service.senders.create(Sender(CODE, "Test", CATALOGUE, bytes(range(32)), shards=2))
    for name in ("ada", "bert"):
        made.opt_out(service, name)
    return made


class Killed(Shown):
    """Ends the command when it begins to mend."""

    @contextmanager
    def work(self, label: str, of: int | None = None) -> Iterator[Bar]:
        if label == "Mending":
            raise KeyboardInterrupt
        with super().work(label, of) as bar:
            yield bar


def test_no_opt_out_is_lost_on_the_way_from_point_in_time_recovery_to_the_seal(stage: Stage) -> None:
    old, service = stage.names(), stage.service()
    sender = service.senders.get(CODE)
    cursor = cursor_of(service, sender, follow(service, sender, Wanted()).start)
    killed = stage.options(source=None, at=None, dry_run=False, yes=True)
    with pytest.raises(KeyboardInterrupt):
        StageRestore(killed, Killed()).run()
    stage.opt_out(service, "carla")  # after the moment that the new tables are of

    said = stage.done("restore", "--yes")
    assert "taken over from the tables of before: 1\n" in said
    new = stage.names()
    assert [name[: -len("-r20261121080000")] for name in new] == old
    assert stage.lost() == []
    stage.deploy(*old)
    service = stage.service_on(old)
    stage.opt_out(service, "dora")  # by a container that has not changed over
    refused = stage.type("restore", "--finish", "--yes")
    assert (refused.code, "signoff-dev still uses the old tables" in refused.text) == (1, True)
    stage.deploy(*new)
    ops = OpsKey.at(stage.project)
    unfinished = stage.type("backup", "--to", str(stage.project / "kept"), "--ops-key", str(ops.public))
    assert (unfinished.code, "is under way: end it by `restore --finish`" in unfinished.text) == (1, True)
    stage.opt_out(stage.service_on(old), "emil")
    assert "Nothing was changed" in stage.done("restore", "--finish", "--dry-run", "--yes")
    stage.opt_out(stage.service_on(old), "fanny")
    told = stage.done("restore", "--finish", "--yes")
    assert "2 acts and changes taken over" in told

    assert len(stage.acked) == 6
    assert stage.lost() == []
    with pytest.raises(StoreUnavailable):
        stage.opt_out(stage.service_on(old), "fritz")
    after = stage.service()
    with pytest.raises(CursorExpired):
        follow(after, after.senders.get(CODE), Wanted(cursor))
    assert stage.done("restore", "--finish", "--yes")
    assert not [*stage.project.glob(".chalice/restore-*")]


def test_a_stage_that_was_restored_is_restored_again(stage: Stage) -> None:
    stage.done("restore", "--yes")
    first = stage.names()
    stage.done("restore", "--finish", "--yes")
    stage.opt_out(stage.service(), "carla")
    while (said := stage.type("restore", "--yes")).code == 1:
        assert "in this very second" in said.text
    assert stage.names() != first
    assert [len(name) for name in stage.names()] == [len(name) for name in first]
    stage.done("restore", "--finish", "--yes")
    assert stage.lost() == []


def test_restored_tables_have_what_recovery_leaves_behind(stage: Stage) -> None:
    client = stage.account.client("dynamodb")
    arn = stage.table(stage.names()[0])["TableArn"]
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "costs", "Value": "mail"}])

    stage.done("restore", "--yes")

    for name in stage.names():
        told = stage.table(name)
        assert told["DeletionProtectionEnabled"]
        assert told["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        assert told["SSEDescription"]["SSEType"] == "KMS"
        lives = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert (lives["TimeToLiveStatus"], lives["AttributeName"]) == ("ENABLED", "expires")
        points = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        assert points["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    tags = client.list_tags_of_resource(ResourceArn=stage.table(stage.names()[0])["TableArn"])["Tags"]
    assert {"Key": "costs", "Value": "mail"} in tags


def test_provision_leaves_restored_tables_in_their_place(stage: Stage, provision: Provision) -> None:
    stage.done("restore", "--yes")
    new = stage.names()
    assert provision().code == 0
    assert stage.names() == new


def test_doctor_looks_at_the_restored_tables(stage: Stage) -> None:
    stage.done("restore", "--yes")
    told = stage.type("doctor").text
    for name in stage.names():
        for what in ("is there", "point-in-time recovery", "deletion protection", "encryption", "billing mode"):
            assert f"  ok           {name}  {what}\n" in told
    for setting in TABLES:
        assert f"  ok           .chalice/config.json  {setting}\n" in told


@pytest.mark.parametrize("gone", [[0], [1], [0, 1]], ids=["recipients", "control", "both"])
def test_deleted_tables_come_back_and_what_may_be_missing_is_said(stage: Stage, gone: list[int]) -> None:
    stage.delete(*(stage.names()[number] for number in gone))
    said = stage.done("restore", "--yes")
    assert "What was acknowledged from 20" in said
    stage.deploy(*stage.names())
    stage.done("restore", "--finish", "--yes")
    assert stage.lost() == []


def test_a_dry_run_and_a_no_change_nothing(stage: Stage) -> None:
    before, file = stage.account.client("dynamodb").list_tables()["TableNames"], stage.project / ".chalice/config.json"
    config = file.read_bytes()
    said = stage.done("restore", "--dry-run")
    assert "signoff-dev-recipients-r20" in said
    assert stage.type("restore").code == 1
    assert stage.account.client("dynamodb").list_tables()["TableNames"] == before
    assert file.read_bytes() == config
    assert not [*stage.project.glob(".chalice/restore-*")]


def test_what_cannot_be_restored_is_a_sentence(stage: Stage) -> None:
    assert "--at is not between 20" in stage.type("restore", "--at", "2001-01-01T00:00", "--yes").text
    assert "is no restored table: nothing to finish" in stage.type("restore", "--finish", "--yes").text
    client = stage.account.client("dynamodb")
    client.update_continuous_backups(
        TableName=stage.names()[0], PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    assert "Point-in-time recovery is off" in stage.type("restore", "--yes").text
    stage.delete(stage.names()[0])
    said = stage.type("restore", "--yes")
    assert (said.code, "DynamoDB has no backup of it: restore by --from" in said.text) == (1, True)


class TestFromABackup:
    """Into an account with nothing in it, and beside tables that are not empty."""

    @pytest.fixture
    def ops(self, tmp_path: Path) -> OpsKey:
        return OpsKey.at(tmp_path)

    @pytest.fixture
    def backup(self, stage: Stage, ops: OpsKey, tmp_path: Path) -> str:
        stage.account.client("s3").create_bucket(Bucket="backups.example.com")
        said = stage.done("backup", "--to", "s3://backups.example.com/daily", "--ops-key", str(ops.public))
        return said.splitlines()[-1] if said.splitlines()[-1].startswith("s3://") else said.splitlines()[0]

    def secrets(self, stage: Stage) -> list[str]:
        client = stage.account.client("secretsmanager")
        names = ("signoff/dev/master-keys", "signoff/dev/pepper-key")
        return [client.get_secret_value(SecretId=name)["SecretString"] for name in names]

    def test_an_empty_account_has_all_of_it_again(
        self, stage: Stage, backup: str, ops: OpsKey, provision: Provision, project: Path
    ) -> None:
        old, names = self.secrets(stage), stage.names()
        stage.delete(*names)
        client = stage.account.client("secretsmanager")
        for name in ("signoff/dev/master-keys", "signoff/dev/pepper-key"):
            client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        self._provision_anew(stage, provision)
        assert set(self.secrets(stage)).isdisjoint(old)

        said = stage.done("restore", "--from", backup, "--identity", str(ops.private), "--yes")

        assert "may be missing" in said
        assert self.secrets(stage) == old
        assert stage.names() == names
        assert stage.lost() == []
        again = stage.done("restore", "--from", backup, "--identity", str(ops.private), "--yes")
        assert "their epoch has begun" in again
        for secret in old:
            assert secret not in said + again

    def _provision_anew(self, stage: Stage, provision: Provision) -> None:
        stage.account.client("cloudformation").delete_stack(StackName="signoff-dev-storage")
        bucket = f"signoff-dev-files-{123456789012}"
        stage.account.client("s3").delete_bucket(Bucket=bucket)
        for url in stage.account.client("sqs").list_queues()["QueueUrls"]:
            stage.account.client("sqs").delete_queue(QueueUrl=url)
        said = provision()
        assert said.code == 0, said.text

    def test_beside_tables_that_are_not_empty_it_goes_into_new_ones(
        self, stage: Stage, backup: str, ops: OpsKey
    ) -> None:
        old = stage.names()
        stage.opt_out(stage.service(), "carla")
        stage.done("restore", "--from", backup, "--identity", str(ops.private), "--yes")
        assert stage.names() != old
        assert stage.lost() == []
        stage.deploy(*stage.names())
        stage.done("restore", "--finish", "--yes")
        assert stage.lost() == []

    def test_lost_secrets_come_back_beside_tables_that_are_there(self, stage: Stage, backup: str, ops: OpsKey) -> None:
        old, client = self.secrets(stage), stage.account.client("secretsmanager")
        command = ("restore", "--secrets-only", "--from", backup, "--identity", str(ops.private), "--yes")
        assert "are left as they are" in stage.done(*command)
        self._lose(stage)
        assert "Put back." in stage.done(*command)
        assert self.secrets(stage) == old
        assert stage.lost() == []
        client.put_secret_value(SecretId="signoff/dev/pepper-key", SecretString=base64.b64encode(bytes(64)).decode())
        held = self.secrets(stage)
        assert "are left as they are" in stage.done(*command)
        assert self.secrets(stage) == held

    def _lose(self, stage: Stage) -> None:
        """Both are there and hold nothing, as a stack that makes them anew leaves them."""
        client, file = stage.account.client("secretsmanager"), stage.project / ".chalice" / "config.json"
        text = file.read_text("utf-8")
        for name in ("signoff/dev/master-keys", "signoff/dev/pepper-key"):
            before = client.describe_secret(SecretId=name)["ARN"]
            client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
            text = text.replace(before, client.create_secret(Name=name)["ARN"])
        file.write_text(text, "utf-8")

    def test_secrets_under_which_there_is_data_are_never_replaced(self, stage: Stage, backup: str, ops: OpsKey) -> None:
        client = stage.account.client("secretsmanager")
        client.put_secret_value(SecretId="signoff/dev/master-keys", SecretString=json.dumps(OTHER))
        held = self.secrets(stage)
        said = stage.type("restore", "--from", backup, "--identity", str(ops.private), "--yes")
        assert (said.code, "they belong to two deployments" in said.text) == (1, True)
        assert self.secrets(stage) == held


OTHER = {"1": master_key(9)}
