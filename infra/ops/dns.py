"""The domain in DNS: whether its zone is in this account, what its record must be, and whether it is known by now."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.local.problems import CannotRun
from infra.ops import aws

if TYPE_CHECKING:
    import argparse

_PAUSE = 10.0
"""Seconds between two looks."""
_REFUSED = frozenset({"AccessDenied", "AccessDeniedException"})


@dataclass(frozen=True, slots=True)
class Target:
    """Where API Gateway serves a domain: a name, and the hosted zone of that name, for an alias."""

    name: str
    zone: str


def target_of(domain: str, stage: str, options: argparse.Namespace) -> Target:
    """By API Gateway. Raises CannotRun where it does not know the domain."""
    with aws.explaining():
        try:
            told = aws.client("apigateway", options).get_domain_name(domainName=domain)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NotFoundException":
                raise
            raise CannotRun(
                f"API Gateway does not know the domain {domain}: run `chalice deploy --stage {stage}` again."
            ) from None
    return Target(told["regionalDomainName"], told["regionalHostedZoneId"])


def find_zone(domain: str, options: argparse.Namespace) -> str | None:
    """The id of the public zone in this account that the domain is in: of several the nearest one.

    None where there is none, or where these credentials may not look.
    """
    route53 = aws.client("route53", options)
    labels = domain.split(".")
    with aws.explaining():
        for place in range(len(labels) - 1):
            name = ".".join(labels[place:]) + "."
            try:
                told = route53.list_hosted_zones_by_name(DNSName=name, MaxItems="10")["HostedZones"]
            except ClientError as error:
                if error.response["Error"]["Code"] in _REFUSED:
                    return None
                raise
            found = [zone for zone in told if zone["Name"] == name and not zone["Config"]["PrivateZone"]]
            if found:
                return str(found[0]["Id"]).rpartition("/")[2]
    return None


def record(domain: str, target: Target) -> str:
    """What is to be made at whoever serves the domain's zone."""
    return f"{domain}.  CNAME  {target.name}."


def is_known(domain: str) -> bool:
    """Whether this machine finds an address for it."""
    try:
        return bool(socket.getaddrinfo(domain, 443, type=socket.SOCK_STREAM))
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Waiting:
    """For a name to be known."""

    known: Callable[[str], bool] = is_known
    pause: Callable[[float], None] = time.sleep

    def until_known(self, domain: str, minutes: float, told: Callable[[str], None]) -> bool:
        """Whether it is known, or becomes so within these minutes."""
        for left in range(int(minutes * 60 / _PAUSE), -1, -1):
            if self.known(domain):
                return True
            if left:
                told(f"{domain} is not known in DNS yet")
                self.pause(_PAUSE)
        return False
