"""REST of first articles."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from mes.access.door import Caller, caller
from mes.access.permissions import Permission
from mes.orders.service import ask_first_article
from mes.quality.first_article.queries import list_first_article_acts
from mes.quality.first_article.schemas import FirstArticleAskIn, FirstArticleIn, FirstArticleOut
from mes.quality.first_article.service import decide_first_article

router = APIRouter(prefix="/api/v1", tags=["quality"], generate_unique_id_function=lambda route: route.name)

Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Decider = Annotated[Caller, Depends(caller(Permission.decide_quality))]


@router.get("/first-articles/{job_id:path}")
async def list_first_articles(caller: Viewer, job_id: str) -> list[FirstArticleOut]:
    """What was done about the first article of a job, newest first."""
    return [FirstArticleOut.of(act) for act in await caller.read(list_first_article_acts, job_id=job_id)]


@router.post("/first-articles/decide", status_code=204)
async def decide_job_first_article(caller: Decider, body: FirstArticleIn) -> None:
    """The first pieces are good and the job may go on, or they are not and it stays held."""
    await caller.write(
        decide_first_article,
        job_id=body.job_id,
        version=body.version,
        passed=body.outcome == "passed",
        note=body.note,
        measurements=[one.measurement() for one in body.measurements],
    )


@router.post("/first-articles/ask", status_code=204)
async def ask_job_first_article(caller: Decider, body: FirstArticleAskIn) -> None:
    """A new first article is wanted: after so many pieces more the job is held. One that is held for the last goes on
    for that long."""
    await caller.write(
        ask_first_article, job_id=body.job_id, version=body.version, reason=body.reason, pieces=body.pieces
    )
