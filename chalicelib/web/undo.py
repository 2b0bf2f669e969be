"""`/p/{token}/undo`: take back the choice that was just made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Blueprint, Response

from chalicelib.boundary import answering, service_of, status_of
from chalicelib.domain.errors import Forbidden
from chalicelib.use_cases.opening import open_preferences
from chalicelib.use_cases.undoing import undo
from chalicelib.web import words
from chalicelib.web.answers import trouble_of_link
from chalicelib.web.asked import voice_of
from chalicelib.web.fitting import Either
from chalicelib.web.forms import fields_of
from chalicelib.web.preferences import centre_page, shown, what_is_sent
from chalicelib.web.unsubscribe import only_stops
from chalicelib.web.voices import N_

if TYPE_CHECKING:
    from chalicelib.use_cases.opening import OpenedLink
    from chalicelib.use_cases.undoing import Undoing
    from chalicelib.web.fitting import Part
    from chalicelib.web.voices import Voice

undoing = Blueprint(__name__)


@undoing.route("/p/{token}/undo", methods=["GET", "HEAD"], content_types=["*/*"])
def show(token: str) -> Response:
    """The preference centre, for who comes back to where "undo" has led. Writes nothing."""
    return shown(undoing, token, _UNDONE, can_undo=False)


@undoing.route("/p/{token}/undo", methods=["POST"], content_types=["*/*"])
def take_back(token: str) -> Response:
    """Undoes the acts that the form names, and shows what is so now. Sent again it changes nothing more."""

    def answer() -> Response:
        service = service_of(undoing)
        opened = open_preferences(service, token)
        voice = voice_of(undoing, opened.sender)
        if not opened.may_choose:
            return only_stops(voice, opened, token, status_of(Forbidden("choose")), words.not_done(voice))
        acts = fields_of(undoing.current_request).get(words.ACT_FIELD, [])
        undone = undo(service, opened, frozenset(acts[: words.MOST_UNDONE]))
        return centre_page(
            undoing,
            voice,
            opened,
            token,
            words.Outcome(_told(voice, opened, undone), (undone.act,) if undone.act else (), can_undo=False),
        )

    return answering(trouble_of_link(undoing, token), answer)


_UNDONE = N_("Undone.")
_PARTLY = N_("Undone in part: for the rest, something newer has come since.")


def _told(voice: Voice, opened: OpenedLink, undone: Undoing) -> Part:
    if not undone.is_done:
        said = voice.say(
            "Nothing was undone: something newer has come since, or there was nothing to undo. This is what you get "
            "now; choose and save what you want."
        )
        return words.outcome(said, is_done=False)
    done = voice.say(_UNDONE if undone.is_whole else _PARTLY)
    sent = what_is_sent(voice, opened.sender, undone)
    return Either(words.outcome(voice.sentences(done, sent)), words.outcome(done))
