"""Many documents in one request: each row stands alone and has its result, or all of them are taken or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from mes.access.door import Caller
from mes.access.errors import BulkRowRepeated
from mes.kernel.errors import Refusal

T = TypeVar("T")
ROWS_MAX: Final = 10_000
BULK_BYTES_MAX: Final = 8 * 1024 * 1024
"""Bytes of the body of a bulk request."""
BULK_PATHS: Final = tuple(
    f"/api/v1/{collection}/bulk"
    for collection in (
        "material-definitions",
        "material-lots",
        "equipment",
        "persons",
        "operations-definitions",
        "operations-requests",
    )
)
Atomic = Annotated[
    bool, Query(description="All rows or none. Else each row stands alone, and is told what became of it.")
]
Put = Callable[..., Mapping[str, str]]
"""A verb `(uow, *, rows)` that puts rows, all or none, and tells what it did with each by id."""


class RowOutcome(StrEnum):
    created = "created"
    updated = "updated"
    unchanged = "unchanged"
    refused = "refused"


class BulkOf(BaseModel, Generic[T]):
    """Rows, no two of one id. What others refer to comes first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: list[T] = Field(min_length=1, max_length=ROWS_MAX)


class RowResult(BaseModel):
    """What became of a row; `code` and `detail` where it was refused, as in a problem."""

    id: str
    outcome: RowOutcome
    code: str = ""
    detail: str = ""
    next_step: str = ""


class BulkOut(BaseModel):
    """A result for each row, in their order."""

    refused: int
    rows: list[RowResult]


async def put_rows(caller: Caller, put: Put, rows: Mapping[str, Any], *, atomic: bool) -> BulkOut:
    """Put rows by id. A rehearsal is of all of them together."""
    if atomic or caller.dry_run:
        results = _done(await caller.write(put, rows=list(rows.values())))
    else:
        results = await _each_alone(caller, put, list(rows.items()))
    told = [results[id] for id in rows]
    return BulkOut(refused=sum(row.outcome is RowOutcome.refused for row in told), rows=told)


def rows_by_id(rows: Sequence[T], id_of: Callable[[T], str]) -> dict[str, T]:
    """The rows of a body; `bulk-row-repeated` where two have one id."""
    found = {id_of(row): row for row in rows}
    if len(found) < len(rows):
        ids = [id_of(row) for row in rows]
        raise BulkRowRepeated(f"{next(id for id in found if ids.count(id) > 1)!r} stands in more than one row.")
    return found


async def _each_alone(caller: Caller, put: Put, rows: Sequence[tuple[str, Any]]) -> dict[str, RowResult]:
    """Together as far as they can be: where one is refused, each half is tried for itself."""
    try:
        return _done(await caller.write(put, rows=[row for _, row in rows]))
    except Refusal as refusal:
        if len(rows) == 1:
            return {rows[0][0]: _refused(rows[0][0], refusal)}
    middle = len(rows) // 2
    first = await _each_alone(caller, put, rows[:middle])
    return first | await _each_alone(caller, put, rows[middle:])


def _done(outcomes: Mapping[str, str]) -> dict[str, RowResult]:
    return {id: RowResult(id=id, outcome=RowOutcome(outcome)) for id, outcome in outcomes.items()}


def _refused(id: str, refusal: Refusal) -> RowResult:
    return RowResult(
        id=id,
        outcome=RowOutcome.refused,
        code=refusal.code,
        detail=refusal.detail or refusal.title,
        next_step=refusal.next_step,
    )
