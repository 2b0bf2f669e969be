"""`/p/{token}/data`: all that is kept of a recipient, to keep (GDPR 15, 20). Its shape: docs/my-data.md."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint, Response

from chalicelib.api import times
from chalicelib.api.registers import tell_registers
from chalicelib.api.telling import tell_entry
from chalicelib.boundary import JSON, answering, service_of, status_of, text_answer
from chalicelib.domain.errors import Forbidden
from chalicelib.markup import Markup
from chalicelib.use_cases.opening import OpenedLink, open_preferences
from chalicelib.use_cases.proving import is_own_address
from chalicelib.use_cases.recalling import Everything, recall_everything
from chalicelib.web import words
from chalicelib.web.answers import page, trouble_of_link
from chalicelib.web.asked import voice_of
from chalicelib.web.brand import brand_of
from chalicelib.web.forms import fields_of
from chalicelib.web.happenings import happened, registers_in_words
from chalicelib.web.typed import FIELD, not_the_one, typed_form
from chalicelib.web.unsubscribe import only_stops
from chalicelib.web.voices import plain

if TYPE_CHECKING:
    from chalicelib.domain.categories import Category
    from chalicelib.domain.decision import Verdict
    from chalicelib.domain.recipients import Entry
    from chalicelib.domain.senders import Sender
    from chalicelib.web.voices import Voice

my_data = Blueprint(__name__)
FORMAT = "signoff-my-data-1"
"""Fields may come; none goes, and none changes what it means, without another number."""
FILE = "my-data.json"


@my_data.route("/p/{token}/data", methods=["GET", "HEAD"], content_types=["*/*"])
def show(token: str) -> Response:
    """The form. Writes nothing."""

    def answer() -> Response:
        opened = open_preferences(service_of(my_data), token)
        voice = voice_of(my_data, opened.sender)
        return _form(voice, opened, token) if opened.may_choose else only_stops(voice, opened, token)

    return answering(trouble_of_link(my_data, token), answer)


@my_data.route("/p/{token}/data", methods=["POST"], content_types=["*/*"])
def download(token: str) -> Response:
    """The file, for whoever types the address that the link was sent to."""

    def answer() -> Response:
        service = service_of(my_data)
        opened = open_preferences(service, token)
        voice = voice_of(my_data, opened.sender)
        if not opened.may_choose:
            return only_stops(voice, opened, token, status_of(Forbidden("read")), words.not_done(voice))
        [typed, *_] = fields_of(my_data.current_request).get(FIELD, [None])
        if typed is None or not is_own_address(service, opened, typed):
            return _form(voice, opened, token, is_wrong=True)
        return _file(tell_everything(voice, opened, recall_everything(service, opened), service.clock()))

    return answering(trouble_of_link(my_data, token), answer)


def _form(voice: Voice, opened: OpenedLink, token: str, *, is_wrong: bool = False) -> Response:
    about = voice.say(
        "You get a file with all that is kept about mail that {sender} sends to {address}: what you chose, what "
        "happened and when, and what proves that you agreed to get mail.",
        sender=voice.sender(opened.sender),
        address=words.masked(voice, opened),
    )
    return page(
        voice,
        voice.say("Download my data"),
        not_the_one(voice) if is_wrong else Markup(""),
        words.paragraph(about),
        words.paragraph(voice.say(words.ASKS_ADDRESS)),
        typed_form(voice, voice.to(f"/p/{token}/data"), voice.say("Download"), is_wrong=is_wrong),
        words.back(voice, token),
        brand=brand_of(voice, opened.sender),
        status=HTTPStatus.BAD_REQUEST if is_wrong else HTTPStatus.OK,
    )


def _file(told: dict[str, Any]) -> Response:
    response = text_answer(json.dumps(told, ensure_ascii=False, indent=1), JSON)
    response.headers["Content-Disposition"] = f'attachment; filename="{FILE}"'
    return response


def tell_everything(voice: Voice, opened: OpenedLink, everything: Everything, now: int) -> dict[str, Any]:
    """The file, as docs/my-data.md has it; `now` in milliseconds since 1970."""
    voice = replace(voice, is_brief=False)
    sender, recipient = opened.sender, everything.recipient
    profile = sender.profile
    return {
        "format": FORMAT,
        "made": times.tell(now),
        "sender": {
            "name": plain(voice.sender(sender)),
            "postal_address": profile.postal_address,
            "privacy_link": profile.privacy_link,
        },
        "address": opened.address.spelled,
        "address_kept": recipient.address,
        "recipient": opened.place.recipient,
        "categories": [_category(voice, category, verdict) for category, verdict in everything.verdicts],
        "kept": {
            "in_words": [plain(said) for said in registers_in_words(voice, sender, recipient.state)],
            "registers": tell_registers(recipient.state),
        },
        "history": [_happened(voice, sender, entry) for entry in everything.entries],
        "consents": [{"act": act, **asdict(evidence)} for act, evidence in everything.evidence.items()],
        "is_whole": everything.is_whole,
    }


def _category(voice: Voice, category: Category, verdict: Verdict) -> dict[str, Any]:
    return {
        "category": category.id,
        "name": plain(voice.category(category)),
        "description": plain(voice.description(category)),
        "kind": str(category.kind),
        "may_send": verdict.may_send,
        "reason": verdict.reason,
        "since": times.tell(verdict.since),
    }


def _happened(voice: Voice, sender: Sender, entry: Entry) -> dict[str, Any]:
    return {"in_words": [plain(said) for said in happened(voice, sender, entry)], **tell_entry(entry)}
