"""`python -m infra provision` on an account with nothing in it, and on one with something."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from botocore.exceptions import ClientError

from chalicelib.keyring import KeyState
from chalicelib.settings import settings_from
from infra.local.problems import CannotRun
from infra.ops.first_secrets import put_where_empty
from infra.ops.provisioning import SETTINGS
from infra.ops.stacks import Stack
from infra.storage import TEMPLATE, create_tables, load_template
from tests.infra.deploying.accounts import DOMAIN
from tests.infra.deploying.stages import STAGES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.deploying.accounts import Account, Provision

STACK = "signoff-dev-storage"
MASTER, PEPPER = "signoff/dev/master-keys", "signoff/dev/pepper-key"
URL = "https://choices.example.com"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0f0c"


def config(project: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((project / ".chalice" / "config.json").read_text("utf-8"))
    return told


def secret(account: Account, name: str) -> str:
    return str(account.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_made_from_nothing_and_each_resource_told(
    stage: str, account: Account, project: Path, provision: Provision
) -> None:
    domain = ["--domain", DOMAIN, "--certificate-arn", account.certificate()] if stage == "prod" else []
    said = provision(*domain, stage=stage)

    assert said.code == 0, said.text
    for name in load_template()["Resources"]:
        assert f"  + {name}  " in said.text
        assert f"create complete      {name}  " in said.text
    assert account.stack(f"signoff-{stage}-storage") == "CREATE_COMPLETE"
    told = config(project)["stages"][stage]["environment_variables"]
    assert set(told) == {*SETTINGS, *(["SIGNOFF_PUBLIC_URL"] if stage == "prod" else [])}
    assert told["SIGNOFF_FILES_BUCKET"] == f"signoff-{stage}-files-123456789012"
    assert account.client("s3").list_buckets()["Buckets"][0]["Name"] == told["SIGNOFF_FILES_BUCKET"]
    assert f"chalice deploy --stage {stage}" in said.text


def test_the_first_values_are_what_the_service_takes_and_stand_nowhere_else(
    account: Account, project: Path, provision: Provision
) -> None:
    said = provision()
    keys, pepper = secret(account, MASTER), secret(account, PEPPER)
    told = config(project)["stages"]["dev"]["environment_variables"]
    assert settings_from({**told, "SIGNOFF_PUBLIC_URL": URL, "AWS_REGION": "us-east-1"}).master_secret
    settings = settings_from(
        {
            **{name: value for name, value in told.items() if not name.endswith("_SECRET")},
            "SIGNOFF_PUBLIC_URL": URL,
            "SIGNOFF_MASTER_KEYS": keys,
            "SIGNOFF_PEPPER_KEY": pepper,
            "AWS_REGION": "us-east-1",
        }
    )
    keyring = settings.keyring
    assert keyring is not None
    assert (keyring.minting.version, keyring.minting.state) == (1, KeyState.MINTING)
    assert json.loads(keys)["1"]["from"].endswith("Z")
    for text in (said.text, (project / ".chalice" / "config.json").read_text("utf-8")):
        assert pepper not in text
        assert json.loads(keys)["1"]["secret"] not in text


def test_run_again_it_changes_nothing(account: Account, project: Path, provision: Provision) -> None:
    provision()
    file = project / ".chalice" / "config.json"
    before = (file.read_bytes(), secret(account, MASTER), secret(account, PEPPER))

    said = provision()

    assert said.code == 0
    assert f"{STACK}: nothing to change." in said.text
    assert "config.json: as it was." in said.text
    assert (file.read_bytes(), secret(account, MASTER), secret(account, PEPPER)) == before


def test_a_dry_run_shows_and_changes_nothing(account: Account, project: Path, provision: Provision) -> None:
    before = (project / ".chalice" / "config.json").read_bytes()

    said = provision("--dry-run")

    assert said.code == 0
    assert "  + RecipientsTable  AWS::DynamoDB::Table" in said.text
    assert account.stack(STACK) is None
    assert account.client("dynamodb").list_tables()["TableNames"] == []
    assert (project / ".chalice" / "config.json").read_bytes() == before


def test_the_file_keeps_what_else_it_says_in_its_order(project: Path, provision: Provision) -> None:
    file = project / ".chalice" / "config.json"
    told = config(project)
    told["stages"]["dev"] = {"tags": {"Träger": "1"}, **told["stages"]["dev"], "lambda_memory_size": 2048}
    told["stages"]["dev"]["environment_variables"] = {
        "SIGNOFF_KEY_BUDGET": "9",
        "SIGNOFF_JOBS_QUEUE": "x",
        "OURS": "1",
    }
    file.write_text(json.dumps(told), "utf-8")

    provision()

    after = config(project)
    environment = after["stages"]["dev"].pop("environment_variables")
    told["stages"]["dev"].pop("environment_variables")
    assert json.dumps(after) == json.dumps(told)
    assert list(environment)[:3] == ["SIGNOFF_KEY_BUDGET", "SIGNOFF_JOBS_QUEUE", "OURS"]
    assert (environment["SIGNOFF_KEY_BUDGET"], environment["SIGNOFF_JOBS_QUEUE"]) == ("9", "signoff-dev-jobs")
    assert "Träger" in file.read_text("utf-8")


class TestTheDomain:
    def test_is_told_to_chalice_and_to_the_service_and_need_not_be_told_again(
        self, account: Account, project: Path, provision: Provision
    ) -> None:
        arn = account.certificate()
        provision("--domain", DOMAIN, "--certificate-arn", arn, stage="prod")
        told = config(project)["stages"]["prod"]
        assert told["api_gateway_custom_domain"] == {
            "domain_name": DOMAIN,
            "tls_version": "TLS_1_2",
            "certificate_arn": arn,
        }
        assert told["environment_variables"]["SIGNOFF_PUBLIC_URL"] == f"https://{DOMAIN}"
        assert provision(stage="prod").code == 0
        assert config(project)["stages"]["prod"] == told

    def test_does_not_change_while_links_lead_there(self, account: Account, provision: Provision) -> None:
        provision("--domain", DOMAIN, "--certificate-arn", account.certificate(), stage="prod")
        said = provision(
            "--domain", "other.example.com", "--certificate-arn", account.certificate("other.example.com"), stage="prod"
        )
        assert said.code == 1
        assert f"has the domain {DOMAIN} already" in said.text

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ([], "needs its own domain before any link is made"),
            (["--domain", DOMAIN], "belong together"),
            (["--certificate-arn", CERTIFICATE], "belong together"),
            (["--domain", "Choices.example.com", "--certificate-arn", CERTIFICATE], "a name in lower case"),
            (["--domain", "https://choices.example.com", "--certificate-arn", CERTIFICATE], "a name in lower case"),
            (["--domain", DOMAIN, "--certificate-arn", "0f0c"], "is not like arn:aws:acm:"),
            (["--domain", DOMAIN, "--certificate-arn", CERTIFICATE.replace("us-east", "eu-west")], "eu-west-1"),
            (["--domain", DOMAIN, "--certificate-arn", CERTIFICATE], "DescribeCertificate"),
        ],
    )
    def test_that_is_missing_or_odd_is_refused_before_anything_is_made(
        self, arguments: list[str], says: str, account: Account, provision: Provision
    ) -> None:
        said = provision(*arguments, stage="prod")
        assert (said.code, said.text.count("\n")) == (1, 1)
        assert says in said.text
        assert account.stack("signoff-prod-storage") is None

    def test_needs_a_certificate_of_its_own_name(self, account: Account, provision: Provision) -> None:
        said = provision("--domain", DOMAIN, "--certificate-arn", account.certificate("other.example.com"))
        assert said.code == 1
        assert f"not for {DOMAIN}: it is for other.example.com" in said.text

    def test_may_have_a_certificate_for_all_beside_it(self, account: Account, provision: Provision) -> None:
        said = provision("--domain", DOMAIN, "--certificate-arn", account.certificate("*.example.com"))
        assert said.code == 0

    def test_waits_for_its_certificate_to_be_issued(self, account: Account, provision: Provision) -> None:
        arn = account.client("acm").request_certificate(DomainName=DOMAIN)["CertificateArn"]
        said = provision("--domain", DOMAIN, "--certificate-arn", arn)
        assert said.code == 1
        assert "is not issued (ACM says PENDING_VALIDATION)" in said.text


class TestWhereItIs:
    def test_another_region_is_refused(self, account: Account, provision: Provision) -> None:
        provision()
        said = provision("--region", "eu-central-1")
        assert (said.code, said.text.count("\n")) == (1, 1)
        assert "is in us-east-1, and this would be eu-central-1" in said.text
        assert account.client("dynamodb", "eu-central-1").list_tables()["TableNames"] == []

    def test_another_account_is_refused(self, project: Path, provision: Provision) -> None:
        provision()
        file = project / ".chalice" / "config.json"
        file.write_text(file.read_text("utf-8").replace("123456789012", "210987654321"), "utf-8")
        said = provision()
        assert (said.code, said.text.count("\n")) == (1, 1)
        assert "is in account 210987654321, and the credentials are of 123456789012" in said.text

    def test_a_region_that_there_is_not_is_told_with_one_that_there_is(self, provision: Provision) -> None:
        said = provision("--region", "eu-centrl-1")
        assert (said.code, said.text.count("\n")) == (1, 1)
        assert "is it eu-central-1?" in said.text

    def test_a_stage_that_there_is_not_is_told_with_those_that_there_are(self, provision: Provision) -> None:
        said = provision(stage="production")
        assert (said.code, said.text.count("\n")) == (1, 1)
        assert "there are dev, staging, prod" in said.text


class TestAHalfMadeStack:
    def test_is_not_begun_where_a_name_is_taken(self, account: Account, provision: Provision) -> None:
        account.client("secretsmanager").create_secret(Name=PEPPER, SecretString="somebody else's")
        said = provision()
        assert (said.code, said.text.count("\n")) == (1, 1)
        assert f"is there, without a stack: the secret {PEPPER}. To take it over" in said.text
        assert account.stack(STACK) is None
        assert account.client("dynamodb").list_tables()["TableNames"] == []

    def test_is_explained_by_the_name_that_was_taken(self, account: Account) -> None:
        last = half_made(account)
        assert last.startswith(f"The stack {STACK} could not be changed: PepperKeySecret (AWS::SecretsManager::Secret)")
        assert "already exists" in last
        assert "The name is taken" in last
        assert account.stack(STACK) == "ROLLBACK_COMPLETE"
        assert account.client("sqs").list_queues().get("QueueUrls", []) == []

    def test_is_cleared_away_and_made_once_the_reason_is_gone(
        self, account: Account, project: Path, provision: Provision
    ) -> None:
        half_made(account)
        assert account.client("dynamodb").list_tables()["TableNames"], "tables are protected, and stay"
        refused = provision("--dry-run")
        assert (refused.code, "half made (ROLLBACK_COMPLETE)" in refused.text) == (1, True)
        account.client("secretsmanager").delete_secret(SecretId=PEPPER, ForceDeleteWithoutRecovery=True)

        said = provision()

        assert said.code == 0, said.text
        assert f"An earlier run could not make {STACK}: PepperKeySecret" in said.text
        assert "  < ControlTable  the table signoff-dev-control" in said.text
        assert account.stack(STACK) == "UPDATE_COMPLETE"
        assert "SIGNOFF_PEPPER_SECRET" in config(project)["stages"]["dev"]["environment_variables"]

    def test_of_which_there_is_only_a_plan_is_made(self, account: Account, provision: Provision) -> None:
        account.client("cloudformation").create_change_set(
            StackName=STACK, ChangeSetName="left", ChangeSetType="CREATE", TemplateBody='{"Resources": {}}'
        )
        assert account.stack(STACK) == "REVIEW_IN_PROGRESS"
        said = provision()
        assert said.code == 0
        assert "made nothing of it: that plan is dropped" in said.text


def made_without_values(account: Account) -> None:
    """The stack, as a run leaves it that is stopped there."""
    stack = Stack(account.client("cloudformation"), STACK)
    stack.carry_out(stack.plan(TEMPLATE.read_text("utf-8"), {"Stage": "dev"}))


def half_made(account: Account) -> str:
    """The stack, as a run leaves it when a name was taken after it had looked; what it said."""
    account.client("secretsmanager").create_secret(Name=PEPPER, SecretString="somebody else's")
    with pytest.raises(CannotRun) as caught:
        made_without_values(account)
    return str(caught.value)


class TestFirstValues:
    def test_are_not_made_where_the_tables_hold_what_was_made_with_others(
        self, account: Account, provision: Provision
    ) -> None:
        """Without the pepper no suppression is found again: a new one would hide that."""
        made_without_values(account)
        item = {"pk": {"S": "sender#a"}, "sk": {"S": "b"}}
        account.client("dynamodb").put_item(TableName="signoff-dev-control", Item=item)
        said = provision()
        assert said.code == 1
        assert "restore the secret from a backup" in said.text

    def test_are_not_made_where_restored_tables_hold_it(
        self, account: Account, project: Path, provision: Provision
    ) -> None:
        """The stack's own are old then, and may be empty or made anew."""
        made_without_values(account)
        suffix = "-r20261121080000"
        names = create_tables(account.client("dynamodb"), "dev", suffix)
        item = {"pk": {"S": "sender#a"}, "sk": {"S": "b"}}
        account.client("dynamodb").put_item(TableName=names.control, Item=item)
        file = project / ".chalice" / "config.json"
        told = file.read_text("utf-8")
        file.write_text(told.replace('"signoff-dev-control"', f'"{names.control}"'), "utf-8")
        said = provision()
        assert (said.code, f"the table {names.control} is not" in said.text) == (1, True)

    def test_are_made_for_the_one_that_is_empty_alone(self, account: Account, provision: Provision) -> None:
        made_without_values(account)
        account.client("secretsmanager").put_secret_value(SecretId=MASTER, SecretString="ours")
        said = provision()
        assert said.code == 0, said.text
        assert "Made the pepper key" in said.text
        assert "Made the master keys" not in said.text
        assert secret(account, MASTER) == "ours"

    @pytest.mark.parametrize(("at_once", "says"), [(False, "restore-secret --secret-id"), (True, "is gone")])
    def test_do_not_replace_a_secret_that_was_deleted(
        self, at_once: bool, says: str, account: Account, provision: Provision
    ) -> None:
        provision()
        account.client("secretsmanager").delete_secret(SecretId=PEPPER, ForceDeleteWithoutRecovery=at_once)
        said = provision()
        assert said.code == 1
        assert says in said.text.splitlines()[-1]

    def test_of_two_runs_at_once_are_those_of_one(self) -> None:
        """Both found the secret empty; AWS refuses another value under the same token."""

        class Late:
            tokens: ClassVar[list[str]] = []

            def describe_secret(self, **_asked: Any) -> dict[str, Any]:
                return {}

            def put_secret_value(self, **asked: Any) -> None:
                self.tokens.append(asked["ClientRequestToken"])
                raise ClientError({"Error": {"Code": "ResourceExistsException", "Message": ""}}, "PutSecretValue")

            def scan(self, **_asked: Any) -> dict[str, Any]:
                return {"Count": 0}

        late = Late()
        assert [put_where_empty(late, late, ["table"], "secret", lambda: "value") for _ in range(2)] == [False, False]
        assert late.tokens[0] == late.tokens[1]
        assert len(late.tokens[0]) >= 32
