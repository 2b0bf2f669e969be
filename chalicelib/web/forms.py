"""Reading what a form of ours sent."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from chalicelib.boundary import body_of
from chalicelib.domain.errors import InvalidRequest, TooLarge

if TYPE_CHECKING:
    from chalice.app import Request

MOST_OCTETS = 50_000
"""A form of ours has under 5,000."""
MOST_FIELDS = 1_000


def fields_of(request: Request) -> dict[str, list[str]]:
    """Name → values, as browsers send them. Raises `TooLarge`, `InvalidRequest`."""
    octets = body_of(request)
    if len(octets) > MOST_OCTETS:
        raise TooLarge(MOST_OCTETS)
    try:
        return parse_qs(octets.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise InvalidRequest("too many fields") from None


def words_of(fields: dict[str, list[str]], name: str) -> frozenset[str]:
    """What a field names, one after the other with spaces between; all of it where it was sent more than once."""
    return frozenset(" ".join(fields.get(name, ())).split())
