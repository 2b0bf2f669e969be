"""The description of the API, as OpenAPI 3.1. A test holds what is answered against it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def _read() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((Path(__file__).parent / "openapi.json").read_text("utf-8"))
    return read


def document(public_url: str) -> dict[str, Any]:
    """The document for a deployment whose links start with `public_url`."""
    return {**_read(), "servers": [{"url": public_url}]}
