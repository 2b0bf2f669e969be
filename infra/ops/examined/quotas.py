"""What the account lets its functions do at once: its own quota, that no stack sets and only AWS raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.ops.examined.finding import Finding, Of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.ops.examined.view import View

GROUP = "functions"
FEW = 100
"""Places for all functions that have none of their own, below which a mailing may find none: a new account has ten."""
USUAL = 1_000
"""What AWS gives an account that is not new, and what is asked for."""
_CODE = "L-B99A9384"
"""Service Quotas' name for "Concurrent executions"."""


def places(view: View) -> Iterator[Finding]:
    """How many functions may run at once: few is no difference to anything here, and worth knowing before a mailing."""
    told = view.client("lambda").get_account_settings()["AccountLimit"]
    of, whole, free = Of(GROUP, "account"), told["ConcurrentExecutions"], told["UnreservedConcurrentExecutions"]
    what = "functions at once"
    if free >= FEW:
        yield of.ok(what)
        return
    yield of.hint(
        what,
        f"{free:,} functions without a place of their own may run at once in {view.region}, of {whole:,} in all, and "
        "everything in the account shares them. A one-click that finds no place is answered 5xx, and not every mailbox "
        f"provider tries again. Before the first mailing ask AWS for {USUAL:,} (Service Quotas, AWS Lambda, "
        '"Concurrent executions"): `aws service-quotas request-service-quota-increase --service-code lambda '
        f"--quota-code {_CODE} --desired-value {USUAL} --region {view.region}`. AWS answers within days.",
    )
