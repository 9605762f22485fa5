"""Where from, where used, what was shipped, the as-built record of a unit, the difference between two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import orjson

from mes.genealogy.errors import LotUnknown
from mes.genealogy.process_values.queries import Found, compared_values, list_process_values, process_values_table
from mes.genealogy.queries.tables import (
    CERTAIN,
    acts_table,
    amount,
    groups_table,
    instant,
    links_table,
    lots_table,
    results_tables,
    shipments_table,
    signatures_table,
)
from mes.genealogy.queries.walk import containers_of, reach_down, walk_down, walk_up
from mes.genealogy.statements import (
    ACTS_OF_LOTS,
    ENDED_LINKS,
    Reads,
    key_text,
    load_lot_keys,
    load_lots,
    load_lots_by_pk,
    names_of,
    shipments_of,
    shipped_of,
)
from mes.genealogy.tools.statements import load_stays_at
from mes.genealogy.types import NODES_MAX, Answer, Reach, Table
from mes.kernel.db import ReadSession
from mes.kernel.errors import FieldError
from mes.materials.types import LotKind
from standards.isa95.material import Disposition

_NOTHING: Final = Found((), truncated=False)


def known_lots(reads: Reads, lot_ids: Collection[str]) -> dict[str, int]:
    """Keys of lots by id. `lot-unknown`."""
    lots = load_lot_keys(reads, lot_ids)
    if missing := sorted(set(lot_ids) - lots.keys()):
        errors = [FieldError(lot_id, "nobody has recorded it", LotUnknown.code) for lot_id in missing[:100]]
        raise LotUnknown(f"Nobody has recorded {missing[0]}.", errors=errors)
    return lots


def trace_from(reads: Reads, *, lot_id: str, limit: int = NODES_MAX) -> Answer:
    """What a lot was made of, the full tree: links, each with the number of its act, and lots. `lot-unknown`."""
    return _tree(reads, lot_id, walk_up(reads, [known_lots(reads, [lot_id])[lot_id]], limit=limit))


def trace_used(reads: Reads, *, lot_id: str, limit: int = NODES_MAX) -> Answer:
    """What a lot went into, down to shipments. `lot-unknown`."""
    return _tree(reads, lot_id, walk_down(reads, [known_lots(reads, [lot_id])[lot_id]], limit=limit))


def _tree(reads: Reads, lot_id: str, reach: Reach) -> Answer:
    lots, names = lots_table(reads, reach)
    return Answer(
        {"lot_id": lot_id, "lots": len(lots.rows), "truncated": reach.truncated},
        {
            "links": links_table(names, reach.links),
            "lots": lots,
        },
    )


def list_affected(reads: Reads, *, lot_ids: Sequence[str], limit: int = NODES_MAX) -> Answer:
    """Everything that some lots went into, in groups. `lot-unknown`."""
    reach = reach_down(reads, known_lots(reads, lot_ids).values(), limit=limit)
    facts = {"certain": len(reach.certain), "possible": len(reach.possible), "truncated": reach.truncated}
    return Answer(facts, {"affected": groups_table(reads, reach)[0]})


def list_shipped(reads: Reads, *, lot_ids: Sequence[str], limit: int = NODES_MAX) -> Answer:
    """The serialised units that some lots went into and that have left, by shipment. `lot-unknown`."""
    reach = reach_down(reads, known_lots(reads, lot_ids).values(), limit=limit)
    units = {row[0]: (row[1], orjson.Fragment(row[2])) for row in shipped_of(reads, reach.pks)}
    table = [
        (shipment_id, customer, note, instant(at_us), *units[pk])
        for pk, shipment_id, customer, note, at_us in shipments_of(reads, units)
    ]
    columns = ("shipment_id", "customer_id", "delivery_note", "shipped_at", "count", "lot_ids")
    facts = {"units": sum(count for count, _ in units.values()), "truncated": reach.truncated}
    return Answer(facts, {"shipped": Table(columns, sorted(table, key=lambda row: row[:1]))})


def get_as_built(reads: ReadSession, *, lot_id: str, now_us: int | None = None) -> Answer:
    """One unit: what it is, all that was done to it and its parts, what is in it, what was in it before, how it was
    tested, what was signed, and up to `now_us` what was measured where it was (None: that is not asked for).

    `lot-unknown`.
    """
    known_lots(reads, [lot_id])
    root = load_lots(reads, [lot_id])[lot_id]
    reach = walk_up(reads, [root.pk])
    lots, names = lots_table(reads, reach)
    made = {root.pk} | {link.child_pk for link in reach.links} | _units(reach, lots, names)
    keys = key_text(reads, sorted(made))
    ended = ENDED_LINKS.on(reads, keys)
    acts = ACTS_OF_LOTS.on(reads, keys)
    stays = load_stays_at(reads, {row[4] for row in acts if row[4] is not None and row[5] is not None})
    (before,) = names_of(reads, material_lot={pk for row in ended for pk in row[:2]})
    removed = [(before[row[0]], before[row[1]], amount(row[3]), row[2], row[5]) for row in ended]
    shipments = shipments_table(reads, {root.shipment_pk: 1} if root.shipment_pk else {})
    done = acts_table(reads, acts, stays)
    results, is_all = results_tables(reads, [names[pk] for pk in made if pk in names])
    measured = _NOTHING if now_us is None else list_process_values(reads, acts=acts, root_pk=root.pk, now_us=now_us)
    return Answer(
        {
            "lot_id": lot_id,
            "disposition": root.disposition,
            "held_in": _held_in(reads, root.pk),
            "quantity": amount(root.quantity_e6),
            "used": amount(root.used_e6),
            "truncated": reach.truncated
            or ("values" if measured.truncated else "")
            or ("" if is_all else "measurements"),
        },
        {
            "links": links_table(names, reach.links),
            "lots": lots,
            "acts": done,
            "ended": Table(("parent_id", "child_id", "quantity", "act", "ended_by"), sorted(removed)),
            "shipments": shipments,
            **results,
            "process_values": process_values_table(reads, measured.values),
            "signatures": signatures_table(reads, lots, done),
        },
    )


def _units(reach: Reach, lots: Table, names: Mapping[int, str]) -> set[int]:
    """Units that are in it, whatever they were made of, and those that others were split from: what the panel went
    through, its boards did."""
    units = {row[0] for row in lots.rows if row[1] == LotKind.unit.name}
    return {pk for pk in reach.certain if names.get(pk) in units}


def _held_in(reads: Reads, pk: int) -> str:
    """A container on hold that a lot is in, at any depth; "": none."""
    around = load_lots_by_pk(reads, containers_of(reads, [pk])).values()
    return min((lot.lot_id for lot in around if lot.disposition == Disposition.Restricted), default="")


def get_difference(reads: ReadSession, *, first_id: str, second_id: str, now_us: int | None = None) -> Answer:
    """What only one of two units has: lots, by material; passes, by station, with another program, tool or parameters.
    A lot may be in it for certain, or only possibly. And what was measured at the same station for both, up to `now_us`
    (as in `get_as_built`).

    `lot-unknown`.
    """
    known_lots(reads, [first_id, second_id])
    sides = [get_as_built(reads, lot_id=lot_id, now_us=now_us) for lot_id in (first_id, second_id)]
    rows = _compared("lot", *(_lots_by_material(side) for side in sides))
    rows += _compared("pass", *(_passes_by_station(side) for side in sides))
    columns = ("what", "where", "only_in", "value", "certainty")
    truncated = next((side.facts["truncated"] for side in sides if side.facts["truncated"]), "")
    facts = {"first_id": first_id, "second_id": second_id, "truncated": truncated}
    compared = compared_values(*(side.tables["process_values"] for side in sides), roots=(first_id, second_id))
    return Answer(facts, {"difference": Table(columns, rows), "process_values": compared})


Certainties = Mapping[str, str]
"""By what there is, whether it is there for certain."""


def _lots_by_material(side: Answer) -> dict[str, Certainties]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in side.tables["lots"].rows:
        if row[0] != side.facts["lot_id"]:
            found[row[2]][row[0]] = row[8]
    return {**found}


def _passes_by_station(side: Answer) -> dict[str, Certainties]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in side.tables["acts"].rows:
        if row[5] is not None and row[11] is None:
            how = " · ".join(text for text in (row[6], row[8], row[9], row[10]) if text not in ("", "{}"))
            found[row[4]][how] = CERTAIN
    return {**found}


def _compared(what: str, first: Mapping[str, Certainties], second: Mapping[str, Certainties]) -> list[tuple[str, ...]]:
    return [
        (what, where, side, value, mine[where][value])
        for where in sorted(first.keys() | second.keys())
        for side, mine, other in (("first", first, second), ("second", second, first))
        for value in sorted(mine.get(where, {}).keys() - other.get(where, {}).keys())
    ]
