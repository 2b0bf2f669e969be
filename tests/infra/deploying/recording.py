"""What a function asks of AWS, in the words of IAM: heard on the wire, while it is used in every way."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chalicelib.service import Service

API, JOBS = "api", "jobs"
NOBODY = "nobody"
"""What a test does to begin with."""
ACTIONS = {
    "abort_multipart_upload": "s3:AbortMultipartUpload",
    "change_message_visibility": "sqs:ChangeMessageVisibility",
    "complete_multipart_upload": "s3:PutObject",
    "create_multipart_upload": "s3:PutObject",
    "delete_object": "s3:DeleteObject",
    "get_object": "s3:GetObject",
    "head_object": "s3:GetObject",
    "put_object": "s3:PutObject",
    "send_message": "sqs:SendMessage",
    "upload_part": "s3:PutObject",
}
"""Method of botocore → the action that IAM asks for; S3 has fewer actions than calls. It is noted with the folder."""
SERVICES = {"DynamoDB": "dynamodb", "secretsmanager": "secretsmanager"}
"""What a call names in its header → what IAM calls the service."""
WRITES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
"""A transaction is allowed by what it is made of."""


@dataclass
class Recorder:
    """Who called what."""

    function: str = NOBODY
    called: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def note(self, *actions: str) -> None:
        self.called[self.function].update(actions)

    @contextmanager
    def being(self, function: str) -> Iterator[None]:
        """All that is called in this block is called by that function."""
        before, self.function = self.function, function
        yield
        self.function = before

    def listen(self, service: Service) -> None:
        """From here on, to all that this service calls."""
        service._wire.pool = _Pool(self, service._wire.pool)
        service.secrets.__dict__["pool"] = _Pool(self, service.secrets.pool)
        service.files.__dict__["_client"] = _Client(self, service.files._client)
        service.queue.__dict__["_client"] = _Client(self, service.queue._client)


@dataclass(frozen=True)
class _Pool:
    recorder: Recorder
    pool: Any

    def urlopen(self, method: str, url: str, *, body: bytes, headers: Mapping[str, str]) -> Any:
        target, _, operation = headers["X-Amz-Target"].rpartition(".")
        if operation == "TransactWriteItems":
            names = [WRITES[kind] for item in json.loads(body)["TransactItems"] for kind in item]
        else:
            names = [operation]
        self.recorder.note(*(f"{SERVICES[target.partition('_')[0]]}:{name}" for name in names))
        return self.pool.urlopen(method, url, body=body, headers=headers)


@dataclass(frozen=True)
class _Client:
    recorder: Recorder
    client: Any

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            asked = named.get("Params", named)
            action = ACTIONS[given[0] if name == "generate_presigned_url" else name]
            self.recorder.note(f"{action} {asked['Key'].partition('/')[0]}" if "Key" in asked else action)
            return getattr(self.client, name)(*given, **named)

        return call
