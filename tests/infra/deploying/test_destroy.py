"""`python -m infra destroy`, and a stage that was destroyed and is provisioned again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.__main__ import main
from infra.ops import destroy as command
from infra.storage import load_template
from tests.infra.deploying.accounts import DOMAIN, Said

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.infra.deploying.accounts import Account, Provision

STACK = "signoff-dev-storage"
TABLES = ("signoff-dev-recipients", "signoff-dev-control")
MASTER, PEPPER = "signoff/dev/master-keys", "signoff/dev/pepper-key"
SECRETS = (MASTER, PEPPER)
ITEM = {"pk": {"S": "sender#0"}, "sk": {"S": "recipient#1"}}


@pytest.fixture
def destroy(account: Account, project: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def run(*arguments: str, stage: str = "dev") -> Said:
        fixed = ["destroy", "--stage", stage, "--project", str(project), "--endpoint-url", account.url]
        code = main([*fixed, *arguments])
        out, err = capfd.readouterr()
        return Said(code, out + err)

    return run


def unprotect(account: Account) -> None:
    for table in TABLES:
        account.client("dynamodb").update_table(TableName=table, DeletionProtectionEnabled=False)


def values(account: Account) -> list[str]:
    client = account.client("secretsmanager")
    return [client.get_secret_value(SecretId=name)["SecretString"] for name in SECRETS]


def there(account: Account) -> dict[str, Any]:
    """Everything that holds something."""
    return {
        "tables": account.client("dynamodb").list_tables()["TableNames"],
        "buckets": [each["Name"] for each in account.client("s3").list_buckets()["Buckets"]],
        "queues": account.client("sqs").list_queues().get("QueueUrls", []),
        "keys": [each["KeyId"] for each in account.client("kms").list_keys()["Keys"]],
        "values": values(account),
    }


def test_what_holds_something_stays_and_the_stack_goes(
    account: Account, provision: Provision, destroy: Callable[..., Said]
) -> None:
    provision()
    unprotect(account)
    before = there(account)

    said = destroy("--yes")

    assert said.code == 0, said.text
    assert account.stack(STACK) is None
    assert there(account) == before
    for table in TABLES:
        assert f"aws dynamodb delete-table --table-name {table}" in said.text
    for secret in SECRETS:
        assert f"aws secretsmanager delete-secret --secret-id {secret} --recovery-window-in-days 30" in said.text
    assert "provision --adopt --stage dev" in said.text
    again = destroy("--dry-run")
    assert (again.code, "there is nothing to destroy" in again.text) == (0, True)
    assert again.text.splitlines()[1:] == said.text.splitlines()[-len(again.text.splitlines()) + 1 :], "what stays"
    assert not [value for value in before["values"] if value in said.text]


def test_the_stage_comes_back_with_all_that_was_in_it(
    account: Account, project: Path, provision: Provision, destroy: Callable[..., Said]
) -> None:
    provision()
    config = (project / ".chalice" / "config.json").read_bytes()
    account.client("dynamodb").put_item(TableName=TABLES[0], Item=ITEM)
    unprotect(account)
    before = there(account)
    assert destroy("--yes").code == 0

    refused = provision()
    shown = provision("--adopt", "--dry-run")
    assert (refused.code, shown.code) == (1, 0)
    assert "the secret signoff/dev/master-keys" in refused.text
    assert "add --adopt" in refused.text
    assert "< MasterKeysSecret  the secret signoff/dev/master-keys" in shown.text
    assert account.stack(STACK) is None
    back = provision("--adopt")

    assert back.code == 0, back.text
    assert "Made" not in back.text
    assert there(account) == before
    assert account.client("dynamodb").scan(TableName=TABLES[0])["Items"] == [ITEM]
    assert (project / ".chalice" / "config.json").read_bytes() == config
    told = account.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    resources = {each["LogicalResourceId"] for each in told if "LogicalResourceId" in each}
    policies = {name for name, each in load_template()["Resources"].items() if each["Type"].endswith("Policy")}
    assert resources == set(load_template()["Resources"]) - policies
    assert provision().text.count("nothing to change.") == 1


@pytest.mark.parametrize("protected", TABLES)
def test_it_refuses_while_a_table_is_protected(
    protected: str, account: Account, provision: Provision, destroy: Callable[..., Said]
) -> None:
    provision()
    unprotect(account)
    account.client("dynamodb").update_table(TableName=protected, DeletionProtectionEnabled=True)

    said = destroy("--yes")

    assert said.code == 1
    assert said.text.count("In the way: ") == 1
    assert f"aws dynamodb update-table --table-name {protected} --no-deletion-protection-enabled" in said.text
    assert account.stack(STACK) == "CREATE_COMPLETE"


def test_it_refuses_while_the_stack_of_prod_is_protected(
    account: Account, provision: Provision, destroy: Callable[..., Said]
) -> None:
    provision("--domain", DOMAIN, "--certificate-arn", account.certificate(), stage="prod")
    for table in ("signoff-prod-recipients", "signoff-prod-control"):
        account.client("dynamodb").update_table(TableName=table, DeletionProtectionEnabled=False)

    said = destroy("--confirm", "prod", stage="prod")

    assert said.code == 1
    assert "--no-enable-termination-protection --stack-name signoff-prod-storage" in said.text
    assert account.stack("signoff-prod-storage") == "CREATE_COMPLETE"


def test_it_refuses_while_the_functions_are_there(
    account: Account, project: Path, provision: Provision, destroy: Callable[..., Said]
) -> None:
    provision()
    unprotect(account)
    role = account.client("iam").create_role(RoleName="x", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    account.client("lambda").create_function(
        FunctionName="signoff-dev", Role=role, Code={"ZipFile": b""}, Runtime="python3.11", Handler="app.app"
    )

    said = destroy("--yes")

    assert said.code == 1
    assert "Run `chalice delete --stage dev` (where .chalice/deployed is: it is not here) first." in said.text
    assert "links that lead to the address of its API die with it, for ever" in said.text
    assert account.stack(STACK) == "CREATE_COMPLETE"


def test_what_a_pipeline_deployed_goes_by_its_stack(
    account: Account, provision: Provision, destroy: Callable[..., Said]
) -> None:
    """`chalice delete` knows nothing of it."""
    provision()
    unprotect(account)
    role = account.client("iam").create_role(RoleName="x", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    code = {"ZipFile": "def app(event, context): pass"}
    function = {"Role": role, "Code": code, "Runtime": "python3.11", "Handler": "app.app"}
    resources = {
        "RestAPI": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "signoff"}},
        "APIHandler": {"Type": "AWS::Lambda::Function", "Properties": function},
        "Jobs": {"Type": "AWS::Lambda::Function", "Properties": function},
    }
    account.client("cloudformation").create_stack(
        StackName="signoff-dev", TemplateBody=json.dumps({"Resources": resources})
    )

    said = destroy("--yes")

    assert said.code == 1
    assert "`aws cloudformation delete-stack --stack-name signoff-dev --region us-east-1 --endpoint-url " in said.text
    assert "chalice delete" not in said.text


def test_a_dry_run_tells_and_changes_nothing(
    account: Account, provision: Provision, destroy: Callable[..., Said]
) -> None:
    provision()
    before = there(account)

    said = destroy("--dry-run")

    assert said.code == 0
    assert "Would go:\n  the stack signoff-dev-storage" in said.text
    assert "  the secret signoff/dev/pepper-key" in said.text
    assert said.text.count("In the way: ") == 2
    assert account.stack(STACK) == "CREATE_COMPLETE"
    assert there(account) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "because there is nobody here to ask. To do it:\n"),
        (["--confirm", "prod"], "'prod' is not the name of the stage."),
        (["--confirm", "", "--yes"], "'' is not the name of the stage."),
    ],
)
def test_it_is_not_done_unless_it_is_said(
    arguments: list[str], says: str, account: Account, provision: Provision, destroy: Callable[..., Said]
) -> None:
    provision()
    unprotect(account)
    said = destroy(*arguments)
    assert (said.code, account.stack(STACK)) == (1, "CREATE_COMPLETE")
    assert says in said.text


def test_yes_is_not_enough_for_prod(account: Account, provision: Provision, destroy: Callable[..., Said]) -> None:
    provision("--domain", DOMAIN, "--certificate-arn", account.certificate(), stage="prod")
    for table in ("signoff-prod-recipients", "signoff-prod-control"):
        account.client("dynamodb").update_table(TableName=table, DeletionProtectionEnabled=False)
    account.client("cloudformation").update_termination_protection(
        StackName="signoff-prod-storage", EnableTerminationProtection=False
    )
    refused = destroy("--yes", stage="prod")
    assert refused.code == 1
    assert refused.text.endswith(" --yes --confirm=prod\n")
    assert account.stack("signoff-prod-storage") == "CREATE_COMPLETE"
    assert destroy("--confirm", "prod", stage="prod").code == 0
    assert account.stack("signoff-prod-storage") is None


def test_a_stage_that_is_not_there_is_nothing_to_destroy(destroy: Callable[..., Said]) -> None:
    said = destroy("--yes")
    assert said.code == 0
    assert "there is nothing to destroy" in said.text


def test_another_account_is_refused(project: Path, provision: Provision, destroy: Callable[..., Said]) -> None:
    provision()
    file = project / ".chalice" / "config.json"
    file.write_text(file.read_text("utf-8").replace("123456789012", "210987654321"), "utf-8")
    assert "The stage dev is in account 210987654321" in destroy("--yes").text


def test_a_secret_that_somebody_deleted_is_not_taken_over_but_told(
    account: Account, provision: Provision, destroy: Callable[..., Said]
) -> None:
    provision()
    unprotect(account)
    destroy("--yes")
    account.client("secretsmanager").delete_secret(SecretId=PEPPER)

    said = provision("--adopt")

    assert said.code == 1
    assert f"aws secretsmanager restore-secret --secret-id {PEPPER}" in said.text
    assert account.stack(STACK) is None


def test_secrets_without_their_key_are_not_taken_over(
    account: Account, provision: Provision, destroy: Callable[..., Said]
) -> None:
    """A new key would not open them."""
    provision()
    unprotect(account)
    destroy("--yes")
    kms = account.client("kms")
    kms.delete_alias(AliasName="alias/signoff-dev")
    secrets = account.client("secretsmanager")
    for secret in SECRETS:
        secrets.update_secret(SecretId=secret, KmsKeyId="alias/aws/secretsmanager")

    said = provision("--adopt")

    assert said.code == 1
    assert "something that they need is gone: the secret signoff/dev/master-keys, the secret" in said.text
    assert json.loads(values(account)[0])["1"]["state"] == "minting"


def test_what_a_stack_that_failed_left_is_taken_over_without_being_asked(
    account: Account, provision: Provision
) -> None:
    """Tables are protected from deletion, so that undoing a failed creation leaves them, as they were made: empty."""
    bucket = "signoff-dev-files-123456789012"
    provision()
    account.client("cloudformation").delete_stack(StackName=STACK)
    account.client("s3").delete_bucket(Bucket=bucket)
    for secret in SECRETS:
        account.client("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    for url in account.client("sqs").list_queues()["QueueUrls"]:
        account.client("sqs").delete_queue(QueueUrl=url)
    account.client("kms").delete_alias(AliasName="alias/signoff-dev")

    said = provision()

    assert said.code == 0, said.text
    assert "takes over what is there" in said.text
    assert "  < RecipientsTable  the table signoff-dev-recipients" in said.text
    assert "  + PepperKeySecret  " in said.text


def test_its_help_says_what_stays() -> None:
    assert "are retained" in command._DESCRIPTION
