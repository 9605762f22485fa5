"""Recall: from what is suspected to everything that may be affected, and where it is now."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from mes.genealogy.errors import GenealogyInvalid, SuspectsMissing
from mes.genealogy.queries.tables import acts_table, groups_table, list_groups, shipments_table
from mes.genealogy.queries.trace import known_lots
from mes.genealogy.queries.walk import contents, reach_down
from mes.genealogy.statements import (
    FLAGGED,
    STILL_MOUNTED,
    Reads,
    load_equipment,
    load_jobs,
    load_principals,
    lots_of_acts,
    lots_of_range,
    names_of,
)
from mes.genealogy.tools.statements import load_stays
from mes.genealogy.types import (
    NODES_MAX,
    OPEN_SEQ,
    Answer,
    HeldBecause,
    Reach,
    Standings,
    Suspects,
    Table,
)
from mes.materials.queries import list_hold_reasons
from standards.isa95.material import Disposition


def reach_suspects(reads: Reads, suspects: Suspects, *, limit: int = NODES_MAX) -> tuple[set[int], Reach]:
    """The suspected lots, with what is packed in them, and all in their reach.

    `suspects-missing`, `lot-unknown`, `genealogy-invalid`.
    """
    roots = _roots(reads, suspects, limit)
    return roots, reach_down(reads, roots, limit=limit)


def get_recall(reads: Reads, *, suspects: Suspects, limit: int = NODES_MAX) -> Answer:
    """Affected lots in groups (unit, lot, container, shipment; order, job, place, disposition), shipments, what is
    mounted right now, and what was done to affected lots although they were on hold.

    Refusals as `reach_suspects`. `truncated` says which limit ended it."""
    roots, reach = reach_suspects(reads, suspects, limit=limit)
    affected, shipped = groups_table(reads, reach)
    return Answer(
        {
            "suspects": len(roots),
            "certain": len(reach.certain),
            "possible": len(reach.possible),
            "truncated": reach.truncated,
        },
        {
            "affected": affected,
            "shipments": shipments_table(reads, shipped),
            "mounted": _mounted(reads, reach.certain | reach.possible),
            "while_held": _while_held(reads, reach.certain | reach.possible),
        },
    )


def list_recall_holds(reads: Reads, *, suspects: Suspects) -> Standings:
    """What of a recall is on hold, and why. Refusals as `reach_suspects`."""
    return standings_of(reads, reach_suspects(reads, suspects)[1])


def standings_of(reads: Reads, reach: Reach) -> Standings:
    """How the lots of a walk stand: a fixed number of statements for each ten thousand."""
    groups = list_groups(reads, reach.pks)
    (orders,) = names_of(reads, order_of_job=[group.job_pk for group in groups])
    others: Counter[str] = Counter()
    held: list[tuple[str, str, str]] = []
    for group in groups:
        if group.disposition == Disposition.Restricted:
            held += [(lot_id, group.kind, orders[group.job_pk]) for lot_id in group.lot_ids]
        else:
            others[group.disposition] += len(group.lot_ids)
    return Standings(_by_reason(held, list_hold_reasons(reads, lot_ids=[row[0] for row in held])), others)


def _by_reason(held: Iterable[tuple[str, str, str]], reasons: Mapping[str, str]) -> tuple[HeldBecause, ...]:
    """Of lot, kind and order."""
    found: defaultdict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for row in held:
        found[reasons[row[0]]].append(row)
    groups = [
        HeldBecause(
            reason,
            tuple(sorted(row[0] for row in rows)),
            Counter(row[1] for row in rows),
            len({row[2] for row in rows} - {""}),
        )
        for reason, rows in found.items()
    ]
    return tuple(sorted(groups, key=lambda group: (-len(group.lot_ids), group.reason)))


def _mounted(reads: Reads, pks: Collection[int]) -> Table:
    rows = [row for row in reads.driver_query(STILL_MOUNTED, (OPEN_SEQ,)) if row[0] in pks]
    lots, places = names_of(reads, material_lot=[row[0] for row in rows], equipment=[row[1] for row in rows])
    return Table(
        ("equipment_id", "slot_id", "lot_id", "from_sequence"),
        sorted((places[place], slot, lots[lot], first) for lot, place, slot, first in rows),
    )


def _while_held(reads: Reads, pks: Collection[int]) -> Table:
    """What was done to affected lots although they were on hold."""
    return acts_table(reads, [row for row in reads.driver_query(FLAGGED) if row[3] in pks])


def _roots(reads: Reads, suspects: Suspects, limit: int) -> set[int]:
    named = known_lots(reads, suspects.lot_ids).values() if suspects.lot_ids else ()
    roots = contents(reads, named)
    if suspects.from_lot_id or suspects.to_lot_id:
        first, last = suspects.from_lot_id, suspects.to_lot_id
        if len(first) != len(last) or first > last:
            raise GenealogyInvalid("A range of serials has a first and a last one of the same length.")
        roots.update(lots_of_range(reads, first, last, limit + 1))
    if suspects.by_acts:
        roots.update(_worked(reads, suspects, limit + 1))
    elif not (suspects.lot_ids or suspects.from_lot_id):
        raise SuspectsMissing()
    return roots


def _worked(reads: Reads, suspects: Suspects, limit: int) -> set[int]:
    """Lots to which something was done so. A tool was used where it was told with an act, and at whatever passed where
    it stood."""
    conditions = _conditions(reads, suspects)
    found = set(lots_of_acts(reads, conditions, limit))
    if suspects.tool:
        del conditions["c.tool = ?"]
        for stay in load_stays(reads, suspects.tool):
            there: dict[str, Any] = {"a.seq IS NOT NULL AND a.equipment_pk = ?": stay.equipment_pk}
            while_there = {"? <= a.at_us": stay.from_us, "? > a.at_us": stay.to_us}
            found.update(lots_of_acts(reads, conditions | there | while_there, limit))
    return found


def _conditions(reads: Reads, suspects: Suspects) -> dict[str, Any]:
    named = {
        "a.equipment_pk = ?": (load_equipment, suspects.equipment_id),
        "a.job_pk = ?": (load_jobs, suspects.job_id),
        "a.actor = ?": (load_principals, suspects.operator_id),
    }
    conditions: dict[str, Any] = {}
    for condition, (load, name) in named.items():
        if name:
            found = load(reads, [name])
            if not found:
                raise GenealogyInvalid(f"There is no {name!r}.")
            conditions[condition] = found[name]
    plain = {
        "c.program = ?": suspects.program or None,
        "c.tool = ?": suspects.tool or None,
        "a.at_us >= ?": suspects.from_at_us,
        "a.at_us < ?": suspects.until_us,
    }
    return conditions | {condition: value for condition, value in plain.items() if value is not None}
