"""What the pages are called, and what is on their buttons and links: the one place where tests of the browser say it.

Each is a message as the code of the pages has it; `spoken` finds it in every language.
"""

from __future__ import annotations

import re
from string import Formatter

from chalicelib.web.languages import OFFERED, SOURCE, Languages

# Headings of level 1
UNSUBSCRIBE = "Unsubscribe from {category}"
FORM = "Unsubscribe from {sender}"
MAIL_FROM = "Mail from {sender}"
UNSUBSCRIBED = "You are unsubscribed"
CENTRE = "Choose what you get"
HISTORY = "What happened so far"
DATA = "Download my data"
ERASE = "Erase my data"
ERASED = "Your data is erased"
TOO_MANY = "Too many tries"
TOO_LONG = "That was too long"
BAD_LINK = "This link does not work"
TROUBLE = "Trouble on our side"
FORM_OFF = "This form is switched off"
NOT_WHOLE = "Part of the form was missing"
NOTHING_HERE = "There is nothing here"

# Before the heading, in the title of a page
ERROR = "Error: {title}"

# Buttons
STOP = "Stop {category}"
STOP_ALL = "Stop all optional mail"
SAVE = "Save"
UNDO = "Undo"
DOWNLOAD = "Download"
ERASE_NOW = "Erase and stop all optional mail"

# Fields
ADDRESS = "Your address"

# Links
CHOOSE = "Choose what you get"
CHOOSE_AGAIN = "Choose mail again"
OLDER = "Older"
NEWEST = "Newest"
MORE_KINDS = "More kinds of mail"
FIRST_KINDS = "The first kinds of mail"
BACK = "Back to what you get"

# What is said of an outcome, or its first sentence
SAVED = "Saved."
NOT_CHANGED = "Nothing was changed."
UNDONE = "Undone."
NOT_UNDONE = (
    "Nothing was undone: something newer has come since, or there was nothing to undo. This is what you get now; "
    "choose and save what you want."
)
NOT_DONE = "That was not done, because this link is old."
NOT_STOPPED = "Nothing was stopped: you cannot opt out of {category}."
NOTHING_YET = "Nothing has happened yet: nobody has stopped or chosen any mail for this address."

# The list of languages
LANGUAGE = "Language"

_LANGUAGES = Languages()


def in_language(message: str, language: str) -> str:
    """The message as the catalogue has it. What is no message is the same in every language."""
    return _LANGUAGES.catalogue(OFFERED[language]).gettext(message)


def spoken(message: str, language: str = SOURCE) -> re.Pattern[str]:
    """All of a text that is this message in a language; whatever stands in its braces fits."""
    parsed = Formatter().parse(in_language(message, language))
    parts = (re.escape(said) + ("" if name is None else ".+") for said, name, *_ in parsed)
    return re.compile(f"^{''.join(parts)}$")
