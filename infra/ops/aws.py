"""AWS as the commands of ops speak it: sessions, clients, and what went wrong in one sentence."""

from __future__ import annotations

import os
from contextlib import contextmanager
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSLError,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.loaders import create_loader
from botocore.parsers import ResponseParserError
from botocore.session import get_session

from infra.local.problems import CannotRun

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from boto3.session import Session
    from botocore.loaders import Loader

_ATTEMPTS = 5
_PARTITION = "aws"
"""The functions' policies name it in every ARN."""
_RENEW = "Log in again (`aws sso login`, or new keys), and repeat the command."
_EXPIRED = f"The AWS credentials have expired. {_RENEW}"
_UNKNOWN = f"AWS does not know these credentials ({{code}}): are they of another account or partition? {_RENEW}"
_DENIED = "These credentials may not do {what}: {said}"
_TAKEN = "A name is taken ({what}): {said}"
_BUSY = "AWS is asked too much at the moment ({what}: {code}): wait a minute, and repeat the command."
_FULL = "A limit of this account is reached ({what}): {said}"
_ELSEWHERE = "This account cannot be used in this region ({code}): enable the region, or name another by --region."
_REFUSED = "AWS refused {what} ({code}): {said}"
_SENTENCES = {
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "InvalidAccessKeyId": _UNKNOWN,
    "InvalidClientTokenId": _UNKNOWN,
    "InvalidSignatureException": _UNKNOWN,
    "SignatureDoesNotMatch": _UNKNOWN,
    "UnrecognizedClientException": _UNKNOWN,
    "AccessDenied": _DENIED,
    "AccessDeniedException": _DENIED,
    "NotAuthorized": _DENIED,
    "UnauthorizedOperation": _DENIED,
    "AlreadyExistsException": _TAKEN,
    "BucketAlreadyExists": _TAKEN,
    "BucketAlreadyOwnedByYou": _TAKEN,
    "EntityAlreadyExists": _TAKEN,
    "QueueNameExists": _TAKEN,
    "ResourceAlreadyExistsException": _TAKEN,
    "ResourceExistsException": _TAKEN,
    "ResourceInUseException": _TAKEN,
    "LimitExceededException": _FULL,
    "RequestLimitExceeded": _BUSY,
    "Throttling": _BUSY,
    "ThrottlingException": _BUSY,
    "TooManyRequestsException": _BUSY,
    "AuthFailure": _ELSEWHERE,
    "InvalidRegion": _ELSEWHERE,
    "OptInRequired": _ELSEWHERE,
    "SubscriptionRequiredException": _ELSEWHERE,
}
"""What AWS's services call it → what it means."""
_NOT_ASKED = {
    NoCredentialsError: "There are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, or run `aws configure`.",
    PartialCredentialsError: "The AWS credentials are not whole: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong "
    "together.",
    UnauthorizedSSOTokenError: _EXPIRED,
    SSOTokenLoadError: _EXPIRED,
    TokenRetrievalError: _EXPIRED,
    ProfileNotFound: "AWS_PROFILE names a profile that is not in ~/.aws/config: set it to one that is.",
    ResponseParserError: "What answered is not AWS, nor an engine that stands in for it: is --endpoint-url right?",
    NoRegionError: "No region is named: use --region, or set AWS_DEFAULT_REGION.",
}
_ENGINE = "--endpoint-url, or AWS_ENDPOINT_URL, is like http://127.0.0.1:4566."
_SILENT = (EndpointConnectionError, ConnectTimeoutError, ReadTimeoutError, SSLError)


def add_to(parser: argparse.ArgumentParser) -> None:
    """The options that every command has which speaks to AWS."""
    group = parser.add_argument_group("AWS", "Credentials come from where boto3 finds them: AWS_PROFILE and the like.")
    group.add_argument("--region", help="where the stage is (else AWS_REGION, AWS_DEFAULT_REGION, or the profile's)")
    group.add_argument(
        "--endpoint-url", metavar="URL", help="a local engine in the place of AWS (else AWS_ENDPOINT_URL)"
    )


def session(options: argparse.Namespace) -> Session:
    """Who asks, and where. Makes no call. Raises CannotRun where no region is named, or one that there is not."""
    import boto3  # noqa: PLC0415 - the other commands need not load it

    with explaining():
        named = options.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        beneath = get_session()
        beneath.register_component("data_loader", _descriptions())
        found = boto3.session.Session(region_name=named, botocore_session=beneath)
        if found.region_name is None:
            raise NoRegionError
    regions = found.get_available_regions("cloudformation", _PARTITION)
    if found.region_name not in regions:
        like = get_close_matches(found.region_name, regions, 1) or ["eu-central-1"]
        raise CannotRun(f"There is no region {found.region_name!r} in the partition {_PARTITION}; is it {like[0]}?")
    return found


@lru_cache(maxsize=1)
def _descriptions() -> Loader:
    """What AWS's services are like, from botocore's files, read once: else each client takes 50 ms more to make."""
    return create_loader(os.environ.get("AWS_DATA_PATH"))


def client(name: str, options: argparse.Namespace) -> Any:
    """A client of boto3 for one service, which asks again by itself where AWS is busy. Makes no call.

    Raises CannotRun.
    """
    url = options.endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or None
    config = Config(retries={"mode": "standard", "total_max_attempts": _ATTEMPTS}, connect_timeout=5, read_timeout=60)
    with explaining():
        return session(options).client(name, endpoint_url=url, config=config)


def is_local(options: argparse.Namespace) -> bool:
    """Whether a local engine stands in for AWS."""
    return bool(options.endpoint_url or os.environ.get("AWS_ENDPOINT_URL"))


@contextmanager
def explaining() -> Iterator[None]:
    """What AWS refuses, or does not answer, is a sentence. Raises CannotRun."""
    try:
        yield
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise explained(error) from error
    except ValueError as error:  # botocore has none of its own for it
        if "endpoint" not in str(error):
            raise
        raise CannotRun(f"{sentence(str(error))[:-1]}: {_ENGINE}") from None


def explained(error: Exception) -> CannotRun:
    """The sentence for an error of boto3. It holds nothing that was sent."""
    if isinstance(error, ClientError):
        return CannotRun(_refused(error))
    return CannotRun(_not_reached(error))


def _refused(error: ClientError) -> str:
    code, said = (str(error.response["Error"].get(name, "?")) for name in ("Code", "Message"))
    return _SENTENCES.get(code, _REFUSED).format(code=code, what=error.operation_name, said=sentence(said))


def _not_reached(error: Exception) -> str:
    if isinstance(error, _SILENT):
        url = error.kwargs.get("endpoint_url")
        return f"AWS does not answer at {url}: is the region right, and the network there?"
    return next(
        (told for kind, told in _NOT_ASKED.items() if isinstance(error, kind)),
        f"AWS could not be asked: {sentence(str(error))}",
    )


def sentence(text: str) -> str:
    """On one line, with a full stop."""
    return " ".join(text.split()).rstrip(".") + "."
