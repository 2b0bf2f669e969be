"""`/p/{token}`: the preference centre, opened by a footer's link."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from chalice.app import Blueprint, Response

from chalicelib.boundary import answering, service_of, status_of
from chalicelib.domain.acts import Via, via_of
from chalicelib.domain.errors import CannotOptOut, InvalidRequest
from chalicelib.use_cases.choosing import Changes, Submission, centre, choose
from chalicelib.use_cases.opening import OpenedLink, open_preferences
from chalicelib.use_cases.stopping import opt_out, stopped_among
from chalicelib.web import words
from chalicelib.web.alerts import still_arrives
from chalicelib.web.answers import page, trouble_of_link
from chalicelib.web.asked import asked, voice_of
from chalicelib.web.brand import brand_of
from chalicelib.web.choice_of_language import choice_of_language
from chalicelib.web.choices import FROM, Choices
from chalicelib.web.fitting import Either, weight
from chalicelib.web.forms import fields_of, words_of
from chalicelib.web.unsubscribe import done_page, only_stops, shown_again, stopped_page
from chalicelib.web.voices import N_
from chalicelib.web.words import Outcome

if TYPE_CHECKING:
    from chalicelib.domain.senders import Sender
    from chalicelib.markup import Markup
    from chalicelib.service import Service
    from chalicelib.use_cases.choosing import Centre
    from chalicelib.use_cases.undoing import Undoing
    from chalicelib.web.fitting import Part
    from chalicelib.web.voices import Voice

preferences = Blueprint(__name__)
NOTES_OCTETS = 3_300
"""Of the languages, and of what is said once a form was saved, with its undo, where names and links are long."""


@preferences.route("/p/{token}", methods=["GET", "HEAD"], content_types=["*/*"])
def show(token: str) -> Response:
    """What this recipient gets. Writes nothing (conformance A7); two reads."""
    return shown(preferences, token, N_("Saved."))


def shown(blueprint: Blueprint, token: str, again: str, *, can_undo: bool = True) -> Response:
    """The page, for a request to this blueprint. `again` is said of acts that its query names and choices stand by."""

    def answer() -> Response:
        opened = open_preferences(service_of(blueprint), token)
        voice = voice_of(blueprint, opened.sender)
        acts = words.done_acts(asked(blueprint, words.DONE_FIELD))
        if not opened.may_choose:
            again_stopped = _saved_again if acts and via_of(acts[0]) is Via.PREFERENCE_PAGE else shown_again
            return again_stopped(blueprint, opened, token) or only_stops(voice, opened, token)
        chosen = centre(service_of(blueprint), opened)
        is_so = acts and acts[0] in chosen.acts
        outcome = Outcome(words.outcome(voice.say(again)), acts, can_undo) if is_so else None
        return _page(blueprint, voice, (opened, token), chosen, outcome)

    return answering(trouble_of_link(blueprint, token), answer)


@preferences.route("/p/{token}", methods=["POST"], content_types=["*/*"])
def save(token: str) -> Response:
    """Records what the form changed. A link that may not choose stops mail, and starts none."""

    def answer() -> Response:
        service = service_of(preferences)
        opened = open_preferences(service, token)
        voice = voice_of(preferences, opened.sender)
        fields = fields_of(preferences.current_request)
        if "shown" not in fields:
            return _without_form(service, voice, opened, token)
        changes = choose(service, opened, _submission(fields))
        said = _said(voice, opened, changes)
        if not opened.may_choose and changes.stopped:
            return stopped_page(voice, opened, token, said, changes.acts)
        if not opened.may_choose:
            return only_stops(voice, opened, token, HTTPStatus.OK, said)
        return centre_page(preferences, voice, opened, token, Outcome(said, changes.acts))

    return answering(trouble_of_link(preferences, token), answer)


def _saved_again(blueprint: Blueprint, opened: OpenedLink, token: str) -> Response | None:
    """The page of what an old link's form has stopped by the acts that the query names, as far as that holds."""
    acts = words.done_acts(asked(blueprint, words.DONE_FIELD))
    stopped = stopped_among(service_of(blueprint), opened, acts)
    if not stopped:
        return None
    voice = voice_of(blueprint, opened.sender)
    return stopped_page(voice, opened, token, _said(voice, opened, Changes(stopped, (), (), is_stale=False)), acts)


