"""A file of the service's, fetched whole: into FILE.part, tried again where that helps, renamed at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.client.kept import beside
from infra.client.retrying import Trouble
from infra.client.transfers import Download, Refused
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from infra.client.api import Api
    from infra.client.shown import Bar, Shown

_FRESH_URLS = 3
"""How often a presigned URL may be refused before that is no matter of its age."""


def fetch(  # noqa: PLR0913 - where from, where to, how it is shown, and what is known of a former attempt
    api: Api,
    file: Path,
    shown: Shown,
    label: str,
    fresh_url: Callable[[], str],
    *,
    etag: str | None = None,
    learned: Callable[[str], None] = lambda _: None,
) -> None:
    """Fetch `file`; `fresh_url` answers a URL that has not expired, or "". Raises CannotRun."""
    part = beside(file, "part")
    with shown.octets(label, None) as bar:
        _fetch_part(api, Download(api.wire, part, etag, learned), fresh_url, bar)
    try:
        part.replace(file)
    except OSError as error:
        raise CannotRun(f"{file} cannot be written: {error.strerror}; what was fetched is in {part}.") from None


def _fetch_part(api: Api, download: Download, fresh_url: Callable[[], str], bar: Bar) -> None:
    patience, refused = api.patience(), 0
    url = fresh_url()
    while True:
        if not url:
            raise CannotRun("The service does not give the file any more.")
        try:
            download.fetch(url, bar, patience.renew)
        except Trouble as trouble:
            patience.after(trouble)
        except Refused as error:
            refused += 1
            if refused == _FRESH_URLS:
                raise CannotRun(f"The file store does not give the file (HTTP {error.status}).") from None
            url = fresh_url()
        else:
            return
