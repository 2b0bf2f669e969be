"""What needs no key: whether the service is there, and what this API is."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib.api.openapi import document
from chalicelib.boundary import answering, json_answer, problem, service_of

description = Blueprint(__name__)


@description.route("/healthz", methods=["GET", "HEAD"], content_types=["*/*"])
def healthz() -> Response:
    """Whether the service is configured. Makes no store call."""

    def answer() -> Response:
        service_of(description)
        return json_answer({"status": "ok"})

    return answering(problem, answer)


@description.route("/v1/openapi.json", methods=["GET", "HEAD"], content_types=["*/*"])
def openapi() -> Response:
    """What this API is, as OpenAPI 3.1."""
    return answering(problem, lambda: json_answer(document(service_of(description).settings.public_url)))
