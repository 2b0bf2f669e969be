"""What the words of other programs mean. A word that is not here means nothing, and its row is refused."""

from __future__ import annotations

import re
from enum import Enum


class Meaning(Enum):
    """What a row says of a recipient. Only the first three are ever imported."""

    OPTED_OUT = "opted_out"
    COMPLAINT = "complaint"
    UNDELIVERABLE = "undeliverable"
    PASSING = "passing"
    """A soft bounce, a block by the other side's filter: one such event says nothing (conformance E2)."""
    NO_SUPPRESSION = "no_suppression"
    """Subscribed, enabled, pending. Never taken for consent: it does not say who consented, when and to what (C4)."""


_WORDS = {
    Meaning.OPTED_OUT: """
        opted_out opt_out opted_out_of_all unsubscribed unsubscribe unsubscribes unsubscription unsub global_unsubscribe
        group_unsubscribe globally_unsubscribed list_unsubscribe manual manual_suppression manually_suppressed
        suppressed suppression blocked block blocklist blocklisted blacklist blacklisted denylist do_not_contact
        do_not_mail do_not_email disabled erased abgemeldet
        """,
    Meaning.COMPLAINT: """
        complaint complained complaints spam spam_complaint spam_report spam_reports spam_reported marked_as_spam abuse
        abuse_complaint abuse_report beschwerde
        """,
    Meaning.UNDELIVERABLE: """
        undeliverable bounce bounced bounces hard_bounce hard_bounced hard_bounces hard permanent permanent_bounce
        permanent_fail permanent_failure invalid invalid_email invalid_emails invalid_address bad_syntax
        known_bad_domain mail_domain_mentioned_in_email_address_is_unknown cleaned unzustellbar
        """,
    Meaning.PASSING: """
        soft_bounce soft_bounced soft_bounces soft transient transient_bounce temporary temporary_fail temporary_failure
        deferred delayed undetermined mailbox_full
        """,
    Meaning.NO_SUPPRESSION: """
        subscribed subscribe subscriber enabled active confirmed unconfirmed pending opted_in opt_in non_subscribed
        not_subscribed transactional archived delivered retired no_consent angemeldet
        """,
}
_FILLING = re.compile(r"[\W_]+")


def plain(text: str) -> str:
    """`text` as headers and words are compared: small letters and digits alone."""
    return _FILLING.sub("", text.lower())


_MEANINGS = {plain(word): meaning for meaning, words in _WORDS.items() for word in words.split()}


def meaning_of(text: str) -> Meaning | None:
    """What a word means, whatever its case and the signs between its parts; None for an unknown one."""
    return _MEANINGS.get(text) or _MEANINGS.get(plain(text))
