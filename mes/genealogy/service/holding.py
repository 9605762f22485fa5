"""All that a recall has found is put on hold in one step."""

from __future__ import annotations

from typing import Final

from mes.genealogy.errors import GenealogyTooLarge
from mes.genealogy.queries.recall import reach_suspects
from mes.genealogy.statements import hold_lots
from mes.genealogy.types import Suspects
from mes.kernel.uow import UnitOfWork

_NAMED_IN_AN_EVENT: Final = 1_000


def hold_suspects(uow: UnitOfWork, *, suspects: Suspects, reason: str) -> int:
    """Hold every lot that is suspected or may be affected, certain or possible; answers how many were not held before.

    What is closed stays closed. `genealogy-too-large` rather than a part of it; else as `reach_suspects`.
    """
    _, reach = reach_suspects(uow, suspects)
    if reach.truncated:
        raise GenealogyTooLarge("More is affected than one recall holds; nothing was held.")
    held = hold_lots(uow, reach.pks)
    for start in range(0, len(held), _NAMED_IN_AN_EVENT):
        some = held[start : start + _NAMED_IN_AN_EVENT]
        uow.emit(
            "genealogy.lots-held.v1",
            topics=["genealogy", *(f"material-lot/{lot_id}" for lot_id in some[:20])],
            subject="genealogy",
            payload={"lot_ids": some, "reason": reason, "held": len(held)},
        )
    return len(held)
