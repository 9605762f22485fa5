"""Reads of measurements by name, and of the as-built record: a fixed number of statements, whatever the size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Select, or_, select
from sqlmodel import Session

from mes.edge.tables import Bridge, TagBindingRow
from mes.edge.types import Signal
from mes.equipment.tables import Equipment
from mes.history.queries import list_last, summarise
from mes.history.types import Window
from mes.kernel.paging import Page, decode_cursor, page_of
from mes.orders.errors import JobNotFound
from mes.orders.tables import JobOrderRow, JobRunRow
from mes.reporting.measurements.errors import HistoryTagNotFound
from mes.reporting.measurements.types import JobRecord, RunView, TagLast, TagRecord, TagView

_TAG = TagBindingRow.__table__  # type: ignore[attr-defined]
_BRIDGE = Bridge.__table__  # type: ignore[attr-defined]
_EQUIPMENT = Equipment.__table__  # type: ignore[attr-defined]
_JOB = JobOrderRow.__table__  # type: ignore[attr-defined]
_RUN = JobRunRow.__table__  # type: ignore[attr-defined]

RECORD_TAGS_MAX: Final = 500
"""Measurements of one job's record: the first by name."""


def _tags(*signals: Signal) -> Select[Any]:
    return (
        select(
            _TAG.c.pk,
            _BRIDGE.c.id.label("bridge_id"),
            _TAG.c.tag,
            _EQUIPMENT.c.id.label("equipment_id"),
            _TAG.c.equipment_pk,
            _EQUIPMENT.c.work_center_pk,
            _TAG.c.signal,
            _TAG.c.what,
            _TAG.c.unit,
        )
        .join(_BRIDGE, _BRIDGE.c.pk == _TAG.c.bridge_pk)
        .join(_EQUIPMENT, _EQUIPMENT.c.pk == _TAG.c.equipment_pk)
        .where(_TAG.c.signal.in_(signals))
        .order_by(_BRIDGE.c.id, _TAG.c.tag)
    )


def _view(row: Any) -> TagView:
    return TagView(row.pk, row.bridge_id, row.tag, row.equipment_id, row.signal, row.what, row.unit)


def list_history_tags(
    session: Session, *, equipment_id: str | None, cursor: str | None, limit: int, signals: Sequence[Signal] = ()
) -> Page[TagView]:
    """Tags with a history by bridge and name, of one equipment or of all."""
    statement = _tags(*(signals or (Signal.measurement, Signal.identity)))
    if equipment_id is not None:
        statement = statement.where(_EQUIPMENT.c.id == equipment_id)
    if cursor is not None:
        bridge_id, tag = decode_cursor(cursor, (str, str))
        later = (_BRIDGE.c.id == bridge_id) & (_TAG.c.tag > tag)
        statement = statement.where(or_(_BRIDGE.c.id > bridge_id, later))
    rows = [_view(row) for row in session.execute(statement.limit(limit + 1))]
    return page_of(rows, limit, lambda view: (view.bridge_id, view.tag))


def get_measurement(session: Session, *, bridge_id: str, tag: str) -> TagView:
    """One measurement by name. `history-tag-not-found`."""
    statement = _tags(Signal.measurement).where(_BRIDGE.c.id == bridge_id, _TAG.c.tag == tag)
    row = session.execute(statement).first()
    if row is None:
        raise HistoryTagNotFound(f"The bridge {bridge_id!r} has no measurement {tag!r}.")
    return _view(row)


def list_last_values(session: Session, *, equipment_id: str | None, cursor: str | None, limit: int) -> Page[TagLast]:
    """The newest sample of each measurement, by bridge and name."""
    page = list_history_tags(
        session, equipment_id=equipment_id, cursor=cursor, limit=limit, signals=(Signal.measurement,)
    )
    last = list_last(session, tag_pks=[view.pk for view in page.items])
    return Page(tuple(TagLast(view, last.get(view.pk)) for view in page.items), page.next_cursor)


def get_job_record(session: Session, *, job_id: str, now_us: int) -> JobRecord:
    """What was measured while a job ran, at the equipment it had and in the line that stands under it.

    `job-order-not-found`; `history-window-invalid` for more hours than can be summed up at once.
    """
    job = session.execute(select(_JOB.c.pk).where(_JOB.c.id == job_id)).first()
    if job is None:
        raise JobNotFound(f"There is no job {job_id!r}.")
    runs = session.execute(
        select(_RUN.c.equipment_pk, _EQUIPMENT.c.id, _RUN.c.started_at_us, _RUN.c.ended_at_us)
        .join(_EQUIPMENT, _EQUIPMENT.c.pk == _RUN.c.equipment_pk)
        .where(_RUN.c.job_pk == job.pk)
        .order_by(_RUN.c.started_at_us, _RUN.c.pk)
    ).all()
    places = {run.equipment_pk for run in runs}
    under = or_(_TAG.c.equipment_pk.in_(places), _EQUIPMENT.c.work_center_pk.in_(places))
    tags = session.execute(_tags(Signal.measurement).where(under).limit(RECORD_TAGS_MAX)).all()
    found = summarise(session, windows=[window for tag in tags for window in _windows(tag, runs, now_us)])
    return JobRecord(
        job_id,
        tuple(RunView(run.id, run.started_at_us, run.ended_at_us) for run in runs),
        tuple(TagRecord(_view(tag), found.get(tag.pk)) for tag in tags),
    )


def _windows(tag: Any, runs: Sequence[Any], now_us: int) -> list[Window]:
    """The runs a tag has to do with: of its own equipment, or of the work centre it belongs to."""
    return [
        Window(tag.pk, run.started_at_us, now_us if run.ended_at_us is None else run.ended_at_us)
        for run in runs
        if run.equipment_pk in (tag.equipment_pk, tag.work_center_pk)
    ]
