"""Hand-written SQL of materials: dispositions of many lots at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, TypeVar

from mes.kernel.uow import UnitOfWork, marks
from standards.isa95.material import Disposition

T = TypeVar("T")
KEYS_MAX: Final = 10_000
"""Keys in one statement."""


class LotDisposition(NamedTuple):
    pk: int
    lot_id: str
    disposition: str
    version: int


def load_dispositions(uow: UnitOfWork, lot_ids: Collection[str]) -> dict[str, LotDisposition]:
    """By id; lots that nobody recorded are absent."""
    found: dict[str, LotDisposition] = {}
    for some in _parts(list(lot_ids)):
        sql = f"SELECT pk, id, disposition, version FROM material_lot WHERE id IN ({marks(some)})"  # noqa: S608
        found.update((row[1], LotDisposition(*row)) for row in uow.driver_query(sql, some))
    return found


def store_disposition(uow: UnitOfWork, pks: Collection[int], disposition: Disposition) -> None:
    """What some lots are from now on."""
    for some in _parts(list(pks)):
        sql = f"UPDATE material_lot SET disposition = ?, version = version + 1 WHERE pk IN ({marks(some)})"  # noqa: S608
        uow.driver_execute(sql, (disposition.value, *some))


def store_quantity(uow: UnitOfWork, pk: int, quantity_e6: int) -> None:
    """What a lot is in all."""
    uow.driver_execute("UPDATE material_lot SET quantity = ?, version = version + 1 WHERE pk = ?", (quantity_e6, pk))


def _parts(keys: Sequence[T]) -> list[Sequence[T]]:
    return [keys[start : start + KEYS_MAX] for start in range(0, len(keys), KEYS_MAX)]
