"""`python -m infra finish` on a deployed stage, and on what is none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.edge import LOG_FORMAT, load_template
from infra.ops.gateway_answers import ANSWERS, MARK
from tests.infra.deploying.accounts import DOMAIN
from tests.infra.deploying.finishes import deploy, deploy_again, write_note

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.deploying.accounts import Account, Provision
    from tests.infra.deploying.finishes import Deployment, Finish

EDGE = "signoff-dev-edge"


def test_all_that_follows_a_deployment_is_made(deployment: Deployment, finish: Finish, account: Account) -> None:
    said = finish()

    assert said.code == 0, said.text
    url = f"https://{deployment.api}.execute-api.us-east-1.amazonaws.com/api"
    assert deployment.settings["SIGNOFF_PUBLIC_URL"] == url
    assert [deployment.settings_of(each) for each in deployment.functions] == [deployment.settings] * 2
    assert account.stack(EDGE) == "CREATE_COMPLETE"
    assert set(deployment.alarms()) == {
        each["Properties"]["AlarmName"]["Fn::Sub"].removeprefix("signoff-${Stage}-")
        for each in load_template()["Resources"].values()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }
    for kind, answer in ANSWERS.items():
        assert {name: deployment.answers()[kind][name] for name in answer} == answer
    assert kept(account) == {f"/aws/lambda/{each}": 30 for each in deployment.functions} | {"signoff-dev-requests": 30}
    assert "Nobody hears the alarms yet" in said.text


def kept(account: Account) -> dict[str, int]:
    groups = account.client("logs").describe_log_groups()["logGroups"]
    return {each["logGroupName"]: each["retentionInDays"] for each in groups}


def test_the_stage_logs_no_path_and_throttles_no_one_click(deployment: Deployment, finish: Finish) -> None:
    patch = [
        {"op": "replace", "path": "/*/*/logging/loglevel", "value": "INFO"},
        {"op": "replace", "path": "/~1p~1{token}/GET/logging/dataTrace", "value": "true"},
        {"op": "replace", "path": "/tracingEnabled", "value": "true"},
    ]
    gateway = deployment.account.client("apigateway")
    gateway.update_stage(restApiId=deployment.api, stageName="api", patchOperations=patch)

    assert finish().code == 0

    told = deployment.api_stage()
    log = "arn:aws:logs:us-east-1:123456789012:log-group:signoff-dev-requests"
    assert told["accessLogSettings"] == {"destinationArn": log, "format": LOG_FORMAT}
    assert told["tracingEnabled"] is False
    methods = told["methodSettings"]
    assert {each.get("loggingLevel", "OFF") for each in methods.values()} == {"OFF"}
    assert {each["dataTraceEnabled"] for each in methods.values()} == {False}
    limits = {name: (each["throttlingRateLimit"], each["throttlingBurstLimit"]) for name, each in methods.items()}
    assert limits["~1u~1{token}/POST"] == limits["~1u~1{token}~1all/POST"] == (10_000, 5_000), "the account's own"
    assert limits["~1o~1{sender}/POST"] == (50, 100)
    assert limits["*/*"] == (2000, 2000)


def test_the_firewall_stands_before_the_stage_or_is_left_out(deployment: Deployment, finish: Finish) -> None:
    firewall = deployment.account.client("wafv2")
    stage = f"arn:aws:apigateway:us-east-1::/restapis/{deployment.api}/stages/api"
    finish()
    told = firewall.get_web_acl_for_resource(ResourceArn=stage)["WebACL"]
    assert told["Name"] == "signoff-dev"
    assert deployment.api_stage()["webAclArn"] == told["ARN"]
    assert not told["VisibilityConfig"]["SampledRequestsEnabled"]


def test_run_again_it_changes_nothing(deployment: Deployment, finish: Finish) -> None:
    finish()
    file = deployment.project / ".chalice" / "config.json"
    before = file.read_bytes(), deployment.api_stage(), deployment.answers(), deployment.alarms()

    said = finish()

    assert said.code == 0
    assert said.text.count("nothing to change.") == 7
    assert "  ~ " not in said.text
    assert (file.read_bytes(), deployment.api_stage(), deployment.answers(), deployment.alarms()) == before


def test_after_another_deployment_the_answers_are_put_back(deployment: Deployment, finish: Finish) -> None:
    """PutRestApi took them away, while the stack knows nothing of it; the stage's own settings stayed."""
    finish()
    settings = deployment.api_stage()["methodSettings"]
    deploy_again(deployment)
    assert deployment.answers() == {}

    said = finish()

    assert said.code == 0
    assert set(deployment.answers()) == set(ANSWERS)
    assert "MISSING_AUTHENTICATION_TOKEN: 404" in said.text
    assert "/throttling/" not in said.text
    assert deployment.api_stage()["methodSettings"] == settings
    assert description(deployment) == MARK


