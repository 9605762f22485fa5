"""What was done about the first article of a job."""

from __future__ import annotations

import orjson
from sqlalchemy import select
from sqlmodel import Session

from mes.equipment.tables import Equipment
from mes.kernel.sqltypes import from_us
from mes.orders.errors import JobNotFound
from mes.orders.tables import FirstArticleActRow, JobOrderRow
from mes.orders.types import FirstArticle
from mes.quality.first_article.types import ACTS_MAX, FirstArticleAct
from mes.quality.types import Measurement
from standards.isa95.quantity import from_e6

_A = FirstArticleActRow.__table__  # type: ignore[attr-defined]
_J = JobOrderRow.__table__  # type: ignore[attr-defined]
_E = Equipment.__table__  # type: ignore[attr-defined]


def list_first_article_acts(session: Session, *, job_id: str) -> tuple[FirstArticleAct, ...]:
    """Newest first, at most ACTS_MAX. `job-order-not-found`."""
    job_pk = session.execute(select(_J.c.pk).where(_J.c.id == job_id)).scalar()
    if job_pk is None:
        raise JobNotFound(f"There is no job {job_id!r}.")
    rows = session.execute(
        select(_A, _E.c.id.label("equipment_id"))
        .join(_E, _E.c.pk == _A.c.equipment_pk)
        .where(_A.c.job_pk == job_pk)
        .order_by(_A.c.pk.desc())
        .limit(ACTS_MAX)
    )
    return tuple(
        FirstArticleAct(
            FirstArticle(row.act),
            from_e6(row.pieces_e6),
            row.equipment_id,
            from_us(row.at_us),
            row.actor,
            row.note,
            tuple(Measurement(*one) for one in orjson.loads(row.measurements)),
        )
        for row in rows
    )
