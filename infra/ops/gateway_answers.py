"""What API Gateway answers by itself, as problem documents (RFC 9457) of the service's own kinds.

They are put through API Gateway and not by the stack: each `chalice deploy` puts its whole API anew (PutRestApi,
mode `overwrite`), and what is not in its document is gone then, without a word to CloudFormation, which would find
nothing to change. So `finish` compares them after each deployment, puts them back and deploys the stage once more. For
the minutes between, API Gateway's own short answers are in force; they hold no path.

All are JSON: whatever a browser asks for, API Gateway takes the template of application/json (measured; 0017-edge.md).
"""

from __future__ import annotations

import hashlib
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from infra.ops import aws

if TYPE_CHECKING:
    import argparse

    from infra.ops.deployed import Deployed

_WINDOW = 300
"""Seconds over which the firewall counts."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Type": "application/problem+json",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


def _answer(status: HTTPStatus, kind: str, detail: str, retry_after: int | None = None) -> dict[str, Any]:
    problem = {"type": f"urn:signoff:{kind}", "title": status.phrase, "status": status.value, "detail": detail}
    headers = _HEADERS | ({} if retry_after is None else {"Retry-After": str(retry_after)})
    return {
        "statusCode": str(status.value),
        "responseParameters": {f"gatewayresponse.header.{name}": f"'{text}'" for name, text in headers.items()},
        "responseTemplates": {"application/json": json.dumps(problem)},
    }


_NOTHING = _answer(HTTPStatus.NOT_FOUND, "nothing-here", "there is nothing here")
_TROUBLE = _answer(
    HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable", "something went wrong on our side", retry_after=5
)
_SHORT = "more requests came than are taken at once"
ANSWERS: dict[str, dict[str, Any]] = {
    # A path or a method that there is not. No method here asks for IAM's signatures, so that each of the others means
    # the same, with a header Authorization that API Gateway tried to read. For one like `Bearer …` it has no kind but
    # DEFAULT_4XX, and its own words would repeat the header: an API key, sent to a path that is misspelled.
    "MISSING_AUTHENTICATION_TOKEN": _NOTHING,
    "RESOURCE_NOT_FOUND": _NOTHING,
    "ACCESS_DENIED": _NOTHING,
    "EXPIRED_TOKEN": _NOTHING,
    "INVALID_SIGNATURE": _NOTHING,
    "DEFAULT_4XX": _NOTHING,
    "REQUEST_TOO_LARGE": _answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "the request is too large"),
    "BAD_REQUEST_BODY": _answer(HTTPStatus.BAD_REQUEST, "invalid-request", "the request cannot be read"),
    "BAD_REQUEST_PARAMETERS": _answer(HTTPStatus.BAD_REQUEST, "invalid-request", "the request cannot be read"),
    "UNSUPPORTED_MEDIA_TYPE": _answer(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "a body of this content type is not taken"
    ),
    "THROTTLED": _answer(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", _SHORT, retry_after=1),
    # The firewall's rules are rates, and nothing else.
    "WAF_FILTERED": _answer(
        HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", "more requests came from one source than are taken", _WINDOW
    ),
    # 503 and not 504: what asks again after the one asks again after the other, and this one the service uses too.
    "INTEGRATION_FAILURE": _TROUBLE,
    "INTEGRATION_TIMEOUT": _TROUBLE,
    "API_CONFIGURATION_ERROR": _TROUBLE,
    "DEFAULT_5XX": _TROUBLE,
    # There is no authorizer, no plan and no key of API Gateway's here. Told all the same, so that each has its status
    # whatever the two defaults have.
    "UNAUTHORIZED": _answer(HTTPStatus.UNAUTHORIZED, "unauthenticated", "the request is not authenticated"),
    "INVALID_API_KEY": _answer(HTTPStatus.FORBIDDEN, "forbidden", "the request is not allowed"),
    "QUOTA_EXCEEDED": _answer(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", _SHORT, retry_after=_WINDOW),
    "AUTHORIZER_FAILURE": _TROUBLE,
    "AUTHORIZER_CONFIGURATION_ERROR": _TROUBLE,
}
"""API Gateway's kind of answer → what it says. All kinds that there are: what is left out would speak for itself."""
MARK = f"signoff finish {hashlib.sha256(json.dumps(ANSWERS, sort_keys=True).encode()).hexdigest()[:16]}"
"""The description of a deployment that has these answers in force: being there is not yet being deployed."""


class GatewayAnswers:
    """The answers of one API, and whether its stage was deployed with them."""

    what = "API Gateway's own answers"

    def __init__(self, deployed: Deployed, options: argparse.Namespace) -> None:
        self._gateway = aws.client("apigateway", options)
        self._deployed = deployed

    def differences(self) -> list[str]:
        """The kinds that answer otherwise, and a stage that is not deployed with what is put."""
        found = [f"{kind}: {ANSWERS[kind]['statusCode']}, a problem document" for kind in self._others()]
        if found or not self._is_in_force():
            found.append(f"the stage {self._deployed.api_stage} deployed once more, with these")
        return found

    def put_right(self) -> None:
        """Puts them, then deploys the stage: its settings stay."""
        api = self._deployed.api
        with aws.explaining():
            for kind in self._others():
                self._gateway.put_gateway_response(restApiId=api, responseType=kind, **ANSWERS[kind])
            self._gateway.create_deployment(restApiId=api, stageName=self._deployed.api_stage, description=MARK)

    def _others(self) -> list[str]:
        with aws.explaining():
            # No API has more than its 25 or so kinds, so that one page holds them.
            told = self._gateway.get_gateway_responses(restApiId=self._deployed.api, limit=500)["items"]
        known = {each["responseType"]: {name: each.get(name) for name in ANSWERS["THROTTLED"]} for each in told}
        return [kind for kind, answer in ANSWERS.items() if known.get(kind) != answer]

    def _is_in_force(self) -> bool:
        api = self._deployed.api
        with aws.explaining():
            stage = self._gateway.get_stage(restApiId=api, stageName=self._deployed.api_stage)
            deployment = self._gateway.get_deployment(restApiId=api, deploymentId=stage["deploymentId"])
        return bool(deployment.get("description") == MARK)