def description(deployment: Deployment) -> str:
    gateway = deployment.account.client("apigateway")
    now = deployment.api_stage()["deploymentId"]
    told = gateway.get_deployment(restApiId=deployment.api, deploymentId=now)
    return str(told["description"])


def test_answers_that_are_there_and_not_in_force_are_deployed(deployment: Deployment, finish: Finish) -> None:
    """A run that was stopped between the two."""
    finish()
    deployment.account.client("apigateway").create_deployment(restApiId=deployment.api, stageName="api")
    said = finish()
    assert "the stage api deployed once more" in said.text
    assert "a problem document" not in said.text
    assert description(deployment) == MARK


def test_a_dry_run_shows_all_and_changes_nothing(deployment: Deployment, finish: Finish, account: Account) -> None:
    file = deployment.project / ".chalice" / "config.json"
    before = file.read_bytes(), deployment.api_stage()

    said = finish("--dry-run")

    assert said.code == 0, said.text
    for line in ("+ AlarmDeadLetters", "~ WAF_FILTERED: 429", "~ SIGNOFF_PUBLIC_URL", "kept for 30 days", "~ the role"):
        assert line in said.text
    assert (file.read_bytes(), deployment.api_stage()) == before
    assert account.stack(EDGE) is None
    assert (deployment.answers(), kept(account)) == ({}, {})
    assert "SIGNOFF_PUBLIC_URL" not in deployment.settings_of("signoff-dev")


class TestWhatIsChosen:
    def test_stays_chosen(self, deployment: Deployment, finish: Finish, account: Account) -> None:
        said = finish("--alarm-email", "ops@example.com", "--log-days", "90", "--set", "OptOutsMost=1000")
        assert "once the one that SNS sent there was answered" in said.text
        assert "nothing to change" in finish().text
        [heard] = account.client("sns").list_subscriptions()["Subscriptions"]
        assert (heard["Protocol"], heard["Endpoint"]) == ("email", "ops@example.com")
        assert deployment.alarms()["opt-outs-too-many"]["Threshold"] == 1000
        assert deployment.alarms()["latency"]["Threshold"] == 3000
        assert set(kept(account).values()) == {90}

        finish("--set", "LatencyMost=500", "--log-days", "7")

        assert deployment.alarms()["opt-outs-too-many"]["Threshold"] == 1000
        assert deployment.alarms()["latency"]["Threshold"] == 500
        assert set(kept(account).values()) == {7}

    def test_a_topic_that_there_is(self, deployment: Deployment, finish: Finish, account: Account) -> None:
        arn = account.client("sns").create_topic(Name="ours")["TopicArn"]
        assert finish("--alarm-topic-arn", arn).code == 0
        assert {tuple(each["AlarmActions"]) for each in deployment.alarms().values()} == {(arn,)}
        assert [each["TopicArn"] for each in account.client("sns").list_topics()["Topics"]] == [arn]

    def test_no_firewall(self, deployment: Deployment, finish: Finish, account: Account) -> None:
        assert finish("--no-firewall").code == 0
        assert account.client("wafv2").list_web_acls(Scope="REGIONAL")["WebACLs"] == []

    def test_another_public_url(self, deployment: Deployment, finish: Finish) -> None:
        assert finish("--public-url", "https://proxy.example.com/mail").code == 0
        assert finish().code == 0, "it stays"
        assert deployment.settings["SIGNOFF_PUBLIC_URL"] == "https://proxy.example.com/mail"


class TestWhereTheDeploymentIs:
    def test_it_is_found_by_its_names(
        self, account: Account, project: Path, provision: Provision, finish: Finish
    ) -> None:
        """On a colleague's machine; APIs of two stages have one name."""
        provision()
        provision(stage="staging")
        other = deploy(account, project, "staging", note=False)
        mine = deploy(account, project, note=False)
        said = finish()
        assert said.code == 0, said.text
        assert f"API {mine.api}, functions signoff-dev and signoff-dev-jobs" in said.text
        assert other.answers() == {}

    @pytest.mark.parametrize("stage", ["dev", "staging"])
    def test_nothing_is_deployed(self, stage: str, provision: Provision, finish: Finish) -> None:
        provision(stage=stage)
        said = finish(stage=stage)
        assert (said.code, said.text.count("\n")) == (1, 1)
        assert f"run `chalice deploy --stage {stage}` first" in said.text

    def test_what_is_noted_is_gone(self, deployment: Deployment, finish: Finish) -> None:
        write_note(deployment, rest_api_id="gone123456")
        said = finish()
        assert (said.code, said.text.count("\n")) == (1, 1)
        assert "The API gone123456 with its stage api is not in this account and region" in said.text

    def test_the_note_is_not_whole(self, deployment: Deployment, finish: Finish) -> None:
        (deployment.project / ".chalice" / "deployed" / "dev.json").write_text("{")
        said = finish()
        assert (said.code, "is not whole: run `chalice deploy --stage dev` again" in said.text) == (1, True)

    def test_nothing_is_provisioned(self, account: Account, finish: Finish) -> None:
        said = finish()
        assert (said.code, said.text.count("\n")) == (1, 1)
        assert "python -m infra provision --stage dev" in said.text

    def test_another_region(self, deployment: Deployment, finish: Finish) -> None:
        said = finish("--region", "eu-central-1")
        assert (said.code, "add --region us-east-1" in said.text) == (1, True)

    def test_prod_without_a_domain(self, account: Account, project: Path, provision: Provision, finish: Finish) -> None:
        """As nobody can provision it; perhaps somebody took the domain out of the file."""
        assert provision("--domain", DOMAIN, "--certificate-arn", account.certificate(), stage="prod").code == 0
        made = deploy(account, project, "prod")
        change_config(made, lambda stage: stage.pop("api_gateway_custom_domain"))
        said = finish(stage="prod")
        assert said.code == 1
        assert "The stage prod has no domain" in said.text.splitlines()[-1]
        assert account.stack("signoff-prod-edge") is None


