"""The Chalice app: registers blueprints and handlers, nothing else."""

from __future__ import annotations

from chalicelib.api.routes import api
from chalicelib.boundary import SignoffApp
from chalicelib.web.routes import pages

app = SignoffApp(app_name="signoff")
app.register_blueprint(pages)
app.register_blueprint(api)
