"""The smoke test against `make run`'s server, and against services that go wrong at one step each."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from infra.client.wire import Wire
from infra.local.problems import CannotRun
from infra.ops.smoke import SmokeTestFailed, smoke
from tests.infra.processes import ROOT, SECONDS, runner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("smoke")
    with runner(ROOT, folder, seconds=10 * SECONDS):
        yield json.loads((folder / "demo.json").read_text("utf-8"))


class Recorded(Wire):
    """A wire that keeps what went over it, and may bend what comes back."""

    def __init__(self, bend: Callable[[str, str, Any], None] = lambda *_: None) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []
        self.typed: list[str] = []
        self.bend = bend

    def send(self, method: str, url: str, headers: Any, *rest: Any, **more: Any) -> Any:
        self.sent.append((method, url))
        self.typed.append(headers.get("Content-Type", ""))
        answer = super().send(method, url, headers, *rest, **more)
        self.bend(method, url, answer)
        return answer


def body_of(answer: Any) -> Any:
    return json.loads(answer.data)


def give(answer: Any, body: Any, status: int = 200) -> None:
    answer._body = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer.status = status


def test_a_whole_run_leaves_nothing_of_its_recipient(demo: dict[str, Any]) -> None:
    wire = Recorded()
    timings = smoke(demo["url"], demo["api_key"], wire=wire)

    assert min(timings.minted, timings.opened, timings.accepted, timings.enforced, timings.told) > 0
    assert timings.enforced <= timings.told
    paths = [re.sub(r"/u/.*|/v1/recipients/.*|\?.*", "", url.removeprefix(demo["url"])) for _, url in wire.sent]
    assert list(zip((method for method, _ in wire.sent), paths, strict=True)) == [
        ("GET", "/v1/categories"),
        ("GET", "/v1/changes"),
        ("POST", "/v1/links"),
        ("POST", "/v1/check"),
        ("GET", ""),
        ("POST", ""),
        ("POST", "/v1/check"),
        ("GET", "/v1/changes"),
        ("DELETE", ""),
    ]
    assert wire.typed[5].startswith("multipart/form-data; boundary=")
    headers = {"Authorization": f"Bearer {demo['api_key']}"}
    known = body_of(Wire().send("GET", wire.sent[-1][1], headers))
    assert known["address"] is None
    assert not [url for _, url in wire.sent if "@" in url or "smoke-" in url]


def _a_check_that_forgets(method: str, url: str, answer: Any) -> None:
    if url.endswith("/v1/check"):
        told = body_of(answer)
        told["results"][0]["may_send"] = True
        give(answer, told)


def _a_check_that_says_no(method: str, url: str, answer: Any) -> None:
    if url.endswith("/v1/check"):
        told = body_of(answer)
        told["results"][0]["may_send"] = False
        give(answer, told)


def _a_page_without_a_button(method: str, url: str, answer: Any) -> None:
    if method == "GET" and "/u/" in url:
        give(answer, b"<!doctype html><title>Ours</title>")


def _a_click_that_is_refused(method: str, url: str, answer: Any) -> None:
    if method == "POST" and "/u/" in url:
        give(answer, b"", 415)


def _links_to_elsewhere(method: str, url: str, answer: Any) -> None:
    if url.endswith("/v1/links"):
        told = body_of(answer)
        told["results"][0]["url"] = "https://old.example.com/api/u/x"
        give(answer, told)


def _nothing_optional(method: str, url: str, answer: Any) -> None:
    if url.endswith("/v1/categories"):
        give(answer, {"categories": []})


def _something_else(method: str, url: str, answer: Any) -> None:
    if "/v1/" in url:
        give(answer, b"[]")


@pytest.mark.parametrize(
    ("bend", "sentence"),
    [
        (_a_check_that_forgets, "An opt-out was accepted, and the next check still says that it may be sent."),
        (_a_check_that_says_no, "A recipient that never was may not be sent to, before it opted out."),
        (_a_page_without_a_button, "The link that was minted opens no page with a button (HTTP 200)."),
        (_a_click_that_is_refused, "The one-click POST was not accepted (HTTP 415)."),
        (_links_to_elsewhere, "The service's links lead to old.example.com, not to itself: SIGNOFF_PUBLIC_URL is"),
    ],
)
def test_a_service_that_goes_wrong_fails_in_a_sentence(demo: dict[str, Any], bend: Any, sentence: str) -> None:
    wire = Recorded(bend)
    with pytest.raises(SmokeTestFailed) as failed:
        smoke(demo["url"], demo["api_key"], wire=wire)
    assert str(failed.value).startswith(sentence)
    assert "@" not in str(failed.value)
    has_clicked = any(method == "POST" and "/u/" in url for method, url in wire.sent)
    assert (wire.sent[-1][0] == "DELETE") is has_clicked, "what was made is cleaned up, and nothing else"


@pytest.mark.parametrize(
    ("bend", "sentence"),
    [(_nothing_optional, "The smoke test needs a sender with an optional"), (_something_else, "127.0.0.1")],
)
def test_what_is_no_fault_of_the_service_is_told_too(demo: dict[str, Any], bend: Any, sentence: str) -> None:
    with pytest.raises(CannotRun, match=sentence):
        smoke(demo["url"], demo["api_key"], wire=Recorded(bend))


def test_a_key_that_does_not_work_is_told_and_not_shown(demo: dict[str, Any]) -> None:
    with pytest.raises(CannotRun) as failed:
        smoke(demo["url"], demo["api_key"][:-3] + "aaa")
    assert "HTTP 401" in str(failed.value)
    assert "sgn_" not in str(failed.value)


def test_nothing_that_listens_is_told() -> None:
    with pytest.raises(CannotRun, match=r"^The smoke test broke off: nothing listens at 127\.0\.0\.1:1\.$"):
        smoke("http://127.0.0.1:1", "sgn_x")
