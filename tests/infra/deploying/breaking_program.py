"""One way to break each of the settings, functions, the API and the domain, and the way to mend it again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.ops.examined.finding import State
from tests.infra.deploying.breaking import API, API_ROLE, CONFIG, JOBS, JOBS_ROLE, SOURCE, case, config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.deploying.deployed import Deployed

_MORE = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)
_SET = ((API, "settings"), (JOBS, "settings"))
SETTINGS = (
    "SIGNOFF_RECIPIENTS_TABLE",
    "SIGNOFF_CONTROL_TABLE",
    "SIGNOFF_FILES_BUCKET",
    "SIGNOFF_JOBS_QUEUE",
    "SIGNOFF_JOBS_QUEUE_URL",
    "SIGNOFF_MASTER_SECRET",
    "SIGNOFF_PEPPER_SECRET",
)


def _settings(told: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = told["stages"]["prod"]["environment_variables"]
    return found


def _other(setting: str) -> Any:
    def broken(at: Deployed) -> Iterator[None]:
        yield from config(at, lambda told: _settings(told).update({setting: _settings(told)[setting] + "x"}))

    return broken


for _name in SETTINGS:
    case(CONFIG, _name, "Run `python -m infra provision --stage prod`, which writes it", _SET)(_other(_name))


@case(CONFIG, "SIGNOFF_PUBLIC_URL", "the domain says https://choices.example.com", _SET)
def _other_url(at: Deployed) -> Iterator[None]:
    url = "https://choices.example.com/prod"
    yield from config(at, lambda told: _settings(told).update(SIGNOFF_PUBLIC_URL=url))


@case(CONFIG, "the service takes all of them", "SIGNOFF_KEY_BUDGET is not a whole number over 0", _SET)
def _odd_setting(at: Deployed) -> Iterator[None]:
    yield from config(at, lambda told: _settings(told).update(SIGNOFF_KEY_BUDGET="many"))


# --- functions ------------------------------------------------------------------------------------------------------


@case(API, "timeout (seconds)", "chalice deploy --stage prod")
def _slow(at: Deployed) -> Iterator[None]:
    yield from _function(at, API, Timeout=60)


@case(API, "memory (MB)", "chalice deploy --stage prod")
def _small(at: Deployed) -> Iterator[None]:
    yield from _function(at, API, MemorySize=128)


@case(JOBS, "runtime", "with such a Python")
def _old(at: Deployed) -> Iterator[None]:
    yield from _function(at, JOBS, Runtime="python3.9")


@case(JOBS, "settings", "EXTRA, SIGNOFF_FILES_BUCKET: the function has not")
def _set_otherwise(at: Deployed) -> Iterator[None]:
    """And nobody is shown what is in a setting that is not ours."""
    told = at.account.client("lambda").get_function_configuration(FunctionName=JOBS)["Environment"]["Variables"]
    others = {**told, "SIGNOFF_FILES_BUCKET": "mine", "EXTRA": "a-secret-of-somebody"}
    yield from _function(at, JOBS, Environment={"Variables": others})


@case(API, "layer", "the note of the last deployment")
def _other_layer(at: Deployed) -> Iterator[None]:
    client = at.account.client("lambda")
    name = "signoff-prod-managed-layer"
    arn = client.publish_layer_version(LayerName=name, Content={"ZipFile": b"PK\5\6" + 18 * b"\0"})["LayerVersionArn"]
    told = client.get_function_configuration(FunctionName=API)["Layers"]
    client.update_function_configuration(FunctionName=API, Layers=[arn])
    yield
    client.update_function_configuration(FunctionName=API, Layers=[each["Arn"] for each in told])


@case(API, "tracing is off", "A trace holds paths", ((JOBS, "tracing is off"),))
def _traced(at: Deployed) -> Iterator[None]:
    """moto's functions have no tracing that could be turned on; the file has."""
    yield from config(at, lambda told: told.update(xray=True))


@case(JOBS, "reserved concurrency", "It is 5, and .chalice/config.json says not set")
def _reserved(at: Deployed) -> Iterator[None]:
    client = at.account.client("lambda")
    client.put_function_concurrency(FunctionName=JOBS, ReservedConcurrentExecutions=5)
    yield
    client.delete_function_concurrency(FunctionName=JOBS)


@case("account", "functions at once", "10 functions without a place of their own may run at once", state=State.HINT)
def _few_places(at: Deployed) -> Iterator[None]:
    """As in a new account; here another program's function has reserved the others."""
    client = at.account.client("lambda")
    role = client.get_function_configuration(FunctionName=API)["Role"]
    code = {"ZipFile": b"PK\5\6" + 18 * b"\0"}
    client.create_function(FunctionName="others", Runtime="python3.12", Role=role, Handler="a.b", Code=code)
    client.put_function_concurrency(FunctionName="others", ReservedConcurrentExecutions=990)
    yield
    client.delete_function(FunctionName="others")


