"""Sentences that more than one page says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from chalicelib.domain.addresses import mask
from chalicelib.domain.categories import Ground
from chalicelib.web.fitting import TEXT_OCTETS, octets, shortened
from chalicelib.web.happenings import listed_few

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.domain.categories import Category
    from chalicelib.domain.senders import Sender
    from chalicelib.use_cases.opening import OpenedLink

STOP_ALL = "Stop all optional mail"
ONLY_STOPS = Markup(
    '<p class="said">This link is old. It can still stop mail; a newer mail has one that does more.</p>'
)
MOST_UNDONE = 8
"""Acts that one form undoes: ours name one."""
ACT_FIELD = "act"
_MORE = (("history", "What happened so far"), ("data", "Download my data"), ("erase", "Erase my data"))
PRIVACY = "Privacy notice"
ALERTS_OCTETS = 1_200
"""Of what still arrives, told one by one."""
FEW_OCTETS = 60
"""Of names that stand together, at least."""
_GROUNDS: Mapping[Ground, str] = {
    Ground.TRANSACTION: "they are about something you ordered or agreed to",
    Ground.SAFETY: "they are about a warranty, a recall, your safety or your security",
    Ground.ACCOUNT_CHANGE: "they tell you of changes to your terms, your account or what you owe",
    Ground.ACCOUNT_STATEMENT: "they are the statements of your account",
    Ground.EMPLOYMENT: "they are about your employment or a benefit that comes with it",
    Ground.DELIVERY: "they bring what you are entitled to",
}


def masked(opened: OpenedLink) -> str:
    """The address, as far as a page may show it (conformance F5)."""
    return mask(opened.address.spelled)


def still_arrives(sender: Sender) -> Markup:
    """The service alerts, as text with their reason (conformance F3).

    Where there are too many for a page, their descriptions are left out; then those of one reason stand together, as
    many by name as there is room for and the others as a number, so that no reason is ever hidden.
    """
    alerts = [(category, category.ground) for category in sender.catalogue.service_alerts if category.ground]
    lines = [_alert(shortened(category.name), ground, category.description) for category, ground in alerts]
    if _size(lines) > ALERTS_OCTETS:
        lines = [_alert(shortened(category.name), ground) for category, ground in alerts]
    if _size(lines) > ALERTS_OCTETS:
        lines = _by_ground(alerts)
    return Markup("<h2>What still arrives</h2><ul>{}</ul>").format(Markup("").join(lines)) if lines else Markup("")


def _size(lines: list[Markup]) -> int:
    return sum(map(octets, lines))


def _alert(name: str, ground: Ground, description: str = "") -> Markup:
    return Markup("<li><strong>{}</strong>{}<br>You cannot stop these, because {}.</li>").format(
        name,
        Markup("<br>{}").format(shortened(description, TEXT_OCTETS)) if description else "",
        _GROUNDS[ground],
    )


def _by_ground(alerts: Sequence[tuple[Category, Ground]]) -> list[Markup]:
    names: dict[Ground, list[str]] = {}
    for category, ground in alerts:
        names.setdefault(ground, []).append(category.name)
    room = max(ALERTS_OCTETS // len(names) - _size([_alert("", Ground.SAFETY)]), FEW_OCTETS)
    return [_alert(listed_few(found, room), ground) for ground, found in names.items()]


def outcome(text: Markup | str) -> Markup:
    """What came of a form. It takes the focus, so that a screen reader says it on a page that is new as a whole."""
    return Markup('<p class="said" role="status" tabindex="-1" autofocus>{}</p>').format(text)


def undo_button(prefix: str, token: str, act: str, query: str = "") -> Markup:
    """Puts back what the act just made has changed. `query` says which page of the preference centre comes then."""
    field = Markup('<input type="hidden" name="{}" value="{}">').format(ACT_FIELD, act)
    return button(f"{prefix}/p/{token}/undo{query}", "Undo", field, is_second=True)


def more(prefix: str, token: str, *paths: str) -> Markup:
    """The way to what a recipient can do besides: to all of it, or to the pages of these paths."""
    links = Markup("").join(
        Markup('<li><a href="{}/p/{}/{}">{}</a></li>').format(prefix, token, path, label)
        for path, label in _MORE
        if path in paths or not paths
    )
    return Markup("<h2>More</h2><ul>{}</ul>").format(links)


def back(prefix: str, token: str, label: str = "Back to what you get") -> Markup:
    """The way to the preference centre."""
    return Markup('<p><a href="{}/p/{}">{}</a></p>').format(prefix, token, label)


def button(action: str, label: str, *inside: Markup, is_second: bool = False) -> Markup:
    """A form with one button."""
    kind = Markup(' class="second"') if is_second else Markup("")
    return Markup('<form method="post" action="{}">{}<button{}>{}</button></form>').format(
        action, Markup("").join(inside), kind, label
    )
