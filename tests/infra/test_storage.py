from __future__ import annotations

from typing import Any

import cfnlint
import pytest
from cfnlint.config import ManualArgs

from infra.storage import TEMPLATE, create_tables, load_template, table_definitions, table_names
from tests.engines import LocalTables, dynamodb_client

TABLES: dict[str, dict[str, Any]] = load_template()["Resources"]


def test_cfn_lint_finds_nothing() -> None:
    assert cfnlint.lint_file(TEMPLATE, ManualArgs(include_checks=["I"])) == []


@pytest.mark.parametrize("name", ["RecipientsTable", "ControlTable"])
class TestATable:
    def test_is_not_deleted_by_mistake(self, name: str) -> None:
        assert TABLES[name]["Properties"]["DeletionProtectionEnabled"] is True

    def test_can_be_restored_to_any_second(self, name: str) -> None:
        recovery = TABLES[name]["Properties"]["PointInTimeRecoverySpecification"]
        assert recovery == {"PointInTimeRecoveryEnabled": True}

    def test_is_encrypted_under_a_key_of_kms(self, name: str) -> None:
        assert TABLES[name]["Properties"]["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}

    def test_is_billed_by_request(self, name: str) -> None:
        assert TABLES[name]["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_everything_with_data_or_secrets_stays_when_its_stack_goes_or_makes_another() -> None:
    """RetainExceptOnCreate: what a stack that could not be made leaves behind would stand in the way of the next try.
    Tables cannot be undone, for they are protected from deletion, and are adopted instead."""
    policies = {"BucketPolicy": None, "QueuePolicy": None, "Table": "Retain"}
    for resource in TABLES.values():
        policy = policies.get(resource["Type"].rpartition("::")[2], "RetainExceptOnCreate")
        assert resource.get("DeletionPolicy") == policy
        assert resource.get("UpdateReplacePolicy") == (policy and "Retain")


@pytest.mark.parametrize("name", ["MasterKeysSecret", "PepperKeySecret"])
def test_a_secret_is_made_empty_under_the_stack_s_own_key(name: str) -> None:
    assert TABLES[name]["Properties"].keys() == {"Name", "Description", "KmsKeyId"}
    assert TABLES[name]["Properties"]["KmsKeyId"] == {"Fn::GetAtt": "SecretsKey.Arn"}


def test_the_key_of_the_secrets_is_renewed_and_never_gone_at_once() -> None:
    key = TABLES["SecretsKey"]["Properties"]
    assert key["EnableKeyRotation"] is True
    assert key["PendingWindowInDays"] == 30


def test_names_carry_the_stage() -> None:
    names = table_names("blue")
    assert (names.recipients, names.control) == ("signoff-blue-recipients", "signoff-blue-control")
    assert [definition["TableName"] for definition in table_definitions("blue")] == [names.recipients, names.control]


def test_keys_are_two_texts() -> None:
    for definition in table_definitions("blue"):
        assert definition["KeySchema"] == [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ]
        assert {(each["AttributeName"], each["AttributeType"]) for each in definition["AttributeDefinitions"]} == {
            ("pk", "S"),
            ("sk", "S"),
        }


def test_the_stack_tells_names_and_arns() -> None:
    outputs = {name: output["Value"] for name, output in load_template()["Outputs"].items()}
    assert outputs == {
        "RecipientsTableName": {"Ref": "RecipientsTable"},
        "RecipientsTableArn": {"Fn::GetAtt": "RecipientsTable.Arn"},
        "ControlTableName": {"Ref": "ControlTable"},
        "ControlTableArn": {"Fn::GetAtt": "ControlTable.Arn"},
        "FilesBucketName": {"Ref": "FilesBucket"},
        "FilesBucketArn": {"Fn::GetAtt": "FilesBucket.Arn"},
        "JobsQueueUrl": {"Ref": "JobsQueue"},
        "JobsQueueName": {"Fn::GetAtt": "JobsQueue.QueueName"},
        "JobsQueueArn": {"Fn::GetAtt": "JobsQueue.Arn"},
        "DeadJobsQueueName": {"Fn::GetAtt": "DeadJobsQueue.QueueName"},
        "DeadJobsQueueUrl": {"Ref": "DeadJobsQueue"},
        "DeadJobsQueueArn": {"Fn::GetAtt": "DeadJobsQueue.Arn"},
        "SecretsKeyArn": {"Fn::GetAtt": "SecretsKey.Arn"},
        "SecretsKeyAliasName": {"Ref": "SecretsKeyAlias"},
        "MasterKeysSecretArn": {"Ref": "MasterKeysSecret"},
        "PepperKeySecretArn": {"Ref": "PepperKeySecret"},
    }


@pytest.mark.parametrize("engine", ["moto_dynamodb", "dynoxide_tables"])
def test_an_engine_has_what_the_template_says(engine: str, request: pytest.FixtureRequest) -> None:
    tables: LocalTables = request.getfixturevalue(engine)
    for name in (tables.names.recipients, tables.names.control):
        table = tables.client.describe_table(TableName=name)["Table"]
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        assert table["DeletionProtectionEnabled"] is True
        assert table["SSEDescription"]["SSEType"] == "KMS"
        expiry = tables.client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}


def test_point_in_time_recovery_is_set_where_the_engine_has_it(moto_dynamodb: LocalTables) -> None:
    backups = moto_dynamodb.client.describe_continuous_backups(TableName=moto_dynamodb.names.control)
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_creating_twice_keeps_what_is_stored(moto_dynamodb: LocalTables) -> None:
    item = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    moto_dynamodb.client.put_item(TableName=moto_dynamodb.names.control, Item=item)
    assert create_tables(dynamodb_client(), "test") == moto_dynamodb.names
    assert moto_dynamodb.items(moto_dynamodb.names.control) == [item]
    assert moto_dynamodb.items(moto_dynamodb.names.recipients) == []
