"""`make bench` in small: it runs to its end and prints every row with its numbers. How fast it is, no test says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from infra.packaging.build import prepare

ROOT = Path(__file__).parent.parent
SECONDS = 1_800
"""When the test gives up; it takes some thirty, and many times that where other tests want the same cores."""
FIGURE = re.compile(r"-?[\d,]+(?:\.\d+)? \S.*")
"""Below zero, too: what is left beside the reads is a difference, and one quick round may be all noise."""
RATIO = re.compile(r"\d+\.\d\d\u00d7 \(\d+\.\d\d to \d+\.\d\d\)")
BESIDE_AN_ANCHOR = [
    "link minted",
    "link verified",
    "address key",
    "one-click POST",
    "cold start, GET /u/{token};",
    "cold start, GET /u/{token}, CPU;",
    "cold start, one-click POST;",
    "cold start, one-click POST, CPU;",
    "cold start, check of one address;",
    "cold start, check of one address, CPU;",
    "GET /u/{token}, sender remembered, CPU;",
    "GET /u/{token}, all forgotten, CPU;",
    "GET /p/{token}, sender remembered, CPU;",
    "GET /p/{token}, all forgotten, CPU;",
    "check of 1,000 addresses, all on record, rate",
    "check of 1,000 addresses, all on record, CPU",
    "check of 1,000 addresses, none on record, rate",
    "check of 1,000 addresses, none on record, CPU",
]
ALONE = [
    f"GET {page}{{token}}, {what}"
    for page in ("/u/", "/p/")
    for what in ("all forgotten, CPU besides", "all forgotten, reads", "all forgotten, writes", "the answer")
] + [
    "resident memory after a check",
    "size of the zip",
    "size of the layer",
    "warm container, one-click POST, CPU",
    "warm container, GET /u/{token}, CPU",
    "warm container, GET /p/{token}, CPU",
    "warm container, check of 1,000, none on record, CPU",
    "warm container, links for 1,000, CPU",
    "warm container, import of 1,000 rows in a request, CPU",
    "resident memory of the API",
    "worker, CPU for each of 1,000 rows",
    "resident memory of the worker after 1,000 rows",
    "resident memory of the worker after an export",
]


def test_the_benchmarks_print_every_row_with_its_numbers() -> None:
    prepare(ROOT)  # it says so where it has to build what is deployed first
    command = [sys.executable, "-m", "bench", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()]
    rows = lines[2:]
    for what in (*BESIDE_AN_ANCHOR, *ALONE):
        [(_, figure, anchor, ratio, _, _)] = [row for row in rows if row[0].startswith(what)]
        assert FIGURE.fullmatch(figure)
        assert what in ALONE or (FIGURE.fullmatch(anchor) and RATIO.fullmatch(ratio))
    assert len(rows) == len(BESIDE_AN_ANCHOR) + len(ALONE)
