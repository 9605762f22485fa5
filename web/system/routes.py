"""What is about the server itself: is it alive, is it ready, and the pages that explain a problem's code."""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Final

import anyio
from fastapi import Header, Request
from sqlalchemy import text
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from mes.access.door.routing import screen_router
from mes.kernel.db import ReadSession
from mes.kernel.errors import NotFound, Unavailable
from mes.kernel.plants import Plants
from web.layouts.shell import Shell
from web.system.prose import Prose, read_prose
from web.templating import render
from web.wording import language_of

HERE: Final = Path(__file__).parent
PAGES: Final = (HERE / "problems", HERE.parent.parent / "docs" / "problems")
"""Where the pages of `docs/problems/` are: packaged in a wheel, or in a checkout."""
CODE: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
READY_WITHIN_S: Final = 2.0

router = screen_router()


class NoSuchProblem(NotFound):
    """A problem code without a page."""

    code = "no-such-problem-page"
    title = "There is no page about this code"


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers: nothing else is looked at, so that a slow database does not get the server killed."""
    return {"status": "alive", "version": version()}


@router.get("/readyz")
async def readyz(request: Request) -> dict[str, str]:
    """The default plant can be read within 2 s. 503 `not-ready` if not."""
    plants: Plants = request.app.state.plants
    with anyio.move_on_after(READY_WITHIN_S):
        await plants.default.read(_read_something)
        return {"status": "ready", "version": version()}
    raise Unavailable("The database does not answer.", code="not-ready")


def _read_something(session: ReadSession) -> int:
    return int(session.execute(text("SELECT 1")).scalar_one())


@router.get("/problems/{code}")
async def problem_page(code: str, accept_language: Annotated[str, Header()] = "") -> HTMLResponse:
    """What a code means and what to do: the page of `docs/problems/`."""
    language = language_of(accept_language.split(",")[0].split(";")[0].strip())
    html = render("system/prose.html", prose_of(code), language=language, shell=Shell(now_ms=0))
    return HTMLResponse(html)


@cache
def prose_of(code: str) -> Prose:
    """The page of a code. NoSuchProblem where there is none."""
    if CODE.fullmatch(code):
        for folder in PAGES:
            if (path := folder / f"{code}.md").is_file():
                return read_prose(path.read_text(encoding="utf-8"))
    raise NoSuchProblem(code)


@cache
def version() -> str:
    """The installed version; empty when run without being installed."""
    try:
        return metadata.version("lineside")
    except metadata.PackageNotFoundError:
        return ""


class Assets(StaticFiles):
    """Static files: what has its version in its address is kept for ever, the rest is asked for again."""

    def file_response(self, full_path: Any, stat_result: Any, scope: Scope, status_code: int = 200) -> Response:
        """See StaticFiles."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        versioned = b"v=" in scope["query_string"] or "/vendor/" in scope["path"]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if versioned else "no-cache"
        return response
