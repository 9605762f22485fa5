"""All that a recall has found is put on hold in one step."""

from __future__ import annotations

from mes.genealogy.errors import GenealogyTooLarge
from mes.genealogy.queries.recall import reach_suspects
from mes.genealogy.statements import names_of
from mes.genealogy.types import Suspects
from mes.kernel.uow import UnitOfWork
from mes.materials.service import hold_lots


def hold_suspects(uow: UnitOfWork, *, suspects: Suspects, reason: str) -> int:
    """Hold every lot that is suspected or may be affected, certain or possible; answers how many were not held before.

    What is closed stays closed. `genealogy-too-large` rather than a part of it; else as `reach_suspects`.
    """
    _, reach = reach_suspects(uow, suspects)
    if reach.truncated:
        raise GenealogyTooLarge("More is affected than one recall holds; nothing was held.")
    (names,) = names_of(uow, material_lot=reach.pks)
    held = hold_lots(uow, lot_ids=[names[pk] for pk in reach.pks], reason=reason, but_closed=True)
    if held:
        payload = {"lot_ids": held[:20], "reason": reason, "held": len(held)}
        uow.emit("genealogy.lots-held.v1", topics=["genealogy"], subject="genealogy", payload=payload)
    return len(held)
