"""Which step brings a production of Tryton nearer to what it is to say. Pure: what is there and what is wanted, in.

A production is booked once: `run` moves what was used, `do` what was made. Until an order is over here it therefore
waits there; what is corrected later is booked anew: cancelled, drafted, and all of it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

from mes.exchange.erp.tryton.units import Uom, booked_in
from mes.exchange.erp.types import Confirmation

PRODUCTION_FIELDS: Final = (
    *("number", "state", "product", "inputs", "outputs", "company", "company.currency", "location", "_timestamp"),
    *("warehouse.production_picking_location", "warehouse.production_output_location"),
    *("warehouse.storage_location", "warehouse.waste_locations"),
)
MOVE_FIELDS: Final = ("product", "unit", "quantity", "lot", "state", "from_location", "to_location")
WORK_FIELDS: Final = ("operation", "state", "cycles", "_timestamp")
CYCLE_FIELDS: Final = ("work", "duration", "state")


class Line(NamedTuple):
    """A move as it counts: what, in which unit, of which lot, from or to which place of the stock."""

    product: int
    unit: int
    quantity: Decimal
    lot: int | None
    place: int


@dataclass(frozen=True, slots=True)
class Move:
    id: int
    line: Line
    done: bool


@dataclass(frozen=True, slots=True)
class Work:
    """`cycles`: id → (seconds, state); cancelled ones are left out."""

    id: int
    operation: int
    stamp: str
    cycles: Mapping[int, tuple[Decimal | None, str]] = field(default_factory=dict)

    @property
    def seconds(self) -> Decimal:
        return sum((seconds or Decimal(0) for seconds, _ in self.cycles.values()), Decimal(0))


@dataclass(frozen=True, slots=True)
class Production:
    """What is there. `works` None: the module that keeps times is not there."""

    id: int
    number: str
    state: str
    stamp: str
    product: int
    company: int
    currency: int
    location: int
    picking: int
    output: int
    waste: int | None
    inputs: Sequence[Move] = ()
    outputs: Sequence[Move] = ()
    works: Sequence[Work] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What it is to say. `seconds`: by work; what no work is there for is in `lost_s`."""

    cancelled: bool
    inputs: tuple[Line, ...]
    outputs: tuple[Line, ...]
    seconds: Mapping[int, int]
    lost_s: int = 0


class Act(StrEnum):
    """`write_…` make the moves what they are to be; the rest are Tryton's own buttons, of productions and of cycles."""

    write_inputs = "write-inputs"
    write_outputs = "write-outputs"
    work = "work"
    draft = "draft"
    wait = "wait"
    assign_force = "assign_force"
    run = "run"
    do = "do"
    cancel = "cancel"


class Stop(StrEnum):
    done = "done"
    reopen = "reopen"
    later = "later"
    refused = "refused"


def next_step(there: Production, wanted: Wanted, *, reopening: bool) -> Act | Stop:
    """What to do next, or why nothing more is done."""
    if wanted.cancelled:
        return _towards_cancelled(there, reopening=reopening)
    match there.state:
        case "cancelled":
            return Act.draft if reopening else Stop.refused
        case "request" | "draft":
            return Act.wait if reopening else Stop.later
        case "waiting":
            return Act.assign_force if _says(there.inputs, wanted.inputs) else Act.write_inputs
        case "assigned":
            return Act.run if _says(there.inputs, wanted.inputs) else Act.wait
        case "running":
            return _towards_done(there, wanted)
        case "done":
            if is_booked(there, wanted):
                return Stop.done
            return Act.cancel if reopening else Stop.reopen
    return Stop.later


def _towards_cancelled(there: Production, *, reopening: bool) -> Act | Stop:
    if there.state == "cancelled":
        return Stop.done
    return Stop.reopen if there.state == "done" and not reopening else Act.cancel


def _towards_done(there: Production, wanted: Wanted) -> Act:
    if not _says(there.inputs, wanted.inputs):
        return Act.wait
    if not _says(_own(there), wanted.outputs):
        return Act.write_outputs
    return Act.do if all(_is_worked(work, wanted) for work in there.works or ()) else Act.work


def is_booked(there: Production, wanted: Wanted) -> bool:
    """Whether a production that is done says what is wanted."""
    timed = all(work.seconds >= wanted.seconds.get(work.id, 0) for work in there.works or ())
    return timed and _says(there.inputs, wanted.inputs) and _says(_own(there), wanted.outputs)


def _own(there: Production) -> list[Move]:
    """Outputs of the product itself: by-products stay as they were planned."""
    return [move for move in there.outputs if move.line.product == there.product]


def _says(moves: Iterable[Move], lines: Iterable[Line]) -> bool:
    return Counter(move.line for move in moves) == Counter(lines)


def _is_worked(work: Work, wanted: Wanted) -> bool:
    finished = bool(work.cycles) and all(state == "done" for _, state in work.cycles.values())
    return finished and work.seconds >= wanted.seconds.get(work.id, 0)


def changes(moves: Sequence[Move], lines: Sequence[Line]) -> tuple[list[int], list[Line]]:
    """Moves to delete and lines to create, so that the moves are the lines; what fits is kept."""
    left = Counter(lines)
    gone = []
    for move in moves:
        if left[move.line] > 0:
            left[move.line] -= 1
        else:
            gone.append(move.id)
    return gone, list(left.elements())


# -- what is wanted


