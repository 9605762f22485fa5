"""Hand-written SQL of genealogy for both databases. Sets of keys go in as one text: a JSON array on SQLite, an array
literal on PostgreSQL.

Two traps of planners are walked around (docs/decisions/0050): SQLite's CROSS JOIN keeps the order of the join, so that
it never scans the inner table; PostgreSQL looks at a constant array key by key before it plans, and at a join with a
set of unknown size as a hash over the whole table, but takes an array out of a sub-select as it comes, by index.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import orjson

from mes.genealogy.types import OPEN_SEQ, ActKind, Imported, Interval, LinkKind, LinkRow, LotFacts
from mes.kernel.glance import ReadsRows
from mes.kernel.pending import RowWrite, insertion, json_rows
from mes.kernel.uow import UnitOfWork, marks
from standards.isa95.job_control import JobState

Rows = list[Any]


class Reads(ReadsRows, Protocol):
    """A unit of work or a read session."""

    @property
    def dialect(self) -> str: ...

    def driver_queries(self, queries: Sequence[tuple[str, Sequence[Any]]]) -> list[list[Any]]: ...


_KEYS: Final = "ANY((SELECT ?::int[])::int[])"
_NAMED: Final = "ANY((SELECT ?::text[])::text[])"
_LIVE: Final = "coalesce({}.ended_by_pk, 0) = 0"
"""As `IS NULL`, where PostgreSQL shall not take a partial index: without statistics, as in a new plant, it holds it for
tiny, and searched all of it for each key."""


class _Sql:
    """One statement for both; what is told by `parts` stands in braces in either, as do `{keys}` and `{names}`."""

    def __init__(self, sqlite: str, postgresql: str, **parts: str) -> None:
        self._text = {
            "sqlite": sqlite.format(**parts, keys=_KEYS, names=_NAMED),
            "postgresql": postgresql.format(
                **parts, keys=_KEYS, names=_NAMED, live_link=_LIVE.format("e"), live_act=_LIVE.format("a")
            ),
        }

    def text(self, dialect: str) -> str:
        """The statement, for those who look at its plan."""
        return self._text[dialect]

    def on(self, reads: Reads, *params: Any) -> Rows:
        return reads.driver_query(self._text[reads.dialect], params)


def key_text(reads: Reads, keys: Iterable[int]) -> str:
    """Whole numbers as one parameter."""
    text = orjson.dumps(list(keys)).decode()
    return text if reads.dialect == "sqlite" else "{" + text[1:-1] + "}"


def _packed(*columns: str) -> dict[str, str]:
    """Columns of whole numbers as one row, for `_columns` to unpack: a row each costs more than finding it."""
    return {
        "packed_sqlite": ", ".join(f"json_group_array({column})" for column in columns),
        "packed": ", ".join(f"string_agg(int8send({column}), ''::bytea)" for column in columns),
    }


def name_text(reads: Reads, names: Collection[str]) -> Any:
    """Texts as one parameter."""
    return orjson.dumps(list(names)).decode() if reads.dialect == "sqlite" else list(names)


# -- walking: one step from a set of lots. Explicit links and mounts apart: the first are many, the second few.

_PASS: Final = "a.seq IS NOT NULL AND a.ended_by_pk IS NULL"
_OTHER: Final = "slot_mount o WHERE o.slot_pk = m.slot_pk AND o.ended_by_pk IS NULL AND o.lot_pk <> m.lot_pk"
_DOUBT: Final = (
    f"a.seq IN (m.from_seq, m.to_seq) AND (EXISTS (SELECT 1 FROM {_OTHER} AND o.from_seq = a.seq "  # noqa: S608
    f"AND o.to_seq >= a.seq) OR EXISTS (SELECT 1 FROM {_OTHER} AND o.equipment_pk = m.equipment_pk "
    "AND o.to_seq = a.seq AND o.from_seq <= a.seq))"
)
"""Whether another lot covers the same piece in the same slot: that can be its first and its last piece only."""
_LINK: Final = "e.parent_pk, e.child_pk, e.act_pk, e.quantity_e6, e.kind"
_USED: Final = "genealogy_link e WHERE e.parent_pk = {keys} AND e.ended_by_pk IS NULL"
_USED_SQLITE: Final = (
    "json_each(?) k CROSS JOIN genealogy_link e INDEXED BY ix_genealogy_link_used "
    "WHERE e.parent_pk = k.value AND e.ended_by_pk IS NULL"
)
_FED: Final = (
    "slot_mount m CROSS JOIN LATERAL (SELECT a.lot_pk, a.seq, a.pk FROM genealogy_act a "  # noqa: S608
    "WHERE a.equipment_pk = m.equipment_pk AND a.seq BETWEEN m.from_seq AND m.to_seq "
    f"AND {_PASS} OFFSET 0) a WHERE m.lot_pk = {{keys}} AND m.ended_by_pk IS NULL"
)
_FED_SQLITE: Final = (
    "json_each(?) k CROSS JOIN slot_mount m ON m.lot_pk = k.value CROSS JOIN genealogy_act a "
    "ON a.equipment_pk = m.equipment_pk AND a.seq BETWEEN m.from_seq AND m.to_seq "
    f"WHERE m.ended_by_pk IS NULL AND {_PASS}"
)

USED_IN: Final = _Sql(
    f"SELECT 0, json_group_array(e.child_pk) FROM {_USED_SQLITE} UNION ALL "  # noqa: S608
    f"SELECT {_DOUBT} AS doubt, json_group_array(a.lot_pk) FROM {_FED_SQLITE} GROUP BY doubt",
    f"SELECT false, string_agg(int4send(e.child_pk), ''::bytea) FROM {_USED} UNION ALL "  # noqa: S608
    f"SELECT {_DOUBT} AS doubt, string_agg(int4send(a.lot_pk), ''::bytea) FROM {_FED} GROUP BY doubt",
)
_FED_LINK: Final = f"SELECT m.lot_pk, a.lot_pk, a.pk, m.quantity_per_e6, 1, m.pk, {_DOUBT}"
USED_IN_LINKS: Final = _Sql(
    f"SELECT {_LINK}, NULL, 0 FROM {_USED_SQLITE} UNION ALL {_FED_LINK} FROM {_FED_SQLITE}",  # noqa: S608
    f"SELECT {_LINK}, NULL, false FROM {_USED} UNION ALL {_FED_LINK} FROM {_FED}",  # noqa: S608
)
_BEGUN: Final = (
    "FROM slot_mount m WHERE m.slot_pk = s.pk AND m.ended_by_pk IS NULL AND m.from_seq <= a.seq "
    "ORDER BY m.from_seq DESC, m.to_seq DESC LIMIT 1"
)
_EATEN: Final = "SELECT m.lot_pk, a.lot_pk, a.pk, m.quantity_per_e6, 1, m.pk, m.slot_pk"
_ENDED: Final = "m.equipment_pk = a.equipment_pk AND m.to_seq = a.seq AND m.from_seq <= a.seq AND m.ended_by_pk IS NULL"
MADE_OF_LINKS: Final = _Sql(
    "WITH passed AS MATERIALIZED (SELECT a.pk, a.lot_pk, a.seq, a.equipment_pk FROM json_each(?) k "
    "CROSS JOIN genealogy_act a ON a.lot_pk = k.value WHERE {passes}) "
    "{eaten} FROM (SELECT a.pk, a.lot_pk, a.seq, (SELECT m.pk {begun}) AS mount FROM passed a "
    "CROSS JOIN station_slot s ON s.equipment_pk = a.equipment_pk) a "
    "CROSS JOIN slot_mount m ON m.pk = a.mount WHERE m.to_seq >= a.seq "
    "UNION {eaten} FROM passed a CROSS JOIN slot_mount m ON {ended} "
    "UNION ALL SELECT {link}, NULL, NULL FROM json_each(?) k CROSS JOIN genealogy_link e ON e.child_pk = k.value "
    "WHERE e.ended_by_pk IS NULL",
    "WITH passed AS MATERIALIZED (SELECT a.pk, a.lot_pk, a.seq, a.equipment_pk FROM genealogy_act a "
    "WHERE a.lot_pk = {keys} AND a.seq IS NOT NULL AND {live_act}) "
    "{eaten} FROM passed a JOIN station_slot s ON s.equipment_pk = a.equipment_pk "
    "CROSS JOIN LATERAL (SELECT m.pk, m.lot_pk, m.to_seq, m.quantity_per_e6, m.slot_pk {begun}) m "
    "WHERE m.to_seq >= a.seq UNION {eaten} FROM passed a CROSS JOIN LATERAL (SELECT m.pk, m.lot_pk, m.quantity_per_e6, "
    "m.slot_pk FROM slot_mount m WHERE {ended} OFFSET 0) m "
    "UNION ALL SELECT {link}, NULL, NULL FROM genealogy_link e WHERE e.child_pk = {keys} AND {live_link}",
    passes=_PASS,
    eaten=_EATEN,
    begun=_BEGUN,
    ended=_ENDED,
    link=_LINK,
)
"""Of each slot of a station the mount that began last; those that ended with this very piece; the explicit links."""


def used_in(reads: Reads, keys: Collection[int]) -> tuple[list[int], list[int]]:
    """The lots that some lots went into: certainly, and possibly (by a mount that shares the piece). With repeats."""
    found: tuple[list[int], list[int]] = [], []
    for doubt, packed in USED_IN.on(reads, *[key_text(reads, keys)] * 2):
        found[doubt].extend(_unpacked(packed))
    return found


def _unpacked(keys: str | bytes | None) -> list[int]:
    """A row a key costs more than finding it: they come as a JSON array or, from PostgreSQL, four bytes each."""
    if isinstance(keys, str):
        return list(orjson.loads(keys))
    return list(np.frombuffer(keys or b"", ">i4").tolist())


def used_in_links(reads: Reads, keys: Collection[int]) -> list[LinkRow]:
    """The links that lead from some lots to what they went into."""
    return _down(USED_IN_LINKS.on(reads, *[key_text(reads, keys)] * 2))


def _down(rows: Rows) -> list[LinkRow]:
    return [LinkRow._make((*row[:6], bool(row[6]))) for row in rows]


def made_of_links(reads: Reads, keys: Collection[int]) -> list[LinkRow]:
    """The links that lead to some lots from what went into them; two lots out of one slot are both only possible."""
    return _up(MADE_OF_LINKS.on(reads, *[key_text(reads, keys)] * 2))


def _up(rows: Rows) -> list[LinkRow]:
    first: dict[tuple[int, int], int] = {}
    doubtful = {
        (act, slot)
        for lot, _, act, _, _, _, slot in rows
        if slot is not None and first.setdefault((act, slot), lot) != lot
    }
    return [LinkRow._make((*row[:6], (row[2], row[6]) in doubtful)) for row in rows]


# -- one step for a screen: a page of it, however many there are


class Direct:
    """What is one step away from some lots, page by page; and the links of a page. `target` is where the step leads."""

    def __init__(self, links: _Sql, target: str, read: Callable[[Rows], list[LinkRow]], kept: str = "") -> None:
        self._target, self._read = target, read
        self._count = self._asking(links, f"count(DISTINCT {target}) FROM x WHERE NOT {{these}}")
        self._page = self._asking(
            links, f"DISTINCT {target} FROM x WHERE NOT {{these}} ORDER BY {target} LIMIT ? OFFSET ?"
        )
        self._links = self._asking(links, f"* FROM x WHERE {{these}}{kept}")

    def _asking(self, links: _Sql, what: str) -> _Sql:
        columns, target = "parent_pk, child_pk, act_pk, quantity_e6, kind, mount_pk, how", self._target
        these = {"sqlite": f"{target} IN (SELECT value FROM json_each(?))", "postgresql": f"{target} = {_KEYS}"}  # noqa: S608
        told = {
            dialect: f"WITH x({columns}) AS ({links.text(dialect)}) SELECT {what.format(these=one)}"
            for dialect, one in these.items()
        }
        return _Sql(**told)

    def lots(
        self, reads: Reads, keys: Collection[int], *, but: Collection[int] = (), start: int, limit: int
    ) -> tuple[list[int], int]:
        """A page of the lots one step from others, `but` these, in the order of their keys; and the count of all."""
        asked = [*[key_text(reads, keys)] * 2, key_text(reads, but)]
        rows = self._page.on(reads, *asked, limit, start)
        return [row[0] for row in rows], int(self._count.on(reads, *asked)[0][0])

    def links(self, reads: Reads, keys: Collection[int], lots: Collection[int]) -> list[LinkRow]:
        """The links between some lots and those of a page."""
        found = self._read(self._links.on(reads, *[key_text(reads, keys)] * 2, key_text(reads, lots)))
        return [link for link in found if getattr(link, self._target) in lots]


DIRECT_UP: Final = Direct(MADE_OF_LINKS, "parent_pk", _up, kept=" OR how IS NOT NULL")
"""With all that slots fed: whether one of it is certain is told by the others."""
DIRECT_DOWN: Final = Direct(USED_IN_LINKS, "child_pk", _down)

# -- loading what verbs decide on

_LOT: Final = (
    "l.pk, l.id, l.kind, l.material_pk, l.quantity, l.unit, l.disposition, l.shipment_pk, "
    "l.consumed_e6 + coalesce((SELECT sum(m.quantity_per_e6 * "
    "(SELECT count(*) FROM genealogy_act a WHERE a.equipment_pk = m.equipment_pk "
    "AND a.seq BETWEEN m.from_seq AND m.to_seq AND a.seq IS NOT NULL AND a.ended_by_pk IS NULL) - m.taken_e6) "
    "FROM slot_mount m WHERE m.lot_pk = l.pk AND m.ended_by_pk IS NULL AND m.quantity_per_e6 > 0), 0), "
    "EXISTS (SELECT 1 FROM genealogy_link e WHERE e.parent_pk = l.pk AND e.ended_by_pk IS NULL) "
    "OR EXISTS (SELECT 1 FROM slot_mount m WHERE m.lot_pk = l.pk)"
)
"""Of what was mounted as much is used as pieces passed; the piece a splice was made in counts for both lots. Used is
what a link leads from, and what was ever mounted: whether a mount tells of it hangs on that (`forget_made_of`)."""
_LOTS_BY_ID: Final = _Sql(
    "SELECT {lot} FROM json_each(?) k CROSS JOIN material_lot l ON l.id = k.value",
    "SELECT {lot} FROM material_lot l WHERE l.id = {names}",
    lot=_LOT,
)
_LOTS_BY_PK: Final = _Sql(
    "SELECT {lot} FROM json_each(?) k CROSS JOIN material_lot l ON l.pk = k.value",
    "SELECT {lot} FROM material_lot l WHERE l.pk = {keys}",
    lot=_LOT,
)


def load_lots(reads: Reads, ids: Collection[str]) -> dict[str, LotFacts]:
    """Lots by id; those that nobody recorded are absent."""
    return {row[1]: _lot(row) for row in _LOTS_BY_ID.on(reads, name_text(reads, ids))} if ids else {}


def load_lots_by_pk(reads: Reads, pks: Collection[int]) -> dict[int, LotFacts]:
    """Lots by key."""
    return {row[0]: _lot(row) for row in _LOTS_BY_PK.on(reads, key_text(reads, pks))} if pks else {}


def _lot(row: Any) -> LotFacts:
    return LotFacts._make((*row[:8], int(row[8]), bool(row[9])))


_IN_USE: Final = _Sql(
    "SELECT l.id FROM json_each(?) k CROSS JOIN material_lot l ON l.id = k.value WHERE {used}",
    "SELECT l.id FROM material_lot l WHERE l.id = {names} AND {used}",
    used="(l.consumed_e6 <> 0 OR l.job_pk IS NOT NULL OR l.shipment_pk IS NOT NULL "  # noqa: S608
    "OR EXISTS (SELECT 1 FROM genealogy_act a WHERE a.lot_pk = l.pk AND a.ended_by_pk IS NULL "
    f"AND a.kind NOT IN ({ActKind.reversed.value}, {ActKind.adjusted.value})) "
    "OR EXISTS (SELECT 1 FROM genealogy_link e WHERE e.parent_pk = l.pk AND e.ended_by_pk IS NULL) "
    "OR EXISTS (SELECT 1 FROM genealogy_link e WHERE e.child_pk = l.pk AND e.ended_by_pk IS NULL) "
    "OR EXISTS (SELECT 1 FROM slot_mount m WHERE m.lot_pk = l.pk AND m.ended_by_pk IS NULL))",
)
"""What was said never to have been does not count, nor does a count."""


def lots_in_use(reads: Reads, ids: Collection[str]) -> frozenset[str]:
    """Those of some lots that something was done with: used, mounted, moved, packed, made, shipped."""
    return frozenset(row[0] for row in _IN_USE.on(reads, name_text(reads, ids))) if ids else frozenset()


def _by_id(table: str, columns: str = "pk") -> _Sql:
    return _Sql(
        "SELECT t.id, {columns} FROM json_each(?) k CROSS JOIN {table} t ON t.id = k.value",
        "SELECT t.id, {columns} FROM {table} t WHERE t.id = {names}",
        table=table,
        columns=", ".join(f"t.{column}" for column in columns.split()),
    )


_EQUIPMENT: Final = _by_id("equipment")
_JOBS: Final = _by_id("job_order")
_PRINCIPALS: Final = _by_id("principal")
_LOT_KEYS: Final = _by_id("material_lot")
_MATERIALS: Final = _by_id("material_definition", "pk unit")


_KEPT_LOTS: Final = _Sql(
    "SELECT t.id FROM json_each(?) k CROSS JOIN material_lot t ON t.id = k.value {lives}",
    "SELECT t.id FROM material_lot t {lives} AND t.id = {names}",
    lives="WHERE (EXISTS (SELECT 1 FROM material_lot_life f WHERE f.lot_pk = t.pk) "
    "OR EXISTS (SELECT 1 FROM material_handling h WHERE h.material_pk = t.material_pk))",
)


def kept_lots(reads: Reads, ids: Collection[str]) -> list[str]:
    """Those of some lots that have a life: a last day, a level of moisture, a time after opening."""
    return [row[0] for row in _KEPT_LOTS.on(reads, name_text(reads, ids))] if ids else []


def load_equipment(reads: Reads, ids: Collection[str]) -> dict[str, int]:
    """Keys of equipment."""
    return dict(_EQUIPMENT.on(reads, name_text(reads, ids))) if ids else {}


def load_lot_keys(reads: Reads, ids: Collection[str]) -> dict[str, int]:
    """Keys of lots; those that nobody recorded are absent."""
    return dict(_LOT_KEYS.on(reads, name_text(reads, ids))) if ids else {}


def load_principals(reads: Reads, ids: Collection[str]) -> dict[str, int]:
    """Keys of principals."""
    return dict(_PRINCIPALS.on(reads, name_text(reads, ids))) if ids else {}


def load_jobs(reads: Reads, ids: Collection[str]) -> dict[str, int]:
    """Keys of job orders."""
    return dict(_JOBS.on(reads, name_text(reads, ids))) if ids else {}


Bill = Mapping[str, frozenset[int]]
"""What a job's step consumes: by material, the keys of what may be used for it."""
_BILLS: Final = (
    "SELECT j.id, m.id, m.pk, s.material_pk FROM job_order j "
    "JOIN segment_material b ON b.segment_pk = j.segment_pk AND b.use = 'Consumed' "
    "JOIN material_definition m ON m.pk = b.material_pk "
    "LEFT JOIN material_substitute s ON s.segment_material_pk = b.pk WHERE j.id IN "
)


