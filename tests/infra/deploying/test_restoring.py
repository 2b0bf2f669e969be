"""`python -m infra restore` on a stage: from points in time, after tables were deleted, and from a backup."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest

from chalicelib.domain.errors import CursorExpired, PepperUnusable, StoreUnavailable
from chalicelib.domain.jobs import Job, JobKind, JobStatus
from chalicelib.store.models import bind
from chalicelib.use_cases.following import Wanted, cursor_of, follow
from infra.__main__ import parser
from infra.client.shown import Shown
from infra.local.environment import REGION
from infra.local.problems import CannotRun
from infra.ops.restored import begun
from infra.ops.restored.finishing import Finishing
from infra.ops.restored.stage import StageRestore
from tests.infra.deploying.accounts import Said
from tests.infra.deploying.restoring import CODE, TABLES, KilledWhenMending, Stage
from tests.infra.ops.backups.drills import OpsKey

if TYPE_CHECKING:
    from tests.infra.deploying.accounts import Provision


def test_no_opt_out_is_lost_on_the_way_from_point_in_time_recovery_to_the_seal(stage: Stage) -> None:
    old, service = stage.names(), stage.service()
    sender = service.senders.get(CODE)
    cursor = cursor_of(service, sender, follow(service, sender, Wanted()).start)
    killed = stage.options(source=None, at=None, dry_run=False, yes=True)
    with pytest.raises(KeyboardInterrupt):
        StageRestore(killed, KilledWhenMending()).run()
    stage.opt_out(service, "carla")  # after the moment that the new tables are of

    said = stage.done("restore", "--yes")
    assert "taken over from the tables of before: 1\n" in said
    new = stage.names()
    assert [name[: -len("-r20261121080000")] for name in new] == old
    assert stage.lost() == []
    stage.deploy(*old)
    service = stage.service_on(old)
    stage.opt_out(service, "dora")  # by a container that has not changed over
    refused = stage.type("restore", "--finish", "--yes")
    assert (refused.code, "The old tables are still used by signoff-dev." in refused.text) == (1, True)
    assert_commands_can_be_typed(refused.text)
    stage.deploy(*new)
    ops = OpsKey.at(stage.project)
    unfinished = stage.type("backup", "--to", str(stage.project / "kept"), "--ops-key", str(ops.public))
    assert (unfinished.code, f"The restore into {new[0]} was not ended" in unfinished.text) == (1, True)
    stage.opt_out(stage.service_on(old), "emil")
    assert "Nothing was changed" in stage.done("restore", "--finish", "--dry-run", "--yes")
    stage.opt_out(stage.service_on(old), "fanny")
    told = stage.done("restore", "--finish", "--yes")
    assert "2 acts and changes taken over" in told

    assert len(stage.acked) == 6
    assert stage.lost() == []
    with pytest.raises(StoreUnavailable):
        stage.opt_out(stage.service_on(old), "fritz")
    with pytest.raises(PepperUnusable):  # nor does it answer a check from what no opt-out comes to
        stage.service_on(old).senders.get(CODE)
    after = stage.service()
    with pytest.raises(CursorExpired):
        follow(after, after.senders.get(CODE), Wanted(cursor))
    assert stage.done("restore", "--finish", "--yes")
    assert not [*stage.project.glob(".chalice/restore-*")]


def assert_commands_can_be_typed(text: str) -> None:
    """Each on a line of its own, whole: for this stage, in its region, and in this folder."""
    commands = [line for line in text.splitlines() if line.startswith("  ") and " --stage" in line]
    assert [line.split(" --")[0] for line in commands] == [
        "  python -m infra restore",
        f"  AWS_DEFAULT_REGION={REGION} chalice deploy",
    ]
    words = shlex.split(commands[0])
    options = parser().parse_args(words[3:])
    assert (options.stage, options.finish, options.wait) == ("dev", True, 30)
    assert (options.project / ".chalice" / "config.json").exists()
    assert commands[1].endswith(" --stage dev")


def test_begun_before_the_deployment_it_takes_over_all_along(stage: Stage) -> None:
    """Each pause is a moment of the deployment: an opt-out by a container of before, known to the new tables next."""
    old = stage.names()
    stage.done("restore", "--yes")
    new = stage.names()
    stage.deploy(*old)
    names, lost_meanwhile = iter(["carla", "dora", "emil"]), []

    def pause(_seconds: float) -> None:
        lost_meanwhile.append(stage.lost())
        name = next(names, None)
        if name is None:
            stage.deploy(*new)
        else:
            stage.opt_out(stage.service_on(old), name)
            bind(*new)  # the models are this process's; the container's are its own

    options = stage.options(finish=True, wait=1, dry_run=False, yes=True)
    assert Finishing(options, Shown(), pause).run() == 0
    assert "3 acts and changes taken over" in stage.capture.readouterr().err

    assert lost_meanwhile == [[], [], [], []]
    assert len(stage.acked) >= 3
    assert stage.lost() == []
    with pytest.raises(StoreUnavailable):
        stage.opt_out(stage.service_on(old), "fritz")


def test_a_deployment_that_does_not_come_seals_nothing(stage: Stage) -> None:
    old = stage.names()
    stage.done("restore", "--yes")
    stage.deploy(*old)
    options = stage.options(finish=True, wait=1, dry_run=False, yes=True)
    pauses: list[float] = []
    with pytest.raises(CannotRun, match="The old tables are still used by signoff-dev"):
        Finishing(options, Shown(), pauses.append).run()
    assert sum(pauses) == 60
    stage.opt_out(stage.service_on(old), "carla")


def test_waiting_goes_with_finishing(stage: Stage) -> None:
    assert (stage.type("restore", "--wait", "5", "--yes")) == Said(1, "--wait goes with --finish.\n")


def test_who_has_the_settings_of_before_a_restore_is_told(stage: Stage) -> None:
    """On another machine, or in a pipeline: those tables are old, and their backup would be, too."""
    file = stage.project / ".chalice" / "config.json"
    before = file.read_bytes()
    stage.done("restore", "--yes")
    stage.done("restore", "--finish", "--yes")
    assert stage.done("restore", "--finish", "--yes")  # once more
    file.write_bytes(before)
    ops = OpsKey.at(stage.project)
    said = stage.type("backup", "--to", str(stage.project / "kept"), "--ops-key", str(ops.public))
    assert (said.code, "were restored into others" in said.text) == (1, True)
    said = stage.type("restore", "--yes")
    assert (said.code, "were restored into others" in said.text) == (1, True)
    assert "These tables were restored into others" in stage.type("doctor").text


def test_a_stage_that_was_restored_is_restored_again(stage: Stage) -> None:
    stage.done("restore", "--yes")
    first = stage.names()
    stage.done("restore", "--finish", "--yes")
    stage.opt_out(stage.service(), "carla")
    while (said := stage.type("restore", "--yes")).code == 1:
        assert "in this very second" in said.text
    assert stage.names() != first
    assert [len(name) for name in stage.names()] == [len(name) for name in first]
    stage.done("restore", "--finish", "--yes")
    assert stage.lost() == []


def test_restored_tables_have_what_recovery_leaves_behind(stage: Stage) -> None:
    client = stage.account.client("dynamodb")
    arn = stage.table(stage.names()[0])["TableArn"]
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "costs", "Value": "mail"}])

    stage.done("restore", "--yes")

    for name in stage.names():
        told = stage.table(name)
        assert told["DeletionProtectionEnabled"]
        assert told["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        assert told["SSEDescription"]["SSEType"] == "KMS"
        lives = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert (lives["TimeToLiveStatus"], lives["AttributeName"]) == ("ENABLED", "expires")
        points = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        assert points["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    tags = client.list_tags_of_resource(ResourceArn=stage.table(stage.names()[0])["TableArn"])["Tags"]
    assert {"Key": "costs", "Value": "mail"} in tags


def test_provision_leaves_restored_tables_in_their_place(stage: Stage, provision: Provision) -> None:
    stage.done("restore", "--yes")
    new = stage.names()
    assert provision().code == 0
    assert stage.names() == new


def test_status_and_destroy_know_the_restored_tables(stage: Stage) -> None:
    old = stage.names()
    stage.done("restore", "--yes")
    new = stage.names()
    told = json.loads(stage.done("status", "--json"))
    assert set(told["tables"]) == set(new)
    stage.delete(*old)
    assert json.loads(stage.done("status", "--json"))["senders"] == 1
    said = stage.done("destroy", "--dry-run")
    for name in new:
        assert f"  the table {name}\n" in said
        assert f"update-table --table-name {name} --no-deletion-protection-enabled" in said


def test_a_stage_of_another_account_or_region_is_a_sentence(stage: Stage) -> None:
    assert "and this would be eu-west-3" in stage.type("restore", "--yes", "--region", "eu-west-3").text
    file = stage.project / ".chalice" / "config.json"
    file.write_text(file.read_text("utf-8").replace(":123456789012:", ":210987654321:"), "utf-8")
    said = stage.type("restore", "--yes")
    assert (said.code, "is in account 210987654321" in said.text) == (1, True)


def test_an_import_that_a_worker_of_the_new_tables_did_not_know_goes_on(stage: Stage) -> None:
    """It was asked for by a container on the old ones, and the word of its file came to one on the new ones."""
    old = stage.names()
    stage.done("restore", "--yes")
    service = stage.service_on(old)
    bind(*old)
    wanted = {"layout": "signoff", "columns": None, "category": None}
    names = [f"imp_{name}" for name in ("with", "without")]
    for name in names:
        job = Job(JobKind.IMPORT, name, CODE, service.clock(), "k", JobStatus.WAITING, wanted)
        service.jobs.create(job)
    bucket = service.settings.files_bucket
    stage.account.client("s3").put_object(Bucket=bucket, Key=f"imports/{CODE}/{names[0]}", Body=b"x")
    assert "1 import or export goes on" in stage.done("restore", "--finish", "--yes")


def test_who_knows_nothing_of_a_restore_that_was_not_ended_is_told_of_it(stage: Stage) -> None:
    """On another machine, or where its note was deleted: another one would pass over what came to the first tables."""
    old = stage.names()
    stage.done("restore", "--yes")
    said = stage.type("restore", "--at", "2001-01-01T00:00", "--yes")
    assert (said.code, "is under way" in said.text, "delete" in said.text) == (1, True, False)
    (stage.project / ".chalice" / "restore-dev.json").unlink()
    said = stage.type("restore", "--yes")
    assert (said.code, "alone. End it, and repeat this then:\n  python -m infra" in said.text) == (1, True)
    assert f"{old[0]} and {old[1]} alone" in said.text
    stage.done("restore", "--finish", "--yes")
    while (said := stage.type("restore", "--yes")).code == 1:
        assert "in this very second" in said.text


def test_two_restores_at_once_are_refused(stage: Stage) -> None:
    with begun.alone(stage.options()):
        for words in (("restore", "--yes"), ("restore", "--finish", "--yes")):
            said = stage.type(*words)
            assert (said.code, "Another restore runs from this folder" in said.text) == (1, True)
    stage.done("restore", "--yes")


def test_functions_of_a_pipeline_s_stack_are_looked_at_before_the_seal(stage: Stage) -> None:
    old = stage.names()
    stage.done("restore", "--yes")
    stage.deploy_by_stack("pipeline", *old)
    said = stage.type("restore", "--finish", "--app-stack", "pipeline", "--yes")
    assert (said.code, "The old tables are still used by" in said.text) == (1, True)
    assert ("have the pipeline deploy the stack pipeline" in said.text, "chalice deploy" in said.text) == (True, False)
    stage.opt_out(stage.service_on(old), "carla")


def test_while_one_restore_is_under_way_another_is_refused(stage: Stage) -> None:
    stage.done("restore", "--yes")
    told = stage.done("restore", "--yes")
    assert "Next, begun now and left running:" in told
    assert_commands_can_be_typed(told)
    said = stage.type("restore", "--at", "2001-01-01T00:00", "--yes")
    assert (said.code, "is under way" in said.text) == (1, True)


def test_doctor_looks_at_the_restored_tables(stage: Stage) -> None:
    stage.done("restore", "--yes")
    told = stage.type("doctor").text
    for name in stage.names():
        for what in ("is there", "point-in-time recovery", "deletion protection", "encryption", "billing mode"):
            assert f"  ok           {name}  {what}\n" in told
    for setting in TABLES:
        assert f"  ok           .chalice/config.json  {setting}\n" in told


def test_a_dry_run_and_a_no_change_nothing(stage: Stage) -> None:
    before, file = stage.account.client("dynamodb").list_tables()["TableNames"], stage.project / ".chalice/config.json"
    config = file.read_bytes()
    said = stage.done("restore", "--dry-run")
    assert "signoff-dev-recipients-r20" in said
    assert stage.type("restore").code == 1
    assert stage.account.client("dynamodb").list_tables()["TableNames"] == before
    assert file.read_bytes() == config
    assert not [*stage.project.glob(".chalice/restore-*")]


def test_what_cannot_be_restored_is_a_sentence(stage: Stage) -> None:
    assert "--at is not between 20" in stage.type("restore", "--at", "2001-01-01T00:00", "--yes").text
    assert "is no restored table: nothing to finish" in stage.type("restore", "--finish", "--yes").text
    client = stage.account.client("dynamodb")
    client.update_continuous_backups(
        TableName=stage.names()[0], PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    assert "Point-in-time recovery is off" in stage.type("restore", "--yes").text
    stage.delete(stage.names()[0])
    said = stage.type("restore", "--yes")
    assert (said.code, "DynamoDB has no backup of it: restore by --from" in said.text) == (1, True)
