"""What each function may do: what its code asks of AWS, on what is its own, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from chalice.local import LambdaContext

from app import app
from chalicelib import jobs as module
from chalicelib.domain.errors import JobFailed, NoProgress
from chalicelib.domain.jobs import JobStatus
from chalicelib.service import Service
from chalicelib.settings import settings_from
from chalicelib.use_cases.export_runs import forsake
from chalicelib.use_cases.keys import SCOPES
from chalicelib.worker import work
from infra.files import file_names
from infra.storage import load_template, table_names
from tests.callers import Caller
from tests.infra.deploying.recording import API, JOBS, Recorder
from tests.infra.deploying.stages import FUNCTIONS, policy_of
from tests.jobs import Desk, make_desk, put
from tests.kept_secrets import KeptSecrets
from tests.site import CODE, environment_for
from tests.test_surface import EVERY, ROUTES, good, type_of, values_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engines import LocalFiles, LocalTables

LOG = {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
"""What Lambda does in a function's name."""
POLLER = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
"""And what it does with the queue for the one that takes from it."""
TELLING = {"s3:ListBucket"}
"""Never called: without it S3 says 403 of a file that is not there."""
DECRYPTING = {"kms:Decrypt"}
"""Never called: Secrets Manager does it in the name of who reads a secret."""
BESIDE = {API: LOG | TELLING | DECRYPTING, JOBS: LOG | TELLING | DECRYPTING | POLLER}
OWN = {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}
FILE = b"email,reason\nada@example.com,unsubscribed\nno address,unsubscribed\n"


@dataclass(frozen=True)
class Containers:
    """Of each function one, which begins with nothing read, and who uses them, on the same stores."""

    desk: Desk
    api: Service
    jobs: Service


@pytest.fixture
def containers(dynoxide_tables: LocalTables, local_files: LocalFiles) -> Iterator[Containers]:
    with make_desk(dynoxide_tables, local_files) as made:
        told = environment_for(dynoxide_tables, local_files)
        environment = KeptSecrets.at(str(local_files.url), told["SIGNOFF_MASTER_KEYS"]).named_in(told)
        settings = settings_from(environment)
        api, jobs = (replace(made.site.service, settings=settings) for _ in range(2))
        app._service = api
        yield Containers(made, api, jobs)


def granted(stage: str, function: str) -> set[str]:
    """Actions, those on files with the folder."""
    found = set()
    for statement in policy_of(stage, function):
        folders = {resource.split("/")[1] for resource in statement["Resource"] if resource.endswith("/*")}
        for action in statement["Action"]:
            is_of_files = action.startswith("s3:") and action != "s3:ListBucket"
            found |= {f"{action} {folder}" for folder in folders} if is_of_files else {action}
    return found


def use_every_route(desk: Desk, recorder: Recorder) -> None:
    """And upload and download."""
    caller = Caller(desk.site)
    for path, method in EVERY:
        values = values_of(desk.site, path)
        key = {"Authorization": f"Bearer {caller.key(*SCOPES)}"} if ROUTES[path].kind == "api" else {}
        with recorder.being(API):
            answer = good(desk.site, caller, path, method, values=values, headers={**key, **type_of(path)})
        assert answer.status < 300, (path, method)


def have_every_job_done(desk: Desk, jobs: Service, recorder: Recorder) -> None:
    """To its end, and by way of all that can come in between."""
    with recorder.being(API):
        imported, exported = desk.begin(), desk.admin.told("POST", "/v1/exports", {}, status=202)
    put(imported["upload"]["url"], FILE)
    service, worker = desk.site.service, replace(desk, site=replace(desk.site, service=jobs))
    with recorder.being(JOBS):
        hand_over(worker, "import", imported["id"], 900.0, 0.0)
        with pytest.raises(NoProgress):
            hand_over(worker, "export", exported["id"], 0.0)
    begun = service.jobs.change(
        forsake(service, desk.job(exported)), JobStatus.RUNNING, {**desk.job(exported).done, "lease": 1, "upload": "u"}
    )
    assert begun.done["upload"] == "u"
    with recorder.being(JOBS):
        worker.work()
        # What `Files.finish` asks where the upload is gone, because an answer was lost: moto keeps uploads.
        assert jobs.files.size(f"rejects/{CODE}/{imported['id']}.csv")
    message = held_by_another(desk)
    with recorder.being(JOBS):
        fail(worker, message)
    with recorder.being(API):
        assert desk.show(imported["id"])["rejects_url"]
        assert desk.show(exported["id"])["status"] == "done"


def hand_over(desk: Desk, kind: str, job: str, *seconds: float) -> None:
    """A run that has no time left, at its last look, sends itself a message if it came further."""
    work(desk.site.service, {"job": kind, "sender": CODE, "id": job}, iter(seconds).__next__)