def load_bills(reads: Reads, job_ids: Collection[str]) -> dict[str, Bill]:
    """Bills of some jobs; those without one are absent."""
    if not job_ids:
        return {}
    found: dict[str, dict[str, frozenset[int]]] = {}
    for job_id, material_id, material_pk, substitute_pk in reads.driver_query(
        f"{_BILLS}({marks(job_ids)})", tuple(job_ids)
    ):
        lines = found.setdefault(job_id, {})
        more = {material_pk, substitute_pk} - {None}
        lines[material_id] = lines.get(material_id, frozenset()) | more
    return dict(found)


def load_part_facts(reads: Reads, lot_ids: Collection[str]) -> dict[str, list[tuple[str, str, str, str]]]:
    """Of received lots whose material has approved parts: manufacturer and part received, and each that is approved."""
    if not lot_ids:
        return {}
    sql = (
        "SELECT l.id, r.manufacturer, r.part, p.manufacturer, p.part FROM material_lot l "  # noqa: S608
        "JOIN material_receipt r ON r.lot_pk = l.pk JOIN approved_part p ON p.material_pk = l.material_pk "
        f"WHERE l.id IN ({marks(lot_ids)})"
    )
    found: dict[str, list[tuple[str, str, str, str]]] = {}
    for lot_id, *row in reads.driver_query(sql, tuple(lot_ids)):
        found.setdefault(lot_id, []).append((row[0], row[1], row[2], row[3]))
    return found


