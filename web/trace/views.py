"""View models of the genealogy explorer. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from mes.genealogy.queries.steps import Layers, Node, Step, StepLine, Way
from mes.materials.types import LotKind
from standards.isa95.material import Disposition
from standards.isa95.quantity import from_e6

ICONS: Final = {"lot": "package", "unit": "circle-dot", "container": "square", "shipment": "send"}
LOOKS: Final = ("list", "drawing")
BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y = 324, 72, 56, 16
PITCH_X, PITCH_Y = BOX_WIDTH + GAP_X, BOX_HEIGHT + GAP_Y
BEND: Final = 8
"""Radius of the corners of a tie. `web/static/drawing.js` measures the same."""
DRAWN_MAX: Final = 2_000
"""Lots that a drawing grows to."""


@dataclass(frozen=True, slots=True)
class LotName:
    """A lot in one line. `held`: it is on hold."""

    lot_id: str
    kind: str
    icon: str
    material: str
    material_id: str
    href: str
    held: bool
    shipment: str


@dataclass(frozen=True, slots=True)
class LineView:
    """A lot one step away. `quantity` None: nobody counted it; `step`: address of its own step, "" at the end."""

    lot: LotName
    quantity: Decimal | None
    unit: str
    possible: bool
    link: str
    at: datetime | None
    place: str
    job: str
    acts: int
    step: str


@dataclass(frozen=True, slots=True)
class StepView:
    """A page of a step. `more`: how many come after it, at `next_page`; `plain` is the same as a page of its own."""

    way: str
    lines: tuple[LineView, ...]
    total: int
    first: int
    last: int
    more: int
    next_page: str
    plain: str


@dataclass(frozen=True, slots=True)
class Box:
    """A lot drawn, in pixels. `grow`: address of its next step, "" at the end; `is_open`: that is drawn already;
    `possible` (of a step): only by a splice."""

    x: int
    y: int
    level: int
    lot: LotName
    title: str
    material: str
    state: str
    grow: str
    is_open: bool = False
    possible: bool = False


@dataclass(frozen=True, slots=True)
class Tie:
    """A path from one lot to the next."""

    path: str
    possible: bool
    near: str
    far: str


@dataclass(frozen=True, slots=True)
class Hidden:
    x: int
    y: int
    level: int
    count: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """`most`: lots it may grow to."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    ties: tuple[Tie, ...]
    hidden: tuple[Hidden, ...]
    goes_on: bool
    most: int = DRAWN_MAX


@dataclass(frozen=True, slots=True)
class DrawnStep:
    """A page of the boxes behind one, to be put into its drawing; `more` come after it, at `next_page`."""

    boxes: tuple[Box, ...]
    more: int
    next_page: str
    plain: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A link of several; `key` names its words."""

    key: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Explored:
    """One lot and what was asked of it: a step or a drawing."""

    root: LotName
    unit_page: str
    quantity: Decimal
    unit: str
    way: str
    ways: tuple[Choice, ...]
    looks: tuple[Choice, ...]
    step: StepView | None
    drawing: Drawing | None
    rest: str
    recall: str
    count: str
    """Where a count of what is left goes; "" of what is not counted."""
    request_id: str


@dataclass(frozen=True, slots=True)
class TracePage:
    """`unknown` is what was looked up and nobody recorded."""

    explored: Explored | None = None
    unknown: str = ""


def base_of(lot_id: str) -> str:
    return f"/trace/lots/{quote(lot_id, safe='')}"


def unit_of(lot_id: str) -> str:
    return f"/trace/units/{quote(lot_id, safe='')}"


def file_of(lot_id: str, question: str) -> str:
    return f"{base_of(lot_id)}/file?question={question}"


def address(lot_id: str, way: str, look: str = "list", start: int = 0, *, part: str = "") -> str:
    """Of a view of the explorer, or of a part of it."""
    asked = {"way": way} | ({"look": look} if look != "list" else {}) | ({"start": str(start)} if start else {})
    return f"{base_of(lot_id)}{part}?{urlencode(asked)}"


def lot_name(node: Node, way: str, look: str = "list") -> LotName:
    held = node.disposition == Disposition.Restricted.value
    href = address(node.lot_id, way, look)
    return LotName(
        node.lot_id, node.kind, ICONS[node.kind], node.material, node.material_id, href, held, node.shipment_id
    )


def step_view(step: Step, zone: ZoneInfo) -> StepView:
    way, lot_id = step.way.value, step.root.lot_id
    last = step.start + len(step.lines)
    return StepView(
        way,
        tuple(_line(line, way, zone) for line in step.lines),
        step.total,
        step.start + 1,
        last,
        step.more,
        address(lot_id, way, start=last, part="/trace-step"),
        address(lot_id, way, start=last),
    )


def _line(line: StepLine, way: str, zone: ZoneInfo) -> LineView:
    node = line.node
    return LineView(
        lot_name(node, way),
        from_e6(line.quantity_e6) if line.quantity_e6 else None,
        line.unit,
        line.possible,
        line.link,
        local(line.at, zone),
        line.equipment_id,
        line.job_id,
        line.acts,
        address(node.lot_id, way, part="/trace-step") if node.goes_on else "",
    )


def local(at: str, zone: ZoneInfo) -> datetime | None:
    """An instant of an answer in the plant's time."""
    return datetime.fromisoformat(at).astimezone(zone) if at else None


