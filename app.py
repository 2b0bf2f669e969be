"""The Chalice app: registers blueprints and handlers, nothing else."""

from __future__ import annotations

from chalicelib.api.acts import acts
from chalicelib.api.changes import changes
from chalicelib.api.checks import checks
from chalicelib.api.description import description
from chalicelib.api.keys import keys
from chalicelib.api.links import links
from chalicelib.api.recipients import recipients
from chalicelib.api.suppressions import suppressions
from chalicelib.application import SignoffApp
from chalicelib.web.opt_out_form import opt_out_form
from chalicelib.web.preferences import preferences
from chalicelib.web.unsubscribe import unsubscribe

app = SignoffApp(app_name="signoff")
for blueprint in (
    unsubscribe,
    preferences,
    opt_out_form,
    description,
    checks,
    links,
    acts,
    recipients,
    suppressions,
    changes,
    keys,
):
    app.register_blueprint(blueprint)