def load_material_ids(reads: Reads, lot_id: str, material_pks: Collection[int]) -> tuple[str, tuple[str, ...]]:
    """What a lot is of, and the ids of some materials."""
    (has,) = reads.driver_query(
        "SELECT m.id FROM material_lot l JOIN material_definition m ON m.pk = l.material_pk WHERE l.id = ?", (lot_id,)
    )
    if not material_pks:
        return has[0], ()
    sql = f"SELECT id FROM material_definition WHERE pk IN ({marks(material_pks)}) ORDER BY id"  # noqa: S608
    return has[0], tuple(row[0] for row in reads.driver_query(sql, tuple(material_pks)))


def load_materials(reads: Reads, ids: Collection[str]) -> dict[str, tuple[int, str]]:
    """Key and unit of materials."""
    return {row[0]: (row[1], row[2]) for row in _MATERIALS.on(reads, name_text(reads, ids))} if ids else {}


_MATERIAL_OF: Final = _Sql(
    "SELECT l.id, d.id FROM json_each(?) k CROSS JOIN material_lot l ON l.id = k.value "
    "JOIN material_definition d ON d.pk = l.material_pk",
    "SELECT l.id, d.id FROM material_lot l JOIN material_definition d ON d.pk = l.material_pk WHERE l.id = {names}",
)


def material_of(reads: Reads, ids: Collection[str]) -> dict[str, str]:
    """The material of lots, by id."""
    return dict(_MATERIAL_OF.on(reads, name_text(reads, ids)))


def load_slots(reads: Reads, equipment_pks: Collection[int]) -> dict[tuple[int, str], tuple[int, int | None]]:
    """Key and expected material of slots, by station and id."""
    if not equipment_pks:
        return {}
    sql = f"SELECT equipment_pk, id, pk, material_pk FROM station_slot WHERE equipment_pk IN ({marks(equipment_pks)})"  # noqa: S608
    return {(row[0], row[1]): (row[2], row[3]) for row in reads.driver_query(sql, tuple(equipment_pks))}


_INSTEAD: Final = (
    "SELECT s.material_pk FROM job_order j "
    "JOIN segment_material b ON b.segment_pk = j.segment_pk AND b.use = 'Consumed' AND b.material_pk = ? "
    "JOIN material_substitute s ON s.segment_material_pk = b.pk "
    "WHERE j.equipment_pk = ? AND j.state IN (?, ?)"
)


def load_taken(reads: Reads, equipment_pk: int, material_pk: int | None) -> frozenset[int] | None:
    """What the slot of a material takes: that, and what the bill of the job in work allows instead. None: anything."""
    if material_pk is None:
        return None
    in_work = (int(JobState.Running), int(JobState.Interrupted))
    rows = reads.driver_query(_INSTEAD, (material_pk, equipment_pk, *in_work))
    return frozenset({material_pk, *(row[0] for row in rows)})


class OpenMount(NamedTuple):
    """The newest mount of a slot. `spliced`: it came while its first piece was worked on. `told_us`: the instant of
    what was told of it last."""

    pk: int
    lot_pk: int
    interval: Interval
    quantity_per_e6: int
    spliced: bool
    told_us: int = 0


