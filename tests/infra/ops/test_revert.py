"""`python -m infra revert`: what it says, what it refuses, and the real thing against a runner."""

from __future__ import annotations

import argparse
import base64
import json
import re
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.domain.acts import Act, Erased, OptedIn, OptedOut, Part, Via
from chalicelib.domain.addresses import parse_address
from chalicelib.domain.categories import ALL
from chalicelib.domain.senders import Sender
from chalicelib.store.engine import entry_sort_key, partition_of
from chalicelib.use_cases.scanning import PAUSES
from chalicelib.use_cases.sending import new_act_id
from infra.__main__ import main
from infra.client.shown import Shown
from infra.local.problems import CannotRun
from infra.ops import revert
from infra.ops.deployment import SETTINGS
from infra.ops.reverting import Reverting
from tests.infra.ops.typed import Terminal
from tests.infra.processes import ROOT, infra_command
from tests.ledgers import take_item
from tests.site import ADDRESS, CATALOGUE, CODE, Site, environment_for, make_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.engines import LocalTables

EVER = ("--from", "2020-01-01T00:00Z", "--to", "2100-01-01T00:00Z")
BY_FORM = ("--via", "opt_out_form")
OTHER_CODE = "othersnd"


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Ops:
    """Types commands on a deployment whose settings are in the environment."""

    site: Site
    capture: pytest.CaptureFixture[str]

    def revert(self, *words: str) -> Said:
        code = main(["revert", *words])
        said = self.capture.readouterr()
        assert "@" not in said.out + said.err
        return Said(code, said.out, said.err)

    def refused(self, *words: str) -> str:
        """One sentence, and nothing else."""
        said = self.revert(*words)
        assert (said.code, said.out) == (1, "")
        [*_, sentence] = said.err.splitlines()
        return sentence

    def record(self, via: Via, *parts: Part, code: str = CODE, key: int | None = None, address: str = ADDRESS) -> str:
        place = self.site.service.senders.get(code).place_of(parse_address(address))
        self.site.service.ledger.record(place, Act(new_act_id(via), via, parts, key))
        return place.recipient


@pytest.fixture
def ops(
    dynoxide_tables: LocalTables, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Ops]:
    with make_site(dynoxide_tables) as site:
        for name, value in environment_for(dynoxide_tables).items():
            monkeypatch.setenv(name, value)
        site.service.senders.create(Sender(OTHER_CODE, "Other", CATALOGUE, bytes(32)))
        yield Ops(site, capsys)


def test_it_lists_and_changes_nothing_and_says_how_to_do_it(ops: Ops) -> None:
    recipient = ops.record(Via.OPT_OUT_FORM, OptedOut(ALL))
    listed = ops.revert(*BY_FORM, *EVER)
    assert listed.code == 0
    assert re.fullmatch(
        rf"\d{{4}}-\S+\.000Z  {CODE}  {recipient}  out of \*          would be reversed: \* as if never chosen\n",
        listed.out,
    )
    assert listed.err.startswith(
        "Acts by opt_out_form, recorded from 2020-01-01T00:00:00.000Z to before 2100-01-01T00:00:00.000Z, "
        f"in {ops.site.tables.names.recipients}:\n"
    )
    assert (
        "\n1 act by opt_out_form\nwould be reversed: 1\n1 act would be reversed.\nNothing was changed, because"
        in listed.err
    )
    assert listed.err.endswith(f"-m infra revert {' '.join((*BY_FORM, *EVER))} --yes\n")
    assert "recipients' own wishes may be among these" in listed.err
    assert ops.revert(*BY_FORM, *EVER, "--list").out == listed.out


def test_with_yes_it_reverses_and_counts_and_again_it_finds_it_done(ops: Ops) -> None:
    for number in range(3):
        ops.record(Via.OPT_OUT_FORM, OptedOut(ALL), address=f"reader{number}@example.com")
    ops.record(Via.ONE_CLICK, OptedOut(ALL), key=1, address="reader2@example.com")

    done = ops.revert(*BY_FORM, *EVER, "--yes")

    assert done.code == 0
    assert done.out == "3 acts by opt_out_form\nreversed: 2\nnewer choice stays: 1\n"
    assert "Reverting 100 %: 3 acts, 2 reversed\n" in done.err
    again = ops.revert(*BY_FORM, *EVER, "--yes")
    assert again.out.endswith("\nreversed: 0\nalready reversed: 2\nnewer choice stays: 1\n")
    assert "there is nothing to reverse" in ops.revert(*BY_FORM, *EVER).err


