"""The app of this process over HTTP, as the local runner serves it; what it is asked is seen from its side, too."""

from __future__ import annotations

import functools
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from chalice.config import Config

from app import app
from chalicelib.tokens import mint
from infra.local.server import HOST, GatewayHandler, listen, make_server
from tests.browser.senders import create_senders
from tests.site import ADDRESS, DAY, Site, make_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.tokens import Purpose
    from tests.engines import LocalTables

PREFIX = "/api"


@dataclass
class Served:
    """A site that a browser can open. `asked`: method and path of every request, whoever sent it."""

    site: Site
    url: str
    asked: list[tuple[str, str]] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    """Logos wait for it."""

    def link(self, kind: str, purpose: Purpose, sender: str, number: int = 1, address: str = ADDRESS) -> str:
        """A new link: `kind` is u or p."""
        token = mint(self.site.service.keyring, purpose, sender, number, self.site.day, address)
        return f"{self.url}/{kind}/{token}"

    def post(self, path: str, form: bytes) -> int:
        """The status that a form gets, sent by no browser."""
        request = urllib.request.Request(self.url + path, form)  # noqa: S310 - our own server
        try:
            with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    @contextmanager
    def without_store(self) -> Iterator[None]:
        """Recipients can be neither read nor written; senders can."""
        service = self.site.service
        app._service = replace(service, settings=replace(service.settings, recipients_table="nowhere"))
        try:
            yield
        finally:
            # Anew: what was connected last decides which tables are meant.
            self.site.service = app._service = replace(service)

    @contextmanager
    def later(self, days: int) -> Iterator[None]:
        """So many days from now, until the block ends."""
        clock = self.site.clock
        clock.milliseconds += days * DAY
        try:
            yield
        finally:
            clock.milliseconds -= days * DAY

    def entries(self) -> int:
        """Of the ledger, of all recipients of all senders."""
        return self.site.entries()


@contextmanager
def serve(tables: LocalTables) -> Iterator[Served]:
    """All senders on these tables, until the block ends."""
    with make_site(tables) as site, listen(0) as listening:
        url = f"http://{HOST}:{listening.getsockname()[1]}{PREFIX}"
        site.service = replace(site.service, settings=replace(site.service.settings, public_url=url))
        app._service = site.service
        create_senders(site.service)
        served = Served(site, url)
        served.hold.set()
        before = app.__class__
        server = make_server(app, Config(), listening, PREFIX)
        server.RequestHandlerClass = _watched(served)
        thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        try:
            yield served
        finally:
            served.hold.set()
            server.shutdown()
            thread.join()
            app.__class__ = before


def _watched(served: Served) -> Any:
    class Handler(GatewayHandler):
        def _generic_handle(self) -> None:
            served.asked.append((self.command, self.path))
            if "/l/" in self.path:
                served.hold.wait()
            super()._generic_handle()

        do_GET = do_HEAD = do_POST = _generic_handle  # noqa: N815 - http.server's names

    return functools.partial(Handler, app_object=app, config=Config(), prefix=PREFIX)