def load_newest_mount(reads: Reads, slot_pk: int) -> OpenMount | None:
    """What was mounted last, whether or not it still is."""
    rows = reads.driver_query(
        "SELECT m.pk, m.lot_pk, m.from_seq, m.to_seq, m.quantity_per_e6, EXISTS (SELECT 1 FROM slot_mount o "
        "WHERE o.slot_pk = m.slot_pk AND o.equipment_pk = m.equipment_pk AND o.to_seq = m.from_seq "
        "AND o.from_seq <= o.to_seq AND o.ended_by_pk IS NULL AND o.pk < m.pk), coalesce(m.until_us, m.at_us) "
        "FROM slot_mount m "
        "WHERE m.slot_pk = ? AND m.ended_by_pk IS NULL ORDER BY m.from_seq DESC, m.to_seq DESC, m.pk DESC LIMIT 1",
        (slot_pk,),
    )
    if not rows:
        return None
    pk, lot_pk, first, last, per, spliced, told_us = rows[0]
    return OpenMount(pk, lot_pk, Interval(first, last), per, bool(spliced), told_us)


_OF_SLOT: Final = "m.slot_pk = k.slot AND m.ended_by_pk IS NULL AND m.from_seq"
TOUCHING: Final = _Sql(
    "WITH k AS MATERIALIZED (SELECT json_extract(value, '$.slot') AS slot, json_extract(value, '$.first') AS first, "
    "json_extract(value, '$.last') AS last FROM json_each(?)) "
    "SELECT {columns} FROM k CROSS JOIN slot_mount m WHERE {within} "
    "UNION ALL SELECT {columns} FROM k CROSS JOIN slot_mount m "
    "ON m.pk = (SELECT m.pk FROM slot_mount m WHERE {before})",
    "SELECT m.* FROM json_to_recordset(?) AS k(slot int, first bigint, last bigint) CROSS JOIN LATERAL ("
    "SELECT {columns} FROM slot_mount m WHERE {within} "
    "UNION ALL (SELECT {columns} FROM slot_mount m WHERE {before})) m",
    columns="m.slot_pk, m.from_seq, m.to_seq",
    within=f"{_OF_SLOT} BETWEEN k.first AND k.last",
    before=f"{_OF_SLOT} < k.first AND m.to_seq >= m.from_seq ORDER BY m.from_seq DESC, m.to_seq DESC LIMIT 1",
)
"""Mounts of a slot follow one another: but for the one before, none that begins earlier reaches into a range."""


def load_touching_mounts(reads: Reads, ranges: Mapping[int, Interval]) -> dict[int, list[Interval]]:
    """By slot the mounts that begin in a range of sequences, and the one before it."""
    text = orjson.dumps([{"slot": slot, "first": r.first, "last": r.last} for slot, r in ranges.items()]).decode()
    found: dict[int, list[Interval]] = {slot: [] for slot in ranges}
    for slot_pk, first, last in TOUCHING.on(reads, text):
        found[slot_pk].append(Interval(first, last))
    return found


def count_passes(reads: Reads, equipment_pk: int, interval: Interval) -> int:
    """Pieces that passed a station in a range of sequences."""
    sql = (
        "SELECT count(*) FROM genealogy_act WHERE equipment_pk = ? AND seq BETWEEN ? AND ? AND seq IS NOT NULL "
        "AND ended_by_pk IS NULL"
    )
    return int(reads.driver_query(sql, (equipment_pk, interval.first, interval.last))[0][0])


def count_passed(reads: Reads, job_pk: int, equipment_pk: int, since_us: int) -> int:
    """Pieces of a job among the newest 1,000 passes of a station, recorded since."""
    rows = reads.driver_query(
        "SELECT count(DISTINCT lot_pk) FROM (SELECT lot_pk, job_pk, at_us FROM genealogy_act WHERE equipment_pk = ? "
        "AND seq IS NOT NULL AND ended_by_pk IS NULL ORDER BY seq DESC LIMIT 1000) AS newest "
        "WHERE job_pk = ? AND at_us >= ?",
        (equipment_pk, job_pk, since_us),
    )
    return int(rows[0][0])


def last_sequence(reads: Reads, equipment_pk: int) -> int:
    """Of the last piece that passed a station; 0 before the first."""
    sql = "SELECT max(seq) FROM genealogy_act WHERE equipment_pk = ? AND seq IS NOT NULL AND ended_by_pk IS NULL"
    return int(reads.driver_query(sql, (equipment_pk,))[0][0] or 0)


class ActRow(NamedTuple):
    pk: int
    kind: int
    lot_pk: int
    equipment_pk: int | None
    seq: int | None
    job_pk: int | None
    ended_by_pk: int | None


_ACT: Final = "SELECT pk, kind, lot_pk, equipment_pk, seq, job_pk, ended_by_pk FROM genealogy_act WHERE"


def load_act(reads: Reads, pk: int) -> ActRow | None:
    """One act by its number."""
    rows = reads.driver_query(f"{_ACT} pk = ?", (pk,))
    return ActRow(*rows[0]) if rows else None


class Requested(NamedTuple):
    """An act that was recorded under a request id: its number (0: none), its sequence at its station, what was told."""

    pk: int
    seq: int | None = None
    content: int | None = None


def find_request(reads: Reads, request_id: str) -> Requested | None:
    """The act that was recorded under this request id."""
    return find_requests(reads, [request_id]).get(request_id)


def find_requests(reads: Reads, request_ids: Collection[str]) -> dict[str, Requested]:
    """The acts that were recorded under these request ids."""
    sql = f"SELECT request_id, pk, seq, content_hash FROM genealogy_act WHERE request_id IN ({marks(request_ids)})"  # noqa: S608
    return {row[0]: Requested(*row[1:]) for row in reads.driver_query(sql, tuple(request_ids))}


def act_times(reads: Reads, pks: Collection[int]) -> list[int]:
    """When some acts were done."""
    sql = f"SELECT at_us FROM genealogy_act WHERE pk IN ({marks(pks)})"  # noqa: S608
    return [row[0] for row in reads.driver_query(sql, tuple(pks))] if pks else []


def note_content(uow: UnitOfWork, request_id: str, told: int) -> None:
    """What was told under a request id, beside its act."""
    uow.driver_write("UPDATE genealogy_act SET content_hash = ? WHERE request_id = ?", (told, request_id))


def lot_id_of(reads: Reads, pk: int) -> str:
    """The id of a lot."""
    return str(reads.driver_query("SELECT id FROM material_lot WHERE pk = ?", (pk,))[0][0])


def load_links_of_act(reads: Reads, act: ActRow) -> list[LinkRow]:
    """Live links that an act made; all of them lead to or from its lot."""
    sql = (
        f"SELECT {_LINK} FROM genealogy_link e WHERE e.child_pk = ? AND e.act_pk = ? AND e.ended_by_pk IS NULL "  # noqa: S608
        f"UNION SELECT {_LINK} FROM genealogy_link e WHERE e.parent_pk = ? AND e.act_pk = ? AND e.ended_by_pk IS NULL"
    )
    return [LinkRow(*row) for row in reads.driver_query(sql, (act.lot_pk, act.pk, act.lot_pk, act.pk))]


_MADE_BY_A_LIVE_ACT: Final = (
    "NOT EXISTS (SELECT 1 FROM genealogy_act a WHERE a.pk = act_pk AND a.ended_by_pk IS NOT NULL)"
)
"""A link that was taken out, and then said never to have been, does not come back with what took it out."""


def load_links_ended_by(reads: Reads, act_pk: int) -> list[LinkRow]:
    """Links that an act took out, and that are in again if it is taken back."""
    sql = f"SELECT {_LINK} FROM genealogy_link e WHERE e.ended_by_pk = ? AND {_MADE_BY_A_LIVE_ACT}"  # noqa: S608
    return [LinkRow(*row) for row in reads.driver_query(sql, (act_pk,))]


_FROM_LOTS: Final = _Sql(
    "SELECT {link} FROM json_each(?) k CROSS JOIN genealogy_link e INDEXED BY ix_genealogy_link_used "
    "WHERE e.parent_pk = k.value AND e.ended_by_pk IS NULL AND e.kind = ?",
    "SELECT {link} FROM genealogy_link e WHERE e.parent_pk = {keys} AND e.ended_by_pk IS NULL AND e.kind = ?",
    link=_LINK,
)
_TO_LOTS: Final = _Sql(
    "SELECT {link} FROM json_each(?) k CROSS JOIN genealogy_link e ON e.child_pk = k.value "
    "WHERE e.ended_by_pk IS NULL AND e.kind = ?",
    "SELECT {link} FROM genealogy_link e WHERE e.child_pk = {keys} AND {live_link} AND e.kind = ?",
    link=_LINK,
)


