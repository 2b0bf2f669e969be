"""Take the whole list out: what is asked for, what is recorded of it, and the key of its hashes.

The row of an export never expires. It is the record of what was disclosed: when, to which API key, which fields.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING, Any

from chalicelib.domain.jobs import Job, JobKind, JobStatus, job_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.api_keys import ApiKey
    from chalicelib.domain.addresses import Address
    from chalicelib.domain.senders import Sender
    from chalicelib.service import Service
    from chalicelib.use_cases.repeating import Claim

HASH_KEY_OCTETS = 32
MOST_UNFINISHED = 5
"""Exports of one sender under way: the workers are there for all senders."""
KEPT_DAYS = 30
"""How long a file is there; its record stays."""
_DAY = 86_400_000


def file_key(job: Job) -> str:
    """Where the file of an export lies: each run that begins anew has one of its own, and the last one counts."""
    return f"exports/{job.sender}/{job.id}-{job.done['run']}.{file_ending(job)}"


def file_ending(job: Job) -> str:
    """What the name of its file ends in."""
    return "jsonl" if job.wanted["format"] == "jsonl" else "csv"


def begin_export(service: Service, sender: Sender, key: ApiKey, claim: Claim, wanted: Mapping[str, Any]) -> Job:
    """An export that waits for a worker. `wanted`: format, addresses, fields.

    Raises `TooManyRequests` where many are under way, `StoreUnavailable`.
    """
    service.jobs.refuse_flood(JobKind.EXPORT, sender.code, MOST_UNFINISHED, service.clock() - _DAY)
    new = Job(
        JobKind.EXPORT,
        job_id(JobKind.EXPORT, claim.received, claim.nonce),
        sender.code,
        claim.received,
        key.id,
        JobStatus.WAITING,
        {**wanted, "key_version": service.keyring.minting.version},
    )
    job = service.jobs.create(new)
    if job.status is JobStatus.WAITING:  # sent again with the request: a message that comes twice does nothing
        service.queue.send({"job": str(JobKind.EXPORT), "sender": sender.code, "id": job.id})
    return job


def is_withdrawn(service: Service, job: Job) -> bool:
    """Whether somebody was erased since the file was begun, whose address it may hold (conformance C5).

    Raises `StoreUnavailable`.
    """
    has_addresses = job.wanted["addresses"] != "none"
    return has_addresses and service.senders.erasures(job.sender) != int(job.done.get("erasures", 0))


def expires(job: Job) -> int:
    """When the file of an export is deleted, in milliseconds since 1970 UTC."""
    return job.created + KEPT_DAYS * _DAY


def hash_key(service: Service, job: Job) -> bytes:
    """The key of an export's hashes: another one for each, made again from the master whenever it is asked for."""
    version = job.wanted["key_version"]
    return service.keyring.derive(version, job.sender, f"export/{job.id}".encode("ascii"), HASH_KEY_OCTETS)


def told_hash_key(service: Service, job: Job) -> str | None:
    """The key in base64, for an export that has hashes in the place of addresses."""
    is_hashed = job.wanted["addresses"] == "hmac"
    return base64.b64encode(hash_key(service, job)).decode("ascii") if is_hashed else None


def hashed_address(key: bytes, address: Address) -> str:
    """HMAC-SHA256 over the address key (conformance D1) in UTF-8, in hexadecimal."""
    return hmac.new(key, address.key.encode("utf-8"), "sha256").hexdigest()
