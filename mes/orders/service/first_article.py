"""The first article of a job: when its pieces are there the job is held, until somebody says passed or failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

import orjson

from mes.definitions.types import FIRST_ARTICLE_MAX
from mes.kernel.uow import UnitOfWork
from mes.orders.errors import (
    FirstArticleNotDue,
    JobStateConflict,
    MachineUnreachable,
    QuantityInvalid,
)
from mes.orders.rules import hold_text
from mes.orders.service.following import dispatch_due_jobs
from mes.orders.service.gate import WANTED, want
from mes.orders.service.hold import freed, interrupt
from mes.orders.service.transition import get_record, move, reason_of
from mes.orders.statements import (
    JobRecord,
    insert_first_article_act,
    load_jobs,
    load_wanted_articles,
    set_first_article,
)
from mes.orders.types import REASON_MAX, FirstArticle
from standards.isa95.job_control import FINAL_STATES, DispatchStatus
from standards.isa95.quantity import to_e6

SCALE: Final = 1_000_000


def hold_for_first_article(uow: UnitOfWork, job: JobRecord) -> None:
    """Its pieces are there. A job that is over is not held any more; its first article is still to be decided."""
    job.first_article, job.first_article_at_e6 = FirstArticle.due, None
    set_first_article(uow, job.pk, FirstArticle.due, job.first_article_e6, None)
    insert_first_article_act(uow, job, FirstArticle.due, job.made_e6)
    event, payload = "orders.first-article-due.v1", _payload(job, reason=hold_text("", FirstArticle.due))
    if job.state in FINAL_STATES:
        uow.emit(event, topics=job.topics, subject=f"job/{job.job_id}", payload=payload)
    elif job.hold_reason:
        move(uow, job, job.facts, at_us=uow.now_us, event=event, payload=payload)
    else:
        _interrupt(uow, job, event, payload)


def _interrupt(uow: UnitOfWork, job: JobRecord, event: str, payload: Mapping[str, Any]) -> None:
    """Where nobody can ask the machine to pause it is held for people, and what it makes is counted."""
    with suppress(MachineUnreachable):
        interrupt(uow, job, event=event, payload=payload)


def hold_for_units(uow: UnitOfWork, *, units: Mapping[int, int]) -> None:
    """As many units were recorded for some jobs (by key) since their first article is waited for."""
    wanted = load_wanted_articles(uow, pks=units)
    ready = [pk for pk, (pieces_e6, _) in wanted.items() if units[pk] * SCALE >= pieces_e6]
    for job in load_jobs(uow, pks=ready):
        hold_for_first_article(uow, job)


def settle_first_article(
    uow: UnitOfWork,
    *,
    job_id: str,
    version: int,
    passed: bool,
    note: str = "",
    measurements: Sequence[Sequence[str]] = (),
) -> None:
    """Somebody has looked at the first pieces. Passed, the job may go on: what had begun waits, paused, for whoever
    works there. Failed, it stays held, and the note says why.

    `measurements`: name, value, unit, low, high, verdict. `first-article-not-due`, `reason-missing` of a failure,
    `job-version-conflict`.
    """
    job = get_record(uow, job_id, version)
    if not job.gated:
        raise FirstArticleNotDue(f"The first article of job {job_id} is {job.first_article or 'not asked for'}.")
    why = " ".join(note.split())[:REASON_MAX] if passed else reason_of(note)
    state = FirstArticle.passed if passed else FirstArticle.failed
    job.first_article = state
    set_first_article(uow, job.pk, state, job.first_article_e6, None)
    told = [list(one) for one in measurements]
    insert_first_article_act(uow, job, state, job.made_e6, why, orjson.dumps(told).decode())
    event, payload = f"orders.first-article-{state}.v1", _payload(job, reason=why, measurements=told)
    if job.state in FINAL_STATES:
        uow.emit(event, topics=job.topics, subject=f"job/{job.job_id}", payload=payload)
        return
    move(uow, job, freed(job), at_us=uow.now_us, event=event, payload=payload)
    dispatch_due_jobs(uow)


def ask_first_article(
    uow: UnitOfWork, *, job_id: str, version: int, reason: str, pieces: Decimal | None = None
) -> None:
    """A new first article is wanted of a job that is not over: after so many pieces more it is held. Where the last one
    holds it, it may go on for that long.

    `pieces` None: as many as its step asks for, else one. `reason-missing`, `quantity-invalid`, `job-state-conflict`,
    `job-version-conflict`.
    """
    job = get_record(uow, job_id, version)
    why = reason_of(reason)
    if job.state in FINAL_STATES or job.dispatch_status == DispatchStatus.Cancelled:
        raise JobStateConflict(f"Job {job_id} is over.")
    count = _pieces(job, pieces)
    was_gated = job.gated
    payload = want(uow, job, count, why)
    facts = freed(job) if was_gated else job.facts
    move(uow, job, facts, at_us=uow.now_us, event=WANTED, payload=payload)
    dispatch_due_jobs(uow)


def _pieces(job: JobRecord, pieces: Decimal | None) -> int:
    if pieces is None:
        return job.first_article_e6 or SCALE
    if not 0 < pieces <= FIRST_ARTICLE_MAX:
        raise QuantityInvalid(f"A first article is 1 to {FIRST_ARTICLE_MAX} pieces.")
    return to_e6(pieces)


def _payload(job: JobRecord, **more: Any) -> dict[str, Any]:
    return {"job_order_id": job.job_id, "equipment_id": job.equipment_id, "made_e6": job.made_e6, **more}
