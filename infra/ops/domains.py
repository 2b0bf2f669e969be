"""The domain that a stage's links lead to, and the certificate it is served with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from infra.local.problems import CannotRun
from infra.ops.aws import explaining

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.ops.stages import Stage

PROD = "prod"
_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")
_CERTIFICATE = re.compile(r"arn:aws:acm:(?P<region>[a-z0-9-]+):\d{12}:certificate/[A-Za-z0-9-]+")


def check_domain(stage: Stage, domain: str | None, certificate: str | None, region: str) -> None:
    """Makes no call. Raises CannotRun where the domain is missing, odd, or not what links were made with."""
    if domain is None and certificate is None:
        if stage.name == PROD and stage.domain is None:
            raise CannotRun(
                "The stage prod needs its own domain before any link is made, because links never expire and API "
                "Gateway's address does: add --domain choices.example.com --certificate-arn arn:aws:acm:…."
            )
        return
    if domain is None or certificate is None:
        raise CannotRun("--domain and --certificate-arn belong together.")
    if not _DOMAIN.fullmatch(domain):
        raise CannotRun(f"--domain is {domain!r}; it should be a name in lower case, like choices.example.com.")
    found = _CERTIFICATE.fullmatch(certificate)
    if found is None:
        raise CannotRun("--certificate-arn is not like arn:aws:acm:eu-central-1:123456789012:certificate/0f0c….")
    if found["region"] != region:
        raise CannotRun(
            f"The certificate is in {found['region']} and the stage in {region}: a regional API needs its region's."
        )
    if stage.domain not in {None, domain}:
        raise CannotRun(
            f"The stage {stage.name} has the domain {stage.domain} already, and links that are out lead there: they "
            "would all be dead. If none was ever sent, take api_gateway_custom_domain out of .chalice/config.json."
        )


def check_certificate(client: Callable[[], Any], domain: str, certificate: str) -> None:
    """Asks ACM. Raises CannotRun where the certificate is not issued, or for other names."""
    with explaining():
        told = client().describe_certificate(CertificateArn=certificate)["Certificate"]
    if told["Status"] != "ISSUED":
        raise CannotRun(f"The certificate for {domain} is not issued (ACM says {told['Status']}): validate it first.")
    names = {told["DomainName"], *told.get("SubjectAlternativeNames", ())}
    if not names & {domain, "*." + domain.partition(".")[2]}:
        raise CannotRun(f"The certificate is not for {domain}: it is for {', '.join(sorted(names))}.")
