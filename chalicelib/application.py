"""The Chalice app, and what it answers where no route of ours gets to speak."""

from __future__ import annotations

import importlib
import logging
import os
from typing import TYPE_CHECKING, Any, cast

from chalice.app import Chalice

from chalicelib.boundary import problem
from chalicelib.domain.errors import MethodNotAllowed, NothingHere, SignoffError, StoreUnavailable
from chalicelib.routing import Routes
from chalicelib.service import Service
from chalicelib.settings import settings_from
from chalicelib.web.answers import trouble
from chalicelib.web.languages import Languages
from chalicelib.web.voices import LANGUAGE_FIELD, Voice, voice_for

if TYPE_CHECKING:
    from chalice.app import Response

LOG = logging.getLogger("signoff")
API_PATHS = ("/v1/", "/healthz", "/docs")
IMAGE_PATHS = ("/l/",)


class SignoffApp(Chalice):
    """The app with the service it speaks for: made from the environment when the first request needs it."""

    _service: Service | None = None

    def __init__(self, app_name: str) -> None:
        super().__init__(app_name)
        self._expected = Routes()
        self.routes = cast("dict[str, Any]", self._expected)  # Chalice asks them of it, and names a dict
        self.languages = Languages()
        # What browsers say first when they ask for an image: a gateway sends an answer as octets for these alone.
        self.api.binary_types += ["image/avif", "image/webp"]
        self.log.setLevel(logging.WARNING)  # Chalice would leave warnings out

    def serve(self, blueprint: str, *paths: str) -> None:
        """Has a blueprint of chalicelib, named `module:name`, answer these paths: imported when one is asked for."""
        module, _, name = blueprint.partition(":")
        self._expected.expect(
            paths,
            lambda: self.register_blueprint(getattr(importlib.import_module(f"chalicelib.{module}"), name)),
        )

    @property
    def service(self) -> Service:
        """What requests use. Raises `SettingsError`."""
        if self._service is None:
            self._service = Service(settings_from(os.environ))
        return self._service

    def __call__(self, event: Any, context: Any) -> Any:
        """As Chalice answers, but that its own refusals are told like ours, and that nothing of a request is logged."""
        path = event.get("requestContext", {}).get("resourcePath", "")
        try:
            self._find(path, event.get("requestContext", {}).get("httpMethod", ""))
            return super().__call__(_as_it_comes(event) if path.startswith(IMAGE_PATHS) else event, context)
        except SignoffError as error:
            return self._told(event, path, error)
        except Exception as error:  # noqa: BLE001 - the last line: a traceback of the framework could hold an address
            LOG.critical("unexpected %s before a route", type(error).__name__)
            return self._told(event, path, StoreUnavailable("something went wrong on our side"))

    def _find(self, path: str, method: str) -> None:
        methods = self.routes.get(path)
        if methods is None:
            raise NothingHere
        if method not in methods:
            raise MethodNotAllowed(tuple(methods))

    def _told(self, event: Any, path: str, error: SignoffError) -> Any:
        is_page = path and not path.startswith(API_PATHS)
        answer: Response = trouble(_voice(self.languages, event), error) if is_page else problem(error)
        return answer.to_dict(self.api.binary_types)


def _voice(languages: Languages, event: Any) -> Voice:
    """How to speak to who sent an event that no route of ours gets."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    query = event.get("multiValueQueryStringParameters") or {}
    return voice_for(languages, headers.get("accept-language", ""), (query.get(LANGUAGE_FIELD) or [""])[-1])


def _as_it_comes(event: Any) -> Any:
    """The request of somebody who takes an image of any type: Chalice would refuse who does not ask for octets."""
    headers = {name: value for name, value in (event.get("headers") or {}).items() if name.lower() != "accept"}
    return {**event, "headers": {**headers, "accept": "*/*"}}
