"""All that a recall has found is put on hold in one step, and what it holds is released in one."""

from __future__ import annotations

from collections.abc import Sequence

from mes.genealogy.errors import GenealogyTooLarge
from mes.genealogy.queries.recall import reach_suspects, standings_of
from mes.genealogy.statements import names_of
from mes.genealogy.types import Reach, Released, Suspects
from mes.kernel.uow import UnitOfWork
from mes.materials.service import hold_lots, release_lots
from standards.isa95.material import Disposition


def hold_suspects(uow: UnitOfWork, *, suspects: Suspects, reason: str) -> int:
    """Hold every lot that is suspected or may be affected, certain or possible; answers how many were not held before.

    What is closed stays closed. `genealogy-too-large` rather than a part of it; else as `reach_suspects`.
    """
    reach = _whole(uow, suspects)
    (names,) = names_of(uow, material_lot=reach.pks)
    held = hold_lots(uow, lot_ids=[names[pk] for pk in reach.pks], reason=reason, but_closed=True)
    _emit(uow, "genealogy.lots-held.v1", held, held=len(held), reason=reason)
    return len(held)


def release_suspects(uow: UnitOfWork, *, suspects: Suspects, hold_reason: str, reason: str) -> Released:
    """Release every lot of a recall that is on hold with the words `hold_reason`; what is held for others stays.

    Repeating it changes nothing. `genealogy-too-large` rather than a part of it; `signature-needed`,
    `signature-not-good`: one of all lots together; else as `reach_suspects`.
    """
    before = standings_of(uow, _whole(uow, suspects))
    lot_ids = before.held_because(hold_reason)
    released = release_lots(uow, lot_ids=lot_ids, reason=reason)
    _emit(uow, "genealogy.lots-released.v1", released, released=len(released), hold_reason=hold_reason, reason=reason)
    others = dict(before.others)
    closed = others.pop(Disposition.Closed, 0)
    otherwise = {group.reason: len(group.lot_ids) for group in before.held if group.reason != hold_reason}
    return Released(len(released), otherwise, sum(others.values()), closed)


def _whole(uow: UnitOfWork, suspects: Suspects) -> Reach:
    _, reach = reach_suspects(uow, suspects)
    if reach.truncated:
        raise GenealogyTooLarge("More is affected than one recall takes; nothing was changed.")
    return reach


def _emit(uow: UnitOfWork, event: str, lot_ids: Sequence[str], **said: object) -> None:
    if lot_ids:
        payload = {"lot_ids": list(lot_ids[:20]), **said}
        uow.emit(event, topics=["genealogy"], subject="genealogy", payload=payload)
