"""`POST /v1/acts`: 1 to 1,000 acts that a sender tells of, each answered by itself."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api.serving import answer_once, route
from chalicelib.api.told import read_act
from chalicelib.boundary import told
from chalicelib.domain.errors import SignoffError
from chalicelib.use_cases.acting import Told, record_told

if TYPE_CHECKING:
    from chalice.app import Response

    from chalicelib.api.serving import Asked
    from chalicelib.use_cases.repeating import Claim

acts = Blueprint(__name__)


@route(acts, "/v1/acts", ["POST"], "write")
def recorded_acts(asked: Asked) -> Response:
    """Records opt-outs told of, blocks, what is lifted, consent."""
    read = [_read(asked, index) for index in range(len(asked.body["acts"]))]
    accepted = [item if isinstance(item, Told) else None for item in read]

    def work(claim: Claim) -> tuple[Any, int]:
        ids = record_told(asked.service, claim, accepted)
        return {"results": [_recorded(item, act) for item, act in zip(read, ids, strict=True)]}, HTTPStatus.OK

    return answer_once(asked, work)


def _read(asked: Asked, index: int) -> Told | SignoffError:
    try:
        return read_act(asked.sender, asked.item("acts", index), f"/acts/{index}")
    except SignoffError as error:
        return error


def _recorded(item: Told | SignoffError, act: str | None) -> dict[str, Any]:
    if isinstance(item, Told):
        return {"recipient": item.place.recipient, "act": act}
    return {"error": told(item)}
