"""What must not happen on any page, seen by the browser and by the server."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, Request

from tests.browser.chromium import PATIENCE
from tests.browser.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

MOST_OCTETS = 14_000
PAGE = re.compile(r"/api/[lopu]/")
LOGO = re.compile(r"/api/l/[a-z2-7]{8}/[0-9a-f]{32}")

# Runs before anything of the page, by the browser's own hand: no page of ours runs a script.
_INIT = """
window.shifts = [];
const keep = list => window.shifts.push(...list.getEntries());
new PerformanceObserver(keep).observe({type: "layout-shift", buffered: true});
"""
_SHIFTS = """
() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(
  () => setTimeout(() => done(window.shifts.map(shift => shift.value))))))
"""
_LINKS = '[...document.querySelectorAll("link")].map(link => link.href)'
_SMALL = """
[...document.querySelectorAll("a, button, input:not([type=hidden])")].filter(control => {
  const box = control.getBoundingClientRect();
  return box.width < 24 || box.height < 24;
}).map(control => control.outerHTML)
"""
_FOCUS = """
() => {
  const {outlineStyle, outlineWidth} = getComputedStyle(document.activeElement);
  return outlineStyle === "none" ? 0 : parseFloat(outlineWidth);
}
"""
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Watch:
    """A page of the browser with all that it fetches and says."""

    page: Page
    served: Served
    fetched: list[Request] = field(default_factory=list)
    """Since the page that is shown was asked for, itself included."""
    said: list[str] = field(default_factory=list)
    """On the console: violations of the policy among it."""

    @staticmethod
    def of(context: BrowserContext, served: Served) -> Watch:
        context.set_default_timeout(PATIENCE)
        context.add_init_script(_INIT)
        watch = Watch(context.new_page(), served)
        watch.page.on("request", watch._note)
        watch.page.on("console", lambda message: watch.said.append(message.text))
        watch.page.on("pageerror", lambda error: watch.said.append(str(error)))
        watch.forget()
        return watch

    def forget(self) -> None:
        """All that was fetched and said before."""
        self.fetched.clear()
        self.said.clear()
        self.served.asked.clear()

    def _note(self, request: Request) -> None:
        if request.is_navigation_request():
            self.fetched.clear()
        if not request.url.startswith("data:"):
            self.fetched.append(request)

    def check(self) -> None:
        """The weight of the page, what it fetched and from where, and that nothing on it moved."""
        page, *others = self.fetched
        assert [other.url for other in others if not LOGO.fullmatch(urlsplit(other.url).path)] == []
        assert len(others) <= 1
        assert {urlsplit(one.url).netloc for one in self.fetched} == {urlsplit(self.served.url).netloc}
        # The browser's own wishes, an icon for one, are seen by the server alone, and late, and once for many pages.
        assert self.page.evaluate(_LINKS) == ["data:,"]
        assert [path for _, path in self.served.asked if not PAGE.match(path)] == []
        assert weight(page) <= MOST_OCTETS
        assert self.shifts() == []
        # A page that tells trouble is named on the console with its status.
        assert [text for text in self.said if "the server responded with a status of" not in text] == []

    def shifts(self) -> list[float]:
        """How far things moved since the page was opened."""
        moved: list[float] = self.page.evaluate(_SHIFTS)
        return moved

    def overflow(self) -> int:
        """How many CSS pixels lie beyond the edge."""
        beyond: int = self.page.evaluate(_OVERFLOW)
        return beyond

    def small_targets(self) -> list[str]:
        """What is to be pressed and is under 24 CSS pixels wide or high (WCAG 2.2, 2.5.8)."""
        small: list[str] = self.page.evaluate(_SMALL)
        return small

    def focus_width(self) -> float:
        """The width of the line around what has the focus, in CSS pixels."""
        width: float = self.page.evaluate(_FOCUS)
        return width


def weight(request: Request) -> int:
    """Of a page in octets, before compression."""
    response = request.response()
    assert response is not None
    return len(response.body())


_AXE = """
() => axe.run({resultTypes: ["violations"], rules: {"target-size": {enabled: true}}}).then(results =>
  results.violations.map(one => [one.id, ...one.nodes.map(node => node.html + " " + node.failureSummary)]))
"""


def violations(page: Page, source: str) -> list[Any]:
    """What axe-core finds: every rule that it has for WCAG 2.2 AA, and its advice."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(source)
    found: list[Any] = page.evaluate(_AXE)
    return found
