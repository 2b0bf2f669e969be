"""`/v1/keys`: API keys, made, followed by another while both work, revoked."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import times
from chalicelib.api.serving import route
from chalicelib.boundary import json_answer
from chalicelib.use_cases.keys import create_key, follow_key, revoke_key

if TYPE_CHECKING:
    from chalice.app import Response

    from chalicelib.api.serving import Asked
    from chalicelib.api_keys import ApiKey

keys = Blueprint(__name__)


@route(keys, "/v1/keys", ["GET", "HEAD"], "admin")
def all_keys(asked: Asked) -> Response:
    """Every API key of the sender, revoked ones too; never the text of one."""
    return json_answer({"keys": [_tell(key) for key in asked.service.keys.list(asked.sender.code)]})


@route(keys, "/v1/keys", ["POST"], "admin")
def new_key(asked: Asked) -> Response:
    """A new API key, or one that follows another. Its text is in this answer and nowhere else."""
    body = asked.body
    if "replaces" in body:
        key, text = follow_key(asked.service, asked.sender, body["replaces"], asked.request)
    else:
        key, text = create_key(asked.service, asked.sender, frozenset(body["scopes"]), asked.request)
    return json_answer({**_tell(key), "key": text}, HTTPStatus.CREATED)


@route(keys, "/v1/keys/{key_id}", ["DELETE"], "admin")
def revoked_key(asked: Asked, key_id: str) -> Response:
    """Revokes an API key. It stops everywhere within a minute."""
    return json_answer(_tell(revoke_key(asked.service, asked.sender, key_id)))


def _tell(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "scopes": sorted(key.scopes),
        "created": times.tell(key.created),
        "last_used": times.tell_day(key.last_used),
        "revoked": times.tell(key.revoked),
        "replaces": key.replaces,
    }
