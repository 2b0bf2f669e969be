"""What moto 5.2.5 lacks of Lambda.

A layer's version, asked for by its ARN; event sources of a function by its name; what the account's quota is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.awslambda import urls
from moto.awslambda.exceptions import UnknownLayerException
from moto.awslambda.models import LambdaBackend
from moto.awslambda.responses import LambdaResponse

if TYPE_CHECKING:
    from collections.abc import Callable


PLACES = 1_000
"""Functions at once: what an account has that is not new."""


def mend() -> None:
    """Put all in place, under the names by which moto looks for them."""
    LambdaResponse.get_layer_version_by_arn = _get_layer_version_by_arn  # type: ignore[attr-defined]
    LambdaBackend.list_event_source_mappings = _by_any_name(LambdaBackend.list_event_source_mappings)  # type: ignore[method-assign]

    LambdaResponse.get_account_settings = _get_account_settings  # type: ignore[attr-defined]
    urls.url_paths["{0}/(?P<api_version>[^/]+)/account-settings/?$"] = LambdaResponse.dispatch


def _get_account_settings(self: Any) -> str:
    """moto knows no such path, and every account has this; what functions reserve is taken off as AWS does."""
    reserved = sum(int(each.reserved_concurrency or 0) for each in self.backend.list_functions())
    limit = {"ConcurrentExecutions": PLACES, "UnreservedConcurrentExecutions": PLACES - reserved}
    return json.dumps({"AccountLimit": limit, "AccountUsage": {}})


def _get_layer_version_by_arn(self: Any) -> str:
    *_, name, version = self.querystring["Arn"][0].split(":")
    found = [each for each in self.backend.list_layer_versions(name) if each.version == int(version)]
    if not found:
        raise UnknownLayerException
    return json.dumps(found[0].get_layer_version())


def _by_any_name(listed: Callable[..., Any]) -> Callable[..., Any]:
    """A function is asked for by its name or its ARN; moto knows it by what it was made with alone: Chalice's ARN."""

    def by_any_name(self: Any, event_source_arn: str, function_name: str) -> Any:
        found = listed(self, event_source_arn, None)
        name = (function_name or "").rpartition(":")[2]
        return [each for each in found if not name or each.function_arn.rpartition(":")[2] == name]

    return by_any_name
