"""Which service is asked, and with which key: from the environment, from files, never from an argument."""

from __future__ import annotations

import argparse
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from infra.local.demo import DEMO
from infra.local.problems import CannotRun

if TYPE_CHECKING:
    from collections.abc import Mapping

URL, KEY = "SIGNOFF_URL", "SIGNOFF_API_KEY"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_HOW = f"""\
Set {URL} and {KEY}, or name them with --url and --key-file, or take the demo of `make run` with --demo.
Where none of these says anything, the demo in .local is taken. The key is never an argument: other users of a machine
see those."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A service, without a slash at the end of its URL, and an API key."""

    url: str
    key: str = field(repr=False)


def add_to(parser: argparse.ArgumentParser) -> None:
    """The options that every command has which asks a service."""
    group = parser.add_argument_group("the service", _HOW)
    group.add_argument("--url", help=f"such as https://mail.example.com/api (else {URL})")
    group.add_argument("--key-file", type=Path, metavar="FILE", help=f"a file that holds the API key (else {KEY})")
    group.add_argument("--demo", type=Path, metavar="FOLDER", help="the folder of `make run`, or its demo.json")
    # Taken and refused in our own words: argparse would print what it does not know, and that would be the key.
    for name in ("--key", "--api-key", "--token"):
        parser.add_argument(name, dest="key_argument", nargs="?", const="", help=argparse.SUPPRESS)


def connection_of(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Connection:
    """What the options, and else the environment, say. Raises CannotRun where they do not say enough."""
    if options.key_argument is not None:
        raise CannotRun(
            "A key is no argument, for other users of this machine see those: "
            f"put it into {KEY}, or into a file and name that with --key-file."
        )
    if options.demo is not None:
        if options.url or options.key_file:
            raise CannotRun("--demo brings a URL and a key of its own: leave --url and --key-file away.")
        return _demo(options.demo)
    url = options.url or environment.get(URL)
    key = _key_in(options.key_file) if options.key_file else environment.get(KEY)
    if not url and not key:
        return _default_demo(Path(environment.get("SIGNOFF_LOCAL_DIR") or ".local"))
    if not url:
        raise CannotRun(f"There is a key and no service: set {URL}, or name it with --url.")
    if not key:
        raise CannotRun(f"There is a service and no key: set {KEY}, or name a file that holds it with --key-file.")
    return Connection(_checked_url(url), _checked_key(key))


def is_private(url: str) -> bool:
    """Whether what is sent to this URL is seen by nobody on the way: TLS, or this machine itself."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)


def _default_demo(folder: Path) -> Connection:
    if not (folder / DEMO).is_file():
        raise CannotRun(
            f"Nothing says which service to ask: set {URL} and {KEY}, or start `make run`; there is no {folder / DEMO}."
        )
    return _demo(folder)


def _demo(place: Path) -> Connection:
    file = place / DEMO if place.is_dir() else place
    try:
        found = json.loads(file.read_text("utf-8"))
        url, key = str(found["url"]), str(found["api_key"])
    except (OSError, ValueError, KeyError, TypeError):
        raise CannotRun(f"{file} cannot be read as the demo of `make run`: start that, or name its folder.") from None
    return Connection(_checked_url(url), _checked_key(key))


def _key_in(file: Path) -> str:
    try:
        return file.read_text("ascii")
    except OSError as error:
        raise CannotRun(f"The key file {file} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise CannotRun(f"The key file {file} holds something else than a key.") from None


def _checked_key(text: str) -> str:
    key = text.strip()
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise CannotRun("The API key is empty, or it is not one word: copy it again, whole.")
    return key


def _checked_url(text: str) -> str:
    url = text.strip().rstrip("/")
    if not re.fullmatch(r"https?://[^\s/?#@\\]+(/[^\s?#@\\]*)?", url):
        raise CannotRun("The URL of the service is not like https://mail.example.com/api: correct it.")
    if not is_private(url):
        raise CannotRun("The URL begins with http://, and the key would be seen on the way: use https://.")
    return url
