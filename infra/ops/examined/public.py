"""The domain, its certificate and its name in the DNS; and whether the service answers there."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from infra.local.problems import CannotRun
from infra.ops.asking import or_none
from infra.ops.examined.finding import Finding, NotChecked, Of
from infra.ops.examined.gateway import rest_api_id
from infra.ops.examined.program import program
from infra.ops.stages import DOMAIN_SETTING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.ops.examined.view import View

GROUP = "public"
SOON = timedelta(days=30)
"""ACM renews 60 days before the end; what is not renewed by now somebody has to look at."""
_OK = 200


def certificate(view: View) -> Iterator[Finding]:
    """That it is issued, for long enough."""
    domain, told = _domain(view)
    of = Of(GROUP, f"certificate of {domain}")
    arn = told["certificate_arn"]
    found = or_none(lambda: view.client("acm").describe_certificate(CertificateArn=arn)["Certificate"])
    if found is None:
        again = view.command("provision", f"--domain {domain}", "--certificate-arn …")
        yield of.differs("is issued", f"There is no such certificate. Make one, and run `{again}`.")
        return
    yield of.same("is issued", found["Status"], "ISSUED", "Validate it, or make another.", "a certificate in use")
    if "NotAfter" in found:
        left = found["NotAfter"] - datetime.now(UTC)
        how = (
            "Import the new one under the same ARN."
            if found.get("Type") == "IMPORTED"
            else "See in ACM why it is not renewed."
        )
        yield of.holds(
            "is valid for another 30 days",
            is_so=left > SOON,
            text=f"It ends on {found['NotAfter']:%Y-%m-%d}, and with it every link. {how}",
        )


def domain(view: View) -> Iterator[Finding]:
    """That API Gateway has it, in front of this stage's API."""
    name, told = _domain(view)
    client, of = view.client("apigateway"), Of(GROUP, name)
    again = view.redeploying
    found = or_none(lambda: client.get_domain_name(domainName=name))
    if found is None:
        yield of.differs("is there", f"API Gateway does not know it: no link opens. {again}")
        return
    yield of.ok("is there")
    yield of.same("TLS", found.get("securityPolicy"), told["tls_version"], again, ".chalice/config.json")
    yield of.same("certificate", _arn(found), told["certificate_arn"], again, ".chalice/config.json")
    mappings = (or_none(lambda: client.get_base_path_mappings(domainName=name)) or {}).get("items", [])
    yield of.same(
        "leads to this stage's API",
        [(each["basePath"], each["restApiId"], each["stage"]) for each in mappings],
        [("(none)", rest_api_id(view), program(view).api_stage)],
        f"Links do not come to the service. {again}",
        "a deployment",
    )
    yield from _in_dns(view, of, name, found)


def _in_dns(view: View, of: Of, name: str, found: dict[str, Any]) -> Iterator[Finding]:
    target = found.get("regionalDomainName") or found.get("distributionDomainName")
    what = "resolves to API Gateway"
    if not target:
        yield of.unknown(what, "API Gateway does not say where the domain should lead.")
        return
    try:
        here, there = view.outside.addresses(name), view.outside.addresses(target)
    except NotChecked as why:
        yield of.unknown(what, str(why))
        return
    yield of.holds(
        what,
        is_so=bool(here & there),
        text=f"{name} {'leads elsewhere' if here else 'is not in the DNS'}: no link opens. Make it an alias or "
        f"CNAME of {target}, or have `{view.command('finish')}` do it.",
    )


def health(view: View) -> Iterator[Finding]:
    """GET /healthz as a stranger."""
    url = view.stage.settings.get("SIGNOFF_PUBLIC_URL")
    if url is None:
        raise NotChecked(f"The public URL is not known: run `{view.command('finish')}`.")
    of, what = Of(GROUP, f"{url}/healthz"), "the service answers"
    try:
        status, body = view.outside.get(f"{url}/healthz")
    except CannotRun as error:
        yield of.differs(what, f"{error} Look at the other lines first, then at the log of the function.")
        return
    yield of.holds(
        what,
        is_so=status == _OK and _is_json(body),
        text=f"It answers with status {status}{'' if status != _OK else ', but not as Signoff does'}. Look at the "
        "other lines first, then at the log of the function.",
    )


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


def _domain(view: View) -> tuple[str, dict[str, Any]]:
    told = view.stage.told.get(DOMAIN_SETTING)
    if told is None:
        raise NotChecked("The stage has no domain of its own.")
    return str(told["domain_name"]), told


def _arn(found: dict[str, Any]) -> str | None:
    return found.get("regionalCertificateArn") or found.get("certificateArn")
