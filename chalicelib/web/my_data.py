"""`/p/{token}/data`: all that is kept of a recipient, to keep (GDPR 15, 20). Its shape: docs/my-data.md."""

from __future__ import annotations

import json
from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint, Response
from markupsafe import Markup

from chalicelib.api import times
from chalicelib.api.registers import tell_registers
from chalicelib.api.telling import tell_entry
from chalicelib.boundary import JSON, answering, service_of, status_of, text_answer
from chalicelib.domain.errors import Forbidden
from chalicelib.use_cases.opening import OpenedLink, open_preferences
from chalicelib.use_cases.proving import is_own_address
from chalicelib.use_cases.recalling import Everything, recall_everything
from chalicelib.web.answers import page, trouble_of_link
from chalicelib.web.brand import brand_of
from chalicelib.web.fitting import called
from chalicelib.web.forms import fields_of
from chalicelib.web.happenings import clauses, day_of, registers_in_words
from chalicelib.web.typed import FIELD, typed_form, wrong
from chalicelib.web.unsubscribe import only_stops
from chalicelib.web.words import back, masked

if TYPE_CHECKING:
    from chalicelib.domain.categories import Category
    from chalicelib.domain.decision import Verdict
    from chalicelib.domain.recipients import Entry
    from chalicelib.domain.senders import Sender
    from chalicelib.service import Service

my_data = Blueprint(__name__)
FORMAT = "signoff-my-data-1"
"""Fields may come; none goes, and none changes what it means, without another number."""
FILE = "my-data.json"


@my_data.route("/p/{token}/data", methods=["GET", "HEAD"], content_types=["*/*"])
def show(token: str) -> Response:
    """The form. Writes nothing."""

    def answer() -> Response:
        service = service_of(my_data)
        opened = open_preferences(service, token)
        return _form(service, opened, token) if opened.may_choose else only_stops(service, opened, token)

    return answering(trouble_of_link(my_data, token), answer)


@my_data.route("/p/{token}/data", methods=["POST"], content_types=["*/*"])
def download(token: str) -> Response:
    """The file, for whoever types the address that the link was sent to."""

    def answer() -> Response:
        service = service_of(my_data)
        opened = open_preferences(service, token)
        if not opened.may_choose:
            return only_stops(service, opened, token, status_of(Forbidden("read")))
        [typed, *_] = fields_of(my_data.current_request).get(FIELD, [None])
        if typed is None:
            return _form(service, opened, token)
        if not is_own_address(service, opened, typed):
            return _form(service, opened, token, is_wrong=True)
        return _file(opened, recall_everything(service, opened), service.clock())

    return answering(trouble_of_link(my_data, token), answer)


_ABOUT = Markup(
    "<p>You get a file with all that is kept about mail that {} sends to {}: what you chose, what happened and when, "
    "and what shows that you agreed to mail.</p><p>Because mails get forwarded, type the address that the mail with "
    "this link came to.</p>"
)


def _form(service: Service, opened: OpenedLink, token: str, *, is_wrong: bool = False) -> Response:
    prefix = service.settings.prefix
    return page(
        "Download my data",
        wrong() if is_wrong else Markup(""),
        _ABOUT.format(called(opened.sender), masked(opened)),
        typed_form(f"{prefix}/p/{token}/data", "Download", is_wrong=is_wrong),
        back(prefix, token),
        brand=brand_of(prefix, opened.sender),
        status=HTTPStatus.BAD_REQUEST if is_wrong else HTTPStatus.OK,
    )


def _file(opened: OpenedLink, everything: Everything, now: int) -> Response:
    text = json.dumps(tell_everything(opened, everything, now), ensure_ascii=False, indent=1)
    response = text_answer(text, JSON)
    response.headers["Content-Disposition"] = f'attachment; filename="{FILE}"'
    return response


def tell_everything(opened: OpenedLink, everything: Everything, now: int) -> dict[str, Any]:
    """The file, as docs/my-data.md has it; `now` in milliseconds since 1970."""
    sender, recipient = opened.sender, everything.recipient
    profile = sender.profile
    return {
        "format": FORMAT,
        "made": times.tell(now),
        "sender": {
            "name": sender.name,
            "postal_address": profile.postal_address,
            "privacy_link": profile.privacy_link,
        },
        "address": opened.address.spelled,
        "address_kept": recipient.address,
        "recipient": opened.place.recipient,
        "categories": [_category(category, verdict) for category, verdict in everything.verdicts],
        "kept": {
            "in_words": list(registers_in_words(sender, recipient.state)),
            "registers": tell_registers(recipient.state),
        },
        "history": [_happened(sender, entry) for entry in everything.entries],
        "consents": [{"act": act, **asdict(evidence)} for act, evidence in everything.evidence.items()],
        "is_whole": everything.is_whole,
    }


def _category(category: Category, verdict: Verdict) -> dict[str, Any]:
    return {
        "category": category.id,
        "name": category.name,
        "description": category.description,
        "kind": str(category.kind),
        "may_send": verdict.may_send,
        "reason": verdict.reason,
        "since": times.tell(verdict.since),
    }


def _happened(sender: Sender, entry: Entry) -> dict[str, Any]:
    said = [f"On {day_of(entry.recorded)} {clause}." for clause in clauses(sender, entry)]
    return {"in_words": said, **tell_entry(entry)}
