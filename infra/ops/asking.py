"""Questions that AWS may answer with "there is no such thing"."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

_Told = TypeVar("_Told")
_ABSENT = ("NotFound", "NoSuch", "DoesNotExist", "NonExistent")
"""What AWS's services call a thing that is not there has one of these in it."""


def or_none(ask: Callable[[], _Told]) -> _Told | None:
    """What is answered; None where the service says that there is no such thing. Raises ClientError."""
    try:
        return ask()
    except ClientError as error:
        if is_absent(error):
            return None
        raise


def is_absent(error: ClientError) -> bool:
    """Whether the service says that there is no such thing."""
    code = str(error.response["Error"].get("Code", ""))
    if code == "ValidationError" and "does not exist" in str(error):
        return True
    return code == "404" or any(word in code for word in _ABSENT)
