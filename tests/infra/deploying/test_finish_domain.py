"""`finish` for a stage with a domain: its records in DNS, where that is here, and what is told where it is not."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING, Any

import pytest

from infra.client.shown import Shown
from infra.local.problems import CannotRun
from infra.ops import finish as command
from infra.ops.dns import Waiting
from infra.ops.finishing import Finishing
from tests.infra.deploying.accounts import DOMAIN
from tests.infra.deploying.finishes import Deployment, deploy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.deploying.accounts import Account, Provision
    from tests.infra.deploying.finishes import Finish


@pytest.fixture
def prod(account: Account, project: Path, provision: Provision) -> Deployment:
    assert provision("--domain", DOMAIN, "--certificate-arn", account.certificate(), stage="prod").code == 0
    return deploy(account, project, "prod", domain=True)


def zone(account: Account, name: str = "example.com") -> str:
    made = account.client("route53").create_hosted_zone(Name=name, CallerReference=name)
    return str(made["HostedZone"]["Id"]).rpartition("/")[2]


def records(account: Account, zone: str) -> dict[str, Any]:
    told = account.client("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return {each["Type"]: each for each in told if "AliasTarget" in each and each["Name"].rstrip(".") == DOMAIN}


def test_a_zone_of_this_account_gets_both_records(prod: Deployment, finish: Finish, account: Account) -> None:
    zone(account, "com")
    nearest = zone(account)
    target = account.client("apigateway").get_domain_name(domainName=DOMAIN)

    said = finish(stage="prod")

    assert said.code == 0, said.text
    made = records(account, nearest)
    assert set(made) == {"A", "AAAA"}
    for each in made.values():
        assert each["AliasTarget"]["DNSName"].rstrip(".") == target["regionalDomainName"]
        assert each["AliasTarget"]["HostedZoneId"] == target["regionalHostedZoneId"]
    assert prod.settings["SIGNOFF_PUBLIC_URL"] == f"https://{DOMAIN}"
    assert "CNAME" not in said.text


def test_a_zone_that_is_named_is_taken(prod: Deployment, finish: Finish, account: Account) -> None:
    zone(account)
    other = zone(account, "choices.example.com")
    assert finish("--hosted-zone-id", other, stage="prod").code == 0
    assert set(records(account, other)) == {"A", "AAAA"}


@pytest.mark.parametrize("here", [True, False])
def test_where_dns_is_elsewhere_the_record_is_told(
    here: bool, prod: Deployment, finish: Finish, account: Account
) -> None:
    """And a zone that comes later gets none by itself: what was decided once stays."""
    found = zone(account) if here else None
    said = finish(*(["--no-dns"] if here else []), stage="prod")
    assert said.code == 0, said.text
    target = account.client("apigateway").get_domain_name(domainName=DOMAIN)["regionalDomainName"]
    assert f"{DOMAIN}.  CNAME  {target}." in said.text
    assert finish(stage="prod").code == 0
    assert records(account, found or zone(account)) == {}


def test_a_stage_without_a_domain_has_no_record(deployment: Deployment, finish: Finish, account: Account) -> None:
    said = finish("--hosted-zone-id", zone(account))
    assert (said.code, "has no domain" in said.text.splitlines()[-1]) == (1, True)


def test_a_domain_has_no_other_public_url(prod: Deployment, finish: Finish) -> None:
    said = finish("--public-url", "https://proxy.example.com", stage="prod")
    assert (said.code, f"lead to its domain, {DOMAIN}" in said.text.splitlines()[-1]) == (1, True)


def test_a_domain_that_is_not_deployed_is_told(
    account: Account, project: Path, provision: Provision, finish: Finish
) -> None:
    provision("--domain", DOMAIN, "--certificate-arn", account.certificate(), stage="prod")
    deploy(account, project, "prod")
    said = finish(stage="prod")
    assert said.code == 1
    assert f"API Gateway does not know the domain {DOMAIN}" in said.text.splitlines()[-1]


class Dns:
    """A name that is known after so many looks."""

    def __init__(self, after: int) -> None:
        self.looks = 0
        self.pauses = 0
        self.after = after

    def known(self, domain: str) -> bool:
        assert domain == DOMAIN
        self.looks += 1
        return self.looks > self.after

    def pause(self, _seconds: float) -> None:
        self.pauses += 1

    @property
    def waiting(self) -> Waiting:
        return Waiting(self.known, self.pause)


def finishing(prod: Deployment, dns: Dns, *arguments: str) -> Finishing:
    parser = ArgumentParser()
    command.add_to(parser.add_subparsers())
    fixed = ["finish", "--stage", "prod", "--project", str(prod.project), "--endpoint-url", prod.account.url]
    return Finishing(parser.parse_args([*fixed, *arguments]), Shown(), dns.waiting)


class TestUntilTheDomainIsKnown:
    def test_nothing_is_tried_and_the_way_on_is_told(self, prod: Deployment) -> None:
        """All else is done by then."""
        dns = Dns(after=1_000)
        with pytest.raises(CannotRun) as caught:
            finishing(prod, dns).run()
        told = str(caught.value)
        assert told.startswith(f"All is set, but {DOMAIN} is not known in DNS yet")
        assert f"make the record {DOMAIN}. CNAME " in told
        assert "--wait 30" in told
        assert dns.pauses == 0
        assert prod.account.stack("signoff-prod-edge") == "CREATE_COMPLETE"

    def test_it_is_waited_for_where_its_record_was_made_just_now(self, prod: Deployment, account: Account) -> None:
        zone(account)
        dns = Dns(after=1_000)
        with pytest.raises(CannotRun, match="the record was made just now"):
            finishing(prod, dns).run()
        assert dns.pauses == 30

    def test_it_is_waited_for_as_long_as_is_said(self, prod: Deployment, capfd: pytest.CaptureFixture[str]) -> None:
        dns = Dns(after=4)
        with pytest.raises(CannotRun, match=r"^The smoke test broke off: no machine is known by the name"):
            finishing(prod, dns, "--wait", "1").run()
        assert dns.pauses == 4
        assert capfd.readouterr().err.count("is not known in DNS yet") == 4
