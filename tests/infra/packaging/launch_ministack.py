"""Starts ministack, of the packages that the first argument names, with the Python of the second for its functions.

ministack runs functions with the Python that runs it, and that would find ministack's packages, or those of this
machine, before those of the function's layer.
"""

from __future__ import annotations

import sys
from pathlib import Path

packages, python = sys.argv[1:]
sys.path += [packages, str(Path(__file__).parents[3])]
sys.executable = python
sys.argv = ["ministack"]

from ministack.app import main  # noqa: E402 - it is found from here on

from tests.infra.packaging.mend_ministack import mend  # noqa: E402 - as above

mend()
main()
