"""`/v1/sender`: how a sender presents itself to its recipients, and its logo."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import fields
from chalicelib.api.serving import answer_once, route
from chalicelib.boundary import body_of, json_answer
from chalicelib.domain.errors import TooLarge, UnsupportedMediaType
from chalicelib.domain.images import KINDS, MAX_OCTETS
from chalicelib.domain.texts import language_of
from chalicelib.use_cases.describing import change_profile, get_logo, get_sender, put_logo, remove_logo

if TYPE_CHECKING:
    from chalice.app import Request as HttpRequest
    from chalice.app import Response

    from chalicelib.api.fields import Take
    from chalicelib.api.serving import Asked
    from chalicelib.domain.images import Logo
    from chalicelib.domain.senders import Sender
    from chalicelib.use_cases.repeating import Claim

sender = Blueprint(__name__)

_ANY_TYPE = "application/octet-stream"


@route(sender, "/v1/sender", ["GET", "HEAD"], "read")
def own_sender(asked: Asked) -> Response:
    """The sender whose key this is."""
    return json_answer(tell_sender(get_sender(asked.service, asked.sender.code)))


@route(sender, "/v1/sender", ["PATCH"], "admin")
def changed_sender(asked: Asked) -> Response:
    """Changes the sender. What the body does not name stays."""
    version = asked.body.get("version")
    told = fields.taken(asked.body, _FIELDS)
    if "opt_out_form" in told:
        told["form_open"] = told.pop("opt_out_form")
    return answer_once(
        asked, lambda claim: (tell_sender(change_profile(asked.edit(claim, version), told)), HTTPStatus.OK)
    )


@route(sender, "/v1/sender/logo", ["GET", "HEAD"], "read")
def own_logo(asked: Asked) -> Response:
    """The logo, with its octets in base64."""
    logo, octets = get_logo(asked.service, asked.sender.code)
    return json_answer({**_tell_logo(logo), "image": base64.b64encode(octets).decode("ascii")})


@route(sender, "/v1/sender/logo", ["PUT"], "admin")
def changed_logo(asked: Asked) -> Response:
    """Takes a logo: the body is the image."""
    octets = _image(asked.http)

    def work(claim: Claim) -> tuple[Any, int]:
        logo, version = put_logo(asked.edit(claim), octets)
        return {**_tell_logo(logo), "version": version}, HTTPStatus.OK

    return answer_once(asked, work)


@route(sender, "/v1/sender/logo", ["DELETE"], "admin")
def no_logo(asked: Asked) -> Response:
    """Takes the logo away."""
    return answer_once(asked, lambda claim: (tell_sender(remove_logo(asked.edit(claim))), HTTPStatus.OK))


def tell_sender(told: Sender) -> dict[str, Any]:
    """A sender as the API tells it."""
    profile = told.profile
    return {
        "code": told.code,
        "name": told.name,
        "names": dict(profile.names),
        "default_language": profile.default_language,
        "languages": list(profile.languages),
        "accent": profile.accent,
        "postal_address": profile.postal_address,
        "privacy_link": profile.privacy_link,
        "opt_out_form": told.form_open,
        "logo": None if profile.logo is None else _tell_logo(profile.logo),
        "hashed": told.hashed,
        "shards": told.shards,
        "version": told.version,
    }


def _tell_logo(logo: Logo) -> dict[str, Any]:
    return {
        "type": logo.type,
        "sha256": logo.sha256,
        "octets": logo.octets,
        "width": logo.width,
        "height": logo.height,
    }


def _image(request: HttpRequest) -> bytes:
    """The octets of a body that says it is an image; what it is, its octets tell.

    A gateway hands over as text what it does not know to be binary, WebP among it: `application/octet-stream` is not.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind.startswith("image/") and kind != _ANY_TYPE:
        raise UnsupportedMediaType(f"{KINDS}, as {_ANY_TYPE} or as its own type")
    octets = body_of(request)
    if len(octets) > MAX_OCTETS:
        raise TooLarge(MAX_OCTETS)
    return octets


def _languages(value: list[str], pointer: str) -> tuple[str, ...]:
    return tuple(language_of(tag, f"{pointer}/{place}") for place, tag in enumerate(value))


_FIELDS: dict[str, Take] = {
    "name": fields.as_it_is,
    "names": fields.translations,
    "default_language": language_of,
    "languages": _languages,
    "accent": fields.or_null(lambda value, _: value.lower()),
    "postal_address": fields.or_null(lambda value, _: value.replace("\r\n", "\n")),
    "privacy_link": fields.as_it_is,
    "opt_out_form": fields.as_it_is,
}