def change_config(deployment: Deployment, change: Any) -> None:
    file = deployment.project / ".chalice" / "config.json"
    told = json.loads(file.read_text("utf-8"))
    change(told["stages"][deployment.stage])
    file.write_text(json.dumps(told), "utf-8")


class TestTrouble:
    def test_a_stack_that_cannot_be_made_is_told_by_its_resource_and_made_once_it_can(
        self, deployment: Deployment, finish: Finish, account: Account
    ) -> None:
        """By the firewall of somebody else; a log of requests would be taken over."""
        firewall, what = account.client("wafv2"), {"Name": "signoff-dev", "Scope": "REGIONAL"}
        seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "x"}
        acl = firewall.create_web_acl(**what, DefaultAction={"Allow": {}}, VisibilityConfig=seen)["Summary"]
        said = finish()
        assert said.code == 1
        last = said.text.splitlines()[-1]
        assert last.startswith(f"The stack {EDGE} could not be changed: Acl (AWS::WAFv2::WebACL)")
        firewall.delete_web_acl(**what, Id=acl["Id"], LockToken=acl["LockToken"])
        assert finish().code == 0
        assert account.stack(EDGE) == "CREATE_COMPLETE"

    def test_a_log_that_an_earlier_stack_left_is_written_on(
        self, deployment: Deployment, finish: Finish, account: Account
    ) -> None:
        account.client("logs").create_log_group(logGroupName="signoff-dev-requests")
        said = finish()
        assert said.code == 0, said.text
        assert "  < AccessLog  the log signoff-dev-requests" in said.text
        assert account.stack(EDGE) == "UPDATE_COMPLETE"

    def test_an_event_source_that_somebody_changed_is_put_right(self, deployment: Deployment, finish: Finish) -> None:
        functions = deployment.account.client("lambda")
        [source] = functions.list_event_source_mappings()["EventSourceMappings"]
        functions.update_event_source_mapping(
            UUID=source["UUID"], BatchSize=10, ScalingConfig={"MaximumConcurrency": 50}, Enabled=False
        )
        said = finish()
        assert "~ BatchSize = 1" in said.text
        [source] = functions.list_event_source_mappings()["EventSourceMappings"]
        assert (source["BatchSize"], source["ScalingConfig"]) == (1, {"MaximumConcurrency": 5})
        assert source["State"] == "Enabled"

    def test_a_queue_that_hides_too_shortly_is_told(self, deployment: Deployment, finish: Finish) -> None:
        url = deployment.settings["SIGNOFF_JOBS_QUEUE_URL"]
        deployment.account.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
        said = finish()
        assert said.code == 1
        assert "hides a message for 30 s, and signoff-dev-jobs may run for 900 s" in said.text.splitlines()[-1]

    def test_a_function_without_its_source_is_told(self, deployment: Deployment, finish: Finish) -> None:
        functions = deployment.account.client("lambda")
        [source] = functions.list_event_source_mappings()["EventSourceMappings"]
        functions.delete_event_source_mapping(UUID=source["UUID"])
        said = finish()
        assert said.code == 1
        assert "has 0 sources on the queue signoff-dev-jobs" in said.text.splitlines()[-1]

    def test_a_role_for_logs_that_is_there_is_left(self, deployment: Deployment, finish: Finish) -> None:
        gateway = deployment.account.client("apigateway")
        theirs = "arn:aws:iam::123456789012:role/theirs"
        patch = [{"op": "replace", "path": "/cloudwatchRoleArn", "value": theirs}]
        gateway.update_account(patchOperations=patch)
        finish()
        assert gateway.get_account()["cloudwatchRoleArn"] == theirs
