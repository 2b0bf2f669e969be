"""infra/edge.yaml by itself: what its firewall touches, what is logged, and that every alarm says what to do."""

from __future__ import annotations

import json
import re
from itertools import product
from typing import TYPE_CHECKING, Any

import cfnlint
import pytest
from botocore.exceptions import ClientError
from cfnlint.config import ManualArgs

from app import app
from infra.edge import LOG_FIELDS, LOG_FORMAT, TEMPLATE, load_template
from infra.ops.edge_parameters import DAYS, DEFAULT_DAYS, LIMITS
from infra.ops.event_source import SETTINGS
from infra.ops.logs import is_taken
from tests.infra.firewall import Request, matches, rules_about

if TYPE_CHECKING:
    from collections.abc import Callable

RESOURCES: dict[str, dict[str, Any]] = load_template()["Resources"]
RULES: list[dict[str, Any]] = RESOURCES["Acl"]["Properties"]["Rules"]
VALUES = {"ApiStage": "api"}
PREFIXES = ["", "/api"]
TOKEN = "AQxhYmNkZWZnaGlqa2xtbm9w"
PASSES = "one-clicks-always-pass"
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "each octet encoded": lambda path: "/" + "".join(f"%{ord(each):02X}" for each in path[1:]),
    "in lower hexadecimal": lambda path: "/" + "".join(f"%{ord(each):02x}" for each in path[1:]),
    "its first letters encoded": lambda path: re.sub(r"/(\w)", lambda found: f"/%{ord(found[1]):02x}", path),
    "its slashes encoded": lambda path: "/" + path[1:].replace("/", "%2F"),
    "slashes doubled": lambda path: path.replace("/", "//"),
    "slashes doubled, and encoded": lambda path: path.replace("/", "/%2f"),
    "with a dot in between": lambda path: path.replace("/", "/./"),
    "with an encoded dot in between": lambda path: path.replace("/", "/%2E/"),
    "there and back": lambda path: "/there/.." + path,
    "there and back, encoded": lambda path: "/there/%2e%2e" + path,
    "by way of the form": lambda path: "/o/shopshop/..%2F.." + path,
    "by way of a one-click": lambda path: f"/u/{TOKEN}/%2e%2e/.." + path,
    "with a slash at its end": lambda path: path.rstrip("/") + "/",
}
"""Ways to write one path. Whatever API Gateway makes of each: what it takes to a route is judged as that route."""


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == kind}


ALARMS = of_type("AWS::CloudWatch::Alarm")
FILTERS = of_type("AWS::Logs::MetricFilter")


def test_cfn_lint_finds_nothing() -> None:
    assert cfnlint.lint_file(TEMPLATE, ManualArgs(include_checks=["I"])) == []


def test_it_holds_no_yaml_that_cloudformation_does_not_read() -> None:
    """It reads neither aliases nor merged keys; and 51,200 octets at most in a call."""
    text = TEMPLATE.read_text("utf-8")
    assert not re.search(r"(: |- )[&*]\w|<<:", text)
    assert len(text.encode()) < 51_200


