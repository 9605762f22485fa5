"""One lot becomes several, several become one. What went in is what came out, to the last millionth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mes.genealogy.errors import GenealogyInvalid, LotUnknown
from mes.genealogy.service.once import done_once
from mes.genealogy.service.recording import record
from mes.genealogy.statements import load_lots, material_of
from mes.genealogy.types import Act, ActKind, Link, LinkKind, NewLot, Recording
from mes.kernel.uow import UnitOfWork
from mes.materials.life.service import inherit_life
from mes.materials.types import LotKind


@done_once()
def split_lot(uow: UnitOfWork, *, request_id: str, lot_id: str, into: Mapping[str, int]) -> int:
    """New lots of these quantities (× 10^6), as old as it, are taken off a lot. Answers the act; as `record`."""
    material = _materials(uow, [lot_id])[lot_id]
    recording = Recording(
        lots=[NewLot(new_id, material, quantity, LotKind.lot) for new_id, quantity in into.items()],
        acts=(Act(ActKind.split, lot_id, uow.now_us, request_id=request_id),),
        links=[Link(0, lot_id, new_id, quantity, LinkKind.split) for new_id, quantity in into.items()],
    )
    made = record(uow, recording)
    inherit_life(uow, from_lot_ids=[lot_id], to_lot_ids=list(into))
    uow.emit(
        "genealogy.lot-split.v1",
        topics=[f"material-lot/{lot_id}"],
        subject=f"material-lot/{lot_id}",
        payload={"act": made.first_act, "lot_id": lot_id, "into": dict(into)},
    )
    return made.first_act


@done_once()
def merge_lots(uow: UnitOfWork, *, request_id: str, lot_ids: Sequence[str], into_id: str) -> int:
    """All that is left of lots of one material becomes a new lot. `genealogy-invalid` if they differ; as `record`."""
    materials = _materials(uow, lot_ids)
    if len(set(materials.values())) != 1:
        raise GenealogyInvalid("Only lots of one material can become one lot.")
    lots = load_lots(uow, lot_ids)
    left = {lot_id: lots[lot_id].quantity_e6 - lots[lot_id].used_e6 for lot_id in dict.fromkeys(lot_ids)}
    recording = Recording(
        lots=(NewLot(into_id, materials[lot_ids[0]], sum(left.values()), LotKind.lot),),
        acts=(Act(ActKind.merged, into_id, uow.now_us, request_id=request_id),),
        links=[Link(0, lot_id, into_id, max(quantity, 1), LinkKind.merged) for lot_id, quantity in left.items()],
    )
    made = record(uow, recording)
    inherit_life(uow, from_lot_ids=list(left), to_lot_ids=[into_id])
    uow.emit(
        "genealogy.lots-merged.v1",
        topics=[f"material-lot/{into_id}"],
        subject=f"material-lot/{into_id}",
        payload={"act": made.first_act, "lot_ids": list(left), "into_id": into_id},
    )
    return made.first_act


def _materials(uow: UnitOfWork, lot_ids: Sequence[str]) -> dict[str, str]:
    found = material_of(uow, lot_ids)
    if missing := [lot_id for lot_id in lot_ids if lot_id not in found]:
        raise LotUnknown(f"Nobody has recorded {missing[0]}.")
    return found
