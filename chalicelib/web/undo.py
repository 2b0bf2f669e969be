"""`/p/{token}/undo`: take back the choice that was just made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Blueprint, Response

from chalicelib.boundary import answering, service_of, status_of
from chalicelib.domain.errors import Forbidden
from chalicelib.use_cases.opening import open_preferences
from chalicelib.use_cases.undoing import undo
from chalicelib.web.answers import trouble_of_link
from chalicelib.web.fitting import called
from chalicelib.web.forms import fields_of
from chalicelib.web.happenings import listed_few
from chalicelib.web.preferences import beginning, centre_page
from chalicelib.web.unsubscribe import only_stops
from chalicelib.web.words import ACT_FIELD, MOST_UNDONE, outcome

if TYPE_CHECKING:
    from chalicelib.use_cases.opening import OpenedLink
    from chalicelib.use_cases.undoing import Undoing

undoing = Blueprint(__name__)


@undoing.route("/p/{token}/undo", methods=["POST"], content_types=["*/*"])
def take_back(token: str) -> Response:
    """Undoes the acts that the form names, and shows what is so now. Sent again it changes nothing more."""

    def answer() -> Response:
        service = service_of(undoing)
        opened = open_preferences(service, token)
        if not opened.may_choose:
            return only_stops(service, opened, token, status_of(Forbidden("choose")))
        acts = fields_of(undoing.current_request).get(ACT_FIELD, [])
        undone = undo(service, opened, frozenset(acts[:MOST_UNDONE]))
        first = beginning(undoing.current_request, opened)
        return centre_page(service, opened, token, first, outcome(_told(opened, undone)), is_elsewhere=True)

    return answering(trouble_of_link(undoing, token), answer)


_NOT_DONE = (
    "Nothing was undone: something newer has come since, or there was nothing to undo. This is what you get now; "
    "choose and save what you want."
)


def _told(opened: OpenedLink, undone: Undoing) -> str:
    if not undone.is_done:
        return _NOT_DONE
    sentences = ["Undone. It is as it was before."]
    for words, categories in (("will send you", undone.wanted), ("will not send you", undone.unwanted)):
        if categories:
            names = listed_few(category.name for category in categories)
            sentences.append(f"{called(opened.sender)} {words} {names}.")
    return " ".join(sentences)
