"""Published patterns answer at once, whatever a text looks like: a request must not hold a container."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import product

from tests.api.test_schemas import SCHEMAS, parts
from tests.infra.processes import SECONDS

PATTERNS = sorted({part["pattern"] for schema in SCHEMAS for part in parts(schema) if "pattern" in part})
REPEATED = ["a", "a ", "a-", "aa.", "a\n", "\u3164", "\u00a0a", "a" * 49 + "\n", "Example Street 1\n", "-", "1"]
ENDS = ["\t", "\0", "!", " ", "", "\u202e"]
TEXTS = [(each * 500)[:500] + end for each, end in product(REPEATED, ENDS)]
TRIED = """
import json, re, sys
patterns, texts = json.load(sys.stdin)
print(json.dumps([re.search(pattern, text) is not None for pattern in patterns for text in texts]))
"""


def test_no_pattern_is_matched_in_ever_more_ways() -> None:
    """One that is would take longer than there is time: the limit ends it, and a good one needs less than a second."""
    done = subprocess.run(
        [sys.executable, "-c", TRIED],
        input=json.dumps([PATTERNS, TEXTS]),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    answers = json.loads(done.stdout)
    assert len(answers) == len(PATTERNS) * len(TEXTS)
    assert {True, False} == {*answers}
