"""Clients of botocore for what is neither on the path of a click nor of a check, and what can go wrong with them.

A client takes 100 to 300 ms to make, so each is made when it is first used and never at a cold start.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import create_loader
from urllib3.exceptions import HTTPError

from chalicelib.domain.errors import StoreUnavailable
from chalicelib.store.calls import code_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.config import _S3Dict
    from botocore.loaders import Loader

CONNECT_TIMEOUT = 1
READ_TIMEOUT = 5
"""In seconds, for the next octets and not for all of an answer."""
ATTEMPTS = 2
"""All that is asked through these clients may be asked twice: 12 s at the worst, within a request's 25."""
BROKEN = (BotoCoreError, HTTPError)
"""What is raised where an answer did not come, or not whole."""


def make_client(service: str, region: str, url: str | None, s3: _S3Dict | None = None) -> Any:
    """A client of `service` in `region`, or of the local engine at `url`."""
    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        signature_version="v4" if s3 is None else "s3v4",
        s3=s3,
        # A stream that goes on by Range has no sum as a whole; what is sent has one.
        response_checksum_validation="when_required",
    )
    session = botocore.session.Session()  # one for each client: it is not made to be shared between threads
    session.register_component("data_loader", _models())
    return session.create_client(service, region_name=region, endpoint_url=url, config=config)


@cache
def _models() -> Loader:
    """The descriptions of AWS, read once: they are most of what a client costs."""
    return create_loader()


@contextmanager
def told(what: str) -> Iterator[None]:
    """Trouble of botocore becomes `StoreUnavailable`, by the name of its cause: its text may hold a signed URL."""
    try:
        yield
    except ClientError as error:
        raise StoreUnavailable(f"{what} refused a call: {code_of(error)}") from None
    except BROKEN as error:
        raise StoreUnavailable(f"{what} did not answer: {type(error).__name__}") from None
