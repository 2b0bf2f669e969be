"""The Chalice app: registers blueprints and handlers, nothing else."""

from __future__ import annotations

from chalicelib.api.acts import acts
from chalicelib.api.categories import categories
from chalicelib.api.changes import changes
from chalicelib.api.checks import checks
from chalicelib.api.description import description
from chalicelib.api.exports import exports
from chalicelib.api.imports import imports
from chalicelib.api.keys import keys
from chalicelib.api.links import links
from chalicelib.api.recipients import recipients
from chalicelib.api.sender import sender
from chalicelib.api.suppressions import suppressions
from chalicelib.application import SignoffApp
from chalicelib.jobs import events, jobs
from chalicelib.web.erasure import erasure
from chalicelib.web.history import histories
from chalicelib.web.logos import logos
from chalicelib.web.my_data import my_data
from chalicelib.web.opt_out_form import opt_out_form
from chalicelib.web.preferences import preferences
from chalicelib.web.reference import reference
from chalicelib.web.undo import undoing
from chalicelib.web.unsubscribe import unsubscribe

__all__ = ["app", "jobs"]  # Lambda looks for both of them here

app = SignoffApp(app_name="signoff")
BLUEPRINTS = (
    unsubscribe,
    preferences,
    undoing,
    histories,
    my_data,
    erasure,
    opt_out_form,
    logos,
    description,
    reference,
    checks,
    links,
    acts,
    recipients,
    suppressions,
    changes,
    imports,
    exports,
    categories,
    sender,
    keys,
    events,
)
for blueprint in BLUEPRINTS:
    app.register_blueprint(blueprint)
