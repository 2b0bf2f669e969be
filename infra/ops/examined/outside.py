"""The stage as the world sees it: names that resolve, and a service that answers."""

from __future__ import annotations

import socket
from typing import Protocol

from infra.client.retrying import Trouble
from infra.client.wire import Wire, host_of
from infra.local.problems import CannotRun
from infra.ops.examined.finding import NotChecked

_SECONDS = 29.0
"""An API Gateway answers within it, or never."""
_HTTPS = 443


class Outside(Protocol):
    """What can be seen from here."""

    def addresses(self, name: str) -> frozenset[str]:
        """What a name resolves to; nothing where it does not. Raises NotChecked."""
        ...

    def get(self, url: str) -> tuple[int, bytes]:
        """Status and body. Raises NotChecked, or CannotRun where nothing answers."""
        ...


class Internet:
    """By this machine's network."""

    def addresses(self, name: str) -> frozenset[str]:
        """By this machine's resolver."""
        try:
            return frozenset(str(each[4][0]) for each in socket.getaddrinfo(name, _HTTPS, type=socket.SOCK_STREAM))
        except socket.gaierror:
            return frozenset()

    def get(self, url: str) -> tuple[int, bytes]:
        """One request."""
        try:
            answer = Wire().send("GET", url, {"Accept": "application/json"}, seconds=_SECONDS)
        except Trouble as trouble:
            raise CannotRun(f"{host_of(url)} does not answer: {trouble.reason}.") from None
        return answer.status, answer.data


class Nowhere:
    """A local engine serves no domain."""

    def addresses(self, name: str) -> frozenset[str]:  # noqa: ARG002 - as the internet has it
        """Nothing can be said."""
        raise NotChecked("A local engine has no names in the DNS.")

    def get(self, url: str) -> tuple[int, bytes]:  # noqa: ARG002 - as above
        """Nothing can be said."""
        raise NotChecked("A local engine does not serve the public URL.")
