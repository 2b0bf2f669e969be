"""What the edge stack is made with: what was found, what is typed, and else what the stack had before."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from infra.ops.dns import find_zone, target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.ops.deployed import Deployed
    from infra.ops.stages import Stage

KEPT_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""The times for which CloudWatch keeps a log."""
DAYS = "LogDays"
DEFAULT_DAYS = 30
LIMITS = (
    "FormPostsMost",
    "PagesMost",
    "ApiCallsMost",
    "ServerErrorsMost",
    "LatencyMost",
    "OldestJobMost",
    "OptOutsMost",
    "LinkCallsWithoutOptOut",
)
"""The numbers of infra/edge.yaml that can be set; it says what each is, and its default."""
_CHOSEN = ("Firewall", "AlarmTopic", "AlarmEmail", DAYS, *LIMITS)


def add_to(parser: argparse.ArgumentParser) -> None:
    """The options that choose. What is left out stays as the run before had it."""
    dns = parser.add_argument_group("the domain's record")
    where = dns.add_mutually_exclusive_group()
    where.add_argument(
        "--hosted-zone-id", metavar="ID", help="the zone of Route 53 in this account (else it is looked for)"
    )
    where.add_argument("--no-dns", action="store_true", help="make no record: DNS is elsewhere, or done by hand")
    alarms = parser.add_argument_group("alarms", "Without one of these, nobody hears them.")
    who = alarms.add_mutually_exclusive_group()
    who.add_argument("--alarm-email", metavar="ADDRESS", help="where SNS sends them; it asks there first")
    who.add_argument("--alarm-topic-arn", metavar="ARN", help="a topic of SNS that there is")
    limits = parser.add_argument_group("what else can be chosen")
    limits.add_argument(
        "--firewall",
        action=argparse.BooleanOptionalAction,
        help="whether AWS WAF stands before the API (some 9 dollars a month, and 0.60 for each million requests)",
    )
    limits.add_argument("--log-days", type=int, choices=KEPT_DAYS, metavar="DAYS", help="how long logs are kept (30)")
    limits.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help=f"a limit: {', '.join(LIMITS)} (see infra/edge.yaml)",
    )


def chosen(options: argparse.Namespace, before: Mapping[str, str]) -> dict[str, str]:
    """What may be chosen and is, now or by the run before. What is typed was looked at (finish_options.py)."""
    found = {name: before[name] for name in _CHOSEN if name in before}
    if options.firewall is not None:
        found["Firewall"] = "on" if options.firewall else "off"
    if options.alarm_email:
        found |= {"AlarmEmail": options.alarm_email, "AlarmTopic": ""}
    if options.alarm_topic_arn:
        found |= {"AlarmEmail": "", "AlarmTopic": options.alarm_topic_arn}
    if options.log_days:
        found[DAYS] = str(options.log_days)
    return found | dict(text.split("=", 1) for text in options.set)


def log_days(parameters: Mapping[str, str]) -> int:
    """How long logs are kept."""
    return int(parameters.get(DAYS) or DEFAULT_DAYS)


def found_of(stage: Stage, deployed: Deployed, dead_jobs: str) -> dict[str, str]:
    """What the stack stands around."""
    settings = stage.settings
    return {
        "Stage": stage.name,
        "RestApiId": deployed.api,
        "ApiStage": deployed.api_stage,
        "ApiFunction": deployed.api_function,
        "JobsFunction": deployed.jobs_function,
        "JobsQueue": settings["SIGNOFF_JOBS_QUEUE"],
        "DeadJobsQueue": dead_jobs,
        "RecipientsTable": settings["SIGNOFF_RECIPIENTS_TABLE"],
        "ControlTable": settings["SIGNOFF_CONTROL_TABLE"],
    }


def domain_of(stage: Stage, options: argparse.Namespace, before: Mapping[str, str]) -> dict[str, str]:
    """The domain, where it is served, and the zone for its records: none for a stage without a domain.

    A zone is looked for once: a later run leaves the records where they are, or are not. Raises CannotRun.
    """
    if stage.domain is None:
        return {}
    target = target_of(stage.domain, stage.name, options)
    if options.no_dns:
        zone = ""
    elif options.hosted_zone_id:
        zone = options.hosted_zone_id
    elif before.get("Domain") == stage.domain:
        zone = before.get("HostedZone", "")
    else:
        zone = find_zone(stage.domain, options) or ""
    return {
        "Domain": stage.domain,
        "DomainTarget": target.name,
        "DomainTargetZone": target.zone,
        "HostedZone": zone,
    }
