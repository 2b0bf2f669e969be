"""A stage of an account, who opts out there, and the commands that restore it."""

from __future__ import annotations

import argparse
import io
import json
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.domain.acts import Act, OptedOut, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.service import Service
from chalicelib.store.ledger import Beside, Ledger
from chalicelib.store.models import bind
from infra.__main__ import main
from infra.client.shown import Shown
from infra.ops import deployment
from tests.infra.deploying.accounts import Account, Said
from tests.store.memory import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.domain.senders import Sender
    from infra.client.shown import Bar

CODE = "testsend"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
TABLES = ("SIGNOFF_RECIPIENTS_TABLE", "SIGNOFF_CONTROL_TABLE")


@dataclass
class Stage:
    """A stage of this account, and who opts out there."""

    account: Account
    project: Path
    capture: pytest.CaptureFixture[str]
    acked: list[str] = field(default_factory=list)

    def type(self, *words: str) -> Said:
        self.capture.readouterr()
        fixed = ("--stage", "dev", "--project", str(self.project), "--endpoint-url", self.account.url)
        code = main([*words[0].split(), *fixed, *words[1:]])
        out, err = self.capture.readouterr()
        assert "@" not in out + err
        return Said(code, out + err)

    def done(self, *words: str) -> str:
        said = self.type(*words)
        assert said.code == 0, said.text
        return said.text

    def options(self, **more: Any) -> argparse.Namespace:
        told = {"stage": "dev", "project": self.project, "data_dir": None, "region": None}
        return argparse.Namespace(**told, endpoint_url=self.account.url, **more)

    def service(self) -> Service:
        """On the tables that the settings name now."""
        return deployment.service_of(self.options())

    def service_on(self, names: list[str]) -> Service:
        """As a container has it that began when these were the tables."""
        service = self.service()
        return Service(replace(service.settings, recipients_table=names[0], control_table=names[1]))

    def opt_out(self, service: Service, name: str, sender: Sender | None = None) -> None:
        """`sender` as a container knows it from before, which cannot read its row any more."""
        bind(service.settings.recipients_table, service.settings.control_table)
        address = parse_address(f"{name}@example.com")
        place = (sender or service.senders.get(CODE)).place_of(address)
        ledger = Ledger(service.ledger._engine, Clock(time.time_ns() // 1_000_000).timing())  # it gives up at once
        ledger.record(place, Act(f"o_{name}", Via.ONE_CLICK, (OptedOut(ALL),), 1), Beside(address.spelled))
        self.acked.append(name)

    def lost(self) -> list[str]:
        """Who opted out and is not known by the check."""
        service = self.service()
        sender = service.senders.get(CODE)
        places = {name: sender.place_of(parse_address(f"{name}@example.com")) for name in self.acked}
        return [name for name, place in places.items() if ALL not in service.reader.recipient(place).state.choice]

    def names(self) -> list[str]:
        told = json.loads((self.project / ".chalice" / "config.json").read_text("utf-8"))
        return [told["stages"]["dev"]["environment_variables"][name] for name in TABLES]

    def table(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.account.client("dynamodb").describe_table(TableName=name)["Table"]
        return found

    def delete(self, *names: str) -> None:
        client = self.account.client("dynamodb")
        for name in names:
            client.update_table(TableName=name, DeletionProtectionEnabled=False)
            client.delete_table(TableName=name)

    def lose_secrets(self) -> None:
        """Both are there and hold nothing, as a stack that makes them anew leaves them."""
        client, file = self.account.client("secretsmanager"), self.project / ".chalice" / "config.json"
        text = file.read_text("utf-8")
        for name in ("signoff/dev/master-keys", "signoff/dev/pepper-key"):
            before = client.describe_secret(SecretId=name)["ARN"]
            client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
            text = text.replace(before, client.create_secret(Name=name)["ARN"])
        file.write_text(text, "utf-8")

    def deploy_by_stack(self, name: str, *tables: str) -> None:
        """As a pipeline does it, with the names that `chalice package` has for it."""
        role = self.account.client("iam").create_role(RoleName="dev", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        function = {
            "Runtime": "python3.11",
            "Role": role,
            "Handler": "app.app",
            "Code": {"ZipFile": "app = None"},
            "Environment": {"Variables": dict(zip(TABLES, tables, strict=True))},
        }
        resources = {
            "RestAPI": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": name}},
            "APIHandler": {"Type": "AWS::Lambda::Function", "Properties": function},
            "Jobs": {"Type": "AWS::Lambda::Function", "Properties": function},
        }
        template = json.dumps({"Resources": resources})
        self.account.client("cloudformation").create_stack(StackName=name, TemplateBody=template)

    def deploy(self, *tables: str) -> None:
        """A function as `chalice deploy` would leave it, and its note of it."""
        functions, note = self.account.client("lambda"), self.project / ".chalice" / "deployed" / "dev.json"
        environment = {"Variables": dict(zip(TABLES, tables, strict=True))}
        if note.exists():
            functions.update_function_configuration(FunctionName="signoff-dev", Environment=environment)
            return
        role = self.account.client("iam").create_role(RoleName="dev", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("app.py", "")
        told = {"FunctionName": "signoff-dev", "Runtime": "python3.11", "Role": role, "Handler": "app.app"}
        made = functions.create_function(**told, Code={"ZipFile": packed.getvalue()}, Environment=environment)
        note.parent.mkdir()
        found = {"resource_type": "lambda_function", "lambda_arn": made["FunctionArn"]}
        note.write_text(json.dumps({"resources": [found]}), "utf-8")


class KilledWhenMending(Shown):
    """Ends the command when it begins to mend."""

    @contextmanager
    def work(self, label: str, of: int | None = None) -> Iterator[Bar]:
        if label == "Mending":
            raise KeyboardInterrupt
        with super().work(label, of) as bar:
            yield bar
