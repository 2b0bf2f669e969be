"""What AWS refuses, or does not answer: one sentence and exit code 1, and nothing is changed."""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from infra.__main__ import main
from infra.local.memory import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.infra.deploying.accounts import Account

REFUSED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>{code}</Code><Message>{said}</Message></Error><RequestId>0</RequestId></ErrorResponse>"""
MAY_NOT = "User: arn:aws:iam::123456789012:user/ops is not authorized to perform: sts:GetCallerIdentity"


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """The URL of an AWS that says one thing, whatever it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            octets = body.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
            """Print nothing."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()
        thread.join()


def provision(project: Path, *arguments: str) -> int:
    return main(["provision", "--stage", "dev", "--project", str(project), *arguments])


def refused(project: Path, capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence."""
    file = project / ".chalice" / "config.json"
    before = file.read_bytes()
    assert provision(project, *arguments) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    assert file.read_bytes() == before
    return err


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("ExpiredToken", "The AWS credentials have expired. Log in again"),
        ("RequestExpired", "The AWS credentials have expired. Log in again"),
        ("InvalidClientTokenId", "AWS does not know these credentials (InvalidClientTokenId)"),
        ("SignatureDoesNotMatch", "AWS does not know these credentials (SignatureDoesNotMatch)"),
        ("AccessDenied", "These credentials may not do GetCallerIdentity: User: arn:aws:iam::123456789012:user/ops"),
        ("AlreadyExistsException", "A name is taken (GetCallerIdentity)"),
        ("LimitExceededException", "A limit of this account is reached (GetCallerIdentity): User: "),
        ("ConflictException", "AWS refused GetCallerIdentity (ConflictException): User: "),
        ("OptInRequired", "This account cannot be used in this region (OptInRequired)"),
        ("Nonsense", "AWS refused GetCallerIdentity (Nonsense): User:"),
    ],
)
def test_what_aws_refuses_is_told_in_one_sentence(
    code: str, says: str, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with answering(403, REFUSED.format(code=code, said=MAY_NOT)) as url:
        assert says in refused(project, capfd, "--endpoint-url", url)


def test_what_is_not_aws_is_told(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with answering(404, "<!doctype html><p>Hello") as url:
        assert "is --endpoint-url right?" in refused(project, capfd, "--endpoint-url", url)


def test_an_aws_that_does_not_answer_is_named(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with answering(200, "") as url:
        pass
    assert f"AWS does not answer at {url}" in refused(project, capfd, "--endpoint-url", url)


def test_no_credentials(project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with answering(500, "") as url:
        assert "There are no AWS credentials" in refused(project, capfd, "--endpoint-url", url)


def test_half_of_the_credentials(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with answering(500, "") as url:
        assert "are not whole" in refused(project, capfd, "--endpoint-url", url)


def test_a_profile_that_there_is_not(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert "AWS_PROFILE names a profile" in refused(project, capfd)


def test_no_region(project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    assert "No region is named" in refused(project, capfd)


@pytest.mark.parametrize("text", ["", "[]", '{"stages": 7}', "nonsense"])
def test_a_config_that_chalice_could_not_read(text: str, project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / ".chalice" / "config.json").write_text(text)
    assert "is not JSON with stages" in refused(project, capfd)


@pytest.mark.parametrize(
    ("stage", "says"),
    [
        (7, "the stage dev should be an object"),
        ({"environment_variables": []}, "environment_variables of the stage dev should be texts by their names"),
        ({"environment_variables": {"SIGNOFF_MASTER_SECRET": 5}}, "should be texts by their names"),
        ({"api_gateway_custom_domain": "choices.example.com"}, "of the stage dev should have a domain_name"),
    ],
)
def test_a_stage_that_was_edited_badly(
    stage: object, says: str, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = project / ".chalice" / "config.json"
    file.write_text(json.dumps({"app_name": "signoff", "stages": {"dev": stage}}), "utf-8")
    assert says in refused(project, capfd)
    file.write_text(json.dumps({"stages": {"dev": {}}}), "utf-8")
    assert "app_name should be a text" in refused(project, capfd)


def test_a_setting_that_was_taken_out_is_named(
    account: Account, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = project / ".chalice" / "config.json"
    document = json.loads(file.read_text("utf-8"))
    settings = document["stages"]["dev"]["environment_variables"]
    settings["SIGNOFF_MASTER_SECRET"] = f"{OWN}:master"
    del settings["SIGNOFF_RECIPIENTS_TABLE"]
    file.write_text(json.dumps(document), "utf-8")
    at = ["--stage", "dev", "--project", str(project), "--endpoint-url", account.url]
    assert main(["restore", "--dry-run", *at]) == 1
    said = f"run `python -m infra provision --stage dev --project {project} --endpoint-url {account.url}` first."
    assert f"does not tell SIGNOFF_RECIPIENTS_TABLE of the stage dev: {said}" in capfd.readouterr().err


def test_no_config(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert provision(tmp_path) == 1
    assert "cannot be read: No such file or directory" in capfd.readouterr().err


def test_credentials_are_never_told(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with answering(403, REFUSED.format(code="InvalidClientTokenId", said="no")) as url:
        said = refused(project, capfd, "--endpoint-url", url)
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in said.replace(str(project), "")


def test_an_engine_that_has_no_address(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "Invalid endpoint: nonsense: --endpoint-url" in refused(project, capfd, "--endpoint-url", "nonsense")
    assert "Invalid endpoint: http://: --endpoint-url" in refused(project, capfd, "--endpoint-url", "http://")


ON_A_STAGE = {
    "status": [],
    "doctor": [],
    "keys list": [],
    "sender list": [],
    "key list": ["--sender", "shopshop"],
    "revert": ["--via", "one_click", "--from", "2026-11-21T08:00Z", "--to", "2026-11-21T09:00Z"],
    "restore": ["--dry-run"],
    "restore --finish": [],
}
OWN = "arn:aws:secretsmanager:us-east-1:123456789012:secret"
ELSEWHERE = "arn:aws:secretsmanager:us-east-1:999999999999:secret"


@pytest.mark.parametrize("command", ON_A_STAGE)
@pytest.mark.parametrize(
    ("secret", "region", "says"),
    [
        (OWN, "eu-west-1", "The stage dev is in us-east-1, and this would be eu-west-1: add --region us-east-1."),
        (ELSEWHERE, "us-east-1", "The stage dev is in account 999999999999, and the credentials are of 123456789012."),
    ],
)
def test_nothing_seems_lost_where_the_stage_is_elsewhere(
    command: str,
    secret: str,
    region: str,
    says: str,
    account: Account,
    project: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    file = project / ".chalice" / "config.json"
    document = json.loads(file.read_text("utf-8"))
    document["stages"]["dev"]["environment_variables"] |= {
        "SIGNOFF_MASTER_SECRET": f"{secret}:master",
        "SIGNOFF_PEPPER_SECRET": f"{secret}:pepper",
    }
    file.write_text(json.dumps(document), "utf-8")
    at = ["--stage", "dev", "--project", str(project), "--endpoint-url", account.url, "--region", region]
    assert main([*command.split(), *at, *ON_A_STAGE[command]]) == 1
    out, err = capfd.readouterr()
    assert (out, err.startswith(says), err.count("\n")) == ("", True, 1), err
