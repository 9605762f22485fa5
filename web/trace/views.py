"""View models of the genealogy explorer. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from mes.genealogy.queries.steps import Layers, Node, Step, StepLine, Way
from standards.isa95.material import Disposition
from standards.isa95.quantity import from_e6

ICONS: Final = {"lot": "package", "unit": "circle-dot", "container": "square", "shipment": "send"}
LOOKS: Final = ("list", "drawing")
BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y = 260, 72, 90, 16
PITCH_X, PITCH_Y = BOX_WIDTH + GAP_X, BOX_HEIGHT + GAP_Y


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
    """A lot drawn, in pixels."""

    x: int
    y: int
    lot: LotName
    title: str
    material: str
    state: str


@dataclass(frozen=True, slots=True)
class Hidden:
    x: int
    y: int
    count: int


@dataclass(frozen=True, slots=True)
class Drawing:
    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[tuple[str, bool], ...]
    """Path, and whether it is only possible."""
    hidden: tuple[Hidden, ...]
    goes_on: bool


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


@dataclass(frozen=True, slots=True)
class TracePage:
    """`unknown` is what was looked up and nobody recorded."""

    explored: Explored | None = None
    unknown: str = ""


def base_of(lot_id: str) -> str:
    return f"/trace/lots/{quote(lot_id, safe='')}"


def unit_of(lot_id: str) -> str:
    return f"/trace/units/{quote(lot_id, safe='')}"


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


def explored(root: Node, way: Way, step: StepView | None, layers: Layers | None) -> Explored:
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
        f"/api/v1/genealogy/lots/{quote(lot_id, safe='')}/{way.value}",
        f"/trace/recall?{urlencode({'lot': lot_id})}",
    )


def drawing(layers: Layers) -> Drawing:
    """Levels side by side, each in the middle of its column."""
    cells = [len(column) + (hidden > 0) for column, hidden in zip(layers.columns, layers.hidden, strict=True)]
    height = max(cells) * PITCH_Y
    width = len(cells) * PITCH_X - GAP_X + 4

    def spot(level: int, place: int) -> tuple[int, int]:
        return level * PITCH_X + 2, (height - cells[level] * PITCH_Y) // 2 + place * PITCH_Y + GAP_Y // 2

    boxes = tuple(
        _box(spot(level, place), node, layers.way.value, root=level == 0)
        for level, column in enumerate(layers.columns)
        for place, node in enumerate(column)
    )
    lines = tuple((_path(spot(level, a), spot(level + 1, b)), doubt) for level, a, b, doubt in layers.links)
    hidden = tuple(
        Hidden(*spot(level, len(layers.columns[level])), count) for level, count in enumerate(layers.hidden) if count
    )
    return Drawing(width, height, boxes, lines, hidden, layers.goes_on)


def _box(at: tuple[int, int], node: Node, way: str, *, root: bool) -> Box:
    lot = lot_name(node, way, "drawing")
    state = "held" if lot.held else "root" if root else ""
    return Box(*at, lot, _short(node.lot_id, 22), _short(node.material, 28), state)


def _path(a: tuple[int, int], b: tuple[int, int]) -> str:
    x1, y1, x2, y2 = a[0] + BOX_WIDTH, a[1] + BOX_HEIGHT // 2, b[0], b[1] + BOX_HEIGHT // 2
    return f"M{x1} {y1}C{x1 + GAP_X // 2} {y1} {x2 - GAP_X // 2} {y2} {x2} {y2}"


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
