"""`.chalice/config.json` beside the stack's outputs: what the functions are told must be what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.domain.errors import SettingsError
from chalicelib.settings import settings_from
from infra.ops.domains import PROD
from infra.ops.examined.finding import Finding, NotChecked, Of
from infra.ops.provisioning import SETTINGS
from infra.ops.restored.begun import base

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.ops.examined.view import View

GROUP = "settings"
_FILE = ".chalice/config.json"
_PUBLIC_URL = "SIGNOFF_PUBLIC_URL"


def settings(view: View) -> Iterator[Finding]:
    """Each setting that comes from the stack, and the public URL."""
    of, stack = Of(GROUP, _FILE), view.stack(view.stage.storage_stack)
    if stack is None:
        raise NotChecked(f"There is no stack {view.stage.storage_stack}.")
    for setting, output in SETTINGS.items():
        told = view.stage.settings.get(setting)  # of a restored table it is the stack's name with the time behind it
        yield of.same(
            setting,
            told and base(told),
            stack.outputs.get(output),
            f"Run `{view.command('provision')}`, which writes it. {view.redeploying}",
        )
    yield _public_url(of, view)
    yield _usable(of, view)


def _public_url(of: Of, view: View) -> Finding:
    url, domain = view.stage.settings.get(_PUBLIC_URL), view.stage.domain
    if domain is not None:
        todo = "Every link begins with it: set it to the domain, and deploy."
        return of.same(_PUBLIC_URL, url, f"https://{domain}", todo, "the domain")
    if view.name == PROD:
        again = view.command("provision", "--domain …", "--certificate-arn …")
        return of.differs(_PUBLIC_URL, f"The stage prod has no domain. Run `{again}`.")
    return of.holds(
        _PUBLIC_URL,
        is_so=bool(url),
        text=f"It is not set, so that no link can be minted. Run `{view.command('finish')}`, which writes it.",
    )


def _usable(of: Of, view: View) -> Finding:
    """As the service itself reads them; a secret in the file would be told by its name alone."""
    told = {_PUBLIC_URL: "https://not-finished.example.com", **view.stage.settings, "AWS_REGION": view.region}
    try:
        settings_from(told)
    except SettingsError as error:
        return of.differs("the service takes all of them", f"It would not start: {error}. Mend it, and deploy.")
    return of.ok("the service takes all of them")
