"""One way to break each of the API's settings, of the domain and of what the world sees, and the way to mend it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.edge import LOG_FORMAT
from tests.infra.deploying.accounts import DOMAIN
from tests.infra.deploying.breaking import API, CONFIG, case, config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.deploying.deployed import Deployed

REST_API = "signoff (api)"
"""Its id differs each time."""
CERTIFICATE = f"certificate of {DOMAIN}"
_FINISH = (("API stage", "is as `finish` sets it"),)
HEALTH = f"https://{DOMAIN}/healthz"


@case(REST_API, "endpoint", "chalice deploy")
def _at_the_edge(at: Deployed) -> Iterator[None]:
    yield from config(at, lambda told: told.update(api_gateway_endpoint_type="EDGE"))


@case(REST_API, "may call the function", "every request is answered 500")
def _may_not_call(at: Deployed) -> Iterator[None]:
    client = at.account.client("lambda")
    [told] = json.loads(client.get_policy(FunctionName=API)["Policy"])["Statement"]
    client.remove_permission(FunctionName=API, StatementId=told["Sid"])
    yield
    client.add_permission(
        FunctionName=API,
        StatementId=told["Sid"],
        Action=told["Action"],
        Principal=told["Principal"]["Service"],
        SourceArn=told["Condition"]["ArnLike"]["AWS:SourceArn"],
    )


@case(REST_API, "stage is there", "It has no stage 'api2'", ((DOMAIN, "leads to this stage's API"),))
def _no_stage(at: Deployed) -> Iterator[None]:
    yield from config(at, lambda told: told.update(api_gateway_stage="api2"))


@case(REST_API, "tracing is off", "path=/tracingEnabled,value=false", _FINISH)
def _traced(at: Deployed) -> Iterator[None]:
    yield from _stage(at, "/tracingEnabled", "true", "false")


@case(REST_API, "execution logging is off", "value=OFF", _FINISH)
def _logged(at: Deployed) -> Iterator[None]:
    yield from _stage(at, "/*/*/logging/loglevel", "INFO", "OFF")


@case(REST_API, "data trace is off", "path=/*/*/logging/dataTrace,value=false", _FINISH)
def _data_traced(at: Deployed) -> Iterator[None]:
    yield from _stage(at, "/*/*/logging/dataTrace", "true", "false")


@case(REST_API, "access log names no path and no source", "It writes context.path", _FINISH)
def _paths_logged(at: Deployed) -> Iterator[None]:
    yield from _stage(at, "/accessLogSettings/format", "$context.requestId $context.path", LOG_FORMAT)


@case(CERTIFICATE, "is valid for another 30 days", "Import the new one", ((DOMAIN, "certificate"),))
def _ends(at: Deployed) -> Iterator[None]:
    yield from _certificate(at, at.account.certificate(days=9))


@case(CERTIFICATE, "is issued", "There is no such certificate", ((DOMAIN, "certificate"),))
def _not_issued(at: Deployed) -> Iterator[None]:
    yield from _certificate(at, "arn:aws:acm:us-east-1:123456789012:certificate/0f0c")


@case("other.example.com", "is there", "API Gateway does not know it", ((CONFIG, "SIGNOFF_PUBLIC_URL"),))
def _unknown(at: Deployed) -> Iterator[None]:
    yield from config(at, lambda told: _domain(told).update(domain_name="other.example.com"))


@case(DOMAIN, "TLS", "chalice deploy --stage prod")
def _old_tls(at: Deployed) -> Iterator[None]:
    yield from _patched(at, "/securityPolicy", "TLS_1_0", "TLS_1_2")


@case(DOMAIN, "certificate", "chalice deploy --stage prod")
def _other_certificate(at: Deployed) -> Iterator[None]:
    right = str(at.view().stage.told["api_gateway_custom_domain"]["certificate_arn"])
    yield from _patched(at, "/regionalCertificateArn", right + "0", right)


@case(DOMAIN, "leads to this stage's API", "Links do not come to the service")
def _unmapped(at: Deployed) -> Iterator[None]:
    gateway = at.account.client("apigateway")
    [told] = gateway.get_base_path_mappings(domainName=DOMAIN)["items"]
    gateway.delete_base_path_mapping(domainName=DOMAIN, basePath="(none)")
    yield
    gateway.create_base_path_mapping(domainName=DOMAIN, restApiId=told["restApiId"], stage=told["stage"])


@case(DOMAIN, "resolves to API Gateway", f"{DOMAIN} is not in the DNS")
def _not_in_dns(at: Deployed) -> Iterator[None]:
    at.world.unknown.add(DOMAIN)
    yield
    at.world.unknown.clear()


@case(HEALTH, "the service answers", "It answers with status 502")
def _ill(at: Deployed) -> Iterator[None]:
    before = at.world.answer
    at.world.answer = (502, b"{}")
    yield
    at.world.answer = before


@case(HEALTH, "the service answers", "but not as Signoff does")
def _somebody_else(at: Deployed) -> Iterator[None]:
    before = at.world.answer
    at.world.answer = (200, b"<html>")
    yield
    at.world.answer = before


def _domain(told: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = told["stages"]["prod"]["api_gateway_custom_domain"]
    return found


def _certificate(at: Deployed, arn: str) -> Iterator[None]:
    yield from config(at, lambda told: _domain(told).update(certificate_arn=arn))


def _stage(at: Deployed, path: str, broken: str, mended: str) -> Iterator[None]:
    gateway = at.account.client("apigateway")
    [api] = gateway.get_rest_apis()["items"]
    for value in (broken, mended):
        operation = {"op": "replace", "path": path, "value": value}
        gateway.update_stage(restApiId=api["id"], stageName="api", patchOperations=[operation])
        if value == broken:
            yield


def _patched(at: Deployed, path: str, broken: str, mended: str) -> Iterator[None]:
    gateway = at.account.client("apigateway")
    for value in (broken, mended):
        operation = {"op": "replace", "path": path, "value": value}
        gateway.update_domain_name(domainName=DOMAIN, patchOperations=[operation])
        if value == broken:
            yield
