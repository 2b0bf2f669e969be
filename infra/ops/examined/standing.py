"""How a stage stands: facts, each found by itself, so that one that cannot be told leaves the others."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from infra.local.problems import CannotRun
from infra.ops import aws
from infra.ops.asking import or_none
from infra.ops.examined.finding import NotChecked
from infra.ops.examined.program import program
from infra.ops.rotation import keys_from, time_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.ops.examined.view import View

_AT_ONCE = 8
_OK = 200
_LATELY = timedelta(minutes=10)
_HOUR = timedelta(hours=1)
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def standing(view: View) -> dict[str, Any]:
    """Every fact by its name; one that cannot be told is {"not_known": why}."""
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="status") as pool:
        found = {name: pool.submit(_told, fact, view) for name, fact in FACTS.items()}
        return {"stage": view.name, **{name: each.result() for name, each in found.items()}}


def _told(fact: Callable[[View], Any], view: View) -> Any:
    try:
        return fact(view)
    except (NotChecked, CannotRun) as why:
        return {"not_known": str(why)}
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        return {"not_known": str(aws.explained(error))}


def _stacks(view: View) -> dict[str, Any]:
    names = (view.stage.storage_stack, view.stage.edge_stack)
    found = {name: view.stack(name) for name in names}
    return {
        name: None if stack is None else {"state": stack.status, "changed_at": _text(stack.changed)}
        for name, stack in found.items()
    }


def _functions(view: View) -> dict[str, Any]:
    client, told = view.client("lambda"), {}
    for name in (each.name for each in program(view).functions):
        found = or_none(lambda name=name: client.get_function_configuration(FunctionName=name))  # type: ignore[misc]
        told[name] = found and {
            "deployed_at": found["LastModified"],
            "runtime": found.get("Runtime"),
            "code_sha256": found["CodeSha256"],
        }
    return told


def _url(view: View) -> str:
    url = view.stage.settings.get("SIGNOFF_PUBLIC_URL")
    if url is None:
        raise NotChecked(f"It is not set: run `{view.command('finish')}`.")
    return url


def _health(view: View) -> dict[str, Any]:
    status, _ = view.outside.get(f"{_url(view)}/healthz")
    return {"answers": status == _OK, "status": status}


def _keys(view: View) -> dict[str, Any]:
    arn = view.stage.settings.get("SIGNOFF_MASTER_SECRET")
    if arn is None:
        raise NotChecked(f"There are none yet: run `{view.command('provision')}`.")
    answer = view.client("secretsmanager").get_secret_value(SecretId=arn, VersionStage="AWSCURRENT")
    keys = keys_from(answer.get("SecretString", ""), (datetime.now(UTC) - _EPOCH) // _MILLISECOND)
    coming = keys.next if keys.next != keys.minting else None
    return {
        "versions": len(keys.ring),
        "minting": keys.minting.version,
        "next": coming and {"version": coming.version, "from": time_of(coming.start)},
    }


def _senders(view: View) -> int:
    """By the rows of the register of senders: no sender's name is read."""
    from chalicelib.store.models import SENDER  # noqa: PLC0415 - it loads the store

    pages = (
        view.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=view.table("ControlTable"),
            Select="COUNT",
            FilterExpression="sk = :sender",
            ExpressionAttributeValues={":sender": {"S": SENDER}},
        )
    )
    return sum(int(page["Count"]) for page in pages)


def _queue(view: View) -> dict[str, Any]:
    told = _queue_told(view, "JobsQueue")
    name = view.storage.name("JobsQueue")
    age = {"Namespace": "AWS/SQS", "MetricName": "ApproximateAgeOfOldestMessage"}
    dimensions = [{"Name": "QueueName", "Value": name}]
    return {
        "waiting": int(told["ApproximateNumberOfMessages"]),
        "at_work": int(told["ApproximateNumberOfMessagesNotVisible"]),
        "oldest_seconds": _figure(view, {**age, "Dimensions": dimensions}, "Maximum", _LATELY),
    }


def _dead(view: View) -> int:
    return int(_queue_told(view, "DeadJobsQueue")["ApproximateNumberOfMessages"])


