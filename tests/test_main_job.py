"""The real thing over HTTP, as `make run` starts it: a message's header, one click, checks, `kill -9`, checks again."""

from __future__ import annotations

import json
import shutil
import urllib.request
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from tests.infra.processes import runner

JSON = "application/json"
ROOT = Path(__file__).parent.parent


def _post(url: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, {name.replace("_", "-"): text for name, text in headers.items()})  # noqa: S310 - our own server
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
        return answer.status, answer.read()


def _verdicts(demo: dict[str, Any], url: str) -> dict[str, tuple[bool, str | None]]:
    found = {}
    for category in demo["categories"]:
        body = json.dumps({"category": category, "addresses": [demo["recipient"].upper()]}).encode()
        _, answer = _post(f"{url}/v1/check", body, Authorization=f"Bearer {demo['api_key']}", Content_Type=JSON)
        [result] = json.loads(answer)["results"]
        found[category] = result["may_send"], result["reason"]
    return found


def test_an_opt_out_by_the_header_of_a_real_message_holds_at_once_and_survives_kill_9(tmp_path: Path) -> None:
    """A1, A3, A12, B1: every line of the promise, on the real engine."""
    with runner(ROOT, tmp_path) as first:
        demo = json.loads((tmp_path / "demo.json").read_text("utf-8"))
        message = message_from_bytes((tmp_path / "welcome.eml").read_bytes())
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = message["List-Unsubscribe"].strip("<>")
        assert set(_verdicts(demo, first.url).values()) == {(True, None)}

        status, _ = _post(link, b"List-Unsubscribe=One-Click", Content_Type="application/x-www-form-urlencoded")

        assert status == 200
        after_one_click = {
            "newsletter": (False, "opted_out"),
            "offers": (True, None),
            "policy-updates": (True, None),
            "service-alerts": (True, None),
        }
        assert _verdicts(demo, first.url) == after_one_click
        first.process.kill()
        first.process.wait()

    with runner(ROOT, tmp_path) as second:
        assert _verdicts(demo, second.url) == after_one_click
        here = second.url + link.partition("/u/")[1] + link.partition("/u/")[2]
        status, _ = _post(f"{here}/all", b"", Content_Type="application/x-www-form-urlencoded")

        assert status == 200
        after_all = _verdicts(demo, second.url)
        assert after_all.pop("service-alerts") == (True, None)
        assert set(after_all.values()) == {(False, "opted_out_of_all")}
        second.process.kill()
        second.process.wait()

    with runner(ROOT, tmp_path) as third:
        assert _verdicts(demo, third.url)["offers"] == (False, "opted_out_of_all")
        assert _verdicts(demo, third.url)["service-alerts"] == (True, None)


def test_without_the_engine_the_same_holds_in_memory(tmp_path: Path) -> None:
    """On moto, for as long as it runs."""
    project = tmp_path / "project"
    # What other tests make and take away meanwhile.
    left_out = shutil.ignore_patterns("__pycache__", "deployed", "deployments", "vendor.*")
    for part in ("chalicelib", "infra", ".chalice"):
        shutil.copytree(ROOT / part, project / part, ignore=left_out)
    shutil.copy(ROOT / "app.py", project)

    with runner(project, tmp_path / "data", root=project) as started:
        demo = json.loads((tmp_path / "data" / "demo.json").read_text("utf-8"))
        _post(demo["links"]["one_click"], b"List-Unsubscribe=One-Click", Content_Type="text/plain")
        assert _verdicts(demo, started.url)["newsletter"] == (False, "opted_out")
        assert _verdicts(demo, started.url)["offers"] == (True, None)


def test_the_demo_has_what_its_reader_needs(tmp_path: Path) -> None:
    with runner(ROOT, tmp_path) as started:
        demo = json.loads((tmp_path / "demo.json").read_text("utf-8"))

        assert set(demo) == {"url", "sender", "api_key", "recipient", "categories", "links"}
        assert demo["url"] == started.url
        assert demo["categories"] == ["newsletter", "offers", "policy-updates", "service-alerts"]
        assert set(demo["links"]) == {"one_click", "preferences", "opt_out_form"}
        for link in demo["links"].values():
            with urllib.request.urlopen(link) as answer:  # noqa: S310 - our own server
                assert answer.status == 200


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"api_key": "sgn_x"}', '{"api_key": 7}'])
def test_a_demo_file_that_is_not_whole_or_of_another_engine_is_made_anew(tmp_path: Path, text: str) -> None:
    """What a `kill -9` in the middle of writing leaves, or a run in memory."""
    (tmp_path / "demo.json").write_text(text, "utf-8")
    with runner(ROOT, tmp_path) as started:
        demo = json.loads((tmp_path / "demo.json").read_text("utf-8"))
        assert _verdicts(demo, started.url)["newsletter"] == (True, None)
