"""Answers that are no success, as one sentence each: what is wrong, and what to do."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from infra.client.connecting import KEY
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

_TO_DO = {
    "urn:signoff:unauthenticated": f"set {KEY} to a key of this service that is not revoked",
    "urn:signoff:forbidden": "use a key that has it, or have one made with it (POST /v1/keys)",
    "urn:signoff:sender-closed": "ask those who run the service (`python -m infra sender open`)",
    "urn:signoff:unknown-category": "GET /v1/categories lists those that there are",
    "urn:signoff:cursor-expired": "export again and go on with its cursor, or begin anew without the cursor file",
    "urn:signoff:idempotency-mismatch": "delete the .signoff-… file beside yours and run the command again",
    "urn:signoff:nothing-here": "check the URL; perhaps the service is older than this command",
}
_TO_DO_BY_STATUS = {
    401: _TO_DO["urn:signoff:unauthenticated"],
    404: "check the URL",
    413: "send less at once",
    429: "run the command again later",
    503: "run the command again later",
}
_LONGEST = 300


class Refused(CannotRun):
    """The service said no for good; `kind` is its problem's type, or ""."""

    def __init__(self, message: str, status: int, kind: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


def refusal(answer: BaseHTTPResponse) -> Refused:
    """The sentence for an answer that is no success, made of its problem document (RFC 9457) where it is one."""
    problem = _problem_in(answer)
    kind = str(problem.get("type", ""))
    what = clean(problem.get("detail") or problem.get("title") or "")
    where = clean(problem.get("pointer") or "")
    said = f"The service refused this (HTTP {answer.status})"
    if what:
        said += f": {what}"
    if where:
        said += f", at {where}"
    to_do = _TO_DO.get(kind) or _TO_DO_BY_STATUS.get(answer.status)
    return Refused(f"{said}; {to_do}." if to_do else f"{said}.", answer.status, kind)


def clean(text: object) -> str:
    """A text of the service's on one line, without what could be an address or control a terminal."""
    line = "".join(c if c.isprintable() else " " for c in str(text)[:_LONGEST])
    return re.sub(r"\S*@\S*", "…", line).strip().rstrip(".")


def _problem_in(answer: BaseHTTPResponse) -> dict[str, Any]:
    try:
        problem = json.loads(answer.data)
    except (ValueError, RecursionError):
        return {}
    return problem if isinstance(problem, dict) else {}
