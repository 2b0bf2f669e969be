"""What moto 5.2.5 lacks of API Gateway for `chalice deploy`: Swagger, and custom domains that are deployed again."""

from __future__ import annotations

import json
from typing import Any

from moto.apigateway import urls
from moto.apigateway.models import APIGatewayBackend, BasePathMapping, apigateway_backends
from moto.apigateway.responses import APIGatewayResponse
from moto.apigatewayv2.models import ApiGatewayV2Backend, ApiMapping
from moto.apigatewayv2.responses import ApiGatewayV2Response


def mend() -> None:
    """Put all of it in place."""
    _take_swagger()
    _take_endpoint_type()
    _one_set_of_domains()
    _take_domains_again()


def _take_swagger() -> None:
    """API Gateway takes Swagger 2.0, which is what Chalice writes; moto reads OpenAPI 3 alone, with a description."""
    made, changed = APIGatewayBackend.import_rest_api, APIGatewayBackend.put_rest_api

    def import_rest_api(self: Any, api_doc: dict[str, Any], fail_on_warnings: bool) -> Any:
        return made(self, _openapi(api_doc), fail_on_warnings)

    def put_rest_api(self: Any, function_id: str, api_doc: dict[str, Any], **more: Any) -> Any:
        return changed(self, function_id, _openapi(api_doc), **more)

    APIGatewayBackend.import_rest_api = import_rest_api  # type: ignore[method-assign]
    APIGatewayBackend.put_rest_api = put_rest_api  # type: ignore[assignment, method-assign]


def _take_endpoint_type() -> None:
    """Chalice says REGIONAL beside the document, in the query; moto passes over that."""
    made = APIGatewayResponse.import_rest_api

    def import_rest_api(self: Any) -> Any:
        status, headers, body = made(self)
        told = json.loads(body)
        told["endpointConfiguration"] = {"types": self.querystring["endpointConfigurationTypes"]}
        self.backend.get_rest_api(told["id"]).endpoint_configuration = told["endpointConfiguration"]
        return status, headers, json.dumps(told)

    APIGatewayResponse.import_rest_api = import_rest_api  # type: ignore[method-assign]


def _openapi(document: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in document.items() if name != "swagger"}
    return {**told, "openapi": "3.0.0", "info": {"description": "", **document["info"]}}


def _one_set_of_domains() -> None:
    """A domain is one for both versions of API Gateway; moto has two. Chalice makes it by the first.

    By the second one it asks for its mappings, where the one without a path is "", and deletes it.
    """

    def get_api_mappings(self: Any, domain_name: str) -> list[ApiMapping]:
        first = apigateway_backends[self.account_id][self.region_name]
        return [_mapping(each) for each in first.base_path_mappings.get(domain_name, {}).values()]

    def delete_domain_name(self: Any, domain_name: str) -> None:
        apigateway_backends[self.account_id][self.region_name].delete_domain_name(domain_name)

    ApiGatewayV2Backend.get_api_mappings = get_api_mappings  # type: ignore[method-assign]
    ApiGatewayV2Backend.delete_domain_name = delete_domain_name  # type: ignore[method-assign]


def _mapping(told: BasePathMapping) -> ApiMapping:
    key = "" if told.base_path == "(none)" else told.base_path
    return ApiMapping(told.rest_api_id, key, f"m{key}", told.domain_name, str(told.stage))


def _take_domains_again() -> None:
    """At each deployment Chalice puts a domain's certificate as it is to be, and its tags; moto knows neither.

    The first version's paths are those of both versions, copied when that module is imported.
    """
    APIGatewayResponse.update_domain_name = _update_domain_name  # type: ignore[attr-defined]
    tags = "{0}/v2/tags/(?P<resource_arn_pt1>[^/]+)/domainnames/(?P<resource_arn_pt2>[^/]+)$"
    urls.url_paths[tags] = ApiGatewayV2Response.dispatch


def _update_domain_name(self: Any) -> str:
    domain = self.backend.get_domain_name(self.path.split("/")[2])
    [patch] = self._get_param("patchOperations")
    names = {"/securityPolicy": "security_policy", "/regionalCertificateArn": "regional_certificate_arn"}
    setattr(domain, names[patch["path"]], patch["value"])
    return json.dumps(domain.to_json())
