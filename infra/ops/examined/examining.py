"""All checks on one stage, side by side, their findings in the order of the list."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from infra.local.problems import CannotRun
from infra.ops import aws
from infra.ops.examined import (
    buckets,
    edge,
    functions,
    gateway,
    public,
    queues,
    quotas,
    secret_keys,
    settings,
    stacks,
    tables,
)
from infra.ops.examined.finding import Check, Finding, NotChecked, Of, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from infra.ops.examined.view import View

AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Named:
    """A check, and what it is about where it cannot be made."""

    group: str
    what: str
    check: Check


CHECKS: tuple[Named, ...] = (
    Named(stacks.GROUP, "the stack of stores", stacks.storage_stack),
    Named(stacks.GROUP, "drift", stacks.drift),
    Named(tables.GROUP, "the tables", tables.tables),
    Named(buckets.GROUP, "the bucket", buckets.buckets),
    Named(queues.GROUP, "the queues", queues.queues),
    Named(secret_keys.GROUP, "the key", secret_keys.keys),
    Named(secret_keys.GROUP, "the key's name", secret_keys.aliases),
    Named(secret_keys.GROUP, "the secrets", secret_keys.secrets),
    Named(settings.GROUP, "the settings", settings.settings),
    Named(functions.GROUP, "the function of the API", functions.api_function),
    Named(functions.GROUP, "the function of the jobs", functions.jobs_function),
    Named(functions.GROUP, "the roles", functions.roles),
    Named(functions.GROUP, "the event source", functions.event_source),
    Named(quotas.GROUP, "the account's quota", quotas.places),
    Named(gateway.GROUP, "the API", gateway.api),
    Named(edge.GROUP, "the edge stack", edge.edge_stack),
    Named(edge.GROUP, "what `finish` sets", edge.settings),
    Named(edge.GROUP, "the log of requests", edge.request_log),
    Named(edge.GROUP, "the firewall", edge.firewall),
    Named(edge.ALARMS, "the alarms", edge.alarms),
    Named(public.GROUP, "the certificate", public.certificate),
    Named(public.GROUP, "the domain", public.domain),
    Named(public.GROUP, "the service", public.health),
)
"""Every check there is, those of a group beside each other."""


def examine(
    view: View, checks: Sequence[Named] = CHECKS, done: Callable[[int, str], None] = lambda _done, _what: None
) -> list[Finding]:
    """What all checks find. `done` hears how many are done, and what was looked at last."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="check") as pool:
        running = [pool.submit(lambda named=named: list(_findings(named, view))) for named in checks]  # type: ignore[misc]
        found: list[Finding] = []
        for number, (named, each) in enumerate(zip(checks, running, strict=True), 1):
            found += each.result()
            done(number, named.what)
    return found


def _findings(named: Named, view: View) -> Iterator[Finding]:
    """What a check found until it could not go on, and why it could not."""
    of = Of(named.group, view.name)
    try:
        yield from named.check(view)
    except NotChecked as why:
        yield of.unknown(named.what, str(why))
    except CannotRun as why:
        yield of.unknown(named.what, str(why))
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        yield of.unknown(f"{named.what}, at least in part", str(aws.explained(error)))


def code_of(findings: Sequence[Finding]) -> int:
    """The command's exit code. A hint is no reason to fail."""
    states = {each.state for each in findings}
    if State.DIFFERS in states:
        return 1
    return 3 if State.NOT_CHECKED in states else 0
