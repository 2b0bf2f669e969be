"""`/p/{token}/erase`: be forgotten (GDPR 17), but for what keeps mail from ever coming again."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from chalice.app import Blueprint, Response

from chalicelib.boundary import answering, service_of, status_of
from chalicelib.domain.errors import Forbidden
from chalicelib.markup import Markup
from chalicelib.use_cases.erasing import Erasing, erase_own, erased_by
from chalicelib.use_cases.opening import OpenedLink, open_preferences
from chalicelib.use_cases.proving import is_own_address
from chalicelib.web import words
from chalicelib.web.alerts import still_arrives
from chalicelib.web.answers import page, trouble_of_link
from chalicelib.web.asked import asked, voice_of
from chalicelib.web.brand import brand_of
from chalicelib.web.forms import fields_of
from chalicelib.web.typed import FIELD, not_the_one, typed_form
from chalicelib.web.unsubscribe import only_stops
from chalicelib.web.voices import N_

if TYPE_CHECKING:
    from chalicelib.domain.categories import Category
    from chalicelib.web.voices import Voice

erasure = Blueprint(__name__)
_DAYS_OF_FILES = 30
"""After which the bucket drops what was brought there or taken from there."""


@erasure.route("/p/{token}/erase", methods=["GET", "HEAD"], content_types=["*/*"])
def show(token: str) -> Response:
    """What goes, what stays and why. Writes nothing."""

    def answer() -> Response:
        opened = open_preferences(service_of(erasure), token)
        voice = voice_of(erasure, opened.sender)
        if not opened.may_choose:
            return only_stops(voice, opened, token)
        [done, *_] = words.done_acts(asked(erasure, words.DONE_FIELD)) or ("",)
        again = erased_by(service_of(erasure), opened, done) if done else None
        return _form(voice, opened, token) if again is None else _done(voice, opened, token, again)

    return answering(trouble_of_link(erasure, token), answer)


@erasure.route("/p/{token}/erase", methods=["POST"], content_types=["*/*"])
def erase(token: str) -> Response:
    """Erases, for whoever types the address that the link was sent to; asks once."""

    def answer() -> Response:
        service = service_of(erasure)
        opened = open_preferences(service, token)
        voice = voice_of(erasure, opened.sender)
        if not opened.may_choose:
            return only_stops(voice, opened, token, status_of(Forbidden("erase")), words.not_done(voice))
        [typed, *_] = fields_of(erasure.current_request).get(FIELD, [None])
        if typed is None or not is_own_address(service, opened, typed):
            return _form(voice, opened, token, is_wrong=True)
        return _done(voice, opened, token, erase_own(service, opened))

    return answering(trouble_of_link(erasure, token), answer)


_GOES = (
    N_("Your address."),
    N_("What you chose, and what others noted of your choices."),
    N_("What proves that you agreed to get mail."),
)
_CODE = N_(
    "A code made from your address, with the note that no optional mail may be sent to it. Without it, the next list "
    "with your address on it would bring the mail back. Nobody can read the address from the code."
)
_LEDGER = N_("What happened so far, with dates, under that code alone: the law asks that it can be shown.")


def _listed(heading: Markup, *items: Markup) -> Markup:
    lines = Markup("").join(Markup("<li>{}</li>").format(item) for item in items)
    return Markup('<h2>{}</h2><ul role="list">{}</ul>').format(heading, lines)


def _stays(voice: Voice, opened: OpenedLink) -> Markup:
    files = voice.count(
        "Files with your address that {sender} brought here or took from here, for at most {number} day.",
        "Files with your address that {sender} brought here or took from here, for at most {number} days.",
        _DAYS_OF_FILES,
        sender=voice.sender(opened.sender),
    )
    return _listed(voice.say("What stays, and why"), voice.say(_CODE), voice.say(_LEDGER), files)


def _form(voice: Voice, opened: OpenedLink, token: str, *, is_wrong: bool = False) -> Response:
    sender = voice.sender(opened.sender)
    elsewhere = voice.say(
        "What {sender} keeps of you elsewhere, such as orders, is not touched: ask {sender} about it.", sender=sender
    )
    after = voice.say("All optional mail stops. You can choose mail again later, which stores your address again.")
    return page(
        voice,
        voice.say("Erase my data"),
        not_the_one(voice) if is_wrong else Markup(""),
        words.paragraph(words.about(voice, opened)),
        _listed(voice.say("What is erased"), *map(voice.say, _GOES)),
        _stays(voice, opened),
        words.paragraph(elsewhere),
        words.paragraph(after),
        words.paragraph(voice.say(words.ASKS_ADDRESS)),
        typed_form(
            voice,
            voice.to(f"/p/{token}/erase"),
            voice.say("Erase and stop all optional mail"),
            is_wrong=is_wrong,
        ),
        words.back(voice, token),
        brand=brand_of(voice, opened.sender),
        status=HTTPStatus.BAD_REQUEST if is_wrong else HTTPStatus.OK,
    )


def _done(voice: Voice, opened: OpenedLink, token: str, erased: Erasing) -> Response:
    """What is true now."""
    return page(
        voice,
        voice.say("Your data is erased"),
        words.outcome(_erased(voice, opened, erased.wanted)),
        _stays(voice, opened),
        words.back(voice, token, _AGAIN),
        still_arrives(voice, opened.sender),
        brand=brand_of(voice, opened.sender),
        kept=words.done_query((erased.act,)),
    )


_AGAIN = N_("Choose mail again")


def _erased(voice: Voice, opened: OpenedLink, wanted: tuple[Category, ...]) -> Markup:
    sender = voice.sender(opened.sender)
    if wanted:
        return voice.sentences(
            voice.say("Your address and your choices were erased, and something was chosen again since."),
            voice.say(
                "{sender} will send you {categories}.",
                sender=sender,
                categories=voice.listed(map(voice.category, wanted)),
            ),
        )
    return voice.sentences(
        voice.say("Your address and your choices are erased."),
        voice.say(
            "{sender} will not send any optional mail to {address} any more.",
            sender=sender,
            address=words.masked(voice, opened),
        ),
    )
