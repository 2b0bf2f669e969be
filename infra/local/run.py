"""`python -m infra run`: the whole of Signoff on this machine."""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import botocore.session
from chalice.config import Config

from infra.local.children import ROOT, Kept, python_module
from infra.local.engine import find_dynoxide, start_dynoxide
from infra.local.environment import STAGE, Engines, environment
from infra.local.folder import DataFolder, Running, open_folder
from infra.local.memory import start_moto
from infra.local.problems import CannotRun, EngineMissing
from infra.local.server import HOST, GatewayServer, listen, make_server
from infra.local.unfinished import take_up
from infra.storage import create_tables

if TYPE_CHECKING:
    import argparse
    import socket

_LARGEST_PORT = 65_535


def add_to(commands: Any) -> None:
    """Join the command line."""
    parser = commands.add_parser("run", help="serve Signoff with a demo sender on this machine", description=__doc__)
    parser.add_argument(
        "--port", default=os.environ.get("PORT", "8000"), help="where to listen; 0 takes a free one (PORT, else 8000)"
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path(os.environ.get("SIGNOFF_LOCAL_DIR") or ".local"),
        help="where the data is kept (SIGNOFF_LOCAL_DIR, else .local)",
    )
    parser.add_argument("--prefix", default="", help="mount the service under a path, such as /api (default: none)")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM, then stop everything that was started. Raises CannotRun."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with ExitStack() as stack:
            server = start(options, stack)
            # From here on Ctrl-C is heard already; a second one must not break off the stopping.
            stack.callback(_ignore_signals)
            server.serve_forever()
    except KeyboardInterrupt:
        print("Stopped.")
    return 0


def start(options: argparse.Namespace, stack: ExitStack) -> GatewayServer:
    """Everything up to the first request; `stack` holds what is to be stopped. Raises CannotRun."""
    port, prefix = _port(options.port), _prefix(options.prefix)
    listening = stack.enter_context(listen(port))
    folder = stack.enter_context(open_folder(options.data_dir))
    public_url = f"http://{HOST}:{listening.getsockname()[1]}{prefix}"
    # Read before the engine makes its file: secrets are made for a folder without data alone.
    secrets = folder.secrets()
    engines = _start_engines(folder, stack)
    stack.enter_context(folder.telling(Running(public_url, engines.tables_url, engines.files_url)))
    # Before anything of the service is imported: it reads its settings once.
    environment(secrets, engines, public_url, STAGE).apply()
    create_tables(botocore.session.get_session().create_client("dynamodb", endpoint_url=engines.tables_url), STAGE)
    server = _make_server(listening, prefix)
    _show_demo(folder, public_url)
    _take_up_jobs()
    # Last, so that it takes no time from what comes before the first request.
    worker = Kept(python_module("infra", "worker"))
    stack.callback(worker.stop)
    worker.start()
    return server


def _start_engines(folder: DataFolder, stack: ExitStack) -> Engines:
    """The engine of the tables, and that of the files, which gets ready while everything else goes on."""
    memory = start_moto(STAGE)
    stack.callback(memory.stop)
    try:
        program = find_dynoxide()
    except EngineMissing as error:
        print(f"{error} Until then moto serves from memory: nothing is kept when it stops.", file=sys.stderr)
        return Engines(memory.url, memory.url)
    engine = start_dynoxide(folder.data_file, program=program)
    stack.callback(engine.stop)
    return Engines(engine.url, memory.url)


def _make_server(listening: socket.socket, prefix: str) -> GatewayServer:
    app = importlib.import_module("app").app
    settings = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
    return make_server(app, Config(config_from_disk=settings), listening, prefix)


def _show_demo(folder: DataFolder, public_url: str) -> None:
    from infra.local.demo import prepare_demo  # noqa: PLC0415 - it imports the service, which reads its settings

    for line in prepare_demo(folder.path, public_url):
        print(line, flush=True)


def _take_up_jobs() -> None:
    """Raises CannotRun."""
    from chalicelib.domain.errors import SignoffError  # noqa: PLC0415 - as in _show_demo
    from chalicelib.service import Service  # noqa: PLC0415 - as above
    from chalicelib.settings import settings_from  # noqa: PLC0415 - as above

    try:
        take_up(Service(settings_from(os.environ)))
    except SignoffError as error:
        raise CannotRun(f"The imports and exports of an earlier run cannot be taken up: {error}.") from error


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= len(str(_LARGEST_PORT)) and int(text) <= _LARGEST_PORT:
        return int(text)
    raise CannotRun(f"PORT is {text!r}; it should be a number from 0 to {_LARGEST_PORT}.")


def _prefix(text: str) -> str:
    if re.fullmatch(r"(/[A-Za-z0-9_-]+)*", text):
        return text
    raise CannotRun(f"The prefix is {text!r}; it should be like /api, of letters, digits, - and _.")


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
