"""What a container does before its first answer: reading its secrets costs two calls and no client of botocore."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.infra.processes import ROOT, SECONDS
from tests.kept_secrets import KeptSecrets
from tests.site import environment_for, make_site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.memory import MemoryEngine
    from tests.engines import LocalTables

KEY = base64.b64encode(bytes(range(32))).decode()
PROGRAM = """
import json
import sys

opened = []
sys.addaudithook(lambda event, told: opened.append(str(told[0])) if event == "open" else None)

from tests.gateway import send

answer = send("POST", "/u/{token}", {"token": sys.argv[1]}, body=b"List-Unsubscribe=One-Click")
described = [name for name in opened if "botocore/data" in name]
print(json.dumps({"status": answer.status, "described": described, "modules": sorted(sys.modules)}))
"""


def first_request(environment: Mapping[str, str], token: str) -> Any:
    """The status of a click in a new process, which of AWS's descriptions it has read, and every module that is loaded
    then."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, token],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_secrets_in_secrets_manager_load_nothing_more(dynoxide_tables: LocalTables, moto_server: MemoryEngine) -> None:
    with make_site(dynoxide_tables) as site:
        token = site.token()
    kept = KeptSecrets.at(moto_server.url, {"1": {"secret": KEY, "state": "minting"}})
    told = environment_for(dynoxide_tables)

    by_name, itself = first_request(kept.named_in(told), token), first_request(told, token)

    assert by_name == itself
    assert (by_name["status"], by_name["described"]) == (200, [])