@case(API_ROLE, "has no policies attached", "by ReadAll: take off what nobody needs")
def _attached(at: Deployed) -> Iterator[None]:
    iam, role = at.account.client("iam"), API_ROLE.removeprefix("role ")
    arn = iam.create_policy(PolicyName="ReadAll", PolicyDocument=_MORE)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    yield
    iam.detach_role_policy(RoleName=role, PolicyArn=arn)


@case(JOBS_ROLE, "has one policy of its own", "It has more besides")
def _one_more(at: Deployed) -> Iterator[None]:
    iam, role = at.account.client("iam"), JOBS_ROLE.removeprefix("role ")
    iam.put_role_policy(RoleName=role, PolicyName="more", PolicyDocument=_MORE)
    yield
    iam.delete_role_policy(RoleName=role, PolicyName="more")


@case(API_ROLE, "policy is that of .chalice/policy-prod.json", "differ in ReadAndWriteTheTwoTables")
def _may_more(at: Deployed) -> Iterator[None]:
    yield from _policy(at, API_ROLE)


@case(JOBS_ROLE, "policy is that of .chalice/policy-prod-jobs.json", "differ in ReadAndWriteTheTwoTables")
def _jobs_may_more(at: Deployed) -> Iterator[None]:
    yield from _policy(at, JOBS_ROLE)


# --- event source ---------------------------------------------------------------------------------------------------


@case(SOURCE, "takes from the queue of jobs", "imports and exports wait. Run `chalice deploy")
def _no_source(at: Deployed) -> Iterator[None]:
    client = at.account.client("lambda")
    [told] = client.list_event_source_mappings()["EventSourceMappings"]
    client.delete_event_source_mapping(UUID=told["UUID"])
    yield
    client.create_event_source_mapping(
        FunctionName=told["FunctionArn"],
        EventSourceArn=told["EventSourceArn"],
        BatchSize=told["BatchSize"],
        ScalingConfig=told["ScalingConfig"],
    )


@case(SOURCE, "takes from nothing else", "aws lambda delete-event-source-mapping")
def _another_source(at: Deployed) -> Iterator[None]:
    client = at.account.client("lambda")
    [told] = client.list_event_source_mappings()["EventSourceMappings"]
    dead = told["EventSourceArn"].replace("-jobs", "-dead-jobs")
    made = client.create_event_source_mapping(FunctionName=told["FunctionArn"], EventSourceArn=dead)
    yield
    client.delete_event_source_mapping(UUID=made["UUID"])


@case(SOURCE, "is enabled", "--enabled")
def _source_off(at: Deployed) -> Iterator[None]:
    yield from _source(at, {"Enabled": False}, {"Enabled": True})


@case(SOURCE, "batch size", "chalicelib/jobs.py says 1")
def _source_greedy(at: Deployed) -> Iterator[None]:
    yield from _source(at, {"BatchSize": 10}, {"BatchSize": 1})


@case(SOURCE, "most at once", "chalicelib/jobs.py says 5")
def _source_wild(at: Deployed) -> Iterator[None]:
    many, right = {"MaximumConcurrency": 500}, {"MaximumConcurrency": 5}
    yield from _source(at, {"ScalingConfig": many}, {"ScalingConfig": right})


def _function(at: Deployed, name: str, **change: Any) -> Iterator[None]:
    client = at.account.client("lambda")
    told = client.get_function_configuration(FunctionName=name)
    before = {key: told[key] for key in change}
    client.update_function_configuration(FunctionName=name, **change)
    yield
    client.update_function_configuration(FunctionName=name, **before)


def _policy(at: Deployed, of: str) -> Iterator[None]:
    iam, role = at.account.client("iam"), of.removeprefix("role ")
    before = iam.get_role_policy(RoleName=role, PolicyName=role)["PolicyDocument"]
    told = json.loads(json.dumps(before))
    told["Statement"][0]["Action"].append("dynamodb:DeleteTable")
    iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=json.dumps(told))
    yield
    iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=json.dumps(before))


def _source(at: Deployed, broken: dict[str, Any], mended: dict[str, Any]) -> Iterator[None]:
    client = at.account.client("lambda")
    [told] = client.list_event_source_mappings()["EventSourceMappings"]
    client.update_event_source_mapping(UUID=told["UUID"], **broken)
    yield
    client.update_event_source_mapping(UUID=told["UUID"], **mended)
