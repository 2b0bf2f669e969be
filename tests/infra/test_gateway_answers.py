"""What API Gateway is told to answer by itself: each kind that there is, and nothing of who asks."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.session import get_session

from infra.ops.gateway_answers import ANSWERS
from tests.infra.processes import ROOT

SERVICE: Any = get_session().get_service_model("apigateway")
KINDS: list[str] = SERVICE.shape_for("GatewayResponseType").enum
PROBLEMS = re.findall(
    r"## `(urn:signoff:[a-z-]+)`\n\n\*\*(\d{3})\*\*", (ROOT / "docs" / "problems.md").read_text("utf-8")
)


def document_of(kind: str) -> dict[str, Any]:
    """What a browser gets too: API Gateway takes the template of application/json whatever it asks for."""
    [(content_type, template)] = ANSWERS[kind]["responseTemplates"].items()
    assert content_type == "application/json"
    found: dict[str, Any] = json.loads(template)
    return found


def headers_of(kind: str) -> dict[str, str]:
    told = ANSWERS[kind]["responseParameters"]
    return {name.removeprefix("gatewayresponse.header."): value.strip("'") for name, value in told.items()}


def test_every_kind_that_api_gateway_has_is_told() -> None:
    """One that is not would be answered in its own words, which may repeat a header with an API key."""
    assert set(ANSWERS) == set(KINDS)


@pytest.mark.parametrize("kind", ANSWERS)
class TestAnAnswer:
    def test_is_a_problem_that_is_documented_with_its_status(self, kind: str) -> None:
        told = document_of(kind)
        assert list(told) == ["type", "title", "status", "detail"]
        assert (told["type"], str(told["status"])) in PROBLEMS
        assert str(told["status"]) == ANSWERS[kind]["statusCode"]
        assert headers_of(kind)["Content-Type"] == "application/problem+json"

    def test_repeats_nothing_of_the_request(self, kind: str) -> None:
        """A template's variables begin with `$`; a header that is no text in quotes is taken from the request."""
        assert "$" not in json.dumps(ANSWERS[kind])
        assert all(re.fullmatch(r"'[^']*'", each) for each in ANSWERS[kind]["responseParameters"].values())

    def test_says_when_to_come_again_where_that_helps(self, kind: str) -> None:
        assert ("Retry-After" in headers_of(kind)) == (document_of(kind)["status"] in {429, 503})

    def test_is_kept_nowhere_and_found_by_nobody(self, kind: str) -> None:
        told = headers_of(kind)
        assert told["Cache-Control"] == "no-store"
        assert told["X-Robots-Tag"] == "noindex, nofollow"
        assert told["Referrer-Policy"] == "no-referrer"
