"""What moto 5.2.5 lacks of Lambda: a layer's version, asked for by its ARN; event sources of a function by its name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.awslambda.exceptions import UnknownLayerException
from moto.awslambda.models import LambdaBackend
from moto.awslambda.responses import LambdaResponse

if TYPE_CHECKING:
    from collections.abc import Callable


def mend() -> None:
    """Put both in place, the first under the name by which moto looks for it."""
    LambdaResponse.get_layer_version_by_arn = _get_layer_version_by_arn  # type: ignore[attr-defined]
    LambdaBackend.list_event_source_mappings = _by_any_name(LambdaBackend.list_event_source_mappings)  # type: ignore[method-assign]


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
