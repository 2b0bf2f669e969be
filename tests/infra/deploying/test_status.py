"""`python -m infra status`: one screen about a stage that is deployed, and about one that is not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from infra.ops import status
from infra.ops.examined.standing import rows
from tests.infra.deploying.accounts import DOMAIN, empty_account
from tests.infra.deploying.deployed import deploy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.deploying.deployed import Deployed

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def at(local_aws: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with empty_account() as url:
        yield deploy(url, tmp_path_factory.mktemp("project"))


def told(at: Deployed, capfd: Capture, stage: str = "prod") -> dict[str, Any]:
    options = at.options(stage=stage)
    options.json = True
    assert status.run(options, at.world) == 0
    found: dict[str, Any] = json.loads(capfd.readouterr().out)
    return found


def test_a_stage_is_told_whole_and_what_waits_failed_and_sounds(at: Deployed, capfd: Capture) -> None:
    found = told(at, capfd)
    assert {name: each["state"] for name, each in found["stacks"].items()} == {
        "signoff-prod-storage": "CREATE_COMPLETE",
        "signoff-prod-edge": "CREATE_COMPLETE",
    }
    assert set(found["functions"]) == {"signoff-prod", "signoff-prod-jobs"}
    assert all(each["deployed_at"] for each in found["functions"].values())
    assert found["public_url"] == f"https://{DOMAIN}"
    assert found["health"] == {"answers": True, "status": 200}
    assert found["keys"] == {"versions": 1, "minting": 1, "next": None}
    assert found["senders"] == 0
    assert (found["queue"]["waiting"], found["queue"]["at_work"], found["dead_letters"]) == (0, 0, 0)
    assert found["alarms"] == []
    assert found["tables"]["signoff-prod-recipients"]["items"] == 0
    assert found["tables"]["signoff-prod-recipients"]["restorable_from"].endswith("Z")
    assert found["opt_outs_last_hour"] == 0
    assert "Nobody notes backups" in found["last_backup"]["not_known"]
    something_happens(at)

    found = told(at, capfd)

    assert found["dead_letters"] == 1
    assert found["alarms"] == ["signoff-prod-server-errors"]
    assert found["senders"] == 1
    assert found["opt_outs_last_hour"] == 7
    assert found["health"] == {"answers": False, "status": 503}


def something_happens(at: Deployed) -> None:
    """A job fails, an alarm sounds, a sender is made, people opt out, and the service is down."""
    sqs, watch = at.account.client("sqs"), at.account.client("cloudwatch")
    urls = [sqs.get_queue_url(QueueName=f"signoff-prod-{name}")["QueueUrl"] for name in ("jobs", "dead-jobs")]
    table = {"pk": {"S": "sender#shopshop"}, "sk": {"S": "sender"}}
    client = at.account.client("dynamodb")
    client.put_item(TableName="signoff-prod-control", Item=table)
    client.put_item(TableName="signoff-prod-control", Item={**table, "sk": {"S": "key#1"}})
    sqs.send_message(QueueUrl=urls[1], MessageBody="{}")
    watch.set_alarm_state(AlarmName="signoff-prod-server-errors", StateValue="ALARM", StateReason="a test")
    counted = {"MetricName": "OptOuts", "Value": 7, "Timestamp": datetime.now(UTC) - timedelta(minutes=10)}
    watch.put_metric_data(Namespace="signoff-prod", MetricData=[counted])
    at.world.answer = (503, b"")


def test_a_rotation_that_waits_is_told(at: Deployed, capfd: Capture) -> None:
    secrets, name = at.account.client("secretsmanager"), "signoff/prod/master-keys"
    keys = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
    new = {"secret": "A" * 43 + "=", "state": "minting", "from": "2999-01-01T00:00:00Z"}
    text = json.dumps({"1": {**keys["1"], "state": "verifying"}, "2": new})
    secrets.put_secret_value(SecretId=name, SecretString=text)

    found = told(at, capfd)

    secrets.put_secret_value(SecretId=name, SecretString=json.dumps(keys))  # the stage is that of other tests, too

    assert found["keys"] == {"versions": 2, "minting": 1, "next": {"version": 2, "from": "2999-01-01T00:00:00Z"}}
    assert new["secret"] not in json.dumps(found)
    assert keys["1"]["secret"] not in json.dumps(found)


def test_a_stage_that_is_not_there_is_told_so(at: Deployed, capfd: Capture) -> None:
    found = told(at, capfd, "dev")
    assert found["stacks"] == {"signoff-dev-storage": None, "signoff-dev-edge": None}
    assert found["functions"] == {"signoff-dev": None, "signoff-dev-jobs": None}
    for name in ("public_url", "keys", "queue", "tables", "alarms", "opt_outs_last_hour"):
        assert found[name]["not_known"], name


def test_people_read_no_more_of_a_figure_than_they_need() -> None:
    function = {
        "deployed_at": "2026-11-21T15:23:28.783310000Z",
        "runtime": "python3.11",
        "code_sha256": "zZgmroKs+q3gH9iZ",
    }
    told = {"functions": {"signoff-dev": function}, "keys": {"versions": 1, "next": None}, "opt_outs_last_hour": 7}
    assert rows(told) == [
        ("signoff-dev", "deployed at 2026-11-21T15:23:28Z, runtime python3.11, code sha256 zZgmroKs+q3g"),
        ("keys", "versions 1, next none"),
        ("opt-outs in the last hour", "7"),
    ]


def test_people_read_it_on_one_screen(at: Deployed, capfd: Capture) -> None:
    options = at.options(stage="dev")
    options.json = False
    assert status.run(options, at.world) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "Stage dev, in us-east-1 of account 123456789012"
    assert "signoff-dev-storage: not there" in lines
    assert "keys: not known: There are none yet: run `python -m infra provision --stage dev`." in lines
    assert len(lines) < 30
