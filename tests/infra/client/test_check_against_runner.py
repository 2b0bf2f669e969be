"""`python -m infra check` against Signoff itself, as `make run` serves it."""

from __future__ import annotations

import csv
import json
import subprocess
import urllib.request
from typing import TYPE_CHECKING

from tests.infra.processes import ROOT, SECONDS, infra_command, runner

if TYPE_CHECKING:
    from pathlib import Path


def test_a_list_is_checked_and_an_opt_out_is_found(tmp_path: Path) -> None:
    data, people, output = tmp_path / "data", tmp_path / "people.csv", tmp_path / "checked.csv"
    addresses = [f"a{number}@example.com" for number in range(2_500)]
    people.write_text("\n".join(["E-Mail", *addresses, "Dana.Reader@Example.COM", "nobody"]), "utf-8")
    words = ("check", str(people), "--column", "E-Mail", "--category", "newsletter", "--output", str(output))
    with runner(ROOT, data):
        demo = json.loads((data / "demo.json").read_text("utf-8"))
        with urllib.request.urlopen(demo["links"]["one_click"], b"List-Unsubscribe=One-Click"):  # noqa: S310 - our own server
            pass
        done = subprocess.run(
            infra_command(*words, "--demo", str(data)),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
    with output.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["address"] for row in rows[:-2]] == addresses
    assert {row["may_send"] for row in rows[:-2]} == {"true"}
    assert (rows[-2]["may_send"], rows[-2]["reason"], rows[-2]["error"]) == ("false", "opted_out", "")
    assert rows[-2]["since"].endswith("Z")
    assert (rows[-1]["may_send"], rows[-1]["error"]) == ("", "an address has an @")
    assert "may be sent: 2,500\nopted_out: 1\nno valid address: 1" in done.stdout