@pytest.mark.parametrize(("line", "reversed_", "later"), [("yes\n", 1, 0), ("no\n", 0, 1), ("", 0, 1)])
def test_on_a_terminal_it_asks_after_the_list(
    ops: Ops, monkeypatch: pytest.MonkeyPatch, line: str, reversed_: int, later: int
) -> None:
    ops.record(Via.OPT_OUT_FORM, OptedOut(ALL))
    monkeypatch.setattr("sys.stdin", Terminal(line))
    said = ops.revert(*BY_FORM, *EVER)
    assert said.code == 0
    assert said.out.count("would be reversed: * as if never chosen\n") == 1
    assert "1 act would be reversed.\nType yes to do it: " in said.err
    assert said.out.count("1 act by opt_out_form\nreversed: 1\n") == reversed_
    assert ops.revert(*BY_FORM, *EVER, "--list").out.count("would be reversed") == later


@pytest.mark.parametrize("word", ["--list", "--json"])
def test_who_lists_alone_is_not_asked(ops: Ops, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    ops.record(Via.OPT_OUT_FORM, OptedOut(ALL))
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    said = ops.revert(*BY_FORM, *EVER, word)
    assert "Nothing was changed. To reverse them:\n" in said.err
    assert "Type" not in said.err
    assert ops.revert(*BY_FORM, *EVER, "--list").out.count("would be reversed") == 1


def test_every_fate_has_its_words(ops: Ops) -> None:
    ops.record(Via.ONE_CLICK, OptedOut("news"), key=2, address="back@example.com")
    page = Via.PREFERENCE_PAGE
    ops.record(page, OptedOut("offers"), OptedIn("news"), key=2, address="back@example.com")
    ops.record(Via.ONE_CLICK, OptedOut("offers"), key=2, address="back@example.com")
    ops.record(page, OptedOut(ALL), key=2, address="gone@example.com")
    ops.record(Via.API, Erased(), address="gone@example.com")

    listed = ops.revert("--via", "preference_page", *EVER, "--key-version", "2")

    [both, erased] = listed.out.splitlines()
    assert re.search(r"out of offers, in to news  would be reversed: news out again, since \S+Z, offers stays$", both)
    assert erased.endswith("  out of *          erased since")
    assert "\n2 acts by preference_page, key version 2\n" in listed.err
    assert "Acts by links are the recipients' own" in listed.err
    assert ops.revert("--via", "preference_page", *EVER, "--key-version", "3").out == ""


def test_programs_get_an_object_a_line(ops: Ops) -> None:
    recipient = ops.record(Via.OPT_OUT_FORM, OptedOut(ALL))
    stands = json.loads(ops.revert(*BY_FORM, *EVER, "--json").out)
    assert stands.pop("recorded").endswith("Z")
    assert stands.pop("act").startswith("f_")
    assert stands == {
        "sender": CODE,
        "recipient": recipient,
        "via": "opt_out_form",
        "key_version": None,
        "categories": ["*"],
        "fate": "would_be_reversed",
        "restored": [{"category": "*", "choice": None, "since": None}],
        "reversal": None,
    }
    done = json.loads(ops.revert(*BY_FORM, *EVER, "--json", "--yes").out)
    assert (done["fate"], done["reversal"][:2]) == ("reversed", "s_")
    again = json.loads(ops.revert(*BY_FORM, *EVER, "--json", "--yes").out)
    assert (again["fate"], again["restored"], again["reversal"]) == ("already_reversed", [], done["reversal"])
    [back] = [json.loads(line) for line in ops.revert("--via", "ops", *EVER, "--json").out.splitlines()]
    assert [(one["category"], one["choice"], one["since"][-1]) for one in back["restored"]] == [("*", "out", "Z")]


def test_without_a_sender_it_is_all_of_them_and_with_one_that_alone(ops: Ops) -> None:
    here = ops.record(Via.OPT_OUT_FORM, OptedOut(ALL))
    there = ops.record(Via.OPT_OUT_FORM, OptedOut(ALL), code=OTHER_CODE)
    both = ops.revert(*BY_FORM, *EVER).out
    assert [here in both, there in both] == [True, True]
    assert ops.revert(*BY_FORM, *EVER, "--sender", OTHER_CODE, "--yes").out.endswith("reversed: 1\n")
    assert [line.split()[1] for line in ops.revert(*BY_FORM, *EVER).out.splitlines() if "would be" in line] == [CODE]


def test_a_time_without_a_zone_is_utc_and_that_is_said(ops: Ops) -> None:
    said = ops.revert(*BY_FORM, "--from", "2026-11-21T08:00", "--to", "2026-11-21t10:30:00.5+01:00")
    assert "\nTimes without Z or an offset are taken as UTC.\n" in said.err
    assert "recorded from 2026-11-21T08:00:00.000Z to before 2026-11-21T09:30:00.500Z" in said.err
    assert "taken as UTC" not in ops.revert(*BY_FORM, *EVER).err


WINDOW = ("--from", "2026-11-21T08:00Z", "--to", "2026-11-21T09:00Z")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((*BY_FORM, "--from", "x", "--to", "2026-11-21"), "--from is 'x'; it should be a time, like 2026-11-21T08:00 "),
        ((*BY_FORM, *WINDOW[:3], "2026-11-21"), "--to is '2026-11-21'; it should be a time"),
        ((*BY_FORM, *WINDOW[:3], "2026-02-30T00:00"), "--to is '2026-02-30T00:00', and there is no such time."),
        ((*BY_FORM, *WINDOW[:3], "2026-11-21T08:00Z"), "This cannot be reversed: the window ends before it begins"),
        (("--via", "telepathy", *WINDOW), "There is no way telepathy: possible are mailto, one_click, "),
        (("--via", "import", *WINDOW), "This cannot be reversed: acts by import are told by others"),
        (
            (*BY_FORM, *WINDOW, "--key-version", "1"),
            "This cannot be reversed: acts by opt_out_form come without a link",
        ),
        ((*BY_FORM, *WINDOW, "--sender", "nobodyxx"), "There is no sender nobodyxx."),
        ((*BY_FORM, *WINDOW, "--sender", "a@example.com"), "There is no sender …."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(ops: Ops, words: tuple[str, ...], sentence: str) -> None:
    assert ops.refused(*words).startswith(sentence)


def test_an_engine_that_does_not_answer_is_told(ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNOFF_DYNAMODB_URL", "http://127.0.0.1:9")
    for more in ((), ("--sender", CODE)):
        said = ops.refused(*BY_FORM, *WINDOW, *more)
        assert said.startswith("The engine of `make run`, at http://127.0.0.1:9, cannot be read (")
        assert said.endswith("Nothing was changed.")


def test_a_ledger_that_is_not_whole_is_told_after_some_time(ops: Ops) -> None:
    place = ops.site.service.senders.get(CODE).place_of(parse_address(ADDRESS))
    ops.record(Via.OPT_OUT_FORM, OptedOut(ALL))
    take_item(ops.site, partition_of(CODE, place.shard), entry_sort_key(1))
    paused: list[float] = []
    service = replace(ops.site.service, pause=paused.append)
    for words, standing in (((), "Nothing was changed, and not all"), (("--yes",), "Reversed so far: 0 acts")):
        parser = argparse.ArgumentParser()
        revert.add_to(parser.add_subparsers())
        options = parser.parse_args(typed := ["revert", *BY_FORM, *EVER, *words], argparse.Namespace(words=[]))
        options.words = typed
        sentence = rf"The store: line 1 of shard {place.shard} is missing in the ledger\. {standing}.* with:\n  .*infra"
        with pytest.raises(CannotRun, match=sentence):
            Reverting(options, service, Shown()).run()
    assert paused == [*PAUSES, *PAUSES]


def test_a_sender_whose_pepper_is_gone_is_told(ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNOFF_PEPPER_KEY", base64.b64encode(bytes(64)).decode())
    assert ops.refused(*BY_FORM, *WINDOW).startswith("A sender's pepper cannot be used: ")


def test_settings_that_are_not_whole_are_told(ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGNOFF_CONTROL_TABLE")
    assert ops.refused(*BY_FORM, *WINDOW) == (
        "The settings of the deployment are not whole: SIGNOFF_CONTROL_TABLE is not set."
    )


@pytest.mark.parametrize("told", [None, "{}", "nonsense", '{"public_url": "x", "more": 1}'])
def test_without_a_deployment_and_a_runner_it_says_what_to_do(
    ops: Ops, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: str | None
) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SIGNOFF_LOCAL_DIR", str(tmp_path))
    if told is not None:
        (tmp_path / "running.json").write_text(told, "utf-8")
    said = ops.refused(*BY_FORM, *WINDOW)
    assert said.startswith(f"Nothing says which deployment is meant: start `make run`, for none serves from {tmp_path}")


def test_senders_are_found_on_every_page_of_the_table(ops: Ops) -> None:
    """A page of a scan is 1 MB."""
    logo = {"pk": {"S": f"sender#{CODE}"}, "image": {"B": bytes(300_000)}}
    for number in range(9):
        item = logo | {"sk": {"S": f"filler{number}"}}
        ops.site.tables.client.put_item(TableName=ops.site.tables.names.control, Item=item)
    assert sorted(ops.site.service.senders.codes()) == sorted([CODE, OTHER_CODE])


def test_help_says_it_all() -> None:
    done: Any = subprocess.run(infra_command("revert", "--help"), cwd=ROOT, capture_output=True, text=True, check=True)
    for word in ("--via", "--from", "--to", "--sender", "--key-version", "--yes", "--json", "opt_out_form", "never an"):
        assert word in done.stdout
