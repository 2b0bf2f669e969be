"""The description of the API, as OpenAPI 3.1, from the files in `openapi/`: one for each group of routes.

Requests are held to it by `schemas.py`, and answers by tests. What every operation with a key may answer, and what
every one with a body may, stands in `base.json` once and is added here.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

Json = dict[str, Any]

JSON = "application/json"
_FOLDER = Path(__file__).with_name("openapi")
_BASE = "base"
"""What is no group's own: the title, the credentials, and the answers that several routes give."""
_WITH_KEY = {
    "400": "BadRequest",
    "401": "Unauthenticated",
    "403": "Forbidden",
    "429": "TooManyRequests",
    "503": "Unavailable",
}
_WITH_BODY = {"413": "TooLarge", "415": "UnsupportedMediaType"}
_WITH_IDEMPOTENCY_KEY = {"422": "IdempotencyMismatch"}


@cache
def _read() -> Json:
    whole = _part(_FOLDER / f"{_BASE}.json")
    for file in sorted(_FOLDER.glob("*.json")):
        if file.stem != _BASE:
            part = _part(file)
            whole["paths"] |= part["paths"]
            whole["components"]["schemas"] |= part.get("schemas", {})
    whole["paths"] = dict(sorted(whole["paths"].items()))
    for operations in whole["paths"].values():
        for told in operations.values():
            told["responses"] = _with_common(told)
    return whole


def _part(file: Path) -> Json:
    read: Json = json.loads(file.read_text("utf-8"))
    return read


def _with_common(told: Json) -> Json:
    common = dict(_WITH_KEY) if "security" in told else {}
    common |= _WITH_BODY if "requestBody" in told else {}
    common |= _WITH_IDEMPOTENCY_KEY if re.search("Idempotency-?Key", str(told.get("parameters"))) else {}
    answers = {status: {"$ref": f"#/components/responses/{name}"} for status, name in common.items()}
    return dict(sorted({**answers, **told["responses"]}.items()))


def document(public_url: str) -> Json:
    """The document for a deployment whose links start with `public_url`."""
    page = {"url": f"{public_url}/docs", "description": "The same to read, and every `type` of problem"}
    return {**_read(), "servers": [{"url": public_url}], "externalDocs": page}


def described(path: str, method: str) -> Json:
    """What one operation takes: its parameters and its body, without `$ref`. Raises `KeyError` where there is none."""
    told = _read()["paths"][path][method]
    return {name: resolved(told[name]) for name in ("parameters", "requestBody") if name in told}


def resolved(part: Any) -> Any:
    """A part of the document without `$ref`; what stands beside a `$ref` wins. No schema may hold itself."""
    if isinstance(part, list):
        return [resolved(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    inner = {name: resolved(value) for name, value in part.items() if name != "$ref"}
    if "discriminator" in inner:
        kinds = inner["discriminator"]["mapping"]
        named = {kind: resolved(_at(where)) for kind, where in kinds.items()}
        inner["discriminator"] = {**inner["discriminator"], "mapping": named}
    return {**resolved(_at(part["$ref"])), **inner} if "$ref" in part else inner


def _at(reference: str) -> Any:
    found: Any = _read()
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found