def load_links_from(reads: Reads, pks: Collection[int], kind: LinkKind) -> list[LinkRow]:
    """Live links of one kind that lead from some lots: where they are packed, say."""
    return [LinkRow(*row) for row in _FROM_LOTS.on(reads, key_text(reads, pks), int(kind))]


def load_links_to(reads: Reads, pks: Collection[int], kind: LinkKind) -> list[LinkRow]:
    """Live links of one kind that lead to some lots: what is packed in them, say."""
    return [LinkRow(*row) for row in _TO_LOTS.on(reads, key_text(reads, pks), int(kind))]


# -- writing


def next_act(reads: Reads) -> int:
    """The number of the next act: only one writes at a time, and acts are never deleted."""
    return int(reads.driver_query("SELECT coalesce(max(pk), 0) + 1 FROM genealogy_act")[0][0])


_LOTS: Final = insertion(
    "material_lot",
    (
        ("pk", "int"),
        ("id", "text"),
        ("material_pk", "int"),
        ("quantity", "bigint"),
        ("unit", "text"),
        ("disposition", "text"),
        ("version", "int"),
        ("kind", "smallint"),
        ("consumed_e6", "bigint"),
        ("job_pk", "int"),
    ),
)
_ACTS: Final = insertion(
    "genealogy_act",
    (
        ("pk", "bigint"),
        ("at_us", "bigint"),
        ("seq", "bigint"),
        ("lot_pk", "int"),
        ("equipment_pk", "int"),
        ("job_pk", "int"),
        ("actor", "int"),
        ("context_pk", "int"),
        ("kind", "smallint"),
        ("request_id", "text"),
        ("note", "text"),
    ),
)
_LINKS: Final = insertion(
    "genealogy_link",
    (
        ("child_pk", "int"),
        ("parent_pk", "int"),
        ("act_pk", "bigint"),
        ("quantity_e6", "bigint"),
        ("kind", "smallint"),
    ),
)
_MOUNTS: Final = insertion(
    "slot_mount",
    (
        ("from_seq", "bigint"),
        ("to_seq", "bigint"),
        ("at_us", "bigint"),
        ("until_us", "bigint"),
        ("quantity_per_e6", "bigint"),
        ("act_pk", "bigint"),
        ("slot_pk", "int"),
        ("equipment_pk", "int"),
        ("lot_pk", "int"),
        ("recount_at_us", "bigint"),
        ("made_of", "text"),
    ),
)
_MANY: Final = 200
"""From so many rows on, COPY is cheaper than travelling with the next statement."""


def _insert(uow: UnitOfWork, table: str, write: RowWrite, rows: Sequence[Sequence[Any]]) -> None:
    if len(rows) < _MANY:
        uow.driver_rows(write, rows)
    else:
        uow.driver_copy(table, write.columns, rows)


def insert_lots(uow: UnitOfWork, rows: Sequence[Sequence[Any]]) -> None:
    """Key, id, material, quantity, unit, disposition, version, kind, used, job."""
    _insert(uow, "material_lot", _LOTS, rows)


def insert_acts(uow: UnitOfWork, rows: Sequence[Sequence[Any]]) -> None:
    """Number, instant, sequence, lot, equipment, job, actor, context, kind, request, note."""
    _insert(uow, "genealogy_act", _ACTS, rows)


def flag_acts(uow: UnitOfWork, pks: Sequence[int], flag: str) -> None:
    """Acts that would have been refused, had anybody asked."""
    uow.driver_executemany("UPDATE genealogy_act SET flag = ? WHERE pk = ?", [(flag, pk) for pk in pks])


def insert_links(uow: UnitOfWork, rows: Sequence[Sequence[Any]]) -> None:
    """Child, parent, act, quantity, kind."""
    _insert(uow, "genealogy_link", _LINKS, rows)


def insert_mounts(uow: UnitOfWork, rows: Sequence[Sequence[Any]]) -> None:
    """First and last piece, from and until when, quantity a piece, act, slot, equipment, lot, when to count,
    what the lot is made of."""
    _insert(uow, "slot_mount", _MOUNTS, rows)


def set_slot_material(uow: UnitOfWork, materials: Mapping[int, int | None]) -> None:
    """What belongs in slots."""
    uow.driver_executemany(
        "UPDATE station_slot SET material_pk = ? WHERE pk = ?", [(value, pk) for pk, value in materials.items()]
    )


_ADD_USED: Final = RowWrite(
    ("consumed_e6", "pk"),
    "UPDATE material_lot SET consumed_e6 = consumed_e6 + ? WHERE pk = ?",
    "UPDATE material_lot SET consumed_e6 = material_lot.consumed_e6 + v.consumed_e6 "  # noqa: S608
    f"FROM {json_rows((('consumed_e6', 'bigint'), ('pk', 'int')))} WHERE material_lot.pk = v.pk",
)


def add_used(uow: UnitOfWork, taken: Mapping[int, int]) -> None:
    """Keep the totals of what was taken of lots (negative: given back)."""
    uow.driver_rows(_ADD_USED, [(quantity, pk) for pk, quantity in taken.items() if quantity])


def insert_context(uow: UnitOfWork, sha256: str, program: str, tool: str, parameters: str) -> int:
    """The key of this context, made if it is new."""
    uow.driver_execute(
        "INSERT INTO act_context (sha256, program, tool, parameters) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (sha256, program, tool, parameters),
    )
    return int(uow.driver_query("SELECT pk FROM act_context WHERE sha256 = ?", (sha256,))[0][0])


def end_links(uow: UnitOfWork, links: Collection[LinkRow], by_act: int) -> None:
    """Take links out of the graph; they stay in the record."""
    uow.driver_executemany(
        "UPDATE genealogy_link SET ended_by_pk = ? WHERE child_pk = ? AND parent_pk = ? AND act_pk = ?",
        [(by_act, link.child_pk, link.parent_pk, link.act_pk) for link in links],
    )
    forget_made_of(uow, {link.child_pk for link in links}, by_act)


def revive_links(uow: UnitOfWork, links: Collection[LinkRow], by_act: int) -> None:
    """What an act took out (`load_links_ended_by`) is in the graph again."""
    sql = f"UPDATE genealogy_link SET ended_by_pk = NULL WHERE ended_by_pk = ? AND {_MADE_BY_A_LIVE_ACT}"  # noqa: S608
    uow.driver_execute(sql, (by_act,))
    forget_made_of(uow, {link.child_pk for link in links}, by_act)


_KEY: Final = ">i4"
_DIGITS: Final = 8
"""Of a key of four bytes in a text."""
_PASSED_BEFORE: Final = (
    "(SELECT 1 FROM genealogy_act a WHERE a.lot_pk = k.value AND a.seq IS NOT NULL AND {} AND a.pk < ? LIMIT 1)"
)
MADE_FROM: Final = _Sql(
    "WITH RECURSIVE made(pk) AS (SELECT k.value FROM json_each(?) k WHERE {before_sqlite} IS NULL "
    "UNION SELECT e.child_pk FROM made CROSS JOIN genealogy_link e INDEXED BY ix_genealogy_link_used "
    "WHERE e.parent_pk = made.pk AND e.ended_by_pk IS NULL LIMIT ?) SELECT pk FROM made",
    "WITH RECURSIVE made(pk) AS (SELECT k.value FROM unnest(?::int[]) AS k(value) WHERE {before} IS NULL "
    "UNION SELECT e.child_pk FROM made CROSS JOIN LATERAL "
    "(SELECT child_pk FROM genealogy_link WHERE parent_pk = made.pk AND ended_by_pk IS NULL OFFSET 0) e) "
    "SELECT pk FROM made LIMIT ?",
    before_sqlite=_PASSED_BEFORE.format("a.ended_by_pk IS NULL"),
    before=_PASSED_BEFORE.format(_LIVE.format("a")),
)
FORGET_BY_LOT: Final = _Sql(
    "UPDATE slot_mount SET made_of = NULL WHERE made_of IS NOT NULL AND lot_pk IN (SELECT value FROM json_each(?))",
    "UPDATE slot_mount SET made_of = NULL WHERE made_of IS NOT NULL AND lot_pk = {keys}",
)
_FORGET: Final = _Sql(
    "UPDATE slot_mount SET made_of = NULL WHERE pk IN (SELECT value FROM json_each(?))",
    "UPDATE slot_mount SET made_of = NULL WHERE pk = {keys}",
)
_ALL_TOLD: Final = _Sql(
    "SELECT {packed_sqlite}, group_concat(m.made_of, '') FROM slot_mount m WHERE {told}",
    "SELECT {packed}, string_agg(m.made_of, '') FROM slot_mount m WHERE {told}",
    **_packed("m.pk", "m.lot_pk", "length(m.made_of)"),
    told="m.made_of IS NOT NULL",
)
FORGET_WALK_MAX: Final = 1_000
"""Lots that are walked through from what has changed; beyond, mounts are searched for it instead."""


