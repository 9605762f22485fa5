"""What the bill of a job asks for where a lot is scanned, and which lots are not of an approved part."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from mes.genealogy.errors import GenealogyInvalid
from mes.genealogy.statements import Bill, load_bills, load_material_ids, load_materials, load_part_facts
from mes.genealogy.types import LinkKind
from mes.kernel.uow import UnitOfWork
from mes.materials.errors import WrongMaterial
from mes.materials.receiving.rules import is_approved
from mes.materials.types import ApprovedPart

TAKES: Final = frozenset({LinkKind.consumed, LinkKind.installed})
"""What goes into a piece by these links stands on the bill of its job."""


def allowed_materials(
    uow: UnitOfWork, *, job_id: str, material_id: str, kind: LinkKind, bill: Bill | None = None
) -> frozenset[int] | None:
    """Keys of what may be used: of the position `material_id` of the job's bill ("": of any), with its substitutes.

    None: anything. A job whose step has no bill, and what is done in no job, leaves it to the caller: then it is
    `material_id` itself. `genealogy-invalid` where there is no such material.
    """
    if job_id and kind in TAKES:
        lines = load_bills(uow, [job_id]).get(job_id, {}) if bill is None else bill
        if lines:
            return lines.get(material_id, frozenset()) if material_id else frozenset().union(*lines.values())
    if not material_id:
        return None
    materials = load_materials(uow, [material_id])
    if not materials:
        raise GenealogyInvalid(f"There is no material {material_id!r}.")
    return frozenset({materials[material_id][0]})


def wrong_material(
    uow: UnitOfWork, lot_id: str, allowed: Collection[int], *, job_id: str, material_id: str
) -> WrongMaterial:
    """What the lot is of, and what is asked for."""
    has, names = load_material_ids(uow, lot_id, allowed)
    if not names:
        return WrongMaterial(f"The bill of job {job_id} has no {material_id}.")
    return WrongMaterial(f"{lot_id} is {has}; {' or '.join(names)} is asked for.")


def unapproved(uow: UnitOfWork, lot_ids: Collection[str]) -> frozenset[str]:
    """Lots that were received with a part that is not, or no longer, approved for their material."""
    facts = load_part_facts(uow, lot_ids)
    return frozenset(lot_id for lot_id, rows in facts.items() if not _is_approved(rows))


def _is_approved(rows: Iterable[tuple[str, str, str, str]]) -> bool:
    received = list(rows)
    listed = [ApprovedPart(manufacturer, part) for _, _, manufacturer, part in received]
    return is_approved(listed, manufacturer=received[0][0], part=received[0][1])
