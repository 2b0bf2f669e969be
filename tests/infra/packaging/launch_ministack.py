"""Starts ministack, of the environment that the first argument names, in a Python that has nothing else installed.

ministack runs functions with the Python that runs it: were it that of its own environment, a function would find
ministack's botocore before that of its layer.
"""

from __future__ import annotations

import sys

sys.path.append(sys.argv.pop(1))

from ministack.app import main

main()
