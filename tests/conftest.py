"""Fixtures for every test: the engines, and an AWS that is nothing but them."""

import signal

from hypothesis import HealthCheck, settings

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

settings.register_profile(
    "signoff", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("signoff")
"""The same examples in every run, however slow the machine is. Others: `--hypothesis-profile default`, with a seed."""


def pytest_configure() -> None:
    """Ctrl-C reaches what the tests start, also where they run in the background of a shell, which ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