def _queue_told(view: View, resource: str) -> dict[str, str]:
    client = view.client("sqs")
    url = client.get_queue_url(QueueName=view.storage.name(resource))["QueueUrl"]
    told: dict[str, str] = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return told


def _alarms(view: View) -> list[str]:
    client, prefix = view.client("cloudwatch"), f"{view.stage.deployed_as}-"
    if view.stack(view.stage.edge_stack) is None:
        raise NotChecked(f"There are none yet: run `{view.command('finish')}`.")
    pages = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix, StateValue="ALARM")
    return sorted(each["AlarmName"] for page in pages for each in page["MetricAlarms"] if each["StateValue"] == "ALARM")


def _tables(view: View) -> dict[str, Any]:
    client = view.client("dynamodb")
    told = {}
    for name in map(view.table, view.storage.of_type("AWS::DynamoDB::Table")):
        table = client.describe_table(TableName=name)["Table"]
        recovery = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        point = recovery.get("PointInTimeRecoveryDescription", {})
        told[name] = {
            "items": table.get("ItemCount"),
            "octets": table.get("TableSizeBytes"),
            "restorable_from": _text(point.get("EarliestRestorableDateTime")),
            "restorable_to": _text(point.get("LatestRestorableDateTime")),
        }
    return told


def _backup(_view: View) -> str:
    raise NotChecked("Nobody notes backups in the account; each says itself when it was made.")


def _opt_outs(view: View) -> int:
    """As the log of requests counts them; no data is no opt-out where somebody counts."""
    if view.stack(view.stage.edge_stack) is None:
        raise NotChecked(f"Nobody counts them yet: run `{view.command('finish')}`.")
    return int(_figure(view, {"Namespace": view.stage.deployed_as, "MetricName": "OptOuts"}, "Sum", _HOUR) or 0)


def _figure(view: View, metric: Mapping[str, Any], how: str, since: timedelta) -> float | None:
    """One figure over a time until now; None where there is none."""
    now = datetime.now(UTC)
    points = view.client("cloudwatch").get_metric_statistics(
        **metric,
        StartTime=now - since,
        EndTime=now,
        Period=int(since.total_seconds()),
        Statistics=[how],
    )["Datapoints"]
    values = [float(each[how]) for each in points]
    return (sum(values) if how == "Sum" else max(values)) if values else None


def _text(at: Any) -> str | None:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(at, datetime) else at


FACTS: dict[str, Callable[[View], Any]] = {
    "stacks": _stacks,
    "functions": _functions,
    "public_url": _url,
    "health": _health,
    "keys": _keys,
    "senders": _senders,
    "queue": _queue,
    "dead_letters": _dead,
    "alarms": _alarms,
    "tables": _tables,
    "last_backup": _backup,
    "opt_outs_last_hour": _opt_outs,
}


_LABELS = {"public_url": "public URL", "opt_outs_last_hour": "opt-outs in the last hour"}
_FRACTION = re.compile(r"\.\d+(?=Z|[+-])")


def rows(told: dict[str, Any]) -> list[tuple[str, str]]:
    """For people, one fact on a line."""
    found: list[tuple[str, str]] = []
    for name, value in told.items():
        if name == "stage":
            continue
        label = name.replace("_", " ")
        if isinstance(value, dict) and name in {"stacks", "functions", "tables"} and "not_known" not in value:
            found += [(each, _line(about)) for each, about in value.items()]
        else:
            found.append((_LABELS.get(name, label), _line(value)))
    return found


def _line(value: Any) -> str:
    if value is None:
        return "not there"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if not isinstance(value, dict):
        return str(value)
    if "not_known" in value:
        return f"not known: {value['not_known']}"
    return ", ".join(f"{name.replace('_', ' ')} {_short(name, each)}" for name, each in value.items())


def _short(name: str, value: Any) -> str:
    """One of several figures on a line: whole seconds, and as much of a digest as tells two apart."""
    if value is None:
        return "none"
    told = _line(value)
    if name == "code_sha256":
        return told[:12]
    return _FRACTION.sub("", told) if name.endswith("_at") else told
