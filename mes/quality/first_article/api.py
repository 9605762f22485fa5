"""REST of first articles."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from mes.access.door import Caller, caller
from mes.access.door.pages import Cursor, Limit, PageOf, page_out
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.kernel.paging import LIMIT_DEFAULT
from mes.orders.service import ask_first_article
from mes.quality.first_article.queries import list_first_article_acts
from mes.quality.first_article.schemas import FirstArticleAskIn, FirstArticleIn, FirstArticleOut
from mes.quality.first_article.service import decide_first_article

router = api_router("quality")

Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Decider = Annotated[Caller, Depends(caller(Permission.decide_quality))]


@router.get("/first-articles/{job_id:path}", openapi_extra=refuses("job-order-not-found"))
async def list_first_articles(
    caller: Viewer, job_id: str, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PageOf[FirstArticleOut]:
    """What was done about the first article of a job, newest first."""
    found = await caller.read(list_first_article_acts, job_id=job_id)
    return page_out(
        found, FirstArticleOut.of, cursor=cursor, limit=limit, key=lambda one: f"{one.at.isoformat()} {one.act}"
    )


@router.post(
    "/first-articles/decide",
    status_code=204,
    openapi_extra=refuses(
        "first-article-contradicted first-article-not-due job-order-not-found job-version-conflict "
        "reason-missing result-invalid results-too-many"
    ),
)
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


@router.post(
    "/first-articles/ask",
    status_code=204,
    openapi_extra=refuses(
        "job-order-not-found job-state-conflict job-version-conflict quantity-invalid reason-missing"
    ),
)
async def ask_job_first_article(caller: Decider, body: FirstArticleAskIn) -> None:
    """A new first article is wanted: after so many pieces more the job is held. One that is held for the last goes on
    for that long."""
    await caller.write(
        ask_first_article, job_id=body.job_id, version=body.version, reason=body.reason, pieces=body.pieces
    )
