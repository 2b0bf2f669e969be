"""The style of a page: it stands in the page itself, and a hash in the headers lets in this one and no other."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from chalicelib.boundary import SECURITY_HEADERS
from chalicelib.domain.colours import Ground, accent_on
from chalicelib.markup import Markup

SHEET = ("style.css",)
LIGHT = Ground("#ffffff", "#f3f4f6", is_dark=False)
DARK = Ground("#14161a", "#22262d", is_dark=True)
"""The pages' own colours, as style.css has them."""
OWN_ACCENT = "#1d4ed8"
"""Where a sender has chosen none."""
_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Style:
    """A style sheet, and the headers of the page that it stands in (conformance F4).

    With `no-referrer` a browser would send `Origin: null` with the forms.
    """

    text: Markup
    headers: Mapping[str, str]


@lru_cache(maxsize=256)
def style_of(files: tuple[str, ...], accent: str | None, *, has_image: bool) -> Style:
    """The sheets of these files with an accent (#rrggbb); images of our own host where the page has one.

    `data:` is for the icon of nothing that every page has.
    """
    text = _colours(accent or OWN_ACCENT) + _sheet(files)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    images = "'self' data:" if has_image else "data:"
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src {images}; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        **SECURITY_HEADERS,
        "Content-Security-Policy": policy,
        "Content-Type": "text/html; charset=utf-8",
        "Referrer-Policy": "same-origin",
    }
    return Style(Markup(text), headers)  # noqa: S704 - our own files, and colours that are computed


def _colours(accent: str) -> str:
    light, dark = accent_on(accent, LIGHT), accent_on(accent, DARK)
    return (
        f":root{{--act:{light.act};--on-act:{light.on_act}}}"
        f"@media (prefers-color-scheme:dark){{:root{{--act:{dark.act};--on-act:{dark.on_act}}}}}"
    )


@cache
def _sheet(files: tuple[str, ...]) -> str:
    return "".join(squeezed((_FOLDER / file).read_text("utf-8")) for file in files)


def squeezed(sheet: str) -> str:
    """A sheet without its comments, and without the spaces that say nothing. It must not hold any in strings."""
    text = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text)
    return re.sub(r" ?([{};,]) ?", r"\1", re.sub(r": ", ":", text)).replace(";}", "}").strip()
