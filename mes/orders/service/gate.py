"""A step that asks for a first article: its job waits for so many pieces from the moment it runs."""

from __future__ import annotations

from typing import Any, Final

from mes.kernel.uow import UnitOfWork
from mes.orders.statements import (
    JobRecord,
    has_passed_first_article,
    insert_first_article_act,
    set_first_article,
    wants_one_a_version,
)
from mes.orders.types import FirstArticle, JobRole

WANTED: Final = "orders.first-article-wanted.v1"


def want_at_start(uow: UnitOfWork, job: JobRecord) -> None:
    """A job begins: wait for its first article if its step asks for one, and nobody has passed it already."""
    asks = job.first_article_e6 and job.role in (JobRole.main, JobRole.part)
    if not asks or job.first_article:
        return
    if wants_one_a_version(uow) and has_passed_first_article(uow, job):
        return
    payload = want(uow, job, job.first_article_e6)
    uow.emit(WANTED, topics=job.topics, subject=f"job/{job.job_id}", payload=payload)


def want(uow: UnitOfWork, job: JobRecord, pieces_e6: int, note: str = "") -> dict[str, Any]:
    """Wait for so many pieces from now on, or for all that is left where that is less. Answers what is to be told."""
    left = max(job.quantity_e6 - job.made_e6, 0)
    pieces = min(pieces_e6, left) or pieces_e6
    job.first_article, job.first_article_at_e6 = FirstArticle.wanted, job.made_e6 + pieces
    set_first_article(uow, job.pk, FirstArticle.wanted, pieces_e6, job.first_article_at_e6)
    insert_first_article_act(uow, job, FirstArticle.wanted, pieces, note)
    return {"job_order_id": job.job_id, "equipment_id": job.equipment_id, "pieces_e6": pieces, "reason": note}
