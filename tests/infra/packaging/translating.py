"""What CloudFormation makes of a template of SAM, by AWS's own translator, as JSON on standard output.

Its arguments: the folder of the emulators' packages, which have the translator, and the template.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def main(packages: str, template: str) -> None:
    """Translate, and print. What `aws cloudformation package` uploads is somewhere."""
    sys.path.append(packages)
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    from samtranslator.translator.transform import (  # type: ignore[import-not-found] # noqa: PLC0415 - only now it is there
        transform,
    )

    told: dict[str, Any] = json.loads(Path(template).read_text("utf-8"))
    for resource in told["Resources"].values():
        for place in {"CodeUri", "ContentUri"} & set(resource["Properties"]):
            resource["Properties"][place] = "s3://signoff-prod-code-123456789012/0f0c"
    sys.stdout.write(json.dumps(transform(told, {}, _NoPolicies())["Resources"]) + "\n")


class _NoPolicies:
    """Where SAM looks for managed policies by their names."""

    def load(self) -> dict[str, str]:
        """One that SAM wants to know of, and that no function here has."""
        return {"AWSLambdaBasicExecutionRole": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"}


if __name__ == "__main__":
    main(*sys.argv[1:])
