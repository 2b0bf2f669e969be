"""What a sender puts into its message: the ready-made headers and the footer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.markup import Markup

if TYPE_CHECKING:
    from chalicelib.use_cases.minting import Minted


def headers_of(minted: Minted, public_url: str) -> dict[str, str]:
    """Conformance B1 to B3. A service alert has no one-click header, since nobody can opt out of it."""
    host = public_url.split("://", 1)[1].partition("/")[0].partition(":")[0]
    list_id = {"List-Id": f"<{minted.category.id}.{minted.sender.code}.{host}>"}
    if minted.one_click is None:
        return list_id
    one_click = {
        "List-Unsubscribe": f"<{minted.one_click}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return {**one_click, **list_id}


def footer_of(minted: Minted) -> dict[str, str]:
    """The footer as text and as HTML. It says who sends what, and how to stop it (conformance C3)."""
    category, sender = minted.category, minted.sender
    if category.is_service_alert:
        said = f"{sender.name} sends you {category.name}, which you cannot opt out of."
        links = {"Choose what else you get": minted.preferences}
    else:
        said = f"You get {category.name} from {sender.name}."
        links = {"Unsubscribe": minted.unsubscribe, "Choose what you get": minted.preferences}
    text = "\n".join([said, *(f"{label}: {url}" for label, url in links.items())])
    anchors = Markup(" · ").join(Markup('<a href="{}">{}</a>').format(url, label) for label, url in links.items())
    return {"text": text, "html": str(Markup("<p>{}<br>{}</p>").format(said, anchors))}
