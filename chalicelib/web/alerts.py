"""What still arrives, whatever was stopped: the service alerts and why they cannot be stopped (conformance F3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.domain.categories import Ground
from chalicelib.markup import Markup
from chalicelib.web.fitting import octets
from chalicelib.web.voices import N_

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.domain.categories import Category
    from chalicelib.domain.senders import Sender
    from chalicelib.web.voices import Voice

ALERTS_OCTETS = 1_200
"""Of what still arrives, told one by one."""
FEW_OCTETS = 60
"""Of names that stand together, at least."""
_GROUNDS: Mapping[Ground, str] = {
    Ground.TRANSACTION: N_("You cannot stop these, because they are about something you ordered or agreed to."),
    Ground.SAFETY: N_(
        "You cannot stop these, because they are about a warranty, a recall, your safety or your security."
    ),
    Ground.ACCOUNT_CHANGE: N_(
        "You cannot stop these, because they tell you of changes to your terms, your account or what you owe."
    ),
    Ground.ACCOUNT_STATEMENT: N_("You cannot stop these, because they are the statements of your account."),
    Ground.EMPLOYMENT: N_(
        "You cannot stop these, because they are about your employment or a benefit that comes with it."
    ),
    Ground.DELIVERY: N_("You cannot stop these, because they bring what you are entitled to."),
}


def still_arrives(voice: Voice, sender: Sender) -> Markup:
    """The service alerts, as text with their reason.

    Where there are too many for a page, their descriptions are left out; then those of one reason stand together, as
    many by name as there is room for and the others as a number, so that no reason is ever hidden.
    """
    alerts = [(category, category.ground) for category in sender.catalogue.service_alerts if category.ground]
    lines = [
        _alert(voice, voice.category(category), ground, voice.description(category)) for category, ground in alerts
    ]
    if _size(lines) > ALERTS_OCTETS:
        lines = [_alert(voice, voice.category(category), ground) for category, ground in alerts]
    if _size(lines) > ALERTS_OCTETS:
        lines = _by_ground(voice, alerts)
    heading = voice.say("What still arrives")
    return Markup('<h2>{}</h2><ul role="list">{}</ul>').format(heading, Markup("").join(lines)) if lines else Markup("")


def _size(lines: list[Markup]) -> int:
    return sum(map(octets, lines))


def _alert(voice: Voice, name: Markup | str, ground: Ground, description: Markup | str = "") -> Markup:
    return Markup("<li><strong>{}</strong>{}<br>{}</li>").format(
        name, Markup("<br>{}").format(description) if description else "", voice.say(_GROUNDS[ground])
    )


def _by_ground(voice: Voice, alerts: Sequence[tuple[Category, Ground]]) -> list[Markup]:
    grounds = {ground: [category for category, its in alerts if its is ground] for _, ground in alerts}
    room = max((ALERTS_OCTETS - _size([_alert(voice, "", ground) for ground in grounds])) // len(grounds), FEW_OCTETS)
    return [
        _alert(voice, voice.listed([voice.category(one, room) for one in found], room), ground)
        for ground, found in grounds.items()
    ]
