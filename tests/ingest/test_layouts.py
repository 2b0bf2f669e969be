"""Files as the programs of the world export them, and what each row of them means here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from chalicelib.domain.acts import Bounced, Complained, Consented, Evidence, Part, Stated
from chalicelib.domain.errors import UnknownLayout
from chalicelib.ingest.layouts import LAYOUTS, recognise
from chalicelib.ingest.rows import Defaults
from tests.ingest.reading import CREATED, ms, read

OUT = Defaults("opted_out")
A, B, C = "ada@example.com", "ben@example.com", "cyd@example.com"


@dataclass
class Sample:
    """A file, as whom it is known, and what its rows tell; rows that are refused by their line, with a word of why."""

    text: str
    layout: str
    told: dict[str, tuple[Part, ...]]
    refused: dict[int, str] = field(default_factory=dict)
    defaults: Defaults = field(default_factory=Defaults)
    wanted: str = "auto"
    columns: Mapping[str, object] | None = None


NINE, TEN = ms("2026-03-01T09:30:00Z"), ms("2026-03-01T10:30:00Z")
MAILCHIMP_HEAD = '"Email Address","First Name",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CC,'
SAMPLES = {
    "ses, api names": Sample(
        f"EmailAddress,Reason,LastUpdateTime\n{A},BOUNCE,2026-03-01T09:30:00+00:00\n{B},COMPLAINT,1772361000.125\n",
        "amazon_ses",
        {A: (Bounced(NINE),), B: (Complained(ms("2026-03-01T10:30:00.125Z")),)},
    ),
    "ses, console": Sample(
        f'"Email address","Suppression reason","Last updated"\n"{A}","Bounce","2026-03-01T09:30:00Z"\n',
        "amazon_ses",
        {A: (Bounced(NINE),)},
    ),
    "ses, bulk format without a header": Sample(
        f"{A},BOUNCE\n{B}, COMPLAINT\n", "amazon_ses", {A: (Bounced(CREATED),), B: (Complained(CREATED),)}
    ),
    "ses, command line's text": Sample(
        f"{A}\tBOUNCE\t2026-03-01T09:30:00+00:00\n", "amazon_ses", {A: (Bounced(NINE),)}
    ),
    "sendgrid, global unsubscribes": Sample(f"email,created\n{A},1772357400\n", "sendgrid", {A: (Stated("*", NINE),)}),
    "sendgrid, unsubscribes with a MySQL time": Sample(
        f"email,created\n{A},2026-03-01 09:30:00\n", "sendgrid", {A: (Stated("*", NINE),)}
    ),
    "sendgrid, unsubscribes of one group": Sample(
        f"email,created\n{A},1772357400\n", "sendgrid", {A: (Stated("news", NINE),)}, defaults=Defaults(None, "news")
    ),
    "sendgrid, the same columns and another list": Sample(
        f"created,email\n1772357400,{A}\n", "sendgrid", {A: (Complained(NINE),)}, defaults=Defaults("complaint")
    ),
    "sendgrid, groups": Sample(
        f"email,group_id,group_name,created_at\n{A},7,News,1772357400\n{B},8,Weekly,1772357400\n{C},9,Alerts,1\n",
        "sendgrid",
        {A: (Stated("news", NINE),)},
        {3: "no such category", 4: "time"},
    ),
    "sendgrid, bounces and blocks": Sample(
        f'status,reason,email,created\n5.1.1,"550 5.1.1 no, ""such""\nuser",{A},1772357400\n'
        f"4.2.2,452 full,{B},1772357400\n5.7.1,550 spam,{C},1772357400\n,550 5.1.1 gone,dee@example.com,1772357400\n",
        "sendgrid",
        {A: (Bounced(NINE),), "dee@example.com": (Bounced(NINE),)},
        {4: "soft bounce", 5: "does not say why"},
    ),
    "sendgrid, bounces said to be such": Sample(
        f"status,reason,email,created\n5.7.1,550 denied,{C},1772357400\n4.0.0,later,{A},1772357400\n",
        "sendgrid",
        {C: (Bounced(NINE),)},
        {3: "soft bounce"},
        defaults=Defaults("undeliverable"),
    ),
    "sendgrid, spam reports": Sample(
        f"ip,email,created\n192.0.2.1,{A},1772357400\n", "sendgrid", {A: (Complained(NINE),)}, defaults=OUT
    ),
    "sendgrid, invalid emails": Sample(
        f"reason,email,created\nKnown bad domain,{A},1772357400\nBad Syntax,cyd,1772357400\nodd,{B},1772357400\n",
        "sendgrid",
        {A: (Bounced(NINE),), B: (Bounced(NINE),)},
        {3: "address: an address has an @"},
    ),
    "mailgun, unsubscribes": Sample(
        f'address,tags,created_at\n{A},*,"Sun, 01 Mar 2026 09:30:00 UTC"\n'
        f'{B},"[""news"",""offers""]","Sun, 01 Mar 2026 10:30:00 +0100"\n{C},weekly,\n'
        f'dee@example.com,,"Mon, 01 Jan 0001 00:00:00 UTC"\n',
        "mailgun",
        {
            A: (Stated("*", NINE),),
            B: (Stated("news", NINE), Stated("offers", NINE)),
            "dee@example.com": (Stated("*", CREATED),),
        },
        {4: "no such category"},
    ),
    "mailgun, bounces": Sample(
        f'address,code,error,created_at\n{A},550,No such mailbox,"Sun, 01 Mar 2026 09:30:00 GMT"\n{B},605,,\n'
        f"{C},,gone,\ndee@example.com,421,later,\n",
        "mailgun",
        {A: (Bounced(NINE),), B: (Bounced(CREATED),), C: (Bounced(CREATED),)},
        {5: "soft bounce"},
    ),
    "mailgun, complaints": Sample(
        f"address,created_at\n{A},2026-03-01T09:30:00Z\n", "mailgun", {A: (Complained(NINE),)}, wanted="mailgun"
    ),
    "postmark": Sample(
        "EmailAddress,SuppressionReason,Origin,CreatedAt\n"
        f"{A},ManualSuppression,Recipient,2026-03-01T04:30:00-05:00\n{B},HardBounce,Recipient,2026-03-01T09:30:00Z\n"
        f"{C},SpamComplaint,Recipient,2026-03-01T09:30:00Z\ndee@example.com,ManualSuppression,Customer,2026-03-01\n",
        "postmark",
        {
            A: (Stated("*", NINE),),
            B: (Bounced(NINE),),
            C: (Complained(NINE),),
            "dee@example.com": (Stated("*", ms("2026-03-01T23:59:59.999Z")),),
        },
    ),
    "postmark, other spellings": Sample(
        f"email_address;suppression_reason;origin;created_at\n{A};hard_bounce;recipient;2026-03-01T09:30:00Z\n",
        "postmark",
        {A: (Bounced(NINE),)},
    ),
    "mailchimp, unsubscribed": Sample(
        f"{MAILCHIMP_HEAD}UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON,LEID,EUID,NOTES,TAGS\n"
        f'{A},Ada,2,"2020-01-01 00:00:00",,,US,"2026-03-01 09:30:00",May,"N/A (by an admin)",1,2,,"""v"""\n',
        "mailchimp",
        {A: (Stated("*", NINE),)},
    ),
    "mailchimp, cleaned": Sample(
        f"{MAILCHIMP_HEAD}CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID\n"
        f'{A},Ada,2,"2020-01-01 00:00:00",,,US,"2026-03-01 09:30:00",May,7\n',
        "mailchimp",
        {A: (Bounced(NINE),)},
    ),
    "mailchimp, everybody": Sample(
        f"{MAILCHIMP_HEAD}UNSUB_TIME,CLEAN_TIME\n{A},Ada,2,2020-01-01,,,US,2026-03-01 09:30:00,2026-03-01 10:30:00\n"
        f"{B},Ben,2,2020-01-01 00:00:00,,,US,,\n",
        "mailchimp",
        {A: (Stated("*", NINE), Bounced(TEN))},
        {3: "not a suppression"},
    ),
    "mailchimp, subscribed": Sample(
        f"{MAILCHIMP_HEAD}LAST_CHANGED\n{A},Ada,2,2020-01-01 00:00:00,,,US,2026-03-01 09:30:00\n",
        "mailchimp",
        {},
        {2: "not a suppression"},
        defaults=OUT,
    ),
    "listmonk": Sample(
        "uuid,email,name,attributes,status,created_at,updated_at\n"
        f'u,{A},A,"{{""city"":""Ulm""}}",blocklisted,2019-01-01 09:00:00 +0000 UTC,2026-03-01 09:30:00.125 +0000 UTC\n'
        f"u,{B},Ben,{{}},enabled,2019-01-01 09:00:00 +0000 UTC,2026-03-01 15:00:00 +0530 IST\n"
        f"u,{C},Cyd,{{}},disabled,2019-01-01 09:00:00 +0000 UTC,2026-03-01 15:00:00 +0530 IST\n",
        "listmonk",
        {A: (Stated("*", NINE + 125),), C: (Stated("*", NINE),)},
        {3: "not a suppression"},
        defaults=OUT,
    ),
    "listmonk, with the state in one list": Sample(
        "uuid,email,name,attributes,status,created_at,updated_at,list,subscription_status\n"
        f"u,{A},Ada,{{}},enabled,,2026-03-01 09:30:00 +0000 UTC,news,unsubscribed\n"
        f"u,{B},Ben,{{}},enabled,,2026-03-01 09:30:00 +0000 UTC,news,confirmed\n",
        "listmonk",
        {A: (Stated("news", NINE),)},
        {3: "not a suppression"},
    ),
    "ours": Sample(
        "recipient,address,category,reason,since,via,except\n"
        f"rcp_a,{A},*,opted_out_of_all,2026-03-01T09:30:00.000Z,one_click,news offers\n"
        f"rcp_b,{B},news,blocked,2026-03-01T09:30:00.000Z,api,\n"
        f"rcp_c,{C},*,complaint,2026-03-01T09:30:00.000Z,feedback,\n"
        "rcp_d,,*,undeliverable,2026-03-01T09:30:00.000Z,feedback,\n",
        "signoff",
        {A: (Stated("*", NINE),), B: (Stated("news", NINE),), C: (Complained(NINE),)},
        {5: "address: the address is empty"},
    ),
    "our consents": Sample(
        "address,category,consent_at,consent_how,consent_wording,consent_source\n"
        f"{A},news,2026-03-01T09:30:00Z,form,Send me news,web\n{B},news,2026-03-01,,Send me news,web\n"
        f"{C},*,2026-03-01,,Send me news,web\n{C},news,,,Send me news,web\n{C},alerts,2026-03-01,,w,s\n"
        f"{C},weekly,2026-03-01,,w,s\n{C},news,2026-03-01,,,web\n{C},news,2026-03-01,,w,\n{C},,2026-03-01,,w,s\n",
        "consent",
        {A: (Consented("news", NINE),), B: (Consented("news", ms("2026-03-01T00:00:00Z")),)},
        {
            4: "one category",
            5: "consent has a date",
            6: "service alert",
            7: "no such category",
            8: "consent_wording",
            9: "consent_source",
            10: "one category",
        },
        defaults=OUT,
    ),
    "plain, no header": Sample(
        f"{A}\n{B}\n", "plain", {A: (Stated("*", CREATED),), B: (Stated("*", CREATED),)}, defaults=OUT
    ),
    "plain, e-mail": Sample(f"E-Mail\n{A}\n", "plain", {A: (Complained(CREATED),)}, defaults=Defaults("complaint")),
    "plain, with names": Sample(
        f"Vorname;Nachname;E-Mail-Adresse\nAda;L;{A}\n", "plain", {A: (Stated("news", CREATED),)},
        defaults=Defaults("opted_out", "news"),
    ),
    "plain, all columns": Sample(
        f"Email,Reason,Category,Date\n{A},Unsubscribed,old,2026-03-01\n{B},hard bounce,,2026-03-01T09:30:00Z\n"
        f"{C},soft_bounce,,\n{C},whatever,,\n{C},unsubscribed,alerts,\n{C},subscribed,,\n",
        "plain",
        {A: (Stated("old", ms("2026-03-01T23:59:59.999Z")),), B: (Bounced(NINE),)},
        {4: "soft bounce", 5: "not a reason that is known", 6: "nobody can opt out", 7: "not a suppression"},
    ),
    "named": Sample(
        f"Kunde;Mail privat;Grund;Liste;Wann\n17;{A};abgemeldet;news;2026-03-01 09:30:00\n18;{B};;;\n",
        "named",
        {A: (Stated("news", NINE),), B: (Stated("*", CREATED),)},
        defaults=OUT,
        columns={"address": " mail PRIVAT", "reason": 3, "category": "Liste", "at": 5},
    ),
    "named by number, no header": Sample(
        f"17,{A}\n18,{B}\n", "named", {A: (Bounced(CREATED),), B: (Bounced(CREATED),)},
        defaults=Defaults("undeliverable"), columns={"address": 2},
    ),
    "named, an opt-out and a consent": Sample(
        f"m,r,c,t,d,w,s\n{A},unsubscribed,news,2026-03-01T09:30:00Z,2026-03-01T10:30:00Z,words,shop\n",
        "named",
        {A: (Stated("news", NINE), Consented("news", TEN))},
        columns={"address": "m", "reason": "r", "category": "c", "at": "t", "consent_at": "d", "consent_wording": "w",
                 "consent_source": "s"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_is_known_and_each_row_of_it_means_what_it_says(name: str) -> None:
    """D1 to D3, E2, H1."""
    sample = SAMPLES[name]
    outcome = read(sample.text, sample.defaults, sample.wanted, sample.columns)

    assert outcome.layout == sample.layout
    assert outcome.told == sample.told
    assert outcome.refused.keys() == sample.refused.keys()
    for line, word in sample.refused.items():
        assert word in outcome.refused[line]
        assert "example.com" not in outcome.refused[line]


def test_every_layout_has_a_sample() -> None:
    assert {sample.layout for sample in SAMPLES.values()} == {*LAYOUTS, "named"}


def test_a_consent_keeps_what_shows_it() -> None:
    """C4."""
    outcome = read(SAMPLES["our consents"].text)
    assert outcome.rows[0].evidence == Evidence("form", "Send me news", "web")
    assert outcome.rows[1].evidence == Evidence("", "Send me news", "web")


UNKNOWN = {
    "a header that nobody knows": ("a,b\nx,y\n", {}),
    "an address, but a column that may turn it round": ("email,subscribed\nada@example.com,yes\n", {}),
    "no header, and columns that nobody named": ("ada@example.com,yes\n", {}),
    "another program than asked for": ("EmailAddress,Reason,LastUpdateTime\n", {"wanted": "mailchimp"}),
    "a program that is not known": ("email\n", {"wanted": "ada@example.com"}),
    "a column that is not there": ("email,b\n", {"columns": {"address": "ada@example.com"}}),
    "a column that is there twice": ("email,Email\n", {"columns": {"address": "email"}}),
    "a number too high": ("email\n", {"columns": {"address": 2}}),
    "a number too low": ("email\n", {"columns": {"address": 0}}),
    "neither a name nor a number": ("email\n", {"columns": {"address": True}}),
    "a field that does not exist": ("email\n", {"columns": {"address": 1, "ada@example.com": 1}}),
    "no column for the address": ("email,b\n", {"columns": {"at": 2}}),
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_file_that_nobody_knows_is_refused_whole_with_what_to_do(name: str) -> None:
    text, asked = UNKNOWN[name]
    with pytest.raises(UnknownLayout) as caught:
        read(text, OUT, **asked)  # type: ignore[arg-type]
    assert "example.com" not in str(caught.value)


def test_the_error_says_how_many_columns_there_are() -> None:
    with pytest.raises(UnknownLayout, match="3 columns"):
        recognise(("a", "b", "c"))


@pytest.mark.parametrize(
    "text", ["email\nada@example.com\n", "ada@example.com\n", "address,created_at\nada@example.com,\n"]
)
def test_a_list_that_does_not_say_why_needs_a_default(text: str) -> None:
    """The last one may be Mailgun's complaints, and anybody's list."""
    with pytest.raises(UnknownLayout, match="default reason"):
        read(text)
