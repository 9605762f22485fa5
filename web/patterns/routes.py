"""`/-/patterns`: every component in every state."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import HTMLResponse

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from web.components.plant_time import plant_zone
from web.layouts.shell import shell_of
from web.patterns.views import patterns
from web.templating import render
from web.wording import language_of

router = screen_router()


@router.get("/-/patterns")
async def show(
    request: Request, who: Annotated[Caller, Depends(caller(Permission.view_floor))], lang: str = ""
) -> HTMLResponse:
    shell = shell_of(request, who, zone=await who.read(plant_zone))
    language = language_of(lang) if lang else who.language
    return HTMLResponse(render("patterns/page.html", patterns(), language=language, shell=shell))
