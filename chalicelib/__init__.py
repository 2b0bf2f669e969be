"""Signoff: the unsubscribe and preference centre that a sender of mail runs itself."""

import os
import sys

# Chalice puts its own runtime into the zip, uncompiled; compiled it lies in the layer, which has to be looked at first.
if (_zip := os.environ.get("LAMBDA_TASK_ROOT")) in sys.path:
    sys.path.remove(_zip)
    sys.path.append(_zip)
