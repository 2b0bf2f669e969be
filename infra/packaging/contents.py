"""Which files of the installed packages the functions need. What is left out was never opened by them.

tests/infra/packaging runs every route and the worker on what is left.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import PurePosixPath

CLIENTS = ("s3", "sqs")
"""The services that botocore's clients are made for: of its other 400 it needs no description, DynamoDB's included."""
LEFT_OUT = (
    "bin/*",
    "*.dist-info/*",
    "*.data/*",
    "*.pyi",
    "*/py.typed",
    "*.pxd",
    "*/examples-1.json*",
    "cffi/*",  # cryptography loads its compiled half, _cffi_backend, alone
    "pycparser/*",  # as cffi
    "dateutil/zoneinfo/*",  # times are UTC here
    "urllib3/contrib/emscripten/*",
)
"""Patterns of paths; the asterisk takes the slash too."""


def is_needed(path: PurePosixPath) -> bool:
    """Whether a file belongs into the layer, by its path below `vendor/`."""
    name = path.as_posix()
    if any(fnmatchcase(name, pattern) for pattern in LEFT_OUT):
        return False
    package, *below = path.parts
    is_description = package == "botocore" and below[:1] == ["data"] and len(below) > len(("data", "a file"))
    return not is_description or below[1] in CLIENTS
