"""What moto 5.2.5 lacks for `provision`, `chalice deploy`, `finish` and `restore`, each with why; to be mended first.

None of it changes what our programs send: a request that AWS would refuse is not let through for that.
"""

from __future__ import annotations

import sys
import types


def mend() -> None:
    """Put all of it in place."""
    _no_validator()
    from tests.infra.deploying import (  # noqa: PLC0415 - they want the validator
        moto_edge,
        moto_functions,
        moto_gateway,
        moto_imports,
        moto_points,
        moto_stacks,
    )

    moto_functions.mend()
    moto_gateway.mend()
    moto_edge.mend()
    moto_points.mend()
    moto_stacks.mend()
    moto_imports.mend()


def _no_validator() -> None:
    """moto's API Gateway imports a validator of OpenAPI 3 that brings ten packages. Chalice never asks for it."""
    validator = types.ModuleType("openapi_spec_validator")
    errors = types.ModuleType("openapi_spec_validator.validation.exceptions")
    validator.validate = None  # type: ignore[attr-defined] # called for fail_on_warnings alone
    errors.OpenAPIValidationError = ValueError  # type: ignore[attr-defined] # what `except` names
    sys.modules["openapi_spec_validator"] = validator
    sys.modules["openapi_spec_validator.validation"] = types.ModuleType("openapi_spec_validator.validation")
    sys.modules["openapi_spec_validator.validation.exceptions"] = errors
