"""`python -m infra sender` and `python -m infra key`: what they do, say and refuse."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from chalicelib.domain.categories import Ground, Kind
from infra.ops.deployment import SETTINGS
from tests.engines import make_tables
from tests.gateway import Answer, send
from tests.infra.ops.typed import Terminal, Typist
from tests.infra.processes import ROOT, SECONDS, infra_command
from tests.site import CODE, Site, environment_for, make_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.local.memory import MemoryEngine
    from tests.engines import LocalTables


@pytest.fixture
def typist(capsys: pytest.CaptureFixture[str]) -> Typist:
    return Typist(capsys)


@pytest.fixture
def site(dynoxide_tables: LocalTables, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with make_site(dynoxide_tables) as made:
        for name, value in environment_for(dynoxide_tables).items():
            monkeypatch.setenv(name, value)
        yield made


def ask(key: str, path: str = "/v1/sender") -> Answer:
    return send("GET", path, headers={"Authorization": f"Bearer {key}"})


class TestSenders:
    def test_one_is_created_and_its_first_key_opens_its_api(self, site: Site, typist: Typist) -> None:
        said = typist.done(
            "sender",
            "create",
            "--name",
            "Example Shop",
            "--category",
            "news=News",
            "--category",
            "offers=What is cheap",
        )
        code = said.out.strip()

        sender = site.service.senders.get(code)
        assert (sender.name, sender.shards, sender.hashed, sender.closed) == ("Example Shop", 8, False, False)
        assert [(c.id, c.number, c.kind, c.name) for c in sender.catalogue.categories] == [
            ("news", 1, Kind.OPTIONAL, "News"),
            ("offers", 2, Kind.OPTIONAL, "What is cheap"),
            ("service-alerts", 3, Kind.SERVICE_ALERT, "Service alerts"),
        ]
        assert sender.catalogue.get("service-alerts").ground is Ground.TRANSACTION
        assert f"key create --sender {code}" in said.err
        told = ask(typist.key("--sender", code))
        assert (told.status, json.loads(told.body)["name"]) == (200, "Example Shop")

    def test_all_of_it_may_be_said(self, site: Site, typist: Typist) -> None:
        words = ("--code", "shopshop", "--shards", "2", "--hashed", "--service-alert", "recalls=Recalls")
        typist.done("sender", "create", "--name", "Shop", *words, "--ground", "warranty_recall_safety_security")
        sender = site.service.senders.get("shopshop")
        assert (sender.shards, sender.hashed, len(sender.pepper)) == (2, True, 32)
        assert sender.catalogue.get("recalls").ground is Ground.SAFETY

    def test_a_pepper_is_made_for_it_alone(self, site: Site, typist: Typist) -> None:
        codes = [typist.done("sender", "create", "--name", "Shop").out.strip() for _ in range(2)]
        assert len({site.service.senders.get(code).pepper for code in codes}) == 2

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (("--code", CODE), "This cannot be done: this code is taken."),
            (("--code", "Shop"), "This cannot be done: /code: a sender code has 8 characters out of a-z and 2-7."),
            (("--shards", "65"), "This cannot be done: /shards: a sender has 1 to 64 shards."),
            (
                ("--category", "news"),
                "--category is 'news'; it should be an id and a name, like newsletter=Newsletter.",
            ),
            (
                ("--category", "News=News"),
                "This cannot be done: /id: a category id has 1 to 32 characters out of a-z, 0-9 and -.",
            ),
            (
                ("--category", "a=A", "--category", "a=B"),
                "This cannot be done: category 'a': this id or number is taken, and neither is ever reused.",
            ),
        ],
    )
    def test_what_cannot_be_is_one_sentence(
        self, site: Site, typist: Typist, words: tuple[str, ...], sentence: str
    ) -> None:
        assert typist.refused("sender", "create", "--name", "Shop", *words) == sentence
        assert [*site.service.senders.codes()] == [CODE]

    def test_a_ground_that_there_is_not_names_those_that_there_are(self, site: Site, typist: Typist) -> None:
        assert "transaction" in typist.refused("sender", "create", "--name", "Shop", "--ground", "because")

    def test_they_are_listed(self, site: Site, typist: Typist) -> None:
        typist.done("sender", "create", "--name", "Other", "--code", "othersnd", "--hashed")
        typist.done("sender", "close", "othersnd", "--yes")
        said = typist.done("sender", "list")
        assert said.out.splitlines() == [
            "othersnd  closed  Other (1 category, 8 shards, hashed)",
            f"{CODE}  open    Test & Sons (3 categories, 8 shards)",
        ]
        assert said.err == "2 senders, 1 closed.\n"
        [other, _] = [json.loads(line) for line in typist.done("sender", "list", "--json").out.splitlines()]
        assert (other["sender"], other["closed"], other["categories"]) == ("othersnd", True, ["service-alerts"])

    def test_closing_and_opening_is_in_force_within_30_seconds(self, site: Site, typist: Typist) -> None:
        key = typist.key("--sender", CODE)
        assert ask(key).status == 200
        for command, word, status in (("close", "closed", 403), ("open", "open", 200)):
            before = ask(key).status
            assert f"is {word}: everywhere within 30 seconds" in typist.done("sender", command, CODE, "--yes").err
            assert ask(key).status == before
            site.clock.milliseconds += 30_000
            assert ask(key).status == status
            assert f"is {word} already" in typist.done("sender", command, CODE, "--yes").err

    def test_followers_learn_of_it(self, site: Site, typist: Typist) -> None:
        """It is a change of the sender like any other: its version counts."""
        key = typist.key("--sender", CODE)
        for command in ("close", "open"):
            typist.done("sender", command, CODE, "--yes")
        changes = json.loads(ask(key, "/v1/changes").body)["changes"]
        assert [(change["type"], change["version"]) for change in changes] == [("sender", 2), ("sender", 3)]

    def test_without_yes_nothing_is_closed(self, site: Site, typist: Typist) -> None:
        said = typist.type("sender", "close", CODE)
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith(f"The sender Test & Sons ({CODE}) would be closed. Its API will answer 403")
        assert said.err.endswith(f"-m infra sender close {CODE} --yes\n")
        assert not site.service.senders.get(CODE).closed

    @pytest.mark.parametrize(("typed", "code"), [("yes\n", 0), ("y\n", 1), ("\n", 1), ("", 1)])
    def test_on_a_terminal_it_asks(
        self, site: Site, typist: Typist, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
    ) -> None:
        monkeypatch.setattr("sys.stdin", Terminal(typed))
        assert typist.type("sender", "close", CODE).code == code
        assert site.service.senders.get(CODE).closed is (code == 0)

    def test_a_sender_that_there_is_not(self, site: Site, typist: Typist) -> None:
        assert typist.refused("sender", "close", "nobodyis", "--yes").startswith("There is no sender nobodyis: ")
        assert typist.refused("key", "create", "--sender", "nobodyis").startswith("There is no sender nobodyis: ")


class TestKeys:
    def test_one_has_the_scopes_that_are_asked_for(self, site: Site, typist: Typist) -> None:
        words = ("--scope", "read", "--scope", "links")
        key = typist.key("--sender", CODE, *words)
        assert ask(key).status == 200
        assert ask(key, "/v1/keys").status == 403

    def test_they_are_listed_without_what_they_are(self, site: Site, typist: Typist) -> None:
        key = typist.key("--sender", CODE)
        ask(key)
        said = typist.done("key", "list", "--sender", CODE)
        [line] = said.out.splitlines()
        assert line.startswith(f"{key.split('_')[1]}  admin,links,read,write")
        assert "live, last used 2" in line
        assert key.split("_")[2] not in said.out
        [told] = [json.loads(line) for line in typist.done("key", "list", "--sender", CODE, "--json").out.splitlines()]
        assert (told["id"], told["revoked"]) == (key.split("_")[1], None)

    def test_one_is_revoked_the_last_one_too_and_stays_in_the_list(self, site: Site, typist: Typist) -> None:
        key = typist.key("--sender", CODE)
        key_id = key.split("_")[1]
        assert typist.type("key", "revoke", key_id).code == 1
        assert ask(key).status == 200
        assert "within a minute" in typist.done("key", "revoke", key_id, "--yes").err
        site.clock.milliseconds += 60_000
        assert ask(key).status == 401
        assert "revoked 2" in typist.done("key", "list", "--sender", CODE).out
        assert "is revoked already" in typist.done("key", "revoke", key_id, "--yes").err

    @pytest.mark.parametrize("key_id", [f"{CODE}aaaaaaaa", "nobodyisaaaaaaaa"])
    def test_one_that_there_is_not(self, site: Site, typist: Typist, key_id: str) -> None:
        assert "no s" in typist.refused("key", "revoke", key_id, "--yes")

    def test_a_whole_key_is_not_repeated(self, site: Site, typist: Typist) -> None:
        key = typist.key("--sender", CODE)
        assert key not in typist.refused("key", "revoke", key, "--yes")


def secrets_manager() -> Any:
    return boto3.client("secretsmanager", region_name="us-east-1")


class TestAStage:
    """What `--stage` names: tables in .chalice/config.json, secrets in Secrets Manager."""

    @pytest.fixture
    def project(
        self, moto_server: MemoryEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[tuple[Path, Site]]:
        monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server.url)
        tables = make_tables(moto_server.url)
        with make_site(tables) as site:
            settings = environment_for(tables)
            told: dict[str, Any] = {name: settings[name] for name in SETTINGS[:2]}
            told |= {name: settings[name] for name in ("SIGNOFF_FILES_BUCKET", "SIGNOFF_JOBS_QUEUE_URL")}
            for setting, value in (("MASTER", "MASTER_KEYS"), ("PEPPER", "PEPPER_KEY")):
                name = f"{setting}-{tables.names.control}"
                secret = secrets_manager().create_secret(Name=name, SecretString=settings[f"SIGNOFF_{value}"])
                told[f"SIGNOFF_{setting}_SECRET"] = secret["ARN"]
            (tmp_path / ".chalice").mkdir()
            document = {"app_name": "signoff", "stages": {"prod": {"environment_variables": told}, "dev": {}}}
            (tmp_path / ".chalice" / "config.json").write_text(json.dumps(document), "utf-8")
            yield tmp_path, site

    def test_its_tables_and_secrets_are_used_before_it_has_an_address(
        self, project: tuple[Path, Site], typist: Typist
    ) -> None:
        folder, site = project
        words = ("--stage", "prod", "--project", str(folder))
        assert f"{CODE}  open" in typist.done("sender", "list", *words).out
        assert ask(typist.key("--sender", CODE, *words)).status == 200
        typist.done("sender", "close", CODE, "--yes", *words)
        assert site.service.senders.get(CODE).closed
        said = typist.done("sender", "create", "--name", "Another", *words)
        assert f"key create --sender {said.out.strip()} --stage prod" in said.err, "as it is printed, on this stage"

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (("--stage", "live"), "There is no stage 'live' in "),
            (
                ("--stage", "dev"),
                "The stage dev has no secrets yet: run `python -m infra provision --stage dev --project",
            ),
            (("--stage", "prod", "--data-dir", "."), "--stage and --data-dir mean two deployments: use one of them."),
        ],
    )
    def test_what_it_lacks_is_one_sentence(
        self, project: tuple[Path, Site], typist: Typist, words: tuple[str, ...], sentence: str
    ) -> None:
        assert typist.refused("sender", "list", "--project", str(project[0]), *words).startswith(sentence)

    def test_a_secret_that_was_taken_away(self, project: tuple[Path, Site], typist: Typist) -> None:
        secret = f"PEPPER-{project[1].tables.names.control}"
        secrets_manager().delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
        said = typist.refused("sender", "list", "--stage", "prod", "--project", str(project[0]))
        assert said.startswith("AWS refused GetSecretValue (ResourceNotFoundException): ")


def test_without_any_deployment_it_says_how_to_name_one(tmp_path: Path, typist: Typist) -> None:
    said = typist.refused("sender", "list", "--data-dir", str(tmp_path))
    assert said.startswith("Nothing says which deployment is meant: start `make run`")


@pytest.mark.parametrize("command", ["sender", "key"])
def test_the_help_shows_each_command(command: str) -> None:
    done = subprocess.run(
        infra_command(command, "--help"), cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=True
    )
    assert "create" in done.stdout
    assert "examples:" in done.stdout
