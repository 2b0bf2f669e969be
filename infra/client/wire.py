"""HTTP by urllib3: verified TLS, deadlines, no redirects; its errors as ours."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3
from urllib3 import exceptions

from infra.client.connecting import is_private
from infra.client.retrying import ATTEMPTS_AT_NOTHING, Trouble
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from urllib3.response import BaseHTTPResponse

SECONDS_TO_CONNECT = 10.0
"""Also how long one block of a body may take to leave."""
SECONDS_TO_ANSWER = 30.0
CONNECTIONS = 8
BLOCK = 65_536
"""In octets."""
_REDIRECTS = range(300, 400)


class Wire:
    """Connections, kept and shared by the threads of one command."""

    def __init__(self) -> None:
        self._pool = urllib3.PoolManager(
            maxsize=CONNECTIONS, block=True, blocksize=BLOCK, retries=False, ssl_context=ssl.create_default_context()
        )

    def send(  # noqa: PLR0913 - what a request is made of
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Any = None,
        *,
        seconds: float = SECONDS_TO_ANSWER,
        streamed: bool = False,
    ) -> BaseHTTPResponse:
        """One request, one answer of whatever status. Raises Trouble where it may pass, CannotRun where not."""
        if not is_private(url):
            raise CannotRun("The service names a place that is not reached by https://: nothing was sent there.")
        with told(url):
            answer = self._pool.request(
                method,
                url,
                body=body,
                headers={"User-Agent": "signoff", "Accept-Encoding": "identity", **headers},
                timeout=urllib3.Timeout(connect=SECONDS_TO_CONNECT, read=seconds),
                preload_content=not streamed,
                redirect=False,
                retries=False,
            )
        if answer.status in _REDIRECTS:
            answer.close()
            raise CannotRun(f"{host_of(url)} answers with a redirect: give the URL that it leads to.")
        return answer


@contextmanager
def told(url: str) -> Iterator[None]:
    """What urllib3 raises, as Trouble or CannotRun; a URL is told by its host alone, its path may be a secret."""
    host = host_of(url)
    try:
        yield
    except exceptions.SSLError:
        raise CannotRun(f"{host} shows no certificate that this machine trusts: check the URL and the clock.") from None
    except exceptions.NameResolutionError:
        raise Trouble(f"no machine is known by the name {host}", attempts=ATTEMPTS_AT_NOTHING) from None
    # Before the next, of which it is a kind.
    except exceptions.NewConnectionError:
        raise Trouble(f"nothing listens at {host}", attempts=ATTEMPTS_AT_NOTHING) from None
    except exceptions.ConnectTimeoutError:
        raise Trouble(f"{host} was not reached in time") from None
    except exceptions.TimeoutError:
        raise Trouble(f"{host} did not answer in time") from None
    except (exceptions.LocationValueError, exceptions.LocationParseError):
        raise CannotRun(f"The URL with the host {host} cannot be used: correct it.") from None
    except (exceptions.HTTPError, ConnectionError, TimeoutError):
        raise Trouble(f"the connection to {host} broke") from None


def host_of(url: str) -> str:
    """The host of a URL, with its port where it has one."""
    return urlsplit(url).netloc
