"""Templates: one environment for pages, pushed regions and problem pages.

Names: `station/page.html` is `web/station/templates/station/page.html`; `layouts/page.html` and
`components/pill.html` are in `web/layouts` and `web/components`. Every template gets one frozen view model as
`view`, its `language`, and `t`, the translator of that language: `{{ t("…") }}`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2
from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.kernel.db import ReadSession
from web.live.region import Region
from web.wording import translator

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
MANIFEST: Final = STATIC / "vendor" / "manifest.json"
MISSING_ASSETS: Final = "The browser assets are not built; run `uv sync --reinstall-package lineside` and start again."


def render(template_name: str, view: object, *, language: str, **extra: Any) -> str:
    """One template with one view model. jinja2.UndefinedError where the template asks for what is not there."""
    template = environment().get_template(template_name)
    return template.render(view=view, language=language, t=translator(language), **extra)


@cache
def environment() -> jinja2.Environment:
    """The one environment: autoescape everywhere, StrictUndefined, no reloading (see `reload_templates`)."""
    made = jinja2.Environment(
        loader=_loader(),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=-1,
    )
    made.globals.update(asset=asset, integrity=integrity, assets_sentence=assets_sentence())
    return made


def _loader() -> jinja2.BaseLoader:
    screens = jinja2.FileSystemLoader(sorted(HERE.glob("*/templates")))
    shared = {name: jinja2.FileSystemLoader(HERE / name) for name in ("layouts", "components")}
    return jinja2.ChoiceLoader([screens, jinja2.PrefixLoader(shared)])


def reload_templates(wanted: bool) -> None:
    """In development an edited template shows at the next request."""
    environment().auto_reload = wanted


def asset(name: str) -> str:
    """The address of a browser file, changed whenever its content does.

    `htmx.org/htmx.min.js` (a name of the vendor manifest) → `/static/vendor/<package>/<version>/…`;
    `app.css` (our own) → `/static/app.css?v=<hash>`.
    """
    if vendored := _manifest().get(name):
        return f"/static/vendor/{vendored['path']}"
    own = STATIC / name
    if not own.is_file():
        return f"/static/vendor/{name}"
    return f"/static/{name}?v={_digest(own, own.stat().st_mtime_ns)}"


def integrity(name: str) -> str:
    """The sha384 of a vendored file for its `integrity` attribute; empty where there is none."""
    return _manifest().get(name, {}).get("integrity", "")


def assets_sentence() -> str:
    """What a person must do to see the screens; empty when the browser assets are there."""
    return "" if MANIFEST.is_file() else MISSING_ASSETS


@cache
def _manifest() -> Mapping[str, Mapping[str, str]]:
    if not MANIFEST.is_file():
        return {}
    files: Mapping[str, Mapping[str, str]] = json.loads(MANIFEST.read_text(encoding="utf-8"))["files"]
    return files


@cache
def _digest(path: Path, _mtime_ns: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def region_routes(
    prefix: str, regions: Sequence[Region], *, permission: Permission = Permission.view_floor
) -> APIRouter:
    """`GET {prefix}/{region.name}` for each region: the very file the push renders, where no socket gets through.

    Parameters of the region are those of the path and then of the query. `permission` is what its topics ask for, too.
    """
    router = screen_router(prefix)
    for region in regions:
        router.get(f"/{region.name}", name=region.name)(_refetch(region, permission))
    return router


def _refetch(region: Region, permission: Permission) -> Callable[..., Awaitable[HTMLResponse]]:
    viewer = Depends(caller(permission))  # an annotation could not name it: it is looked up outside this function

    async def refetch(request: Request, who: Caller = viewer) -> HTMLResponse:
        params = {**request.query_params, **request.path_params}
        now = who.database.clock()
        html = await who.database.read(render_region, region=region, now=now, params=params, language=who.language)
        return HTMLResponse(html, headers={"Cache-Control": "no-store"})

    return refetch


def render_region(
    session: ReadSession,
    *,
    region: Region,
    now: datetime,
    params: Mapping[str, str],
    language: str,
    region_id: str = "",
) -> str:
    """Build and render a region inside one read snapshot."""
    view = region.build(session, now=now, params=params)
    return render(region.template, view, language=language, region_id=region_id or region.name)
