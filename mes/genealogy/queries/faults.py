"""Which rows of history name what is not there: found for a whole block at once, where recording it would stop at the
first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mes.genealogy.errors import GenealogyInvalid, LotUnknown
from mes.genealogy.statements import Reads, load_equipment, load_jobs, load_lot_keys, load_materials
from mes.genealogy.types import Fact, Fault


@dataclass(frozen=True, slots=True)
class _Present:
    """What the plant has of all that is named. `lots` grows by those of the rows before."""

    lots: set[str]
    materials: Mapping[str, object]
    equipment: Mapping[str, object]
    jobs: Mapping[str, object]

    def faults_of(self, fact: Fact) -> Iterator[Fault]:
        lot, act = fact.lot, fact.act
        if lot is not None:
            if lot.lot_id in self.lots:
                yield Fault(GenealogyInvalid.code, f"There already is a lot {lot.lot_id}.")
            if lot.material_id not in self.materials:
                yield Fault(GenealogyInvalid.code, f"There is no material {lot.material_id}.")
        yield from (
            Fault(LotUnknown.code, f"Nobody has recorded {lot_id}.")
            for lot_id in _lots_of(fact)
            if lot_id not in self.lots
        )
        if act is not None and act.equipment_id and act.equipment_id not in self.equipment:
            yield Fault(GenealogyInvalid.code, f"There is no equipment {act.equipment_id}.")
        if (job_id := _job_of(fact)) and job_id not in self.jobs:
            yield Fault(GenealogyInvalid.code, f"There is no job order {job_id}.")


def find_faults(reads: Reads, *, facts: Sequence[Fact]) -> dict[int, Fault]:
    """By place in `facts`, the first fault of each row. Lots of sound rows before a row are there for it."""
    named = {lot_id for fact in facts for lot_id in _lots_of(fact)}
    new = {fact.lot.lot_id: fact.lot.material_id for fact in facts if fact.lot is not None}
    present = _Present(
        set(load_lot_keys(reads, named | new.keys())),
        load_materials(reads, set(new.values())),
        load_equipment(reads, {fact.act.equipment_id for fact in facts if fact.act is not None}),
        load_jobs(reads, {_job_of(fact) for fact in facts}),
    )
    found: dict[int, Fault] = {}
    for place, fact in enumerate(facts):
        fault = next(present.faults_of(fact), None)
        if fault is not None:
            found[place] = fault
        elif fact.lot is not None:
            present.lots.add(fact.lot.lot_id)
    return found


def _lots_of(fact: Fact) -> Iterable[str]:
    """Every lot a row names, but the one, or the shipment, it makes."""
    if fact.link is not None:
        return fact.link.parent_id, fact.link.child_id
    if fact.sent is not None:
        return (fact.sent.lot_id,)
    return () if fact.act is None else (fact.act.lot_id,)


def _job_of(fact: Fact) -> str:
    if fact.lot is not None:
        return fact.lot.job_id
    return "" if fact.act is None else fact.act.job_id
