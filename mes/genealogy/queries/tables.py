"""Keys into names: the tables of answers. Each is a fixed number of statements, whatever the size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from mes.access.signatures.queries import list_signatures
from mes.access.signatures.types import SignatureView
from mes.genealogy.statements import (
    DEFECTS_IN,
    GROUPS,
    LOT_ROWS,
    MEASURED_IN,
    RESULTS_OF_UNITS,
    Names,
    Reads,
    Rows,
    contexts_of,
    key_text,
    name_text,
    names_of,
    shipments_of,
)
from mes.genealogy.tools.types import ToolThen
from mes.genealogy.types import MEASURED_MAX, ActKind, LinkKind, LinkRow, Reach, Table
from mes.kernel.db import ReadSession
from mes.kernel.sqltypes import from_us, to_us
from mes.materials.types import LotKind
from mes.quality.types import Verdict
from standards.isa95.quantity import from_e6

LOT_COLUMNS: Final = (
    "lot_id",
    "kind",
    "material_id",
    "quantity",
    "disposition",
    "job_order_id",
    "place_id",
    "shipment_id",
    "certainty",
)
GROUP_COLUMNS: Final = (
    "kind",
    "material_id",
    "disposition",
    "operations_request_id",
    "job_order_id",
    "place_id",
    "shipment_id",
    "certainty",
    "count",
    "lot_ids",
)
LINK_COLUMNS: Final = ("parent_id", "child_id", "quantity", "kind", "certainty", "act")
ACT_COLUMNS: Final = (
    "act",
    "kind",
    "at",
    "lot_id",
    "equipment_id",
    "sequence",
    "job_order_id",
    "actor",
    "program",
    "tool",
    "parameters",
    "taken_back_by",
    "flag",
    "note",
)
RESULT_COLUMNS: Final = (
    "result",
    "unit_id",
    "verdict",
    "segment_id",
    "job_order_id",
    "equipment_id",
    "program",
    "program_revision",
    "at",
    "taken_back_by",
    "note",
)
MEASURED_COLUMNS: Final = ("result", "name", "value", "unit", "low", "high", "verdict")
DEFECT_COLUMNS: Final = ("result", "unit_id", "code", "position", "note", "repaired_by")
SIGNATURE_COLUMNS: Final = ("signature", "act", "subject", "meaning", "signed_by", "name", "signed_at", "reason")
SIGNED_MAX: Final = 200
"""Signatures of one answer, the newest."""
SIGNED_SUBJECTS_MAX: Final = 2_000
"""Lots and jobs whose signatures one answer looks for."""
CERTAIN, POSSIBLE = "certain", "possible"
_VERDICTS: Final = {verdict.value: verdict.name for verdict in Verdict}
_KINDS: Final = {kind.value: kind.name for kind in LotKind}
_LINKS: Final = {kind.value: kind.name for kind in LinkKind}
_ACTS: Final = {kind.value: kind.name for kind in ActKind}


def instant(at_us: int) -> str:
    """ISO 8601, UTC, as everywhere in REST."""
    return from_us(at_us).isoformat()[:-6] + "Z"


@lru_cache(maxsize=10_000)
def amount(value_e6: int) -> str:
    """The exact decimal as text."""
    return str(from_e6(value_e6))


def lots_table(reads: Reads, reach: Reach) -> tuple[Table, dict[int, str]]:
    """Every lot of a walk, in the order it came into being; and their ids by key."""
    rows = sorted(LOT_ROWS.on(reads, key_text(reads, reach.certain | reach.possible)))
    materials, jobs, places, shipments = _names(reads, rows, (3, 6, 7, 8))
    table = Table(
        LOT_COLUMNS,
        [
            (
                lot_id,
                _KINDS[kind],
                materials[material],
                amount(quantity),
                disposition,
                jobs[job],
                places[place],
                shipments[shipment],
                POSSIBLE if pk in reach.possible else CERTAIN,
            )
            for pk, lot_id, kind, material, quantity, disposition, job, place, shipment in rows
        ],
    )
    return table, {row[0]: row[1] for row in rows}


def _names(reads: Reads, rows: Rows, columns: Sequence[int]) -> list[Names]:
    """Of materials, jobs, places and shipments, whose keys stand in these columns."""
    materials, jobs, places, shipments = ({row[column] for row in rows} for column in columns)
    return names_of(reads, material_definition=materials, job_order=jobs, equipment=places, material_lot=shipments)


def groups_table(reads: Reads, reach: Reach) -> tuple[Table, Counter[int]]:
    """The lots of a walk, those of one kind, material, disposition, job, place and shipment together; and how many of
    them, shipments left aside, are in which shipment.

    `lot_ids` is finished JSON (`orjson.Fragment`): a recall has tens of thousands.
    """
    parts = [
        (certainty, row)
        for certainty, pks in ((CERTAIN, reach.certain), (POSSIBLE, reach.possible))
        if pks
        for row in _grouped(reads, pks)
    ]
    materials, jobs, places, shipments = _names(reads, [row for _, row in parts], (1, 3, 4, 5))
    (orders,) = names_of(reads, order_of_job=[row[3] for _, row in parts])
    rows = [
        (
            _KINDS[kind],
            materials[material],
            disposition,
            orders[job],
            jobs[job],
            places[place],
            shipments[shipment],
            certainty,
            count,
            orjson.Fragment(lot_ids),
        )
        for certainty, (kind, material, disposition, job, place, shipment, count, lot_ids) in parts
    ]
    shipped: Counter[int] = Counter()
    for _, (kind, *_, shipment, count, _ids) in parts:
        if shipment is not None and kind != LotKind.shipment:
            shipped[shipment] += count
    return Table(GROUP_COLUMNS, sorted(rows, key=lambda row: row[:8])), shipped


def _grouped(reads: Reads, pks: Collection[int]) -> Rows:
    return GROUPS.on(reads, key_text(reads, sorted(pks)))


class LotGroup(NamedTuple):
    kind: str
    disposition: str
    job_pk: int | None
    lot_ids: list[str]


def list_groups(reads: Reads, pks: Collection[int]) -> list[LotGroup]:
    """The lots of a walk with their ids, those of one kind, disposition and job (and more) together."""
    return [LotGroup(_KINDS[row[0]], row[2], row[3], orjson.loads(row[7])) for row in _grouped(reads, pks)]


def links_table(names: Mapping[int, str], links: Iterable[LinkRow]) -> Table:
    """Every link of a walk; what a truncated one did not reach is left out with its links."""
    return Table(
        LINK_COLUMNS,
        [
            (
                names[parent],
                names[child],
                amount(quantity_e6),
                _LINKS[kind],
                POSSIBLE if possible else CERTAIN,
                act,
            )
            for parent, child, act, quantity_e6, kind, _, possible in sorted(set(links))
            if parent in names and child in names
        ],
    )


def acts_table(reads: Reads, rows: Sequence[Any], stays: Sequence[ToolThen] = ()) -> Table:
    """Acts in the order of time. The tool of a pass is the one that was told, else what stood there by `stays`."""
    rows = sorted(rows, key=lambda row: (row[2], row[0]))
    lots, places, jobs, actors = names_of(
        reads,
        material_lot=[row[3] for row in rows],
        equipment=[row[4] for row in rows],
        job_order=[row[6] for row in rows],
        principal=[row[7] for row in rows],
    )
    contexts = contexts_of(reads, (row[8] for row in rows))
    return Table(
        ACT_COLUMNS,
        [
            (
                pk,
                _ACTS[kind],
                instant(at_us),
                lots[lot],
                places[place],
                seq,
                jobs[job],
                actors[actor],
                *_with_tool(contexts[context], _tools_then(stays, equipment=place, at_us=at_us, seq=seq)),
                ended_by,
                flag or "",
                note or "",
            )
            for pk, kind, at_us, lot, place, seq, job, actor, context, ended_by, note, flag in rows
        ],
    )


def results_tables(reads: Reads, unit_ids: Collection[str]) -> tuple[dict[str, Table], bool]:
    """What was decided of units, in the order of time, what was measured for it, and the defects found; whether that is
    all: of more than `MEASURED_MAX` measured values those of the newest results are there."""
    found = RESULTS_OF_UNITS.on(reads, name_text(reads, unit_ids))
    jobs, places = names_of(reads, job_order=[row[4] for row in found], equipment=[row[5] for row in found])
    keys = key_text(reads, [row[0] for row in found])
    measured = MEASURED_IN.on(reads, keys, MEASURED_MAX + 1) if found else []
    defects = DEFECTS_IN.on(reads, keys) if found else []
    is_all = len(measured) <= MEASURED_MAX
    results = [
        (pk, unit, _VERDICTS[verdict], step, jobs[job], places[place], *program, instant(at_us), ended_by, note)
        for pk, unit, verdict, step, job, place, *program, at_us, ended_by, note in sorted(found, key=_by_time)
    ]
    tables = {
        "results": Table(RESULT_COLUMNS, results),
        "measurements": Table(MEASURED_COLUMNS, [row[:-1] for row in sorted(measured[:MEASURED_MAX], key=_in_result)]),
        "defects": Table(DEFECT_COLUMNS, [row[:-1] for row in sorted(defects, key=_in_result)]),
    }
    return tables, is_all


def signatures_table(session: ReadSession, lots: Table, acts: Table) -> Table:
    """What was signed electronically of the lots and of the jobs they were made in, in the order of time
    (21 CFR 11.50: who, when, with which meaning)."""
    jobs = {row[5] for row in lots.rows} | {row[6] for row in acts.rows}
    subjects = [f"job/{job}" for job in sorted(jobs - {""})] + [f"material-lot/{row[0]}" for row in lots.rows]
    page = list_signatures(session, subjects=subjects[:SIGNED_SUBJECTS_MAX], limit=SIGNED_MAX)
    return Table(SIGNATURE_COLUMNS, [_signature(view, set(subjects)) for view in reversed(page.items)])


def _signature(view: SignatureView, asked: Collection[str]) -> tuple[Any, ...]:
    signed = orjson.loads(view.what)
    about = ", ".join(subject for subject in signed["subjects"] if subject in asked)
    at = instant(to_us(view.signed_at))
    reason = str(signed["what"].get("reason") or "")
    return view.signature_id, view.act, about, view.meaning.value, view.principal_id, view.display_name, at, reason


def _by_time(row: Sequence[Any]) -> tuple[int, int]:
    return row[8], row[0]


def _in_result(row: Sequence[Any]) -> tuple[int, int]:
    return row[0], row[-1]


def _tools_then(stays: Sequence[ToolThen], *, equipment: int | None, at_us: int, seq: int | None) -> str:
    if seq is None:
        return ""
    here = {stay.tool_id for stay in stays if stay.equipment_pk == equipment and stay.from_us <= at_us < stay.to_us}
    return ", ".join(sorted(here))


def _with_tool(context: tuple[str, str, str], there: str) -> tuple[str, str, str]:
    program, told, parameters = context
    return program, told or there, parameters


def shipments_table(reads: Reads, counts: Mapping[int, int]) -> Table:
    """Shipments, and how many of the lots are in each."""
    return Table(
        ("shipment_id", "customer_id", "delivery_note", "shipped_at", "lots"),
        [
            (shipment_id, customer, note, instant(at_us), counts[pk])
            for pk, shipment_id, customer, note, at_us in sorted(
                shipments_of(reads, counts), key=lambda row: (row[4], row[1])
            )
        ],
    )