@dataclass(frozen=True, slots=True)
class Known:
    """What the lines of a confirmation are made with: units, the own unit of products, lots by (product, number)."""

    uoms: Mapping[int, Uom]
    own: Mapping[int, Uom]
    lots: Mapping[tuple[int, str], int]


def lots_of(confirmation: Confirmation) -> set[tuple[int, str]]:
    """The lots it names, by (product, number)."""
    made = {(int(confirmation.material_key), lot.lot_id) for lot in confirmation.lots}
    return made | {(int(used.material_key), used.lot_id) for used in confirmation.used if used.lot_id}


def wanted_of(confirmation: Confirmation, there: Production, known: Known, operations: Mapping[str, int]) -> Wanted:
    """A confirmation as moves and times. `operations`: by the key of the step."""
    seconds, lost = _seconds(confirmation, there, operations)
    return Wanted(
        confirmation.cancelled,
        tuple(_inputs(confirmation, there, known)),
        tuple(_outputs(confirmation, there, known)),
        seconds,
        lost,
    )


def _inputs(confirmation: Confirmation, there: Production, known: Known) -> Iterable[Line]:
    planned = {move.line.product: known.uoms[move.line.unit] for move in reversed(there.inputs)}
    for used in confirmation.used:
        product = int(used.material_key)
        quantity, uom = booked_in(used.quantity, known.own[product], planned.get(product), known.uoms.values())
        lot = known.lots[product, used.lot_id] if used.lot_id else None
        if quantity:
            yield Line(product, uom.id, quantity, lot, there.picking)


def _outputs(confirmation: Confirmation, there: Production, known: Known) -> Iterable[Line]:
    product = there.product
    planned = next((known.uoms[move.line.unit] for move in _own(there)), None)

    def line(quantity: Decimal, lot: int | None, place: int) -> Line:
        amount, uom = booked_in(quantity, known.own[product], planned, known.uoms.values())
        return Line(product, uom.id, amount, lot, place)

    if confirmation.lots:
        yield from (line(lot.quantity, known.lots[product, lot.lot_id], there.output) for lot in confirmation.lots)
    elif confirmation.good:
        yield line(confirmation.good, _numbered(there), there.output)
    if confirmation.scrap and there.waste is not None:
        yield line(confirmation.scrap, None, there.waste)


def _numbered(there: Production) -> int | None:
    """The lot Tryton itself numbered when it was done, where nobody here says which it is."""
    lots = [move.line.lot for move in _own(there) if move.done and move.line.place == there.output]
    return lots[0] if len(lots) == 1 else None


def _seconds(
    confirmation: Confirmation, there: Production, operations: Mapping[str, int]
) -> tuple[dict[int, int], int]:
    """Time by work: at the first one of a step's operation; what belongs to no step at the first of all."""
    works = there.works or ()
    seconds: dict[int, int] = {}
    lost = 0
    for worked in confirmation.worked:
        fitting = [work for work in works if work.operation == operations.get(worked.step_key)] or works[:1]
        ran = worked.machine_s + worked.labour_s
        if fitting:
            seconds[fitting[0].id] = seconds.get(fitting[0].id, 0) + ran
        else:
            lost += ran
    return seconds, lost


# -- what is there


def production_of(
    record: Mapping[str, Any], moves: Iterable[Mapping[str, Any]], works: Sequence[Work] | None
) -> Production:
    """A production as it was read; cancelled moves count for nothing."""
    warehouse = record["warehouse."]
    found = {move["id"]: move for move in moves if move["state"] != "cancelled"}
    waste = warehouse["waste_locations"]
    return Production(
        id=record["id"],
        number=record["number"] or str(record["id"]),
        state=record["state"],
        stamp=record["_timestamp"],
        product=record["product"],
        company=record["company"],
        currency=record["company."]["currency"],
        location=record["location"],
        picking=warehouse["production_picking_location"] or warehouse["storage_location"],
        output=warehouse["production_output_location"] or warehouse["storage_location"],
        waste=min(waste) if waste else None,
        inputs=[_move(found[pk], "from_location") for pk in sorted(record["inputs"]) if pk in found],
        outputs=[_move(found[pk], "to_location") for pk in sorted(record["outputs"]) if pk in found],
        works=works,
    )


def _move(record: Mapping[str, Any], place: str) -> Move:
    quantity = Decimal(str(record["quantity"])).normalize() + 0
    line = Line(record["product"], record["unit"], quantity, record["lot"], record[place])
    return Move(record["id"], line, record["state"] == "done")


def works_of(works: Iterable[Mapping[str, Any]], cycles: Iterable[Mapping[str, Any]]) -> list[Work]:
    """Works in the order of their ids."""
    mine: dict[int, dict[int, tuple[Decimal | None, str]]] = {}
    for cycle in cycles:
        if cycle["state"] != "cancelled":
            duration = cycle["duration"]
            seconds = None if duration is None else Decimal(str(duration["seconds"]))
            mine.setdefault(cycle["work"], {})[cycle["id"]] = (seconds, cycle["state"])
    return [
        Work(work["id"], work["operation"], work["_timestamp"], mine.get(work["id"], {}))
        for work in sorted(works, key=lambda work: work["id"])
    ]


def timedelta_of(seconds: Decimal | int) -> dict[str, Any]:
    """As Tryton's JSON has it."""
    return {"__class__": "timedelta", "seconds": seconds}
