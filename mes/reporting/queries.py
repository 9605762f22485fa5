"""Reads of what the ERP was told."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import and_, select
from sqlmodel import Session

from mes.kernel.sqltypes import from_us
from mes.orders.tables import JobOrderRow, OperationsRequestRow
from mes.reporting.tables import JobReportRow
from mes.reporting.types import PerformanceEntry, ReportVersion

_P = JobReportRow.__table__  # type: ignore[attr-defined]
_J = JobOrderRow.__table__  # type: ignore[attr-defined]
_R = OperationsRequestRow.__table__  # type: ignore[attr-defined]


def list_operations_performance(session: Session, *, after: int, limit: int) -> tuple[PerformanceEntry, ...]:
    """Reports after a cursor, in commit order: none is ever skipped, each version is a new entry."""
    statement = select(_P).where(_P.c.pk > after).order_by(_P.c.pk).limit(limit)
    return tuple(
        PerformanceEntry(row.pk, _content(row.content, row.version, row.created_at_us))
        for row in session.execute(statement)
    )


def list_order_reports(
    session: Session, *, operations_request_ids: Collection[str], limit: int
) -> tuple[dict[str, Any], ...]:
    """The newest report of each job of some orders, in commit order."""
    statement = (
        select(_P)
        .join(_J, and_(_J.c.pk == _P.c.job_pk, _J.c.report_version == _P.c.version))
        .join(_R, _R.c.pk == _P.c.operations_request_pk)
        .where(_R.c.id.in_(operations_request_ids))
        .order_by(_P.c.pk)
        .limit(limit)
    )
    return tuple(_content(row.content, row.version, row.created_at_us) for row in session.execute(statement))


def _content(stored: str, version: int, created_at_us: int) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads(stored)
    content["job_response"]["version"] = version
    content["published_at"] = from_us(created_at_us).isoformat()
    return content


def list_reports(session: Session, *, operations_request_id: str) -> tuple[ReportVersion, ...]:
    """Every version of every report of an order, newest first."""
    statement = (
        select(_P, _J.c.id.label("job_id"), _J.c.report_version)
        .join(_J, _J.c.pk == _P.c.job_pk)
        .join(_R, _R.c.pk == _P.c.operations_request_pk)
        .where(_R.c.id == operations_request_id)
        .order_by(_P.c.pk.desc())
    )
    return tuple(_report(row) for row in session.execute(statement))


def _report(row: Any) -> ReportVersion:
    response = orjson.loads(row.content)["job_response"]
    actual = response["material_actual"][0]
    return ReportVersion(
        from_us(row.created_at_us),
        row.job_id,
        row.version,
        response["state"],
        Decimal(actual["quantity"]),
        _upper(actual),
        Decimal(actual["scrap"]["quantity"]),
        _upper(actual["scrap"]),
        actual["unit"],
        row.version == row.report_version,
    )


def _upper(amount: dict[str, Any]) -> Decimal | None:
    return None if amount["quantity_upper"] is None else Decimal(amount["quantity_upper"])
