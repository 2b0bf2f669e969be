"""Chalice's note of what it deployed, made of what is in the account where it is not here.

Chalice writes `.chalice/deployed/<stage>.json` at the end of a deployment that went through, and goes by it then.
Without it a second API is made beside the first, or the deployment ends at what is there already (the domain, the
queue's link to its function): on another machine, and after a first deployment that broke off.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from infra.ops import aws
from infra.ops.asking import or_none
from infra.ops.deployed import API_NOTE, api_called_by

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from infra.ops.stages import Stage

Told = dict[str, Any]
_SCHEMA = "2.0"
_HANDLERS = {"jobs": "jobs", "api_handler": ""}
"""What Chalice calls a function → how its name goes on after the stage's."""


def restore_note(stage: Stage, options: argparse.Namespace) -> Path | None:
    """The note that was made; None where one is here, or where nothing is deployed. Raises CannotRun."""
    file: Path = options.project / API_NOTE / f"{stage.name}.json"
    if file.exists():
        return None
    with aws.explaining():
        resources = list(_resources(stage, options))
    if not resources:
        return None
    file.parent.mkdir(exist_ok=True)
    told = {"resources": resources, "schema_version": _SCHEMA, "backend": "api"}
    file.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    return file


def _resources(stage: Stage, options: argparse.Namespace) -> Iterator[Told]:
    """As Chalice notes them."""
    client = aws.client("lambda", options)
    for handler, ending in _HANDLERS.items():
        name = "-".join(filter(None, (stage.deployed_as, ending)))
        found = or_none(partial(client.get_function_configuration, FunctionName=name))
        if found is None:
            continue
        if handler == "jobs":
            yield from (_layer(each) for each in found.get("Layers", ()))
        yield {
            "name": f"{handler}_role",
            "resource_type": "iam_role",
            "role_arn": found["Role"],
            "role_name": found["Role"].rpartition("/")[2],
        }
        yield {"name": handler, "resource_type": "lambda_function", "lambda_arn": found["FunctionArn"]}
        yield from _event_source(client, found["FunctionArn"]) if handler == "jobs" else ()
    yield from _api(stage, options, client)


def _layer(found: Told) -> Told:
    return {"name": "managed-layer", "resource_type": "lambda_layer", "layer_version_arn": found["Arn"]}


def _event_source(client: Any, function: str) -> Iterator[Told]:
    for each in client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]:
        yield {
            "name": "jobs-sqs-event-source",
            "resource_type": "sqs_event",
            "queue_arn": each["EventSourceArn"],
            "event_uuid": each["UUID"],
            "queue": each["EventSourceArn"].rpartition(":")[2],
            "lambda_arn": function,
        }


def _api(stage: Stage, options: argparse.Namespace, functions: Any) -> Iterator[Told]:
    api = api_called_by(functions, stage.deployed_as)
    gateway = aws.client("apigateway", options)
    if api is None or or_none(partial(gateway.get_rest_api, restApiId=api)) is None:
        return
    region = gateway.meta.region_name
    yield {
        "name": "rest_api",
        "resource_type": "rest_api",
        "rest_api_id": api,
        "rest_api_url": f"https://{api}.execute-api.{region}.amazonaws.com/{stage.api_stage}/",
    }
    if stage.domain is not None:
        yield from _domain(stage.domain, api, gateway)


def _domain(name: str, api: str, gateway: Any) -> Iterator[Told]:
    found = or_none(partial(gateway.get_domain_name, domainName=name))
    if found is None:
        return
    mappings = gateway.get_base_path_mappings(domainName=name).get("items", ())
    keys = [{"key": "/"} for each in mappings if (each["basePath"], each["restApiId"]) == ("(none)", api)]
    yield {
        "name": "api_gateway_custom_domain",
        "resource_type": "domain_name",
        "hosted_zone_id": found["regionalHostedZoneId"],
        "alias_domain_name": found["regionalDomainName"],
        "certificate_arn": found["regionalCertificateArn"],
        "security_policy": found["securityPolicy"],
        "domain_name": name,
        **({"api_mapping": keys} if keys else {}),
    }
