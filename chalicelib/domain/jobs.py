"""Jobs: imports and exports, which take longer than a request."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class JobKind(StrEnum):
    """What a job does."""

    IMPORT = "import"
    EXPORT = "export"


class JobStatus(StrEnum):
    """How far a job is. `waiting`: for its file, or for a worker."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


_PREFIXES = {JobKind.IMPORT: "imp", JobKind.EXPORT: "exp"}
JOB_ID = re.compile(r"(imp|exp)_[0-9a-v]{26}")


@dataclass(frozen=True)
class Job:
    """One job. `created` in milliseconds since 1970 UTC; `key` the id of the API key that asked for it.

    `wanted` is what was asked for and never changes, `done` how far it has come; both are made of what JSON has.
    `version` counts its changes.
    """

    kind: JobKind
    id: str
    sender: str
    created: int
    key: str
    status: JobStatus
    wanted: Mapping[str, Any] = field(default_factory=dict)
    done: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in {JobStatus.DONE, JobStatus.FAILED}


def job_id(kind: JobKind, created: int, secret: str) -> str:
    """An id of 48 bits of time and 80 of a secret's hash: in the order of text, ids are in the order of time."""
    octets = created.to_bytes(6, "big") + hashlib.sha256(f"{kind}\n{secret}".encode()).digest()[:10]
    return f"{_PREFIXES[kind]}_{base64.b32hexencode(octets).decode('ascii').rstrip('=').lower()}"


def kind_of(job: str) -> JobKind | None:
    """The kind of the job of this id, None for what is no id."""
    if not JOB_ID.fullmatch(job):
        return None
    return next(kind for kind, prefix in _PREFIXES.items() if job.startswith(prefix))
