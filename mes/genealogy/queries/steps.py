"""Genealogy step by step, for screens: what one lot was made of or went into, and a few levels to be drawn.

Every answer is bounded and says how much it leaves out; each is a fixed number of statements a level.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from mes.genealogy.queries.tables import instant
from mes.genealogy.queries.trace import known_lots
from mes.genealogy.statements import DIRECT_DOWN, DIRECT_UP, LOT_ROWS, Reads, key_text, names_of
from mes.genealogy.types import LinkKind, LinkRow
from mes.kernel.uow import marks
from mes.materials.types import LotKind

STEP_MAX: Final = 100
"""Lots on one page of a step."""
LEVELS_MAX: Final = 4
COLUMN_MAX: Final = 12
"""Lots drawn of one level."""


class Way(StrEnum):
    made_of = "made-of"
    used_in = "used-in"


_DIRECT: Final = {Way.made_of: DIRECT_UP, Way.used_in: DIRECT_DOWN}


@dataclass(frozen=True, slots=True)
class Node:
    """A lot in the graph. `goes_on`: something may lie behind it, this way."""

    lot_id: str
    kind: str
    material_id: str
    material: str
    quantity_e6: int
    unit: str
    disposition: str
    shipment_id: str
    goes_on: bool


@dataclass(frozen=True, slots=True)
class StepLine:
    """A lot one step away. `quantity_e6` is what of the upper one is in the lower one, 0 where nobody counted; `at`,
    `equipment_id` and `job_id` are of the newest of the `acts` that link them; `possible`: only by a splice."""

    node: Node
    quantity_e6: int
    unit: str
    link: str
    possible: bool
    at: str
    equipment_id: str
    job_id: str
    acts: int


@dataclass(frozen=True, slots=True)
class Step:
    """A page of the lots one step away, in the order they came into being. `total` counts all of them."""

    root: Node
    way: Way
    lines: tuple[StepLine, ...]
    start: int
    total: int

    @property
    def more(self) -> int:
        """How many come after this page."""
        return max(self.total - self.start - len(self.lines), 0)


@dataclass(frozen=True, slots=True)
class Layers:
    """Levels from the root on, and the links between what is drawn: from level n to n + 1, by place in its column.

    `hidden`: how many lots of each level are left out. `goes_on`: something lies behind the last level.
    """

    way: Way
    columns: tuple[tuple[Node, ...], ...]
    hidden: tuple[int, ...]
    links: tuple[tuple[int, int, int, bool], ...]
    """Level, place in it, place in the next, whether only possible."""
    goes_on: bool


def get_step(reads: Reads, *, lot_id: str, way: Way, start: int = 0, limit: int = STEP_MAX) -> Step:
    """What a lot was made of, or went into, directly. `lot-unknown`."""
    root = known_lots(reads, [lot_id])[lot_id]
    begin, direct = max(start, 0), _DIRECT[way]
    page, total = direct.lots(reads, [root], start=begin, limit=min(limit, STEP_MAX))
    found = _by_target(direct.links(reads, [root], set(page)), way)
    nodes = _nodes(reads, [root, *page], way)
    newest = {pk: max(found[pk], key=lambda link: link.act_pk) for pk in page}
    acts = _acts(reads, {link.act_pk for link in newest.values()})
    lines = tuple(_line(nodes[root], nodes[pk], found[pk], acts[newest[pk].act_pk], way) for pk in page)
    return Step(nodes[root], way, lines, begin, total)


def get_layers(reads: Reads, *, lot_id: str, way: Way, levels: int = LEVELS_MAX) -> Layers:
    """A few levels to be drawn, each lot once; a circle cannot be. `lot-unknown`."""
    columns, hidden, links = [[known_lots(reads, [lot_id])[lot_id]]], [0], []
    direct = _DIRECT[way]
    seen = set(columns[0])
    for level in range(min(levels, LEVELS_MAX) - 1):
        reached, total = direct.lots(reads, columns[-1], but=seen, start=0, limit=COLUMN_MAX)
        if not reached:
            break
        columns.append(reached)
        hidden.append(total - len(reached))
        seen.update(reached)
        links += _between(direct.links(reads, columns[-2], set(reached)), level, columns[-2], reached, way)
    nodes = _nodes(reads, [pk for column in columns for pk in column], way)
    drawn = tuple(tuple(nodes[pk] for pk in column) for column in columns)
    goes_on = len(columns) == min(levels, LEVELS_MAX) and any(node.goes_on for node in drawn[-1])
    return Layers(way, drawn, tuple(hidden), tuple(links), goes_on)


def _target(link: LinkRow, way: Way) -> int:
    return link.parent_pk if way is Way.made_of else link.child_pk


def _by_target(links: Iterable[LinkRow], way: Way) -> dict[int, list[LinkRow]]:
    found: dict[int, list[LinkRow]] = {}
    for link in links:
        found.setdefault(_target(link, way), []).append(link)
    return found


def _between(
    step: Iterable[LinkRow], level: int, here: Sequence[int], there: Sequence[int], way: Way
) -> list[tuple[int, int, int, bool]]:
    """A link that is certain once is certain."""
    places = {pk: place for place, pk in enumerate(here)}, {pk: place for place, pk in enumerate(there)}
    doubt: dict[tuple[int, int], bool] = {}
    for link in step:
        near, far = (link.child_pk, link.parent_pk) if way is Way.made_of else (link.parent_pk, link.child_pk)
        if far in places[1]:
            pair = (places[0][near], places[1][far])
            doubt[pair] = doubt.get(pair, True) and link.possible
    return [(level, near, far, possible) for (near, far), possible in sorted(doubt.items())]


Acts = Mapping[int, tuple[str, str, str]]


def _line(root: Node, node: Node, links: Sequence[LinkRow], act: tuple[str, str, str], way: Way) -> StepLine:
    return StepLine(
        node,
        sum(link.quantity_e6 for link in links),
        (node if way is Way.made_of else root).unit,
        LinkKind(links[0].kind).name,
        all(link.possible for link in links),
        *act,
        acts=len(links),
    )


def _acts(reads: Reads, pks: Collection[int]) -> Acts:
    """When, where and in which job."""
    if not pks:
        return {}
    sql = f"SELECT pk, at_us, equipment_pk, job_pk FROM genealogy_act WHERE pk IN ({marks(pks)})"  # noqa: S608
    rows = reads.driver_query(sql, tuple(pks))
    places, jobs = names_of(reads, equipment=[row[2] for row in rows], job_order=[row[3] for row in rows])
    return {pk: (instant(at_us), places[place], jobs[job]) for pk, at_us, place, job in rows}


_BEHIND: Final = {
    Way.made_of: (
        "EXISTS (SELECT 1 FROM genealogy_link e WHERE e.child_pk = l.pk AND e.ended_by_pk IS NULL) "
        "OR EXISTS (SELECT 1 FROM genealogy_act a WHERE a.lot_pk = l.pk AND a.seq IS NOT NULL "
        "AND a.ended_by_pk IS NULL AND EXISTS (SELECT 1 FROM station_slot s WHERE s.equipment_pk = a.equipment_pk))"
    ),
    Way.used_in: (
        "EXISTS (SELECT 1 FROM genealogy_link e WHERE e.parent_pk = l.pk AND e.ended_by_pk IS NULL) "
        "OR EXISTS (SELECT 1 FROM slot_mount m WHERE m.lot_pk = l.pk AND m.ended_by_pk IS NULL)"
    ),
}


def _nodes(reads: Reads, pks: Collection[int], way: Way) -> dict[int, Node]:
    rows = LOT_ROWS.on(reads, key_text(reads, sorted(set(pks))))
    materials = _materials(reads, {row[3] for row in rows})
    (shipments,) = names_of(reads, material_lot=[row[8] for row in rows])
    sql = f"SELECT l.pk, l.unit, {_BEHIND[way]} FROM material_lot l WHERE l.pk IN ({marks(rows)})"  # noqa: S608
    more = {row[0]: row[1:] for row in reads.driver_query(sql, tuple(row[0] for row in rows))}
    return {row[0]: _node(row, materials[row[3]], shipments[row[8]], *more[row[0]]) for row in rows}


def _node(row: Any, material: tuple[str, str], shipment_id: str, unit: str, goes_on: Any) -> Node:
    _, lot_id, kind, _, quantity_e6, disposition, *_ = row
    return Node(lot_id, LotKind(kind).name, *material, quantity_e6, unit, disposition, shipment_id, bool(goes_on))


def _materials(reads: Reads, pks: Collection[int]) -> dict[int, tuple[str, str]]:
    sql = f"SELECT pk, id, description FROM material_definition WHERE pk IN ({marks(pks)})"  # noqa: S608
    return {row[0]: (row[1], row[2] or row[1]) for row in reads.driver_query(sql, tuple(pks))}
