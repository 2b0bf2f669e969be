"""Fixtures for every test: the engines, and an AWS that is nothing but them."""

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
