"""The answer for one unit at one station."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from mes.equipment.errors import EquipmentNotFound
from mes.equipment.types import WhenAway
from mes.genealogy.may_i.rules import check_of, permission_of, program_differs
from mes.genealogy.may_i.statements import is_let, load_facts, load_parameters
from mes.genealogy.may_i.types import Permission, Step, UnitFacts, Why
from mes.genealogy.statements import Reads
from mes.genealogy.tools.rules import first_spent
from mes.genealogy.tools.types import Limit, Spent
from mes.quality.rules import steps_after
from mes.quality.types import StepCheck, Verdict, VerdictFact
from standards.isa95.material import Disposition

_HOLDERS = ("unit", "origin", "around")
"""A hold on any of these holds the unit: itself, what it was split from, what it is packed in."""


def get_permission(
    reads: Reads,
    *,
    unit_id: str,
    equipment_id: str,
    now_us: int | None = None,
    program: str = "",
    program_revision: str = "",
) -> Permission:
    """Whether a unit may be worked on at some equipment, or what stands in the way. `equipment-not-found`.

    `now_us` None: limits of tools in days and hours are not judged. `program` and `program_revision`: what the machine
    is about to run ("": it does not say), held against the job's parameters of these names; a supervisor may have let
    another be used.
    """
    rows: dict[str, list[Any]] = defaultdict(list)
    for row in load_facts(reads, unit_id, equipment_id):
        rows[row[0]].append(row[1:])
    if not rows["place"]:
        raise EquipmentNotFound(f"There is no equipment {equipment_id!r}.")
    away = WhenAway(rows["policy"][0][3]) if rows["policy"] else WhenAway.go_on
    found = replace(permission_of(_facts(unit_id, rows, now_us)), when_away=away)
    if found.why is None and (program or program_revision):
        wanted = program_differs(load_parameters(reads, found.job_id), program, program_revision)
        if wanted and is_let(reads, found.job_id, program, program_revision):
            return replace(found, overridden=Why.program, other=wanted)
        return replace(found, why=Why.program, other=wanted) if wanted else found
    return found


def _facts(unit_id: str, rows: dict[str, list[Any]], now_us: int | None) -> UnitFacts:
    told = sorted(rows["verdict"], key=lambda row: (row[1], row[2]))
    asks = {row[2]: StepCheck(row[4]) for row in rows["asks"]}
    records = {row[2] for row in rows["records"]}
    worked: dict[str, int] = {}
    for row in rows["worked"]:
        worked[row[3]] = max(row[1], worked.get(row[3], 0))
    return UnitFacts(
        unit_id,
        known=bool(rows["unit"] or told),
        closed=any(row[3] == Disposition.Closed for row in rows["unit"]),
        held_by=next((row[4] for name in _HOLDERS for row in rows[name] if row[3] == Disposition.Restricted), ""),
        steps=tuple(
            Step(row[3], row[4], check_of(asks.get(row[2]), records=row[2] in records), bool(row[0]))
            for row in sorted(rows["step"], key=lambda row: int(row[2]))
        ),
        verdicts=tuple(VerdictFact(unit_id, Verdict(row[0]), row[3]) for row in told),
        worked=worked,
        after=steps_after((row[3], row[4]) for row in rows["after"]),
        spent=first_spent((Limit(row[3], Spent(row[4]), row[0], row[1]) for row in rows["tool"]), now_us),
        reset_at_us=max((row[1] for row in told if row[0] == Verdict.rework), default=0),
    )
