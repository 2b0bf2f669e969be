"""Pages of lists: where the next one is (conformance G5)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from chalice.app import Response

    from chalicelib.api.serving import Asked


def next_link(response: Response, asked: Asked, path: str, cursor: str | None, **more: str) -> Response:
    """The response with a `Link` to the same list from this cursor on, where there is one."""
    if cursor is not None:
        query = urlencode({**asked.query, **more, "cursor": cursor})
        response.headers["Link"] = f'<{asked.service.settings.public_url}{path}?{query}>; rel="next"'
    return response