def fail(desk: Desk, body: str) -> None:
    """A job that cannot be done now is put back into the queue."""
    files = desk.files
    files.sqs.send_message(QueueUrl=files.queue_url, MessageBody=body)
    message = files.receive()
    assert message is not None
    record = {
        "body": body,
        "receiptHandle": message["ReceiptHandle"],
        "attributes": {"ApproximateReceiveCount": "1"},
    }
    serving, app._service = app._service, desk.site.service
    with pytest.raises(JobFailed):
        module.jobs({"Records": [record]}, LambdaContext("jobs", 1024, 900_000))
    app._service = serving


def held_by_another(desk: Desk) -> str:
    """The message of an export that another worker has."""
    service = desk.site.service
    job = desk.job(desk.admin.told("POST", "/v1/exports", {}, status=202))
    service.jobs.change(job, JobStatus.RUNNING, {"lease": service.clock() + 900_000})
    desk.files.messages()
    return json.dumps({"job": "export", "sender": CODE, "id": job.id})


def test_a_function_may_do_what_its_code_asks_for_and_nothing_else(containers: Containers) -> None:
    recorder, desk = Recorder(), containers.desk
    recorder.listen(containers.api)
    recorder.listen(containers.jobs)
    use_every_route(desk, recorder)
    desk.files.messages()
    have_every_job_done(desk, containers.jobs, recorder)

    for stage, function in FUNCTIONS:
        assert granted(stage, function) == recorder.called[function] | BESIDE[function], (stage, function)


@pytest.mark.parametrize(("stage", "function"), FUNCTIONS)
class TestAPolicy:
    def test_allows_by_name_on_something_that_is_named(self, stage: str, function: str) -> None:
        for statement in policy_of(stage, function):
            assert statement["Effect"] == "Allow"
            assert not [action for action in statement["Action"] if "*" in action]
            for resource in statement["Resource"]:
                # No "*", and no "arn:aws:logs:*:*:*" either: what comes behind the account says what it is.
                assert resource.split(":", 5)[5].strip("*:/"), resource

    def test_reaches_the_tables_of_its_stage_alone(self, stage: str, function: str) -> None:
        names = table_names(stage)
        assert resources(stage, function, "dynamodb:") == {
            # Tables that `restore` makes have the time in their names, fourteen figures.
            f"arn:aws:dynamodb:*:*:table/{name}{restored}"
            for name in (names.recipients, names.control)
            for restored in ("", f"-r{'?' * 14}")
        }

    def test_reaches_the_files_and_the_queue_of_its_stage_alone(self, stage: str, function: str) -> None:
        names = file_names(stage, "*")
        folders = {f"arn:aws:s3:::{names.bucket}/{folder}/*" for folder in ("imports", "rejects", "exports")}
        assert resources(stage, function, "s3:") == {*folders, f"arn:aws:s3:::{names.bucket}"}
        # A bucket's ARN has no account, and anybody may have taken a name that begins as ours does.
        assert all(statement["Condition"] == OWN for statement in policy_of(stage, function, "s3:"))
        assert resources(stage, function, "sqs:") == {f"arn:aws:sqs:*:*:{names.jobs}"}

    def test_reads_the_two_secrets_of_its_stage_and_decrypts_nothing_else(self, stage: str, function: str) -> None:
        stack = load_template()["Resources"]
        names = [stack[name]["Properties"]["Name"]["Fn::Sub"] for name in ("MasterKeysSecret", "PepperKeySecret")]
        assert resources(stage, function, "secretsmanager:") == {
            # Secrets Manager puts six characters behind the name of a secret.
            f"arn:aws:secretsmanager:*:*:secret:{name.replace('${Stage}', stage)}-??????"
            for name in names
        }
        [key] = policy_of(stage, function, "kms:")
        alias = stack["SecretsKeyAlias"]["Properties"]["AliasName"]["Fn::Sub"].replace("${Stage}", stage)
        assert key["Condition"] == {
            **OWN,
            "StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"},
            "ForAnyValue:StringEquals": {"kms:ResourceAliases": alias},
        }

    def test_writes_its_own_log(self, stage: str, function: str) -> None:
        """Chalice names the functions signoff-<stage> and signoff-<stage>-jobs, a pipeline's stack as it likes."""
        names = [f"signoff-{stage}:*", f"signoff-{stage}-*"] if function == API else [f"signoff-{stage}-*"]
        assert resources(stage, function, "logs:") == {
            f"arn:aws:logs:*:*:log-group:/aws/lambda/{name}" for name in names
        }


def resources(stage: str, function: str, service: str) -> set[str]:
    return {resource for statement in policy_of(stage, function, service) for resource in statement["Resource"]}


def test_no_statement_of_a_stack_has_a_star_for_a_resource_but_the_key_s_own() -> None:
    """In the policy of a key "*" is that key, and there is no other way to say it."""
    found = [
        (name, statement)
        for name, resource in load_template()["Resources"].items()
        for document in ("PolicyDocument", "KeyPolicy")
        for statement in resource["Properties"].get(document, {}).get("Statement", ())
    ]
    assert {name for name, statement in found if statement["Resource"] == "*"} == {"SecretsKey"}
    assert {name for name, _ in found} == {"FilesBucketPolicy", "JobsQueuePolicy", "SecretsKey"}
