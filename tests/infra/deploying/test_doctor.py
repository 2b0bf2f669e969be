"""`python -m infra doctor` on a deployed stage: nothing to find, then each thing broken in turn."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from infra.ops import doctor
from infra.ops.examined.examining import CHECKS, code_of
from infra.ops.examined.finding import State
from tests.infra.deploying import breaking_edge, breaking_program, breaking_public, breaking_secrets, breaking_stores
from tests.infra.deploying.accounts import empty_account
from tests.infra.deploying.breaking import CASES, Case
from tests.infra.deploying.deployed import deploy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from infra.ops.examined.finding import Finding
    from tests.infra.deploying.deployed import Deployed

MODULES = (breaking_edge, breaking_program, breaking_public, breaking_secrets, breaking_stores)
"""That hold the cases."""
GROUPS = {named.group for named in CHECKS}
SLOW = {"what `finish` sets"}
"""Left out where a case cannot touch it."""
HONEST = {("prod", "drift")}
"""What moto has not, and is told to be not checked."""
_ID = re.compile(r"\([a-z0-9]+\)$")
_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def at(local_aws: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with empty_account() as url:
        yield deploy(url, tmp_path_factory.mktemp("project"))


def found_in(findings: Iterable[Finding], state: State) -> dict[tuple[str, str], str]:
    """What they are about → what they say; API and key go without their ids, which differ."""
    return {(_of(each), each.what): each.text for each in findings if each.state is state}


def _of(finding: Finding) -> str:
    return _KEY.sub("SecretsKey", _ID.sub("(api)", finding.of))


def test_a_stage_that_was_just_deployed_is_as_it_should_be(at: Deployed) -> None:
    found = at.look()
    assert found_in(found, State.DIFFERS) == found_in(found, State.HINT) == {}
    assert set(found_in(found, State.NOT_CHECKED)) == HONEST
    assert code_of(found) == 3
    assert code_of([each for each in found if each.state is State.OK]) == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_is_broken_is_named_and_nothing_else(case: Case, at: Deployed) -> None:
    is_near = case.module in {breaking_edge.__name__, breaking_public.__name__}
    with case.broken(at):
        found = at.look([each for each in CHECKS if is_near or each.what not in SLOW])
    told = {state: found_in(found, state) for state in (State.HINT, State.DIFFERS)}
    named = told.pop(case.state)
    assert set(named) == {(case.of, case.what), *case.also}
    assert case.says in named[case.of, case.what]
    assert named[case.of, case.what].endswith((".", "`."))
    assert [*told.values()] == [{}]
    assert "a-secret-of-somebody" not in str(found)
    # A hint is no reason to fail: what moto has not is left.
    assert code_of(found) == (1 if case.state is State.DIFFERS else 3)


def test_every_check_is_caught_failing_once(at: Deployed) -> None:
    """One that no case here breaks fails this test."""
    found = at.look()
    cases = {(case.of, case.what) for case in CASES}
    broken = {(each.group, each.what) for each in found if (_of(each), each.what) in cases}
    gone = {(each.group, each.what) for each in _gone(at)}
    looked_at = {(each.group, each.what) for each in found if each.state is State.OK}
    # The domain is deployed by another name in its case.
    assert looked_at - broken - gone - {("public", "is there")} == set()


def _gone(at: Deployed) -> list[Finding]:
    """What differs where nothing of it is there: stores of another name, and a stage that was never deployed."""
    names = {"SecretsKey": "0f0c", "MasterKeysSecret": "arn:aws:gone", "PepperKeySecret": "arn:aws:gone"}
    at.stack.update(parameters={"Stage": "gone"}, physical=names)
    edge = at.view().stack("signoff-prod-edge")
    assert edge is not None
    at.edge.update(parameters={**edge.parameters, "Stage": "gone"})
    try:
        stores = at.look()
    finally:
        at.stack.clear()
        at.edge.clear()
    return [each for each in [*stores, *at.look(stage="dev")] if each.state is State.DIFFERS]


def test_what_is_gone_is_told(at: Deployed) -> None:
    gone = _gone(at)
    told = {
        group: " ".join(each.text for each in gone if (each.group, each.what) == (group, "is there"))
        for group in GROUPS
    }
    for group, says in {
        "stacks": "There is no such stack. Run `python -m infra provision --stage dev`.",
        "tables": "Restore it from a backup",
        "bucket": "imports and exports fail",
        "queues": "imports and exports do not run",
        "key and secrets": "Restore it from a backup",
        "functions": "Run `chalice deploy --stage dev`.",
        "API": "There is no API of this stage",
        "edge": "no alarm sounds",
        "alarms": "It is gone",
    }.items():
        assert says in told[group], group


def test_a_rotation_is_no_difference(at: Deployed) -> None:
    """`keys rotate` changes a setting of the functions that is in no file, so that they begin anew."""
    client = at.account.client("lambda")
    told = client.get_function_configuration(FunctionName="signoff-prod")["Environment"]["Variables"]
    client.update_function_configuration(
        FunctionName="signoff-prod", Environment={"Variables": {**told, "SIGNOFF_KEYS_CHANGED": "2026-11-21T08:00:00Z"}}
    )
    found = at.look()
    client.update_function_configuration(FunctionName="signoff-prod", Environment={"Variables": told})
    assert found_in(found, State.DIFFERS) == {}


def test_a_colleague_without_the_note_of_the_deployment_finds_the_same(at: Deployed) -> None:
    note = at.project / ".chalice" / "deployed" / "prod.json"
    text = note.read_text("utf-8")
    note.unlink()
    found = at.look()
    note.write_text(text, "utf-8")
    assert found_in(found, State.DIFFERS) == {}
    assert set(found_in(found, State.NOT_CHECKED)) == HONEST


def test_what_may_not_be_asked_is_never_ok(at: Deployed) -> None:
    """Credentials that may nothing: not one line says ok, and each says why."""
    view = at.view()
    view.account  # noqa: B018 - asked for first
    for service in (
        "cloudformation",
        "dynamodb",
        "s3",
        "sqs",
        "kms",
        "secretsmanager",
        "lambda",
        "iam",
        "apigateway",
        "logs",
        "cloudwatch",
        "wafv2",
    ):
        view.put(("client", service), Forbidden())
    from infra.ops.examined.examining import examine  # noqa: PLC0415 - beside the other

    checks = [each for each in CHECKS if each.group != "public" and each.what not in SLOW]
    found = examine(view, checks)
    assert {each.state for each in found} == {State.NOT_CHECKED}
    assert len(found) == len(checks)


class Forbidden:
    """A client of credentials that may nothing."""

    def __getattr__(self, name: str) -> object:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - as above

        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, name)


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_command_tells_each_thing_once_and_no_secret(
    form: str, at: Deployed, capfd: pytest.CaptureFixture[str]
) -> None:
    options = at.options()
    options.json, options.quiet = form == "json", False
    code = doctor.run(options, at.world)
    out, err = capfd.readouterr()
    assert code == 3
    assert err.endswith(" 0 differ, 1 not checked.\n")
    if form == "json":
        told = json.loads(out)
        assert (told["stage"], told["counts"]["differs"], told["counts"]["not checked"]) == ("prod", 0, 1)
        assert len(told["findings"]) == sum(told["counts"].values())
    else:
        assert "  ok           signoff-prod-recipients  point-in-time recovery\n" in out
        assert "  not checked  prod  drift: Local engines have no drift detection.\n" in out
    secrets = at.account.client("secretsmanager")
    for name in ("master-keys", "pepper-key"):
        text = secrets.get_secret_value(SecretId=f"signoff/prod/{name}")["SecretString"]
        assert text not in out + err
        assert json.loads(text)["1"]["secret"] not in out + err if name == "master-keys" else True
