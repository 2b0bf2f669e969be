"""The queue of jobs and its dead letters, beside the stack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.client.shown import counted
from infra.ops.asking import or_none
from infra.ops.examined.compared import Kind, Told, compare
from infra.ops.examined.finding import Finding, Of
from infra.ops.examined.program import program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.ops.examined.view import View

GROUP = "queues"
TYPE = "AWS::SQS::Queue"
TIMES = 6
"""How many of the worker's longest runs a message is hidden for, as Lambda wants it."""
_SET = "Run `aws sqs set-queue-attributes --queue-url {url} --attributes"
_KIND = Kind(
    GROUP,
    {
        "VisibilityTimeout": Told(
            "visibility timeout (seconds)",
            f"With less a job would be given to a second worker while the first still runs. {_SET} "
            "VisibilityTimeout=…` with what the stack says.",
        ),
        "MessageRetentionPeriod": Told(
            "retention (seconds)", f"Jobs could be lost before anybody looks. {_SET} MessageRetentionPeriod=1209600`."
        ),
        "SqsManagedSseEnabled": Told("encryption", f"{_SET} SqsManagedSseEnabled=true`."),
        "RedrivePolicy": Told(
            "dead letters", "A job that always fails would never be put aside. Set it back (SQS, queue {name})."
        ),
    },
    frozenset({"QueueName"}),
)


def queues(view: View) -> Iterator[Finding]:
    """All of them."""
    dead = _dead(view)
    for resource in view.storage.of_type(TYPE):
        yield from _queue(view, resource, is_dead=resource == dead)


def _dead(view: View) -> str:
    [source] = [name for name in view.storage.of_type(TYPE) if "RedrivePolicy" in view.storage.properties(name)]
    arn = view.storage.properties(source)["RedrivePolicy"]["deadLetterTargetArn"]
    return next(name for name in view.storage.of_type(TYPE) if view.storage.arn(name) == arn)


def _queue(view: View, resource: str, *, is_dead: bool) -> Iterator[Finding]:
    client, name = view.client("sqs"), view.storage.name(resource)
    of = Of(GROUP, name)
    url = or_none(lambda: str(client.get_queue_url(QueueName=name)["QueueUrl"]))
    if url is None:
        yield of.differs(
            "is there",
            "The stack made it, and it is gone: imports and exports do not run. Make one of this name by hand, as "
            "infra/storage.yaml has it: CloudFormation makes nothing again that it believes to be there.",
        )
        return
    told = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    yield of.ok("is there")
    yield from compare(view, _KIND, resource, _found(told), {"url": url})
    if is_dead:
        waiting = int(told["ApproximateNumberOfMessages"])
        yield of.holds(
            "is empty",
            is_so=waiting == 0,
            text=f"{counted(waiting, 'job')} failed five times. The log of the function `jobs` says why; when that is "
            f"mended, `aws sqs start-message-move-task --source-arn {view.storage.arn(resource)}` tries them again.",
        )
        return
    yield from _of_jobs(view, resource, told)


def _of_jobs(view: View, resource: str, told: dict[str, str]) -> Iterator[Finding]:
    of = Of(GROUP, view.storage.name(resource))
    hidden, run = int(told["VisibilityTimeout"]), program(view).function("jobs").timeout
    yield of.holds(
        f"visibility is {TIMES} times the worker's timeout",
        is_so=hidden >= TIMES * run,
        text=f"A message is hidden for {hidden} s, and .chalice/config.json lets the function `jobs` run for {run} s: "
        f"set its lambda_timeout to {hidden // TIMES} at most, or the queue's VisibilityTimeout to {TIMES * run}.",
    )
    policy = told.get("Policy")
    for name in view.storage.of_type("AWS::SQS::QueuePolicy"):
        yield of.same(
            "policy",
            json.loads(policy) if policy else None,
            view.storage.properties(name)["PolicyDocument"],
            f"Only the bucket may send to it. Put back the policy that the template has (SQS, queue {of.of}).",
        )


def _found(told: dict[str, str]) -> dict[str, Any]:
    redrive = json.loads(told["RedrivePolicy"]) if told.get("RedrivePolicy") else None
    return {
        "VisibilityTimeout": int(told["VisibilityTimeout"]),
        "MessageRetentionPeriod": int(told["MessageRetentionPeriod"]),
        "SqsManagedSseEnabled": told.get("SqsManagedSseEnabled") == "true",
        "RedrivePolicy": redrive and {**redrive, "maxReceiveCount": int(redrive["maxReceiveCount"])},
    }
