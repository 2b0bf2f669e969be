"""The Chalice app: registers blueprints and handlers, nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from chalicelib.application import SignoffApp
from chalicelib.jobs import events, jobs

__all__ = ["app", "jobs"]  # Lambda looks for both of them here

app = SignoffApp(app_name="signoff")
app.register_blueprint(events)
app.serve("web.unsubscribe:unsubscribe", "/u/{token}", "/u/{token}/all")
app.serve("web.preferences:preferences", "/p/{token}")
app.serve("web.undo:undoing", "/p/{token}/undo")
app.serve("web.history:histories", "/p/{token}/history")
app.serve("web.my_data:my_data", "/p/{token}/data")
app.serve("web.erasure:erasure", "/p/{token}/erase")
app.serve("web.opt_out_form:opt_out_form", "/o/{sender}")
app.serve("web.logos:logos", "/l/{sender}/{logo}")
app.serve("web.reference:reference", "/docs")
app.serve("api.description:description", "/healthz", "/v1/openapi.json")
app.serve("api.checks:checks", "/v1/check")
app.serve("api.links:links", "/v1/links")
app.serve("api.acts:acts", "/v1/acts")
app.serve(
    "api.recipients:recipients",
    "/v1/recipients/lookup",
    "/v1/recipients/{recipient}",
    "/v1/recipients/{recipient}/acts",
)
app.serve("api.suppressions:suppressions", "/v1/suppressions")
app.serve("api.changes:changes", "/v1/changes")
app.serve("api.imports:imports", "/v1/imports", "/v1/imports/{import_id}")
app.serve("api.exports:exports", "/v1/exports", "/v1/exports/{export_id}")
app.serve("api.categories:categories", "/v1/categories", "/v1/categories/{category}")
app.serve("api.sender:sender", "/v1/sender", "/v1/sender/logo")
app.serve("api.keys:keys", "/v1/keys", "/v1/keys/{key_id}")

if "AWS_CHALICE_CLI_MODE" in os.environ:  # Chalice's command line imports this file before it zips
    from infra.ops.deployable import before_deploying
    from infra.packaging.hook import before_zipping

    before_deploying(Path(__file__).parent)
    before_zipping(Path(__file__).parent)