def explored(root: Node, way: Way, step: StepView | None, layers: Layers | None, *, request_id: str = "") -> Explored:
    look = "list" if layers is None else "drawing"
    lot_id = root.lot_id
    return Explored(
        lot_name(root, way.value, look),
        unit_of(lot_id),
        from_e6(root.quantity_e6),
        root.unit,
        way.value,
        tuple(Choice(one.value, address(lot_id, one.value, look), one is way) for one in Way),
        tuple(Choice(one, address(lot_id, way.value, one), one == look) for one in LOOKS),
        step,
        None if layers is None else drawing(layers),
        file_of(lot_id, way.value),
        f"/trace/recall?{urlencode({'lot': lot_id})}",
        f"{base_of(lot_id)}/count" if root.kind == LotKind.lot.name and not root.shipment_id else "",
        request_id,
    )


Place = tuple[int, int]
"""A level, and a place in it or a row."""


def drawing(layers: Layers) -> Drawing:
    """Levels side by side. A lot stands beside the first of those behind it, each of which has rows of its own."""
    shown_by: dict[Place, Place] = {}
    for level, near, far, _ in layers.links:
        shown_by.setdefault((level + 1, far), (level, near))
    rows = _rows(shown_by)
    spots = {place: (place[0] * PITCH_X + 2, row * PITCH_Y + GAP_Y // 2) for place, row in rows.items()}
    lots = {place: layers.columns[place[0]][place[1]] for place in rows}
    hidden = tuple(
        Hidden(level * PITCH_X + 2, max(y for (at, _), (_, y) in spots.items() if at == level) + PITCH_Y, level, count)
        for level, count in enumerate(layers.hidden)
        if count
    )
    return Drawing(
        len(layers.columns) * PITCH_X - GAP_X + 4,
        max(y for _, y in [*spots.values(), *((0, one.y) for one in hidden)]) + PITCH_Y,
        tuple(_box(place, spots[place], lots[place], layers) for place in rows),
        tuple(
            Tie(
                _path(spots[near], spots[far], straight=shown_by[far] == near),
                doubt,
                lots[near].lot_id,
                lots[far].lot_id,
            )
            for level, a, b, doubt in layers.links
            for near, far in [((level, a), (level + 1, b))]
        ),
        hidden,
        layers.goes_on,
    )


def _rows(shown_by: Mapping[Place, Place]) -> dict[Place, int]:
    """The row of each lot, from the root on: first itself, then what is behind it."""
    behind: dict[Place, list[Place]] = {}
    for far, near in shown_by.items():
        behind.setdefault(near, []).append(far)
    rows: dict[Place, int] = {}
    waiting, free = [(0, 0)], 0
    while waiting:
        place = waiting.pop()
        near = shown_by.get(place, place)
        rows[place] = rows[near] if behind.get(near, [place])[0] == place and near != place else free
        free = max(free, rows[place] + 1)
        waiting += reversed(behind.get(place, []))
    return rows


def _box(place: Place, at: tuple[int, int], node: Node, layers: Layers) -> Box:
    level, way = place[0], layers.way.value
    is_open = level + 1 < len(layers.columns) and not layers.hidden[level + 1]
    return _drawn(node, way, at=at, level=level, state="root" if level == 0 else "", is_open=is_open)


def _drawn(
    node: Node,
    way: str,
    *,
    at: tuple[int, int] = (0, 0),
    level: int = 0,
    state: str = "",
    is_open: bool = False,
    possible: bool = False,
) -> Box:
    lot = lot_name(node, way, "drawing")
    grow = address(node.lot_id, way, part="/drawn-step") if node.goes_on else ""
    title, material = _short(node.lot_id, 22), _short(node.material, 28)
    return Box(*at, level, lot, title, material, "held" if lot.held else state, grow, is_open, possible)


def drawn_step(step: Step) -> DrawnStep:
    way, lot_id, last = step.way.value, step.root.lot_id, step.start + len(step.lines)
    return DrawnStep(
        tuple(_drawn(line.node, way, possible=line.possible) for line in step.lines),
        step.more,
        address(lot_id, way, start=last, part="/drawn-step"),
        address(lot_id, way, start=last),
    )


def _path(a: tuple[int, int], b: tuple[int, int], *, straight: bool) -> str:
    """Along the gap between two columns, or as a curve to what stands elsewhere."""
    x1, y1, x2, y2 = a[0] + BOX_WIDTH, a[1] + BOX_HEIGHT // 2, b[0], b[1] + BOX_HEIGHT // 2
    middle = x1 + GAP_X // 2
    if not straight:
        return f"M{x1} {y1}C{x1 + GAP_X} {y1} {x2 - GAP_X} {y2} {x2} {y2}"
    if y1 == y2:
        return f"M{x1} {y1}H{x2}"
    bends = f"Q{middle} {y1} {middle} {y1 + BEND}V{y2 - BEND}Q{middle} {y2} {middle + BEND} {y2}"
    return f"M{x1} {y1}H{middle - BEND}{bends}H{x2}"


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
