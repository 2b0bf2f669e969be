"""What moto 5.2.5 lacks of Lambda for a second `chalice deploy`: a layer's version, asked for by its ARN."""

from __future__ import annotations

import json
from typing import Any

from moto.awslambda.exceptions import UnknownLayerException
from moto.awslambda.responses import LambdaResponse


def mend() -> None:
    """Put it in place, under the name by which moto looks for it."""
    LambdaResponse.get_layer_version_by_arn = _get_layer_version_by_arn  # type: ignore[attr-defined]


def _get_layer_version_by_arn(self: Any) -> str:
    *_, name, version = self.querystring["Arn"][0].split(":")
    found = [each for each in self.backend.list_layer_versions(name) if each.version == int(version)]
    if not found:
        raise UnknownLayerException
    return json.dumps(found[0].get_layer_version())
