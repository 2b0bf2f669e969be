"""The form of what was typed for `finish`, looked at before anything is asked or changed, with --dry-run too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chalicelib.domain.addresses import parse_address
from chalicelib.domain.errors import InvalidAddress
from infra.edge import load_template
from infra.local.problems import CannotRun
from infra.ops.edge_parameters import LIMITS
from infra.ops.public_url import check_wanted

if TYPE_CHECKING:
    import argparse

    from infra.ops.stages import Stage

_LIMIT = re.compile(r"(?P<name>[A-Za-z]+)=(?P<number>[0-9]{1,9})")
_TOPIC = re.compile(r"arn:aws:sns:(?P<region>[a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}")
_ZONE = re.compile(r"[A-Z0-9]{1,32}")


def check_options(stage: Stage, region: str, options: argparse.Namespace) -> None:
    """Makes no call. Raises CannotRun, which repeats no address."""
    if options.public_url is not None:
        check_wanted(stage, options.public_url)
    if options.hosted_zone_id is not None:
        _check_zone(stage, options.hosted_zone_id)
    if options.alarm_email is not None:
        _check_email(options.alarm_email)
    if options.alarm_topic_arn is not None:
        _check_topic(options.alarm_topic_arn, region)
    for text in options.set:
        _check_limit(text)


def _check_limit(text: str) -> None:
    found = _LIMIT.fullmatch(text)
    if found is None or found["name"] not in LIMITS:
        names = ", ".join(LIMITS)
        raise CannotRun(f"--set is {text!r}; it should be one of {names}, = and a whole number of at most nine digits.")
    least = load_template()["Parameters"][found["name"]].get("MinValue", 0)
    if int(found["number"]) < least:
        raise CannotRun(f"--set is {text!r}; {found['name']} is {least} at least.")


def _check_zone(stage: Stage, zone: str) -> None:
    if stage.domain is None:
        raise CannotRun(f"The stage {stage.name} has no domain, so that there is no record to make.")
    if not _ZONE.fullmatch(zone):
        raise CannotRun(f"--hosted-zone-id is {zone!r}; it should be like Z0123456789ABCDEFGHIJ.")


def _check_email(address: str) -> None:
    try:
        parse_address(address)
    except InvalidAddress as error:
        raise CannotRun(f"--alarm-email is not a mail address: {error.reason}.") from None


def _check_topic(arn: str, region: str) -> None:
    found = _TOPIC.fullmatch(arn)
    if found is None:
        raise CannotRun("--alarm-topic-arn is not like arn:aws:sns:eu-central-1:123456789012:alarms.")
    if found["region"] != region:
        raise CannotRun(f"The topic is in {found['region']} and the stage in {region}: alarms need one of their own.")