class TestTheFirewall:
    @pytest.mark.parametrize("spelling", SPELLINGS)
    @pytest.mark.parametrize("prefix", PREFIXES)
    @pytest.mark.parametrize("path", [f"/u/{TOKEN}", f"/u/{TOKEN}/all", "/u/", f"/u/{TOKEN}/anything"])
    def test_has_no_say_in_a_one_click(self, prefix: str, path: str, spelling: str) -> None:
        """It passes by the first rule, and would by any other: none so much as counts it."""
        request = Request("POST", SPELLINGS[spelling](prefix + path))
        assert rules_about(RULES, request, VALUES) == [PASSES]
        assert [rule["Name"] for rule in RULES if matches(rule["Statement"], request, VALUES)] == [PASSES]

    @pytest.mark.parametrize("prefix", PREFIXES)
    @pytest.mark.parametrize(
        ("method", "path", "rule"),
        [
            ("POST", "/o/shopshop", "typed-addresses"),
            ("GET", "/o/shopshop", "pages"),
            ("GET", f"/u/{TOKEN}", "pages"),
            ("HEAD", f"/u/{TOKEN}", "pages"),
            ("GET", f"/p/{TOKEN}", "pages"),
            ("POST", f"/p/{TOKEN}", "pages"),
            ("POST", f"/p/{TOKEN}/erase", "pages"),
            ("GET", "/l/shopshop/x.png", "pages"),
            ("GET", "/docs", "pages"),
            ("POST", "/v1/check", "sender-api"),
            ("GET", "/v1/changes", "sender-api"),
        ],
    )
    def test_counts_what_people_type_and_open(self, prefix: str, method: str, path: str, rule: str) -> None:
        assert rules_about(RULES, Request(method, prefix + path), VALUES) == [rule]

    def test_counts_every_route_once_but_the_one_clicks_and_the_health(self) -> None:
        for path, methods in app.routes.items():
            for method in methods:
                found = rules_about(RULES, Request(method, path.replace("{token}", TOKEN)), VALUES)
                assert len(found) == (path != "/healthz"), (method, path, found)

    @pytest.mark.parametrize("spelling", SPELLINGS)
    def test_judges_each_route_alike_however_its_path_is_written(self, spelling: str) -> None:
        for path, methods in app.routes.items():
            for method, prefix in product(methods, PREFIXES):
                plain = prefix + path.replace("{token}", TOKEN)
                found = rules_about(RULES, Request(method, SPELLINGS[spelling](plain)), VALUES)
                assert found == rules_about(RULES, Request(method, plain), VALUES), (method, plain)

    def test_is_not_led_astray_by_what_only_looks_like_a_one_click(self) -> None:
        """Decoded once, as API Gateway does: what is encoded twice is another path, and no route."""
        assert rules_about(RULES, Request("POST", f"/u/{TOKEN}/../../o/shopshop"), VALUES) == ["typed-addresses"]
        assert rules_about(RULES, Request("POST", "/u/%2e%2e/o/shopshop"), VALUES) == ["typed-addresses"]
        assert rules_about(RULES, Request("POST", "/%2575/x"), VALUES) == []

    def test_lets_pass_what_no_rule_is_about_and_blocks_by_rates_alone(self) -> None:
        assert RESOURCES["Acl"]["Properties"]["DefaultAction"] == {"Allow": {}}
        assert {rule["Name"] for rule in RULES if rule["Action"] != {"Block": {}}} == {PASSES}
        assert min(RULES, key=lambda rule: int(rule["Priority"]))["Name"] == PASSES, "whatever is added behind it"
        for rule in RULES:
            assert rule["Name"] == PASSES or list(rule["Statement"]) == ["RateBasedStatement"]
            assert rule["Statement"].get("RateBasedStatement", {"AggregateKeyType": "IP"})["AggregateKeyType"] == "IP"

    def test_keeps_no_request(self) -> None:
        """A path holds a token."""
        acl = RESOURCES["Acl"]["Properties"]
        assert [each["VisibilityConfig"]["SampledRequestsEnabled"] for each in (acl, *RULES)] == [False] * 5
        assert not of_type("AWS::WAFv2::LoggingConfiguration")
        assert "DataProtectionConfig" not in acl

    def test_a_rule_that_touched_a_one_click_would_be_seen(self) -> None:
        """The evaluator itself: by any statement that matches, and by one that it does not know."""
        click = Request("POST", f"/u/{TOKEN}")
        bare = {"RateBasedStatement": {"AggregateKeyType": "IP", "Limit": 10}}
        managed = {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet"}}
        assert matches(bare, click, VALUES)
        with pytest.raises(AssertionError, match="ManagedRuleGroupStatement"):
            matches(managed, click, VALUES)


class TestTheLogOfRequests:
    def test_holds_nothing_of_who_asked_nor_of_the_path(self) -> None:
        """Variables of API Gateway; $context.path and $context.error.message hold what was sent."""
        variables = re.findall(r"\$context\.[\w.]+", LOG_FORMAT)
        assert " ".join(variables) == LOG_FORMAT
        allowed = {"requestTimeEpoch", "requestId", "httpMethod", "resourcePath", "status"}
        allowed |= {"responseLatency", "responseLength", "error.responseType"}
        assert {each.removeprefix("$context.") for each in variables} == allowed

    def test_is_read_by_every_filter_as_it_is_written(self) -> None:
        for name, each in FILTERS.items():
            if each["LogGroupName"] == {"Ref": "AccessLog"}:
                told = each["FilterPattern"].strip("[]").split(", ")
                assert [field.split()[0] for field in told] == list(LOG_FIELDS), name

    def test_counts_routes_that_there_are(self) -> None:
        named = {path for each in FILTERS.values() for path in re.findall(r'"(/[^"]*)"', each["FilterPattern"])}
        assert named == {"/u/{token}", "/u/{token}/all", "/o/{sender}", "/v1/links", "/v1/changes"}
        assert named <= set(app.routes)


class TestAnAlarm:
    @pytest.mark.parametrize("name", ALARMS)
    def test_says_what_to_do_and_where_it_is_described(self, name: str) -> None:
        alarm = ALARMS[name]
        of = alarm["AlarmName"]["Fn::Sub"].removeprefix("signoff-${Stage}-")
        assert name == "Alarm" + "".join(word.capitalize() for word in of.split("-"))
        assert alarm["AlarmDescription"].endswith(f" docs/operate.md#alarm-{of}")
        assert len(alarm["AlarmDescription"]) <= 1024

    @pytest.mark.parametrize("name", ALARMS)
    def test_is_heard_when_it_begins_and_when_it_ends(self, name: str) -> None:
        topic = [{"Fn::If": ["HasOwnTopic", {"Ref": "Topic"}, {"Ref": "AlarmTopic"}]}]
        assert (ALARMS[name]["AlarmActions"], ALARMS[name]["OKActions"]) == (topic, topic)

    def test_there_is_for_all_that_ops_must_hear_of(self) -> None:
        assert {each["AlarmName"]["Fn::Sub"].removeprefix("signoff-${Stage}-") for each in ALARMS.values()} == {
            "server-errors",
            "latency",
            "throttled",
            "critical",
            "api-errors",
            "api-throttles",
            "jobs-errors",
            "jobs-throttles",
            "dead-letters",
            "oldest-job",
            "tables-throttled",
            "tables-failing",
            "opt-outs-too-many",
            "opt-outs-too-few",
        }

    def test_is_on_a_metric_that_is_counted(self) -> None:
        told = json.dumps(list(ALARMS.values()))
        for each in FILTERS.values():
            [counted] = each["MetricTransformations"]
            assert counted["MetricNamespace"] == {"Fn::Sub": "signoff-${Stage}"}
            assert f'"MetricName": "{counted["MetricName"]}"' in told


def test_every_number_can_be_set_and_the_log_is_kept_as_long_as_the_functions_are() -> None:
    told = load_template()["Parameters"]
    assert {*LIMITS, DAYS} == {name for name, each in told.items() if each["Type"] == "Number"}
    assert told[DAYS]["Default"] == DEFAULT_DAYS


def test_what_finish_compares_of_the_queue_is_what_chalice_is_told() -> None:
    source: Any
    [source] = app.event_sources
    assert {
        "BatchSize": source.batch_size,
        "MaximumBatchingWindowInSeconds": source.maximum_batching_window_in_seconds,
        "ScalingConfig": {"MaximumConcurrency": source.maximum_concurrency},
    } == SETTINGS


def test_the_stack_makes_no_policy_and_no_role() -> None:
    """So there is no statement that could have a `*` for its resource."""
    assert not [name for name, each in RESOURCES.items() if each["Type"].startswith("AWS::IAM::")]
    assert "PolicyDocument" not in TEMPLATE.read_text("utf-8")


class Account:
    """API Gateway's, which refuses each time for the next reason."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = list(reasons)

    def update_account(self, **_asked: Any) -> None:
        if self.reasons:
            raise ClientError({"Error": {"Code": self.reasons.pop(0), "Message": ""}}, "UpdateAccount")


def test_a_role_for_logs_that_is_not_known_yet_is_offered_again() -> None:
    """The second time too early: UpdateAccount is counted by twenty seconds."""
    account = Account("BadRequestException", "TooManyRequestsException")
    assert [is_taken(account, "arn:aws:iam::123456789012:role/new") for _ in range(3)] == [False, False, True]
    with pytest.raises(ClientError):
        is_taken(Account("AccessDeniedException"), "arn:aws:iam::123456789012:role/new")
