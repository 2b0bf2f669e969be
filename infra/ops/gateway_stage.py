"""The settings of the API's stage: its log of requests, its throttles, and that nothing else is written of a request.

The stage is Chalice's, so no stack of ours has it; its settings outlive deployments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.edge import LOG_FORMAT
from infra.ops import aws

if TYPE_CHECKING:
    import argparse

    from infra.ops.deployed import Deployed

_ALL = "*/*"
AS_THE_ACCOUNT = None
"""As much as the whole account may, by its quota in this region."""
THROTTLES: dict[str, tuple[int, int] | None] = {
    # Each method by itself. So that none takes all that the account's APIs have together (10,000 a second by default).
    _ALL: (2_000, 2_000),
    # Mailbox providers send one-clicks in bursts, and one that is turned away may never come again.
    # Told as a number: that -1 lifts a throttle stands in no document of AWS, and an engine turned every click away.
    "~1u~1{token}/POST": AS_THE_ACCOUNT,
    "~1u~1{token}~1all/POST": AS_THE_ACCOUNT,
    # Typed by people, one at a time.
    "~1o~1{sender}/POST": (50, 100),
}
"""Resource and method, as a stage names them → requests a second, and at once."""
_USUAL = {"rateLimit": 10_000, "burstLimit": 5_000}
"""The quota that AWS gives, where an engine tells none."""
_SILENT = {"metricsEnabled": False, "loggingLevel": "OFF", "dataTraceEnabled": False}
"""A stage's log of execution holds paths, and these hold tokens. Detailed metrics cost by the method, and are named by
the API alone, which has one name in all stages: the alarms look at what is counted in the log of requests."""
_PATHS = {
    "metricsEnabled": "metrics/enabled",
    "loggingLevel": "logging/loglevel",
    "dataTraceEnabled": "logging/dataTrace",
    "throttlingRateLimit": "throttling/rateLimit",
    "throttlingBurstLimit": "throttling/burstLimit",
}
"""What a stage tells → where it is set."""


class StageSettings:
    """Of one API's one stage."""

    what = "API stage"

    def __init__(self, deployed: Deployed, log: str, options: argparse.Namespace) -> None:
        self._gateway = aws.client("apigateway", options)
        self._deployed = deployed
        self._log = log
        """The ARN of the log of requests."""

    def differences(self) -> list[str]:
        """Each setting that is another."""
        return [f"{each['path']} = {each['value']}" for each in self._patches()]

    def put_right(self) -> None:
        """All at once, after the log group and the role that may write to it are there."""
        with aws.explaining():
            self._gateway.update_stage(
                restApiId=self._deployed.api, stageName=self._deployed.api_stage, patchOperations=self._patches()
            )

    def _patches(self) -> list[dict[str, str]]:
        with aws.explaining():
            told = self._gateway.get_stage(restApiId=self._deployed.api, stageName=self._deployed.api_stage)
            quota = self._gateway.get_account().get("throttleSettings") or _USUAL
        whole = int(quota["rateLimit"]), int(quota["burstLimit"])
        known = told.get("accessLogSettings") or {}
        log = {"destinationArn": self._log, "format": LOG_FORMAT}
        found = [(f"/accessLogSettings/{name}", value) for name, value in log.items() if known.get(name) != value]
        if told.get("tracingEnabled"):
            found.append(("/tracingEnabled", "false"))
        methods = {_named(each): known for each, known in told.get("methodSettings", {}).items()}
        for method in [*THROTTLES, *(each for each in methods if each not in THROTTLES)]:
            found += _of_method(method, methods.get(method), whole)
        return [{"op": "replace", "path": path, "value": value} for path, value in found]


def _of_method(method: str, known: dict[str, Any] | None, whole: tuple[int, int]) -> list[tuple[str, str]]:
    """What is to be set of a method. Of one that is not named here only that nothing of it is written down."""
    wanted: dict[str, Any] = {name: _SILENT[name] for name in ("loggingLevel", "dataTraceEnabled")}
    if method in THROTTLES:
        rate, burst = map(min, THROTTLES[method] or whole, whole)
        wanted = {**_SILENT, "throttlingRateLimit": rate, "throttlingBurstLimit": burst}
    now = {**_SILENT, **{name: value for name, value in (known or {}).items() if value is not None}}
    return [(f"/{method}/{_PATHS[name]}", _text(value)) for name, value in wanted.items() if now.get(name) != value]


def _named(method: str) -> str:
    """`/u/{token}/POST`, `u/{token}/POST` and `~1u~1{token}/POST` as the last: stages tell it in each way."""
    if method == _ALL:
        return method
    resource, _, verb = method.replace("~1", "/").rpartition("/")
    return "~1" + resource.lstrip("/").replace("/", "~1") + "/" + verb


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
