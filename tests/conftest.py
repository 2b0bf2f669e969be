"""Fixtures for every test: the engines, and an AWS that is nothing but them."""

import signal

from tests.engines import (
    dynoxide,
    dynoxide_tables,
    local_aws,
    local_files,
    moto_dynamodb,
    moto_files,
    moto_server,
    shared_files,
)

__all__ = [
    "dynoxide",
    "dynoxide_tables",
    "local_aws",
    "local_files",
    "moto_dynamodb",
    "moto_files",
    "moto_server",
    "shared_files",
]


def pytest_configure() -> None:
    """Ctrl-C reaches what the tests start, also where they run in the background of a shell, which ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
