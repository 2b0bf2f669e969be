"""Which way imports point, and what is never imported at all."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Who may import whom inside chalicelib; a module that is not named here fails.
ARROWS: dict[str, set[str]] = {
    "domain": {"domain"},
    "ingest": {"domain", "ingest"},
    "keyring": {"domain"},
    "tokens": {"domain", "keyring"},
    "api_keys": {"domain", "keyring"},
    "cursors": {"domain", "keyring"},
    "settings": {"domain", "keyring"},
    "store": {"api_keys", "domain", "keyring", "settings", "store"},
    "service": {"api_keys", "domain", "keyring", "settings", "store"},
    "use_cases": {"api_keys", "cursors", "domain", "ingest", "service", "store", "tokens", "use_cases"},
    "worker": {"api", "domain", "service", "use_cases"},
    "jobs": {"boundary", "domain", "service", "worker"},
    "markup": set(),
    "message": {"markup", "use_cases"},
    "boundary": {"domain", "service"},
    "routing": set(),
    "application": {"boundary", "domain", "routing", "service", "settings", "web"},
    "web": {"api", "boundary", "domain", "markup", "service", "tokens", "use_cases", "web"},
    "api": {"api", "api_keys", "boundary", "domain", "ingest", "message", "service", "use_cases"},
}
STORE_ONLY = {"boto3", "botocore", "pynamodb"}
FRAMEWORK = {"chalice"}
FRAMEWORK_MODULES = {"api", "application", "boundary", "jobs", "routing", "web"}
MAIL_CLIENTS = {
    "smtplib",
    "aiosmtplib",
    "email.mime",
    "sendgrid",
    "mailgun",
    "postmarker",
    "sparkpost",
    "django.core.mail",
}


def modules() -> list[Path]:
    return sorted((ROOT / "chalicelib").rglob("*.py"))


def part_of(file: Path) -> str:
    return file.relative_to(ROOT / "chalicelib").parts[0].removesuffix(".py")


def imported(file: Path) -> set[str]:
    """Dotted names, those for type checking alone included."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = (
                ".".join(["chalicelib", *([] if node.module is None else [node.module])]) if node.level else node.module
            )
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("file", modules(), ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_point_inwards(file: Path) -> None:
    if (part := part_of(file)) == "__init__":
        return
    inner = {name.split(".")[1] for name in imported(file) if name.startswith("chalicelib.")}
    outer = {name.split(".")[0] for name in imported(file) if not name.startswith("chalicelib.")}

    assert inner <= ARROWS[part], f"{part} imports {inner - ARROWS[part]}"
    assert not outer & {"app", "infra", "tests", "bench"}
    assert part == "store" or not outer & STORE_ONLY
    assert part in FRAMEWORK_MODULES or not outer & FRAMEWORK
    if part == "domain":
        assert outer <= {*sys.stdlib_module_names, "idna"}
    if part == "ingest":
        assert outer <= {*sys.stdlib_module_names, "chalicelib"}


def test_the_arrows_have_no_circle() -> None:
    done: set[str] = set()
    while fit := {part for part, to in ARROWS.items() if part not in done and to - {part} <= done}:
        done |= fit
    assert done == set(ARROWS)


def test_every_part_is_there() -> None:
    assert {part_of(file) for file in modules()} - {"__init__"} == set(ARROWS)


def test_nothing_in_the_program_can_send_mail() -> None:
    """No mail client among its imports; nor in a policy, as tests/infra/deploying/test_policies.py asserts."""
    for file in [*modules(), ROOT / "app.py"]:
        names = imported(file)
        assert not [name for name in names if any(name == mail or name.startswith(f"{mail}.") for mail in MAIL_CLIENTS)]
        text = file.read_text("utf-8").lower()
        assert not [
            word for word in ('"ses"', "'ses'", '"sesv2"', "sendemail", "send_email", "sendmail") if word in text
        ]


def test_what_the_program_loads_brings_no_mail_client_of_its_own() -> None:
    """After a whole start: not even a library has loaded one."""
    program = """if True:
        import sys, app, chalicelib.worker
        list(app.app.routes)
        print([name for name in ('smtplib', 'aiosmtplib', 'boto3', 'jinja2') if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
