"""The environment in which the service runs locally: its settings, and an AWS that is nothing but the local engines."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from infra.files import file_names
from infra.storage import table_names

REGION = "us-east-1"
STAGE = "local"


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables to set and variables to take away."""

    values: Mapping[str, str]
    absent: tuple[str, ...]

    def apply(self) -> None:
        """Change this process's environment, and so that of every process it starts."""
        for name in self.absent:
            os.environ.pop(name, None)
        os.environ.update(self.values)


LOCAL_AWS = Environment(
    values={
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # Engines want credentials and do not look at them.
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        # botocore would put an account into the host name, which is this machine's here.
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
        # A proxy cannot reach this machine's own address.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    },
    absent=(
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_DYNAMODB",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL_SQS",
    ),
)
"""Whatever the developer's own AWS settings are, neither the local runner nor a test uses them."""


_NAMED_SECRETS = ("SIGNOFF_MASTER_SECRET", "SIGNOFF_PEPPER_SECRET", "SIGNOFF_SECRETS_URL")
"""Those of a deployment; the keys of the runner are in its folder."""


@dataclass(frozen=True, slots=True)
class Engines:
    """Where the engines answer: that of the tables, and that of the files and of the queue of jobs."""

    tables_url: str
    files_url: str


def environment(secrets: Mapping[str, str], engines: Engines, public_url: str, stage: str) -> Environment:
    """What the service needs to run on these engines and to be reached at `public_url`."""
    names, files = table_names(stage), file_names(stage)
    settings = {
        "SIGNOFF_PUBLIC_URL": public_url,
        "SIGNOFF_RECIPIENTS_TABLE": names.recipients,
        "SIGNOFF_CONTROL_TABLE": names.control,
        "SIGNOFF_FILES_BUCKET": files.bucket,
        "SIGNOFF_JOBS_QUEUE_URL": files.queue_url(engines.files_url),
        "SIGNOFF_DYNAMODB_URL": engines.tables_url,
        "SIGNOFF_S3_URL": engines.files_url,
        "SIGNOFF_SQS_URL": engines.files_url,
    }
    return Environment({**LOCAL_AWS.values, **secrets, **settings}, (*LOCAL_AWS.absent, *_NAMED_SECRETS))
