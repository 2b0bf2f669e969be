"""The description of the API, as OpenAPI 3.1, from the files in `openapi/`: one for each group of routes.

A test holds what is answered against it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).with_name("openapi")
_BASE = "base"
"""What is no group's own: the title, the credentials, and the answers that several routes give."""


@cache
def _read() -> dict[str, Any]:
    whole = _part(_FOLDER / f"{_BASE}.json")
    for file in sorted(_FOLDER.glob("*.json")):
        if file.stem != _BASE:
            part = _part(file)
            whole["paths"] |= part["paths"]
            whole["components"]["schemas"] |= part.get("schemas", {})
    whole["paths"] = dict(sorted(whole["paths"].items()))
    return whole


def _part(file: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return read


def document(public_url: str) -> dict[str, Any]:
    """The document for a deployment whose links start with `public_url`."""
    return {**_read(), "servers": [{"url": public_url}]}
