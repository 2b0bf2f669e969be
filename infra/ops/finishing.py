"""What `finish` does, step by step; each compares and puts right, so that it can be run again at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.edge import TEMPLATE
from infra.local.problems import CannotRun
from infra.ops import aws, edge_parameters
from infra.ops.adopting import take_over
from infra.ops.deployed import Deployed, find_deployed
from infra.ops.dns import Target, Waiting, record
from infra.ops.event_source import EventSource
from infra.ops.finish_options import check_options
from infra.ops.gateway_answers import GatewayAnswers
from infra.ops.gateway_stage import StageSettings
from infra.ops.logs import FunctionLogs, GatewayRole
from infra.ops.places import check_place
from infra.ops.public_url import PublicUrl
from infra.ops.stack_told import event_told, plan_told
from infra.ops.stacks import Stack
from infra.ops.stages import stage_of

if TYPE_CHECKING:
    import argparse

    from infra.client.shown import Shown
    from infra.ops.steps import Step

_WAIT = 5.0
"""Minutes for a record of Route 53 to be known; one is usual."""


class Finishing:
    """One run of the command."""

    def __init__(self, options: argparse.Namespace, shown: Shown, waiting: Waiting | None = None) -> None:
        self.shown = shown
        self._options = options
        self._waiting = waiting or Waiting()
        self._stage = stage_of(options)
        self._stack = Stack(None, self._stage.edge_stack, event_told(self._stage.edge_stack, shown.note))

    def run(self) -> int:
        """Finish, or with --dry-run show what it would do. Raises CannotRun."""
        region = str(aws.session(self._options).region_name)
        check_options(self._stage, region, self._options)
        account = self._check(region)
        self._stack.client = aws.client("cloudformation", self._options)
        deployed = find_deployed(self._stage, self._options)
        self.shown.note(f"Deployed: API {deployed.api}, functions {' and '.join(deployed.functions)}.")
        url = PublicUrl(self._stage, deployed, region, self._options)
        parameters = self._parameters(deployed)
        self._all_steps(url, deployed, parameters, f"arn:aws:logs:{region}:{account}:log-group:")
        if self._options.dry_run:
            self.shown.note("Nothing was changed (--dry-run).")
            return 0
        self._await_domain(parameters)
        self._smoke(url.url)
        self._next(parameters)
        return 0

    def standing(self) -> str:
        """How things are after Ctrl-C."""
        return f"CloudFormation may still be at work on {self._stack.name}: the same command waits for it and goes on."

    def _check(self, region: str) -> str:
        """The account."""
        account = check_place(self._stage, region, self._options)
        if self._stage.place is None:
            raise CannotRun(
                f"The stage {self._stage.name} is not provisioned: run `{self._stage.command('provision')}`, then "
                f"`chalice deploy --stage {self._stage.name}`."
            )
        return account

    def _parameters(self, deployed: Deployed) -> dict[str, str]:
        before = self._stack.parameters()
        dead = Stack(self._stack.client, self._stage.storage_stack).outputs().get("DeadJobsQueueName")
        if dead is None:
            raise CannotRun(
                f"There is no stack {self._stage.storage_stack}: run `{self._stage.command('provision')}` again."
            )
        return {
            **edge_parameters.chosen(self._options, before),
            **edge_parameters.found_of(self._stage, deployed, dead),
            **edge_parameters.domain_of(self._stage, self._options, before),
        }

    def _all_steps(self, url: PublicUrl, deployed: Deployed, parameters: dict[str, str], logs: str) -> None:
        """In this order: the stack's filter reads a function's log; the stage writes where the stack made a log."""
        self._step(url)
        self._step(FunctionLogs(deployed, edge_parameters.log_days(parameters), self._options))
        self._step(GatewayRole(self._options))
        self._change_stack(parameters)
        self._step(GatewayAnswers(deployed, self._options))
        self._step(StageSettings(deployed, f"{logs}signoff-{self._stage.name}-requests", self._options))
        self._step(EventSource(self._stage, deployed, self._options))

    def _step(self, step: Step) -> None:
        found = step.differences()
        if not found:
            self.shown.note(f"{step.what}: nothing to change.")
            return
        self.shown.note(f"{step.what}:")
        for line in found:
            self.shown.note(f"  ~ {line}")
        if not self._options.dry_run:
            step.put_right()

    def _change_stack(self, parameters: dict[str, str]) -> None:
        text = TEMPLATE.read_text("utf-8")
        if not self._options.dry_run:
            self._stack.make_ready(self.shown.note)
        # A log of requests that an earlier stack left: nobody is asked, for it is only written on.
        took = take_over(self._stack, text, parameters, self._options, self.shown.note, is_wanted=False)
        if took and self._options.dry_run:
            return
        plan = plan_told(self._stack, text, parameters, self.shown.note, dry_run=self._options.dry_run)
        if self._options.dry_run:
            self._stack.drop(plan)
        elif plan.changes or plan.change_set:
            self._stack.carry_out(plan)

    def _await_domain(self, parameters: dict[str, str]) -> None:
        """Until the smoke test can reach it. Raises CannotRun where it is to run and cannot."""
        domain = parameters.get("Domain")
        if not domain:
            return
        has_record = bool(parameters["HostedZone"])
        line = record(domain, Target(parameters["DomainTarget"], parameters["DomainTargetZone"]))
        if not has_record:
            self.shown.note(f"The domain's record is yours to make, where its DNS is:\n  {line}")
        minutes = self._options.wait
        if minutes is None and self._options.no_smoke:
            return
        if minutes is None:
            minutes = _WAIT if has_record else 0
        if self._waiting.until_known(domain, minutes, self.shown.note):
            return
        what = "the record was made just now" if has_record else f"make the record {' '.join(line.split())}"
        raise CannotRun(
            f"All is set, but {domain} is not known in DNS yet, so that nothing could be tried: {what}, and repeat the "
            "command when it is known; --wait 30 waits for half an hour."
        )

    def _smoke(self, url: str) -> None:
        if self._options.no_smoke:
            self.shown.note("The smoke test was left out (--no-smoke).")
            return
        from infra.ops.smoking import run_smoke  # noqa: PLC0415 - it loads the service

        run_smoke(url, self._options, self.shown)

    def _next(self, parameters: dict[str, str]) -> None:
        stage = self._stage
        if parameters.get("AlarmEmail"):
            self.shown.note("Alarms go by mail, once the one that SNS sent there was answered (it asks until then).")
        elif not parameters.get("AlarmTopic"):
            self.shown.note("Nobody hears the alarms yet: repeat the command with --alarm-email or --alarm-topic-arn.")
        self.shown.note(
            f"The stage {stage.name} is finished. Next: {stage.command('sender', 'create', '--name …')}, then "
            f"{stage.command('key', 'create', '--sender …')}. After each chalice deploy: this command again."
        )
