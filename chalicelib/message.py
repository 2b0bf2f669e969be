"""What a sender puts into its message: the ready-made headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.use_cases import Minted


def headers_of(minted: Minted, sender_code: str, category: str, public_url: str) -> dict[str, str]:
    """Conformance B1 to B3. A service alert has no one-click header, since nobody can opt out of it."""
    host = public_url.split("://", 1)[1].partition("/")[0].partition(":")[0]
    list_id = {"List-Id": f"<{category}.{sender_code}.{host}>"}
    if minted.one_click is None:
        return list_id
    one_click = {
        "List-Unsubscribe": f"<{minted.one_click}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return {**one_click, **list_id}
