"""An AWS account with nothing in it: `python -m tests.infra.deploying.empty_account <listening descriptor>`.

moto, in a process of its own, with what it lacks of CloudFormation and API Gateway mended by `moto_mended.py`.
"""

from __future__ import annotations

import sys

from infra.local.environment import LOCAL_AWS


def main(arguments: list[str]) -> None:
    """Serve until killed."""
    LOCAL_AWS.apply()
    from tests.infra.deploying import moto_mended  # noqa: PLC0415 - before anything of moto is imported

    moto_mended.mend()
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: PLC0415 - after it

    from infra.local.moto_server import one_at_a_time, server_of  # noqa: PLC0415 - as above

    application = one_at_a_time(DomainDispatcherApplication(create_backend_app))
    server_of(application, fd=int(arguments[0])).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