def _without_form(service: Service, voice: Voice, opened: OpenedLink, token: str) -> Response:
    """A POST that no form of ours made."""
    if opened.may_choose:
        raise InvalidRequest("the form was not whole")
    try:
        stopped = opt_out(service, opened, Via.ONE_CLICK)
    except CannotOptOut as error:
        return only_stops(voice, opened, token, status_of(error))
    return done_page(voice, opened, token, (stopped.act,), stopped)


def _submission(fields: dict[str, list[str]]) -> Submission:
    [version, *_] = fields.get("version", [""])
    known = int(version) if version.isascii() and version.isdigit() and len(version) < _MOST_DIGITS else None
    shown, before = words_of(fields, "shown"), words_of(fields, "before")
    return Submission(shown, before, frozenset(fields.get("wanted", ())), known)


def centre_page(blueprint: Blueprint, voice: Voice, opened: OpenedLink, token: str, outcome: Outcome) -> Response:
    """What this recipient gets, from the category on that the request names, after what has just become of it."""
    return _page(blueprint, voice, (opened, token), centre(service_of(blueprint), opened), outcome)


def _page(
    blueprint: Blueprint, voice: Voice, link: tuple[OpenedLink, str], chosen: Centre, outcome: Outcome | None
) -> Response:
    opened, token = link
    choices = Choices(voice, opened.sender, token, chosen, asked(blueprint, FROM))
    notes = _notes(voice, token, outcome, choices.query)
    kept = {**choices.query, **words.done_query(outcome.acts if outcome else ())}
    choices.spare = max(0, NOTES_OCTETS - weight([*notes, choice_of_language(voice, kept)]))
    return page(
        voice,
        voice.say("Choose what you get"),
        *notes,
        words.paragraph(words.about(voice, opened)),
        choices if chosen.standings else words.paragraph(voice.say("There is nothing to choose.")),
        words.stop_all_button(voice, token),
        still_arrives(voice, opened.sender),
        # What is not among it then is on the page of the history.
        ""
        if choices.query
        else Either(words.more(voice, token, opened.place), words.more(voice, token, opened.place, words.HISTORY)),
        brand=brand_of(voice, opened.sender),
        kept=kept,
    )


def _notes(voice: Voice, token: str, outcome: Outcome | None, query: dict[str, str]) -> list[Part]:
    if outcome is None:
        return []
    is_undone = outcome.acts and outcome.can_undo
    return [outcome.said, *([words.undo_button(voice, token, outcome.acts, **query)] if is_undone else [])]


def what_is_sent(voice: Voice, sender: Sender, became: Changes | Undoing) -> Markup:
    """What will not be sent, what will, and what is wanted and withheld all the same; nothing of what is empty."""
    if isinstance(became, Changes):
        told = ((_WILL_NOT, became.stopped), (_WILL, became.started), (_NOTED, became.noted))
    else:
        told = ((_WILL_NOT, became.unwanted), (_WILL, became.wanted), (_NOTED, became.noted))
    return voice.sentences(
        *(
            voice.say(text, sender=voice.sender(sender), categories=voice.listed(map(voice.category, categories)))
            for text, categories in told
            if categories
        )
    )


def _said(voice: Voice, opened: OpenedLink, changes: Changes) -> Either:
    sent = what_is_sent(voice, opened.sender, changes)
    said = voice.say("Saved.") if sent else voice.say("Nothing was changed.")
    stale = voice.say(_STALE) if changes.is_stale and opened.may_choose else ""
    whole, slim = voice.sentences(said, sent, stale), voice.sentences(said, stale)
    is_done = bool(sent) and not stale
    return Either(words.outcome(whole, is_done=is_done), words.outcome(slim, is_done=is_done))


_WILL = N_("{sender} will send you {categories}.")
_WILL_NOT = N_("{sender} will not send you {categories}.")
_NOTED = N_("You want this, and {sender} is not sending it at the moment: {categories}.")
_STALE = N_("Something had changed since this page was opened: look once more, and save again what you want.")
_MOST_DIGITS = 16
