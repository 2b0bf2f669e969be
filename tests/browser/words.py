"""What the pages are called, and what is on their buttons and links: the one place where tests of the browser say it.

A name is a part of the whole one, as `get_by_role` finds it; a heading is how the whole one begins.
"""

from __future__ import annotations

# Headings of level 1
UNSUBSCRIBE = "Unsubscribe from "
MAIL_FROM = "Mail from "
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
NOT_WHOLE = "The form was not whole"
NOT_POSSIBLE = "That is not possible here"
NOTHING_HERE = "There is nothing here"

# Buttons
STOP = "Stop"
STOP_ALL = "Stop all optional mail"
SAVE = "Save"
UNDO = "Undo"
DOWNLOAD = "Download"
ERASE_NOW = "Erase and stop"

# Links
CHOOSE = "Choose what you get"
CHOOSE_AGAIN = "Choose mail again"
OLDER = "Older"
NEWEST = "Newest"
BACK = "Back to"

# What is said of an outcome
SAVED = "Saved."
NOT_CHANGED = "Nothing was changed."
UNDONE = "Undone."
NOT_UNDONE = "Nothing was undone"
NO_ADDRESS = "That is not an address"
OTHER_ADDRESS = "That is not the address"
NOTHING_YET = "Nothing has happened yet"
LINK_IS_OLD = "This link is old"
