"""The form that asks for the address before it gives or takes what is personal (conformance F5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.markup import Markup

if TYPE_CHECKING:
    from chalicelib.web.voices import Voice

FIELD = "address"
_FORM = Markup(
    '<form method="post" action="{}" novalidate><p><label for="address">{}</label>'
    '<input type="email" id="address" name="{}" required maxlength="254" autocomplete="email" dir="ltr"{}></p>'
    "<button>{}</button></form>"
)


def wrong(text: Markup) -> Markup:
    """Why the form is there again."""
    return Markup('<p class="said" role="alert" id="error">{}</p>').format(text)


def not_the_one(voice: Voice) -> Markup:
    """The same for every address that is not the link's."""
    said = voice.say("That is not the address that this link was sent to. Type it once more. Nothing changed.")
    return wrong(said)


def typed_form(voice: Voice, action: str, label: Markup, *, is_wrong: bool) -> Markup:
    """One field and one button; the field has the focus where what was typed was wrong.

    The browser does not check it: browsers refuse what may stand before the @ since RFC 6531, and we do not.
    """
    told = Markup(' aria-invalid="true" aria-describedby="error" autofocus') if is_wrong else Markup("")
    return _FORM.format(action, voice.say("Your address"), FIELD, told, label)
