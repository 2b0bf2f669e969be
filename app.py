"""The Chalice app: registers blueprints and handlers, nothing else."""

from __future__ import annotations

from chalicelib.api.routes import api
from chalicelib.application import SignoffApp
from chalicelib.jobs import events, jobs
from chalicelib.web.opt_out_form import opt_out_form
from chalicelib.web.preferences import preferences
from chalicelib.web.unsubscribe import unsubscribe

__all__ = ["app", "jobs"]  # Lambda looks for both of them here

app = SignoffApp(app_name="signoff")
for blueprint in (unsubscribe, preferences, opt_out_form, api, events):
    app.register_blueprint(blueprint)
