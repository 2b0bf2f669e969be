"""The form that asks for the address before it gives or takes what is personal (conformance F5)."""

from __future__ import annotations

from markupsafe import Markup

FIELD = "address"
_WRONG = Markup(
    '<p class="said" role="alert" id="error">That is not the address that this link was sent to. '
    "Type it once more. Nothing changed.</p>"
)
_FORM = Markup(
    '<form method="post" action="{}"><p><label for="address">Your address</label>'
    '<input type="email" id="address" name="{}" required maxlength="254" autocomplete="email"{}></p>'
    "<button>{}</button></form>"
)


def wrong() -> Markup:
    """The same for every address that is not the one."""
    return _WRONG


def typed_form(action: str, label: str, *, is_wrong: bool) -> Markup:
    """One field and one button."""
    told = Markup(' aria-invalid="true" aria-describedby="error"') if is_wrong else Markup("")
    return _FORM.format(action, FIELD, told, label)
