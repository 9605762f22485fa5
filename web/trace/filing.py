"""Answers as files, for whoever is signed in at a screen: a browser's session opens no REST door."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import Depends, Form, Query
from starlette.responses import Response

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.genealogy.formats import MEDIA_TYPES, Format, answer_bytes
from mes.genealogy.queries import get_as_built, get_difference, get_recall, trace_from, trace_used
from mes.genealogy.types import Answer
from mes.kernel.sqltypes import to_us
from web.components.plant_time import plant_zone
from web.trace.forms import ComparedFile, Filed
from web.trace.recalling import share_of

router = screen_router()
Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Named = Annotated[str, Query(max_length=250)]


class Question(StrEnum):
    made_of = "made-of"
    used_in = "used-in"
    as_built = "as-built"


_ASKED: Final[Mapping[Question, Callable[..., Answer]]] = {
    Question.made_of: trace_from,
    Question.used_in: trace_used,
    Question.as_built: get_as_built,
}


@router.get("/trace/lots/{lot_id}/file")
async def save_lot(
    lot_id: str, who: Viewer, question: Question, format: Format = Format.json, table: Named = ""
) -> Response:
    """The whole answer about one lot as JSON, or a table of it as CSV."""
    now = {"now_us": to_us(who.database.clock())} if question is Question.as_built else {}
    return await _file(who, question.value, format, _ASKED[question], lot_id=lot_id, table=table, **now)


@router.get("/trace/units/{lot_id}/difference/file")
async def save_difference(
    lot_id: str, who: Viewer, other: Named, format: Format = Format.json, table: Named = ""
) -> Response:
    now_us = to_us(who.database.clock())
    asked = {"first_id": lot_id, "second_id": other, "now_us": now_us, "table": table}
    return await _file(who, "difference", format, get_difference, **asked)


@router.post("/trace/recall/file")
async def save_recall(who: Viewer, typed: Annotated[Filed, Form()]) -> Response:
    suspects = typed.suspects(await who.read(plant_zone))
    return await _file(who, "recall", Format(typed.format), get_recall, suspects=suspects, table=typed.table)


@router.post("/trace/shared/file")
async def save_shared(who: Viewer, typed: Annotated[ComparedFile, Form()]) -> Response:
    return await _file(who, "shared", Format(typed.format), share_of, typed=typed)


async def _file(who: Caller, name: str, format: Format, query: Callable[..., Answer], **asked: Any) -> Response:
    content = await who.read(answer_bytes, query=query, format=format, **asked)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{format.value}"'}
    return Response(content, media_type=MEDIA_TYPES[format], headers=headers)