def made_of_text(keys: Collection[int]) -> str:
    """What a lot is made of, as its mount tells it."""
    return np.array(sorted(keys), _KEY).tobytes().hex()


def forget_made_of(uow: UnitOfWork, lot_pks: Collection[int], before_act: int) -> None:
    """What these lots are made of has changed, by this act or a later one: no mount tells it any more, of them or of
    what was made of them. (Of a lot that had passed a station before none does.)"""
    if not lot_pks:
        return
    walked = MADE_FROM.on(uow, key_text(uow, lot_pks), before_act, FORGET_WALK_MAX + 1)
    if len(walked) > FORGET_WALK_MAX:
        uow.driver_write(_FORGET.text(uow.dialect), (key_text(uow, _mounts_telling(uow, lot_pks)),))
    elif walked:
        uow.driver_write(FORGET_BY_LOT.text(uow.dialect), (key_text(uow, [row[0] for row in walked]),))


def _mounts_telling(reads: Reads, lot_pks: Collection[int]) -> list[int]:
    """All mounts that tell what one of these lots, or a lot made of one, is made of."""
    ((*numbers, told),) = _ALL_TOLD.on(reads)
    mounts, lots, digits = _columns(numbers)
    hit = np.isin(lots, [*lot_pks])
    hit[np.repeat(np.arange(len(mounts)), digits // _DIGITS)[np.isin(_told_keys(told), [*lot_pks])]] = True
    return list(mounts[hit].tolist())


def _told_keys(told: str | None) -> Numbers:
    return np.frombuffer(bytes.fromhex(told or ""), _KEY).astype(np.int64)


_PASSED: Final = _Sql(
    "SELECT DISTINCT a.lot_pk FROM json_each(?) k CROSS JOIN genealogy_act a ON a.lot_pk = k.value WHERE {passes}",
    "SELECT DISTINCT a.lot_pk FROM genealogy_act a WHERE a.lot_pk = {keys} AND a.seq IS NOT NULL AND {live_act}",
    passes=_PASS,
)


def lots_that_passed(reads: Reads, pks: Collection[int]) -> set[int]:
    """Those of some lots that passed a station."""
    return {row[0] for row in _PASSED.on(reads, key_text(reads, pks))}


def set_of_lots(uow: UnitOfWork, column: str, value: int | None, pks: Collection[int]) -> None:
    """Where lots are: `place_pk` or `shipment_pk`."""
    for start in range(0, len(keys := list(pks)), _MANY_KEYS):
        some = keys[start : start + _MANY_KEYS]
        uow.driver_execute(f"UPDATE material_lot SET {column} = ? WHERE pk IN ({marks(some)})", (value, *some))  # noqa: S608


def set_shipments(uow: UnitOfWork, shipments: Mapping[int, int]) -> None:
    """What left with which shipment."""
    rows = [(shipment_pk, pk) for pk, shipment_pk in shipments.items()]
    uow.driver_executemany("UPDATE material_lot SET shipment_pk = ? WHERE pk = ?", rows)


_MANY_KEYS: Final = 10_000


def insert_shipment(uow: UnitOfWork, lot_pk: int, customer_id: str, delivery_note: str, at_us: int) -> None:
    """Where a shipment goes; one that was taken back may go elsewhere."""
    uow.driver_execute(
        "INSERT INTO shipment (lot_pk, customer_id, delivery_note, shipped_at_us) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (lot_pk) DO UPDATE SET customer_id = excluded.customer_id, "
        "delivery_note = excluded.delivery_note, shipped_at_us = excluded.shipped_at_us",
        (lot_pk, customer_id, delivery_note, at_us),
    )


def end_act(uow: UnitOfWork, act_pk: int, by_act: int) -> None:
    """An act was taken back."""
    uow.driver_execute("UPDATE genealogy_act SET ended_by_pk = ? WHERE pk = ?", (by_act, act_pk))


_DUE_AT: Final = "recount_at_us = CASE WHEN quantity_per_e6 > 0 THEN ? END"


def close_mount(uow: UnitOfWork, mount_pk: int, last: int, by_act: int, at_us: int) -> None:
    """The last piece that the lot of a mount may be in, and since when it is not there."""
    uow.driver_execute(
        f"UPDATE slot_mount SET to_seq = ?, until_us = ?, closed_by_pk = ?, {_DUE_AT} WHERE pk = ?",  # noqa: S608
        (last, at_us, by_act, uow.now_us, mount_pk),
    )


def reopen_mounts(uow: UnitOfWork, act_pk: int) -> set[int]:
    """What an act closed is mounted as before; answers the lots."""
    rows = uow.driver_query("SELECT lot_pk FROM slot_mount WHERE closed_by_pk = ?", (act_pk,))
    uow.driver_execute(
        f"UPDATE slot_mount SET to_seq = ?, until_us = NULL, closed_by_pk = NULL, {_DUE_AT} WHERE closed_by_pk = ?",  # noqa: S608
        (OPEN_SEQ, uow.now_us, act_pk),
    )
    return {row[0] for row in rows}


def is_newest_of_its_slots(reads: Reads, act_pk: int) -> bool:
    """Whether nothing was mounted after what an act mounted or closed, and what it mounted was not taken out since."""
    rows = reads.driver_query(
        "SELECT 1 FROM slot_mount m WHERE (m.act_pk = ? OR m.closed_by_pk = ?) AND m.ended_by_pk IS NULL "
        "AND (m.closed_by_pk > ? OR EXISTS "
        "(SELECT 1 FROM slot_mount o WHERE o.slot_pk = m.slot_pk AND o.ended_by_pk IS NULL AND o.act_pk > ?))",
        (act_pk, act_pk, act_pk, act_pk),
    )
    return not rows


def end_mounts_of_act(uow: UnitOfWork, act_pk: int, by_act: int) -> None:
    """The mounts of an act never were: what pieces took by them is given back."""
    taken = uow.driver_query("SELECT lot_pk, sum(taken_e6) FROM slot_mount WHERE act_pk = ? GROUP BY lot_pk", (act_pk,))
    add_used(uow, {lot_pk: -int(taken_e6) for lot_pk, taken_e6 in taken})
    uow.driver_execute(
        "UPDATE slot_mount SET ended_by_pk = ?, taken_e6 = 0, recount_at_us = NULL WHERE act_pk = ?", (by_act, act_pk)
    )


def recount_mounts(uow: UnitOfWork, equipment_pk: int, pieces: Interval) -> None:
    """What was mounted and counted is counted again: other pieces passed than were known then."""
    uow.driver_write(
        "UPDATE slot_mount SET recount_at_us = ? WHERE equipment_pk = ? AND to_seq BETWEEN ? AND ? AND from_seq <= ? "
        "AND quantity_per_e6 > 0 AND recount_at_us IS NULL AND ended_by_pk IS NULL",
        (uow.now_us, equipment_pk, pieces.first, OPEN_SEQ - 1, pieces.last),
    )


class DueMount(NamedTuple):
    """A mount to be counted: `pieces` passed by now, the newest of its station is `last_seq`."""

    pk: int
    lot_pk: int
    to_seq: int
    quantity_per_e6: int
    taken_e6: int
    pieces: int
    last_seq: int


DUE_MOUNTS: Final = (
    f"SELECT m.pk, m.lot_pk, m.to_seq, m.quantity_per_e6, m.taken_e6, (SELECT count(*) FROM genealogy_act a "  # noqa: S608
    f"WHERE a.equipment_pk = m.equipment_pk AND a.seq BETWEEN m.from_seq AND m.to_seq AND {_PASS}), "
    f"coalesce((SELECT max(a.seq) FROM genealogy_act a WHERE a.equipment_pk = m.equipment_pk AND {_PASS}), 0) "
    "FROM slot_mount m WHERE m.recount_at_us IS NOT NULL AND m.recount_at_us <= ? ORDER BY m.recount_at_us LIMIT ?"
)


IS_MOUNT_DUE: Final = "SELECT 1 FROM slot_mount WHERE recount_at_us IS NOT NULL AND recount_at_us <= ?"
"""Whether there are any."""


def load_due_mounts(uow: UnitOfWork, limit: int) -> list[DueMount]:
    """Mounts whose pieces are to be counted, the longest due first."""
    return [DueMount(*row) for row in uow.driver_query(DUE_MOUNTS, (uow.now_us, limit))]


def store_counted(uow: UnitOfWork, counted: Mapping[int, tuple[int, int | None]]) -> None:
    """By mount what was taken by it, and when to count again."""
    rows = [(taken_e6, again_us, pk) for pk, (taken_e6, again_us) in counted.items()]
    uow.driver_executemany("UPDATE slot_mount SET taken_e6 = ?, recount_at_us = ? WHERE pk = ?", rows)


_IMPORT: Final = "SELECT pk, rows_done, line, refused, ended_at_us FROM genealogy_import WHERE"


def find_import(reads: Reads, sha256: str) -> Imported | None:
    """How far a file of this content is recorded."""
    rows = reads.driver_query(f"{_IMPORT} sha256 = ?", (sha256,))
    for pk, rows_done, line, refused, ended_at_us in rows:
        return Imported(pk, rows_done, line, refused, ended_at_us is not None)
    return None


def insert_import(uow: UnitOfWork, sha256: str, name: str) -> None:
    """A file of which nothing is recorded yet."""
    uow.driver_execute(
        "INSERT INTO genealogy_import (sha256, name, rows_done, line, refused, begun_at_us) VALUES (?, ?, 0, 0, 0, ?)",
        (sha256, name, uow.now_us),
    )


def advance_import(uow: UnitOfWork, before: Imported, after: Imported) -> bool:
    """Whether the import was where it was thought to be; if so, it is further now."""
    ended = uow.now_us if after.is_over else None
    changed = uow.driver_execute(
        "UPDATE genealogy_import SET rows_done = ?, line = ?, refused = ?, ended_at_us = ? "
        "WHERE pk = ? AND rows_done = ? AND ended_at_us IS NULL",
        (after.rows_done, after.line, after.refused, ended, before.pk, before.rows_done),
    )
    return changed == 1


# -- answers

_GROUPED: Final = "l.kind, l.material_pk, l.disposition, l.job_pk, l.place_pk, l.shipment_pk"
GROUPS: Final = _Sql(
    "SELECT {grouped}, count(*), json_group_array(l.id) FROM json_each(?) k "
    "CROSS JOIN material_lot l ON l.pk = k.value GROUP BY {grouped}",
    "WITH l AS MATERIALIZED (SELECT {grouped}, l.id FROM material_lot l WHERE l.pk = {keys}) "
    "SELECT {grouped}, count(*), json_agg(l.id)::text FROM l GROUP BY {grouped}",
    grouped=_GROUPED,
)
"""PostgreSQL takes the set for ten lots: beside finding them it holds sorting for as cheap as a hash, unless apart."""
SHIPPED: Final = _Sql(
    "SELECT l.shipment_pk, count(*), json_group_array(l.id) FROM json_each(?) k CROSS JOIN material_lot l "
    "ON l.shipment_pk = k.value WHERE l.kind = 2 AND +l.pk IN (SELECT value FROM json_each(?)) GROUP BY l.shipment_pk",
    "SELECT l.shipment_pk, count(*), json_agg(l.id)::text FROM material_lot l WHERE l.shipment_pk = {keys} "
    "AND l.kind = 2 AND (l.pk IN (SELECT unnest(?::int[]))) IS TRUE GROUP BY l.shipment_pk",
)
"""Out of the shipments that a walk came to, rather than out of all its lots, most of which are in something else."""


def shipped_of(reads: Reads, pks: Collection[int]) -> Rows:
    """Of a walk down: shipment, how many units of the walk it has, their ids as finished JSON."""
    if not pks:
        return []
    there = reads.driver_query("SELECT lot_pk FROM shipment WHERE lot_pk BETWEEN ? AND ?", (min(pks), max(pks)))
    reached = {row[0] for row in there}.intersection(pks)
    return SHIPPED.on(reads, key_text(reads, reached), key_text(reads, pks)) if reached else []


_ROW: Final = "l.pk, l.id, l.kind, l.material_pk, l.quantity, l.disposition, l.job_pk, l.place_pk, l.shipment_pk"
LOT_ROWS: Final = _Sql(
    "SELECT {row} FROM json_each(?) k CROSS JOIN material_lot l ON l.pk = k.value",
    "SELECT {row} FROM material_lot l WHERE l.pk = {keys}",
    row=_ROW,
)
_ACT_ROW: Final = (
    "a.pk, a.kind, a.at_us, a.lot_pk, a.equipment_pk, a.seq, a.job_pk, a.actor, a.context_pk, a.ended_by_pk, a.note, "
    "a.flag"
)
ACTS_OF_LOTS: Final = _Sql(
    "SELECT {row} FROM json_each(?) k CROSS JOIN genealogy_act a ON a.lot_pk = k.value",
    "SELECT {row} FROM genealogy_act a WHERE a.lot_pk = {keys}",
    row=_ACT_ROW,
)
_RESULT: Final = (
    "v.pk, v.unit_id, v.verdict, v.segment_id, v.job_pk, v.equipment_pk, v.program, v.program_revision, v.at_us, "
    "v.ended_by_pk, v.note"
)
RESULTS_OF_UNITS: Final = _Sql(
    "SELECT {row} FROM json_each(?) k CROSS JOIN unit_verdict v ON v.unit_id = k.value",
    "SELECT {row} FROM unit_verdict v WHERE v.unit_id = {names}",
    row=_RESULT,
)
_OF_RESULTS: Final = "ANY((SELECT ?::bigint[])::bigint[])"
MEASURED_IN: Final = _Sql(
    "SELECT {row} FROM json_each(?) k CROSS JOIN measured_value m ON m.verdict_pk = k.value {newest}",
    "SELECT {row} FROM measured_value m WHERE m.verdict_pk = {results} {newest}",
    row="m.verdict_pk, m.name, m.value, m.unit, m.low, m.high, m.verdict, m.place",
    newest="ORDER BY m.verdict_pk DESC, m.place LIMIT ?",
    results=_OF_RESULTS,
)
DEFECTS_IN: Final = _Sql(
    "SELECT {row} FROM json_each(?) k CROSS JOIN defect f ON f.verdict_pk = k.value "
    "JOIN defect_code c ON c.pk = f.code_pk",
    "SELECT {row} FROM defect f JOIN defect_code c ON c.pk = f.code_pk WHERE f.verdict_pk = {results}",
    row="f.verdict_pk, f.unit_id, c.id, f.position, f.note, f.repaired_by_pk, f.pk",
    results=_OF_RESULTS,
)
_NEWEST: Final = (
    "SELECT o.pk FROM slot_mount o WHERE o.slot_pk = s.pk AND o.ended_by_pk IS NULL "
    "ORDER BY o.from_seq DESC, o.to_seq DESC LIMIT 1"
)
STILL_MOUNTED: Final = (
    "SELECT m.lot_pk, m.equipment_pk, s.id AS slot_id, m.from_seq FROM station_slot s "  # noqa: S608
    f"JOIN slot_mount m ON m.pk = ({_NEWEST}) WHERE m.to_seq = ?"
)
"""Of every slot of the plant what is in it now: there are hundreds of slots, and tens of thousands of affected lots."""
FLAGGED: Final = f"SELECT {_ACT_ROW} FROM genealogy_act a WHERE a.flag IS NOT NULL AND a.ended_by_pk IS NULL"  # noqa: S608
"""All of the plant, by an index that holds nothing else: each is an exception."""
ENDED_LINKS: Final = _Sql(
    "SELECT {link}, e.ended_by_pk FROM json_each(?) k CROSS JOIN genealogy_link e ON e.child_pk = k.value "
    "WHERE e.ended_by_pk IS NOT NULL",
    "SELECT {link}, e.ended_by_pk FROM genealogy_link e WHERE e.child_pk = {keys} AND e.ended_by_pk IS NOT NULL",
    link=_LINK,
)
_OPTIONAL: Final = ("actor", "context_pk", "job_pk")
PASSES_OF_LOTS: Final = _Sql(
    "SELECT {packed_sqlite} FROM json_each(?) k CROSS JOIN genealogy_act a ON a.lot_pk = k.value WHERE {passes}",
    "SELECT {packed} FROM genealogy_act a WHERE a.lot_pk = {keys} AND a.seq IS NOT NULL AND {live_act}",
    **_packed("a.lot_pk", "a.equipment_pk", "a.seq", "a.at_us", *(f"coalesce(a.{name}, -1)" for name in _OPTIONAL)),
    passes=_PASS,
)
PARENTS_OF_LOTS: Final = _Sql(
    "SELECT {packed_sqlite} FROM json_each(?) k CROSS JOIN genealogy_link e ON e.child_pk = k.value "
    "WHERE e.ended_by_pk IS NULL",
    "SELECT {packed} FROM genealogy_link e WHERE e.child_pk = {keys} AND {live_link}",
    **_packed("e.child_pk", "e.parent_pk"),
)
_MOUNTS_AT: Final = _Sql(
    "SELECT {packed_sqlite}, group_concat(m.made_of, '') FROM slot_mount m WHERE {there}",
    "SELECT {packed}, string_agg(m.made_of, '') FROM slot_mount m WHERE {there}",
    **_packed("m.from_seq", "m.to_seq", "m.lot_pk", "coalesce(length(m.made_of), -1)"),
    there="m.equipment_pk = ? AND m.to_seq >= ? AND m.from_seq <= ? AND m.ended_by_pk IS NULL",
)
Numbers = npt.NDArray[np.int64]


def parents_of(reads: Reads, keys: Collection[int]) -> tuple[Numbers, Numbers]:
    """Of each explicit link to some lots the lot and what went into it."""
    children, parents = _columns(PARENTS_OF_LOTS.on(reads, key_text(reads, keys))[0])
    return children, parents


class Passes(NamedTuple):
    """Where, when, by whom and how lots passed, column by column; -1: nobody, nothing."""

    lots: Numbers
    stations: Numbers
    seqs: Numbers
    at_us: Numbers
    persons: Numbers
    contexts: Numbers
    jobs: Numbers


def passes_and_parents_of(reads: Reads, keys: Collection[int]) -> tuple[Passes, Numbers, Numbers]:
    """How some lots passed stations, and `parents_of` them, in one round trip."""
    asked = (key_text(reads, keys),)
    (passed,), (linked,) = reads.driver_queries(
        [(sql.text(reads.dialect), asked) for sql in (PASSES_OF_LOTS, PARENTS_OF_LOTS)]
    )
    children, parents = _columns(linked)
    return Passes(*_columns(passed)), children, parents


class Mounts(NamedTuple):
    """First and last piece, the lot, and of how many lots that is made (-1: to be looked up), column by column; and
    these lots, one mount's after another's, in the same order."""

    first: Numbers
    last: Numbers
    lots: Numbers
    counts: Numbers
    made_of: Numbers


def mounts_at(reads: Reads, station: int, first_seq: int, last_seq: int) -> Mounts:
    """What was mounted at a station while some pieces passed."""
    ((*numbers, told),) = _MOUNTS_AT.on(reads, station, first_seq, last_seq)
    first, last, lots, digits = _columns(numbers)
    return Mounts(first, last, lots, digits // _DIGITS, _told_keys(told))


def _columns(row: Sequence[Any]) -> list[Numbers]:
    """What was `_packed`: JSON arrays or, from PostgreSQL, eight bytes a number."""
    return [
        np.array(orjson.loads(packed), np.int64)
        if isinstance(packed, str)
        else np.frombuffer(packed or b"", ">i8").astype(np.int64)
        for packed in row
    ]


_ORDERS: Final = (
    "JOIN work_request q ON q.pk = j.work_request_pk JOIN operations_request t ON t.pk = q.operations_request_pk"
)
_NAMES: Final = {
    table: _Sql(
        f"SELECT {n}, t.pk, t.id FROM json_each(?) k CROSS JOIN {table} t ON t.pk = k.value",  # noqa: S608
        f"SELECT {n}, t.pk, t.id FROM {table} t WHERE t.pk = {{keys}}",  # noqa: S608
    )
    for n, table in enumerate(("material_lot", "material_definition", "equipment", "job_order", "principal"))
} | {
    "order_of_job": _Sql(
        f"SELECT 5, j.pk, t.id FROM json_each(?) k CROSS JOIN job_order j ON j.pk = k.value {_ORDERS}",  # noqa: S608
        f"SELECT 5, j.pk, t.id FROM job_order j {_ORDERS} WHERE j.pk = {{keys}}",  # noqa: S608
    )
}
Names = dict[int | None, str]


def names_of(reads: Reads, **keys: Iterable[int | None]) -> list[Names]:
    """Ids by key, of None the empty text: of each of these tables, in this order, in one statement. `order_of_job`: the
    production orders of jobs."""
    wanted = {table: {pk for pk in pks if pk is not None} for table, pks in keys.items()}
    asked = {table: key_text(reads, pks) for table, pks in wanted.items() if pks}
    places = {n: table for n, table in enumerate(_NAMES) if table in asked}
    found: dict[str, Names] = {table: {None: ""} for table in wanted}
    if places:
        sql = " UNION ALL ".join(_NAMES[table].text(reads.dialect) for table in places.values())
        for n, pk, name in reads.driver_query(sql, [asked[table] for table in places.values()]):
            found[places[n]][pk] = name
    return list(found.values())


def contexts_of(reads: Reads, pks: Iterable[int | None]) -> dict[int | None, tuple[str, str, str]]:
    """Program, tool and parameters by key; of None empty ones."""
    wanted = sorted({pk for pk in pks if pk is not None})
    found: dict[int | None, tuple[str, str, str]] = {None: ("", "", "")}
    if wanted:
        sql = f"SELECT pk, program, tool, parameters FROM act_context WHERE pk IN ({marks(wanted)})"  # noqa: S608
        found.update({row[0]: (row[1], row[2], row[3]) for row in reads.driver_query(sql, wanted)})
    return found


def shipments_of(reads: Reads, pks: Iterable[int]) -> Rows:
    """Key, id, customer, delivery note and instant of shipments."""
    wanted = sorted(set(pks))
    sql = (
        "SELECT s.lot_pk, l.id, s.customer_id, s.delivery_note, s.shipped_at_us FROM shipment s "  # noqa: S608
        f"JOIN material_lot l ON l.pk = s.lot_pk WHERE s.lot_pk IN ({marks(wanted)})"
    )
    return reads.driver_query(sql, wanted) if wanted else []


def lots_of_range(reads: Reads, first: str, last: str, limit: int) -> list[int]:
    """Lots whose id lies between two of the same length, by the order of their characters."""
    order = "" if reads.dialect == "sqlite" else ' COLLATE "C"'
    sql = (
        f"SELECT pk FROM material_lot WHERE id{order} >= ? AND id{order} <= ? AND length(id) = ? "  # noqa: S608
        "ORDER BY pk LIMIT ?"
    )
    return [row[0] for row in reads.driver_query(sql, (first, last, len(first), limit))]


def lots_of_acts(reads: Reads, conditions: Mapping[str, Any], limit: int) -> list[int]:
    """Lots to which something was done under all of these conditions (SQL with one parameter each)."""
    wanted = " AND ".join(conditions)
    sql = (
        "SELECT DISTINCT a.lot_pk FROM genealogy_act a LEFT JOIN act_context c ON c.pk = a.context_pk "  # noqa: S608
        f"WHERE a.ended_by_pk IS NULL AND {wanted} LIMIT ?"
    )
    return [row[0] for row in reads.driver_query(sql, (*conditions.values(), limit))]
