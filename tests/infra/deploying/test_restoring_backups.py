"""`python -m infra restore --from` on a stage: into an account with nothing in it, and beside tables that are there."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from chalicelib.domain.errors import PepperUnusable
from infra.ops.restored.stage import StageRestore
from tests.infra.deploying.restoring import KilledWhenMending, Stage
from tests.infra.ops.backups.drills import OpsKey
from tests.kept_secrets import master_key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.deploying.accounts import Provision


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

        assert "What was acknowledged to the table of recipients from 20" in said
        assert "What was changed in the table of control from 20" in said
        came = self.secrets(stage)
        self.assert_came_back(came, old)
        assert stage.names() == names
        assert stage.lost() == []
        again = stage.done("restore", "--from", backup, "--identity", str(ops.private), "--yes")
        assert "their epoch has begun" in again
        assert self.secrets(stage) == came
        for secret in old:
            assert secret not in said + again

    def assert_came_back(self, came: list[str], old: list[str]) -> None:
        """All that there was, and a version behind those that may have been made since the backup."""
        told, before = json.loads(came[0]), json.loads(old[0])
        assert came[1] == old[1]
        assert {**told, "1": before["1"]} == {**before, "6": told["6"]}
        assert told["1"] == {**before["1"], "state": "verifying"}
        assert told["6"]["state"] == "minting"

    def _provision_anew(self, stage: Stage, provision: Provision) -> None:
        stage.account.client("cloudformation").delete_stack(StackName="signoff-dev-storage")
        bucket = f"signoff-dev-files-{123456789012}"
        stage.account.client("s3").delete_bucket(Bucket=bucket)
        for url in stage.account.client("sqs").list_queues()["QueueUrls"]:
            stage.account.client("sqs").delete_queue(QueueUrl=url)
        keys = stage.account.client("kms")
        key = keys.describe_key(KeyId="alias/signoff-dev")["KeyMetadata"]["KeyId"]
        keys.delete_alias(AliasName="alias/signoff-dev")
        keys.schedule_key_deletion(KeyId=key)
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
        stage.lose_secrets()
        said = stage.done(*command)
        assert "Put back." in said
        assert "version 6: verifies, and mints from 20" in said
        assert "Versions 2 to 5 were left out" in said
        came = self.secrets(stage)
        self.assert_came_back(came, old)
        assert stage.lost() == []
        assert "has all of the backup's, and are left as they are" in stage.done(*command)
        assert self.secrets(stage) == came
        client.put_secret_value(SecretId="signoff/dev/pepper-key", SecretString=base64.b64encode(bytes(64)).decode())
        held = self.secrets(stage)
        assert "The pepper key is not that of the backup" in stage.done(*command)
        assert self.secrets(stage) == held

    def test_a_later_backup_that_turns_up_brings_back_the_version_that_was_lost(
        self, stage: Stage, backup: str, ops: OpsKey, tmp_path: Path
    ) -> None:
        """The first was an older one: its number was left out, so that both have room."""
        rotated = json.loads(self.rotate(stage))
        words = ("restore", "--secrets-only", "--identity", str(ops.private), "--yes", "--from")
        said = stage.done("backup", "--to", str(tmp_path / "kept"), "--ops-key", str(ops.public))
        [later] = (tmp_path / "kept").iterdir()
        assert str(later) in said
        stage.lose_secrets()
        stage.done(*words, backup)
        came = json.loads(self.secrets(stage)[0])
        assert (came["1"]["state"], "2" in came, came["6"]["state"]) == ("verifying", False, "minting")

        said = stage.done(*words, str(later))

        assert "Put back." in said
        assert "Versions 3 to 5 were left out" in said
        told = json.loads(self.secrets(stage)[0])
        assert told == {"1": rotated["1"], "2": {**rotated["2"], "state": "verifying"}, "6": came["6"]}
        assert stage.lost() == []

    def test_a_secret_that_can_still_be_taken_back_is_not_taken_from_a_backup(
        self, stage: Stage, backup: str, ops: OpsKey
    ) -> None:
        client, old = stage.account.client("secretsmanager"), self.secrets(stage)
        client.delete_secret(SecretId="signoff/dev/master-keys")
        command = ("restore", "--secrets-only", "--from", backup, "--identity", str(ops.private), "--yes")
        said = stage.type(*command)
        assert (said.code, "aws secretsmanager restore-secret --secret-id arn:aws:" in said.text) == (1, True)
        listed = stage.type("keys list")
        assert (listed.code, "restore-secret --secret-id signoff/dev/master-keys" in listed.text) == (1, True)
        client.restore_secret(SecretId="signoff/dev/master-keys")
        assert self.secrets(stage) == old

    def test_a_secret_that_is_gone_for_good_is_made_anew_by_the_commands_that_are_named(
        self, stage: Stage, backup: str, ops: OpsKey, provision: Provision
    ) -> None:
        """Its ARN is another one then, and the tables hold what was made with the value that the backup has."""
        stage.deploy(*stage.names())
        old, client = self.secrets(stage), stage.account.client("secretsmanager")
        client.delete_secret(SecretId="signoff/dev/master-keys", ForceDeleteWithoutRecovery=True)
        command = ("restore", "--secrets-only", "--from", backup, "--identity", str(ops.private), "--yes")
        said = stage.type(*command)
        assert (said.code, "is gone for good" in said.text) == (1, True)
        assert "  aws cloudformation delete-stack --stack-name signoff-dev-storage --region us-east-1\n" in said.text
        assert "  python -m infra provision --adopt --stage dev " in said.text
        stage.account.client("cloudformation").delete_stack(StackName="signoff-dev-storage")

        told = provision("--adopt")

        assert (told.code, "restore the secret from a backup" in told.text) == (1, True)
        assert "\n  python -m infra restore --secrets-only --from BACKUP --identity FILE --stage dev " in told.text
        for says in ("Put back.", "are left as they are"):  # a run that was killed may have told nobody
            done = stage.done(*command)
            assert says in done
            assert "signoff-dev begins anew with the new keys." in done
            assert "have to be deployed:\n  AWS_DEFAULT_REGION=us-east-1 chalice deploy --stage dev\n" in done
        self.assert_came_back(self.secrets(stage), old)
        assert stage.lost() == []
        assert provision().code == 0

    def test_tables_and_secrets_that_are_both_gone_come_back_one_after_the_other(
        self, stage: Stage, backup: str, ops: OpsKey
    ) -> None:
        """DynamoDB keeps a deleted table, and nobody knows of its senders before it is back."""
        stage.delete(*stage.names())
        stage.lose_secrets()
        said = stage.type("restore", "--yes")
        assert (said.code, "\n  python -m infra restore --secrets-only " in said.text) == (1, True)
        assert "\n  python -m infra restore --secrets-only --from BACKUP --identity FILE --stage dev " in said.text
        told = stage.done("restore", "--secrets-only", "--from", backup, "--identity", str(ops.private), "--yes")
        assert "signoff-dev-control is gone, too" in told
        stage.done("restore", "--yes")
        assert stage.lost() == []

    def test_lost_secrets_of_another_deployment_are_not_put_back(self, stage: Stage, backup: str, ops: OpsKey) -> None:
        """Of the two the pepper key is there, and it is not the backup's."""
        stage.lose_secrets()
        client = stage.account.client("secretsmanager")
        client.put_secret_value(SecretId="signoff/dev/pepper-key", SecretString=base64.b64encode(bytes(64)).decode())
        said = stage.type("restore", "--secrets-only", "--from", backup, "--identity", str(ops.private), "--yes")
        assert (said.code, "they belong to two deployments" in said.text) == (1, True)
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.get_secret_value(SecretId="signoff/dev/master-keys")

    def rotate(self, stage: Stage) -> str:
        """Version 1 is known to others, and 2 mints."""
        client = stage.account.client("secretsmanager")
        told = json.loads(self.secrets(stage)[0])
        rotated = json.dumps({"1": {**told["1"], "state": "compromised"}, "2": master_key(9)})
        client.put_secret_value(SecretId="signoff/dev/master-keys", SecretString=rotated)
        return rotated

    def empty(self, stage: Stage) -> None:
        """As tables are that were lost and made anew beside secrets that stayed."""
        client = stage.account.client("dynamodb")
        for name in stage.names():
            for item in client.scan(TableName=name)["Items"]:
                client.delete_item(TableName=name, Key={part: item[part] for part in ("pk", "sk")})

    def test_an_older_backup_takes_no_newer_key_away(self, stage: Stage, backup: str, ops: OpsKey) -> None:
        """Links of version 2 are out, and those of version 1 open nothing but an opt-out."""
        rotated = self.rotate(stage)
        self.empty(stage)
        stage.done("restore", "--from", backup, "--identity", str(ops.private), "--yes")
        assert self.secrets(stage)[0] == rotated
        assert stage.lost() == []

    def test_the_same_command_once_more_takes_no_newer_key_away(self, stage: Stage, backup: str, ops: OpsKey) -> None:
        self.empty(stage)
        command = ("restore", "--from", backup, "--identity", str(ops.private), "--yes")
        stage.done(*command)
        rotated = self.rotate(stage)
        assert "their epoch has begun" in stage.done(*command)
        assert self.secrets(stage)[0] == rotated

    def test_the_secrets_come_when_all_of_the_backup_is_there(self, stage: Stage, backup: str, ops: OpsKey) -> None:
        """Functions that are deployed know no sender of it until then, and answer no check from half of it."""
        other = self.another(stage)
        self.empty(stage)
        killed = stage.options(
            source=backup,
            identity=ops.private,
            passphrase_file=None,
            secrets_only=False,
            at=None,
            dry_run=False,
            yes=True,
        )
        with pytest.raises(KeyboardInterrupt):
            StageRestore(killed, KilledWhenMending()).run()
        assert self.secrets(stage) == other
        with pytest.raises(PepperUnusable):
            stage.lost()
        half = stage.type("backup", "--to", str(stage.project / "kept"), "--ops-key", str(ops.public))
        assert (half.code, "broke off, and half of it is no backup: repeat it first" in half.text) == (1, True)
        stage.done("restore", "--from", backup, "--identity", str(ops.private), "--yes")
        assert self.secrets(stage) != other
        assert stage.lost() == []

    def test_doctor_sees_a_pepper_key_that_opens_no_sender(self, stage: Stage) -> None:
        assert "  ok           signoff/dev/pepper-key  can be read and used\n" in stage.type("doctor").text
        held = self.another(stage)
        said = stage.type("doctor").text
        assert "does not open the pepper of sender testsend" in said
        assert not [value for value in held if value in said]

    def another(self, stage: Stage) -> list[str]:
        """The secrets of a stage that was never the backup's."""
        client = stage.account.client("secretsmanager")
        client.put_secret_value(SecretId="signoff/dev/master-keys", SecretString=json.dumps(OTHER))
        client.put_secret_value(SecretId="signoff/dev/pepper-key", SecretString=base64.b64encode(bytes(64)).decode())
        return self.secrets(stage)

    def test_a_bucket_that_is_not_there_is_a_sentence(self, stage: Stage, ops: OpsKey) -> None:
        said = stage.type("backup", "--to", "s3://nobody-s.example.com/daily", "--ops-key", str(ops.public))
        assert (said.code, "\nAWS refused PutObject (NoSuchBucket): The specified bucket" in said.text) == (1, True)

    def test_secrets_under_which_there_is_data_are_never_replaced(self, stage: Stage, backup: str, ops: OpsKey) -> None:
        client = stage.account.client("secretsmanager")
        client.put_secret_value(SecretId="signoff/dev/master-keys", SecretString=json.dumps(OTHER))
        held = self.secrets(stage)
        said = stage.type("restore", "--from", backup, "--identity", str(ops.private), "--yes")
        assert (said.code, "they belong to two deployments" in said.text) == (1, True)
        assert self.secrets(stage) == held

    def test_a_bucket_that_is_not_there_is_told_and_a_folder_of_backups_is_none(
        self, stage: Stage, backup: str, ops: OpsKey
    ) -> None:
        key = ["--ops-key", str(ops.public)]
        for words, says in (
            (["--to", "s3://nobodys.example.com/daily", *key], "AWS refused PutObject (NoSuchBucket): "),
            (["--to", "s3://", *key], "s3:// names no bucket: "),
            (["--check", "s3://backups.example.com/none"], "There is no backup in s3://backups.example.com/none: "),
            (
                ["--check", "s3://backups.example.com/daily"],
                f"There is no backup in s3://backups.example.com/daily. The newest within it is {backup}.",
            ),
        ):
            said = stage.type("backup", *words)
            last = said.text.splitlines()[-1]
            assert (said.code, last.startswith(says), "Traceback" in said.text) == (1, True, False), said.text
        assert "digests are right" in stage.done("backup", "--check", backup)


OTHER = {"1": master_key(9)}
