from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chalicelib.settings import settings_from
from infra.local.environment import Engines, environment
from infra.local.folder import open_folder
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from pathlib import Path


def test_secrets_are_random_kept_and_private(tmp_path: Path) -> None:
    with open_folder(tmp_path / "one") as folder:
        first = folder.secrets()
        assert (folder.path / "secrets.json").stat().st_mode & 0o777 == 0o600
    with open_folder(tmp_path / "one") as folder:
        assert folder.secrets() == first
    with open_folder(tmp_path / "two") as folder:
        assert folder.secrets()["SIGNOFF_PEPPER_KEY"] != first["SIGNOFF_PEPPER_KEY"]


def test_the_service_reads_its_settings_from_what_the_runner_hands_over(tmp_path: Path) -> None:
    with open_folder(tmp_path) as folder:
        engines = Engines("http://127.0.0.1:1", "http://127.0.0.1:3")
        handed_over = environment(folder.secrets(), engines, "http://127.0.0.1:2/api", "local")
    settings = settings_from(handed_over.values)
    assert settings.keyring is not None
    assert settings.keyring.minting.version == 1
    assert (settings.public_url, settings.dynamodb_url) == ("http://127.0.0.1:2/api", "http://127.0.0.1:1")
    assert (settings.recipients_table, settings.control_table) == ("signoff-local-recipients", "signoff-local-control")
    assert settings.region == "us-east-1"
    assert settings.files_bucket == "signoff-local-files-123456789012"
    assert settings.jobs_queue_url == "http://127.0.0.1:3/123456789012/signoff-local-jobs"
    assert (settings.s3_url, settings.sqs_url) == ("http://127.0.0.1:3", "http://127.0.0.1:3")


def test_a_new_folder_is_its_owners_alone(tmp_path: Path) -> None:
    with open_folder(tmp_path / "deep" / "down") as folder:
        assert folder.path.stat().st_mode & 0o777 == 0o700


def test_lost_secrets_are_not_replaced_while_there_is_data(tmp_path: Path) -> None:
    with open_folder(tmp_path) as folder:
        folder.secrets()
        folder.data_file.touch()
        (tmp_path / "secrets.json").unlink()
        with pytest.raises(CannotRun, match=r"secrets\.json is missing"):
            folder.secrets()
    assert not (tmp_path / "secrets.json").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "\udcff", '{"SIGNOFF_MASTER_KEYS": "{}"}'])
def test_damaged_secrets_are_told_in_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "secrets.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with open_folder(tmp_path) as folder, pytest.raises(CannotRun, match="cannot be read as the secrets"):
        folder.secrets()


def test_a_second_runner_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    with open_folder(tmp_path), pytest.raises(CannotRun, match="Another runner uses the data folder"):
        open_folder(tmp_path).__enter__()
    with open_folder(tmp_path) as folder:
        assert folder.path == tmp_path


@pytest.mark.parametrize(
    ("text", "found"),
    [('{"format": 1}', "1"), ("{}", "unknown"), ("[]", "unknown"), ("", "unknown"), ("\udcff", "unknown")],
)
def test_another_version_is_refused(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "signoff-local.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CannotRun, match=f"is of version {found} and this Signoff reads version 2: move it away"):
        open_folder(tmp_path).__enter__()


def test_data_without_a_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.sqlite").touch()
    with pytest.raises(CannotRun, match="version unknown"):
        open_folder(tmp_path).__enter__()


def test_a_file_in_the_folders_place_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotRun, match="cannot be used: File exists"):
        open_folder(tmp_path / "file").__enter__()
