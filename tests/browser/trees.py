"""What a screen reader is given of a page: Chromium's own accessibility tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

CONTROLS = {"button", "link", "checkbox", "textbox", "radio", "combobox", "menuitem", "switch"}
FIELDS = CONTROLS - {"button", "link"}
OUTCOMES = {"status", "alert"}


@dataclass(frozen=True)
class Node:
    """One node. `text` is all that is read out of it, white space squeezed."""

    role: str
    name: str
    description: str
    properties: Mapping[str, Any]
    text: str

    @property
    def is_focused(self) -> bool:
        return bool(self.properties.get("focused"))

    @property
    def is_invalid(self) -> bool:
        return self.properties.get("invalid") == "true"


@dataclass(frozen=True)
class Tree:
    """The nodes that are not ignored, in the order in which they are read."""

    nodes: tuple[Node, ...] = field(repr=False)

    @staticmethod
    def of(page: Page) -> Tree:
        session = page.context.new_cdp_session(page)
        raw = {node["nodeId"]: node for node in session.send("Accessibility.getFullAXTree")["nodes"]}
        session.detach()
        [root] = [one for one in raw.values() if "parentId" not in one]
        return Tree(tuple(_node(raw, one) for one in _ordered(raw, root) if not one["ignored"]))

    @property
    def root(self) -> Node:
        """The document; its name is the title of the page."""
        [root] = self.having("RootWebArea")
        return root

    def having(self, *roles: str) -> list[Node]:
        """The nodes of these roles."""
        return [node for node in self.nodes if node.role in roles]

    @property
    def focused(self) -> Node:
        """What has the focus: the document itself where nothing else has."""
        *_, last = [node for node in self.nodes if node.is_focused]
        return last


def _ordered(raw: Mapping[str, Any], node: Any) -> list[Any]:
    return [node, *(one for child in node.get("childIds", []) if child in raw for one in _ordered(raw, raw[child]))]


def _node(raw: Mapping[str, Any], node: Any) -> Node:
    inside = [_value(one, "name") for one in _ordered(raw, node) if _value(one, "role") == "StaticText"]
    properties = {one["name"]: one["value"].get("value") for one in node.get("properties", [])}
    name, description = (" ".join(_value(node, key).split()) for key in ("name", "description"))
    return Node(_value(node, "role"), name, description, properties, " ".join("".join(inside).split()))


def _value(node: Any, key: str) -> str:
    return str(node.get(key, {}).get("value") or "")
