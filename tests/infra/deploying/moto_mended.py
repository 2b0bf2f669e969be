"""What moto 5.2.5 lacks for `provision` and `chalice deploy`, each with why; to be mended before anything else.

None of it changes what our programs send: a request that AWS would refuse is not let through for that.
"""

from __future__ import annotations

import sys
import types
from typing import Any


def mend() -> None:
    """Put all of it in place."""
    _no_validator()
    from tests.infra.deploying import moto_stacks  # noqa: PLC0415 - it imports what wants the validator

    _swagger()
    moto_stacks.mend()


def _no_validator() -> None:
    """moto's API Gateway imports a validator of OpenAPI 3 that brings ten packages. Chalice never asks for it."""
    validator = types.ModuleType("openapi_spec_validator")
    errors = types.ModuleType("openapi_spec_validator.validation.exceptions")
    validator.validate = None  # type: ignore[attr-defined] # called for fail_on_warnings alone
    errors.OpenAPIValidationError = ValueError  # type: ignore[attr-defined] # what `except` names
    sys.modules["openapi_spec_validator"] = validator
    sys.modules["openapi_spec_validator.validation"] = types.ModuleType("openapi_spec_validator.validation")
    sys.modules["openapi_spec_validator.validation.exceptions"] = errors


def _swagger() -> None:
    """API Gateway takes Swagger 2.0, which is what Chalice writes; moto refuses it, and reads OpenAPI 3 alone."""
    from moto.apigateway.models import APIGatewayBackend  # noqa: PLC0415 - after `_no_validator`

    read = APIGatewayBackend.put_rest_api

    def put_rest_api(self: Any, function_id: str, api_doc: dict[str, Any], *rest: Any, **more: Any) -> Any:
        document = {name: value for name, value in api_doc.items() if name != "swagger"}
        return read(self, function_id, {**document, "openapi": "3.0.0"}, *rest, **more)

    APIGatewayBackend.put_rest_api = put_rest_api  # type: ignore[method-assign]
