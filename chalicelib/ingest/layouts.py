"""Which column of a file is what. Recognised by the header: who exported it, and so how its rows are to be read.

Names are compared without regard to case, spaces and signs (`Email Address`, `email_address`, `EmailAddress`), and
columns may come in any order. What no layout here knows is read by the columns that the caller names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from chalicelib.domain.addresses import parse_address
from chalicelib.domain.errors import InvalidAddress, RowRefused, UnknownLayout
from chalicelib.ingest.meanings import Meaning, meaning_of, plain

AUTO = "auto"
NAMED = "named"
FIELDS = (
    "address", "reason", "category", "at", "consent_at", "consent_category", "consent_source", "consent_wording",
    "consent_how",
)  # fmt: skip
"""What a caller may name the columns of."""

Cells = Sequence[str]
Telling = tuple[Meaning | None, str]
"""What a row says (None: nothing, and the caller's default holds), and the text that says since when."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of one file are read. `columns` is field → index of its cell; `width` how many cells a row has.

    `of_list` is what the list is by itself, where neither a row nor the caller says anything else.
    """

    name: str
    columns: Mapping[str, int]
    width: int
    says: Callable[[Layout, Cells], tuple[Telling, ...]]
    of_list: Meaning | None = None
    has_header: bool = True

    def cell(self, cells: Cells, field: str) -> str:
        """The cell of `field`, white space around it removed; "" where the row or the file has none."""
        index = self.columns.get(field)
        return cells[index].strip() if index is not None and index < len(cells) else ""

    @property
    def is_silent(self) -> bool:
        """Whether the file says of no row why it is in it, so that only the caller can."""
        silent = self.says is _by_word and not {"reason", "consent_at"} & set(self.columns)
        return silent and self.of_list is None


def _by_word(layout: Layout, cells: Cells) -> tuple[Telling, ...]:
    """By the word in the column `reason`."""
    word = layout.cell(cells, "reason")
    meaning = None
    if word and (meaning := meaning_of(word)) is None:
        raise RowRefused("not a reason that is known", "reason")
    return ((meaning, layout.cell(cells, "at")),)


def _by_list(layout: Layout, cells: Cells) -> tuple[Telling, ...]:
    """By the list alone, whatever the caller's default is."""
    return ((layout.of_list, layout.cell(cells, "at")),)


def _by_free_text(layout: Layout, cells: Cells) -> tuple[Telling, ...]:
    """By the text of a server or of a program, if that is a known word; else by the caller's default, or the list."""
    return ((meaning_of(layout.cell(cells, "reason")), layout.cell(cells, "at")),)


def _by_status(layout: Layout, cells: Cells) -> tuple[Telling, ...]:
    """By an SMTP code: `5.1.1` (RFC 3463 §2), `550` (RFC 5321 §4.2.1), in its own column or leading the text.

    5.7 is a policy: the message was not liked, the mailbox may be well. Then the caller must say what the list is.
    """
    code = layout.cell(cells, "status") or layout.cell(cells, "reason")[:3]
    at = layout.cell(cells, "at")
    if code.startswith("4"):
        return ((Meaning.PASSING, at),)
    if code.startswith(("5", "6")) and not code.startswith("5.7"):  # 605 and the like: Mailgun's own, after a bounce
        return ((Meaning.UNDELIVERABLE, at),)
    return ((None, at),)


def _by_dates(layout: Layout, cells: Cells) -> tuple[Telling, ...]:
    """Mailchimp: whichever date there is says what happened."""
    found = tuple(
        (meaning, at)
        for field, meaning in (("unsub_at", Meaning.OPTED_OUT), ("clean_at", Meaning.UNDELIVERABLE))
        if (at := layout.cell(cells, field))
    )
    return found or ((Meaning.NO_SUPPRESSION, ""),)


def _by_two_states(layout: Layout, cells: Cells) -> tuple[Telling, ...]:
    """listmonk: of the subscriber, and of its subscription to one list."""
    at = layout.cell(cells, "at")
    overall, of_one = meaning_of(layout.cell(cells, "reason")), meaning_of(layout.cell(cells, "subscription"))
    return ((of_one if overall is Meaning.NO_SUPPRESSION and of_one is not None else overall, at),)


@dataclass(frozen=True, slots=True)
class _Known:
    """A header that is known: field → the names its column goes by. `needs` tells it from others.

    `only`: no further columns than these and those about the person; else further ones are left alone.
    """

    name: str
    fields: Mapping[str, str]
    needs: tuple[str, ...]
    says: Callable[[Layout, Cells], tuple[Telling, ...]] = _by_word
    of_list: Meaning | None = None
    only: bool = False


_EMAIL = "email e-mail e_mail_address email_address address mail recipient e-mail-adresse mailadresse"
_PERSON = "id uuid name first_name last_name full_name firstname lastname vorname nachname"

_SIGNOFF = _Known(
    "signoff",
    {"address": "address", "category": "category", "reason": "reason", "at": "since", "recipient": "recipient",
     "via": "via", "except": "except"},
    ("recipient", "address", "category", "reason", "at"),
)  # fmt: skip
"""Our own list: `GET /v1/suppressions?format=csv`. What `except` names was lifted later, by acts this file has not."""

_CONSENT = _Known(
    "consent",
    {"address": _EMAIL, "category": "category", "consent_category": "consent_category", "consent_at": "consent_at",
     "consent_how": "consent_how", "consent_wording": "consent_wording", "consent_source": "consent_source",
     "reason": "reason", "at": "at"},
    ("address", "consent_at"),
    only=True,
)  # fmt: skip
"""Our own rows of consent, named as the fields of `POST /v1/imports` are."""

_AMAZON_SES = _Known(
    "amazon_ses",
    {
        "address": "email_address",
        "reason": "reason suppression_reason",
        "at": "last_update_time last_updated date_added",
    },
    ("address", "reason", "at"),
)
"""Amazon SES's account-level suppression list, of `SuppressedDestinationSummary`: EmailAddress, Reason (BOUNCE or
COMPLAINT), LastUpdateTime (Unix time or ISO 8601). docs.aws.amazon.com/ses/latest/APIReference-V2/
API_SuppressedDestination.html. For its files without a header see `_headless`."""

_SENDGRID_BOUNCES = _Known(
    "sendgrid",
    {"address": "email", "status": "status", "reason": "reason", "at": "created"},
    ("address", "status", "reason", "at"),
    _by_status,
    only=True,
)
"""SendGrid's bounces and blocks, which have the same columns: status,reason,email,created (Unix seconds).

www.twilio.com/docs/sendgrid/api-reference/bounces-api/retrieve-all-bounces and …/blocks-api/retrieve-all-blocks. A row
of status 5 (but 5.7) bounced for good, one of status 4 did not; of others the caller's default says what the list is.
"""

_SENDGRID_INVALID = _Known(
    "sendgrid",
    {"address": "email", "reason": "reason", "at": "created"},
    ("address", "reason", "at"),
    _by_free_text,
    Meaning.UNDELIVERABLE,
    only=True,
)
"""SendGrid's invalid emails: reason,email,created.
www.twilio.com/docs/sendgrid/api-reference/invalid-emails-api/retrieve-all-invalid-emails"""

_SENDGRID_SPAM = _Known(
    "sendgrid",
    {"address": "email", "ip": "ip", "at": "created"},
    ("address", "ip", "at"),
    _by_list,
    Meaning.COMPLAINT,
    only=True,
)
"""SendGrid's spam reports: ip,email,created.
www.twilio.com/docs/sendgrid/api-reference/spam-reports-api/retrieve-all-spam-reports"""

_SENDGRID_GROUPS = _Known(
    "sendgrid",
    {"address": "email", "category": "group_name", "group": "group_id", "at": "created_at created"},
    ("address", "category", "group"),
    _by_list,
    Meaning.OPTED_OUT,
)
"""SendGrid's unsubscribe groups: email, group_id, group_name, created_at; the group's name is the category's id.
www.twilio.com/docs/sendgrid/api-reference/suppressions-suppressions/retrieve-all-suppressions"""

_SENDGRID_UNSUBSCRIBES = _Known(
    "sendgrid",
    {"address": "email", "at": "created"},
    ("address", "at"),
    of_list=Meaning.OPTED_OUT,
    only=True,
)
"""SendGrid's global unsubscribes, and those of one group: email,created. Lists of other kinds can look the same: then
the caller's default says so. For one group the default's category says which.
www.twilio.com/docs/sendgrid/api-reference/suppressions-global-suppressions/retrieve-all-global-suppressions"""

_MAILGUN_BOUNCES = _Known(
    "mailgun",
    {"address": "address", "status": "code", "reason": "error", "at": "created_at createdat"},
    ("address", "status", "reason"),
    _by_status,
    Meaning.UNDELIVERABLE,
)
"""Mailgun's bounces: address, code, error, created_at (RFC 2822); soft bounces are not in this list.
documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/bounces/post-v3--domainid--bounces-import"""

_MAILGUN_UNSUBSCRIBES = _Known(
    "mailgun",
    {"address": "address", "category": "tags tag", "at": "created_at createdat"},
    ("address", "category"),
    _by_list,
    Meaning.OPTED_OUT,
)
"""Mailgun's unsubscribes: address, tags (`*` or tags, each the id of a category), created_at.
documentation.mailgun.com/docs/mailgun/api-reference/openapi-final/tag/Unsubscribe"""

_MAILGUN_COMPLAINTS = _Known(
    "mailgun",
    {"address": "address", "at": "created_at createdat"},
    ("address", "at"),
    of_list=Meaning.COMPLAINT,
    only=True,
)
"""Mailgun's complaints: address, created_at. Only where the caller says `mailgun`: lists of any kind look like this.
documentation.mailgun.com/en/latest/api-suppressions.html"""

_POSTMARK = _Known(
    "postmark",
    {"address": "email_address email recipient", "reason": "suppression_reason", "origin": "origin",
     "at": "created_at created date"},
    ("address", "reason"),
)  # fmt: skip
"""Postmark's suppressions of one stream: EmailAddress, SuppressionReason (HardBounce, SpamComplaint,
ManualSuppression), Origin, CreatedAt. postmarkapp.com/developer/api/suppressions-api"""

_MAILCHIMP = _Known(
    "mailchimp",
    {"address": "email_address", "unsub_at": "UNSUB_TIME", "clean_at": "CLEAN_TIME", "optin": "OPTIN_TIME",
     "confirm": "CONFIRM_TIME"},
    ("address", "optin"),
    _by_dates,
)  # fmt: skip
"""Mailchimp's audience: Email Address, …, OPTIN_TIME, CONFIRM_TIME, …, then in unsubscribed_… UNSUB_TIME, UNSUB_REASON,
in cleaned_… CLEAN_TIME, CLEAN_CAMPAIGN_TITLE; in subscribed_… and nonsubscribed_… neither, so that nothing of them is
taken. The texts of UNSUB_REASON are not read. mailchimp.com/help/view-export-contacts, mailchimp.com/help/
about-cleaned-contacts"""

_LISTMONK = _Known(
    "listmonk",
    {"address": "email", "uuid": "uuid", "reason": "status", "attributes": "attributes", "at": "updated_at",
     "subscription": "subscription_status list_status", "category": "list list_name lists"},
    ("address", "uuid", "reason", "attributes", "at"),
    _by_two_states,
)  # fmt: skip
"""listmonk's subscribers: uuid, email, name, attributes, status, created_at, updated_at. `blocklisted` and `disabled`
are withheld since the row's last change. An export of the unsubscribed of one list says `enabled` of them all: name the
column of the address then, and `opted_out` and the list's category as the default. github.com/knadh/listmonk,
cmd/subscribers.go, and listmonk.app/docs/concepts"""

_PLAIN = _Known(
    "plain",
    {"address": _EMAIL, "reason": "reason grund", "category": "category kategorie",
     "at": "at date datum created created_at timestamp time since unsubscribed_at"},
    ("address",),
    only=True,
)  # fmt: skip
"""A list of anybody's: addresses, and if there are such columns reason, category and time."""

_KNOWN = (
    _SIGNOFF,
    _CONSENT,
    _AMAZON_SES,
    _POSTMARK,
    _SENDGRID_BOUNCES,
    _SENDGRID_INVALID,
    _SENDGRID_SPAM,
    _SENDGRID_GROUPS,
    _SENDGRID_UNSUBSCRIBES,
    _MAILGUN_BOUNCES,
    _MAILGUN_UNSUBSCRIBES,
    _MAILGUN_COMPLAINTS,
    _MAILCHIMP,
    _LISTMONK,
    _PLAIN,
)
"""The first that fits is it."""
LAYOUTS = tuple(dict.fromkeys(known.name for known in _KNOWN))
"""What a caller may ask for, beside `auto`."""
_PERSONAL = {plain(name) for name in _PERSON.split()}


def recognise(header: Cells, wanted: str = AUTO, columns: Mapping[str, object] | None = None) -> Layout:
    """The layout of a file whose first row is `header`: by the caller's `columns`, else by their names.

    `columns` is field (`FIELDS`) → the name of its column, or its number from 1. Raises `UnknownLayout`.
    """
    if columns:
        return _named(header, columns)
    if wanted not in (AUTO, *LAYOUTS):
        raise UnknownLayout(f"the layout is one of {', '.join((AUTO, *LAYOUTS))}")
    names = [plain(name) for name in header]
    for known in _KNOWN:
        if known.name == wanted or (wanted == AUTO and known is not _MAILGUN_COMPLAINTS):
            found = _fitting(known, names)
            if found is not None:
                return found
    return _headless(header, wanted)


def _fitting(known: _Known, names: list[str]) -> Layout | None:
    columns: dict[str, int] = {}
    for field, choices in known.fields.items():
        index = next((names.index(name) for name in map(plain, choices.split()) if name in names), None)
        if index is not None and index not in columns.values():
            columns[field] = index
    if not set(known.needs) <= set(columns):
        return None
    others = {name for index, name in enumerate(names) if index not in columns.values()}
    if known.only and others - _PERSONAL - {""}:
        return None
    return Layout(known.name, columns, len(names), known.says, known.of_list)


def _headless(first: Cells, wanted: str) -> Layout:
    """A file that begins with an address: addresses alone, or as SES takes them, `dana@example.com,BOUNCE`.

    docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html. With a time after that, it is what
    `list-suppressed-destinations --query` prints as text.
    """
    if _is_address(first[0]) and not any(cell.strip() for cell in first[1:]) and wanted in (AUTO, _PLAIN.name):
        return Layout(_PLAIN.name, {"address": 0}, len(first), _by_word, has_header=False)
    is_pair = len(first) in _PAIR_OR_DATED and first[1].strip().upper() in {"BOUNCE", "COMPLAINT"}
    if is_pair and _is_address(first[0]) and wanted in (AUTO, _AMAZON_SES.name):
        columns = {"address": 0, "reason": 1, "at": 2}
        return Layout(_AMAZON_SES.name, columns, len(_PAIR_OR_DATED) + 1, _by_word, has_header=False)
    asked = "" if wanted == AUTO else f" as {wanted}"
    raise UnknownLayout(
        f"the first row has {len(first)} columns, which are not known{asked}: name that of the address, and those "
        'of reason, category and time if there are any, such as {"address": "E-Mail", "at": 3}'
    )


_PAIR_OR_DATED = (2, 3)


def _is_address(text: str) -> bool:
    try:
        parse_address(text.replace("\ufffd", "x"))  # a damaged one is a row too, which is then refused
    except InvalidAddress:
        return False
    return True


def _named(header: Cells, columns: Mapping[str, object]) -> Layout:
    """The layout that a caller names. A file whose cell of the address is one has no header."""
    if unknown := set(columns) - set(FIELDS):
        raise UnknownLayout(f"columns can be named for {', '.join(FIELDS)}; not for {len(unknown)} other")
    if "address" not in columns:
        raise UnknownLayout("name the column of the address")
    found = {field: _index(header, field, column) for field, column in columns.items()}
    layout = Layout(NAMED, found, len(header), _by_word)
    return replace(layout, has_header=False) if _is_address(header[found["address"]]) else layout


def _index(header: Cells, field: str, column: object) -> int:
    if isinstance(column, int) and not isinstance(column, bool):
        if 1 <= column <= len(header):
            return column - 1
        raise UnknownLayout(f"the column of {field} is one of 1 to {len(header)}")
    if not isinstance(column, str):
        raise UnknownLayout(f"the column of {field} is named by its name or its number")
    wanted = column.strip().casefold()
    found = [index for index, name in enumerate(header) if name.strip().casefold() == wanted]
    if len(found) != 1:
        text = "several columns have" if found else f"none of the {len(header)} columns has"
        raise UnknownLayout(f"{text} the name given for {field}: give its number")
    return found[0]
