"""`/l/{sender}/{logo}`: a sender's logo, named by its hash, so that it never changes and is kept by browsers."""

from __future__ import annotations

import re

from chalice.app import Blueprint, Response

from chalicelib.boundary import SECURITY_HEADERS, answering, service_of
from chalicelib.domain.errors import NoLogo
from chalicelib.domain.senders import SENDER_CODE
from chalicelib.use_cases.describing import get_logo
from chalicelib.web.answers import trouble
from chalicelib.web.asked import voice_of
from chalicelib.web.brand import NAME_DIGITS

logos = Blueprint(__name__)
_NAME = re.compile(rf"[0-9a-f]{{{NAME_DIGITS}}}")
_FOR_EVER = "public, max-age=31536000, immutable"


@logos.route("/l/{sender}/{logo}", methods=["GET", "HEAD"], content_types=["*/*"])
def show(sender: str, logo: str) -> Response:
    """The image, as the type that its octets are. One read; none for what no page of ours links to."""

    def answer() -> Response:
        if not (SENDER_CODE.fullmatch(sender) and _NAME.fullmatch(logo)):
            raise NoLogo
        told, octets = get_logo(service_of(logos), sender)
        if not told.sha256.startswith(logo):
            raise NoLogo
        return Response(octets, {**SECURITY_HEADERS, "Cache-Control": _FOR_EVER, "Content-Type": told.type})

    return answering(lambda error: trouble(voice_of(logos), error), answer)
