"""One bad reel in the demo's past: 200 boards with serials, made from reels, tested, packed and shipped.

Every third of its boards passed the test and left; the others failed. Which reel it is nobody is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import nan
from random import Random
from typing import Final
from urllib.parse import urlencode

from mes.edge.queries import list_bindings, list_bridges
from mes.genealogy.service import record_genealogy, ship_lots
from mes.genealogy.types import Act, ActKind, Context, Link, LinkKind, NewLot, Recording
from mes.history.service import MeasurementRow, append_measurements, measurements_of
from mes.history.types import GOOD, NOT_KNOWN
from mes.kernel.sqltypes import from_us, to_us
from mes.kernel.uow import UnitOfWork
from mes.materials.types import LotKind
from mes.quality.service import put_defect_codes, record_results
from mes.quality.types import DefectCodeSpec, FoundDefect, Measurement, ResultSpec, Verdict

BOARDS: Final = 200
TO_A_CARTON: Final = 10
MADE_AGO: Final = timedelta(days=3)
CYCLE_US: Final = 12_000_000
E6: Final = 1_000_000
REELS: Final[tuple[tuple[str, str, int, int], ...]] = (
    ("R-10K-0402", "R10K-D", 24, 100),
    ("C-100N-0402", "C100N-D", 31, 70),
    ("MCU-32", "MCU-D", 1, 40),
)
"""Material, what its reels are called, how many go into a board, for how many boards a reel lasts."""
BAD: Final[tuple[str, int]] = ("MCU-32", 2)
"""Material, and which of its reels, from 0."""
CUSTOMERS: Final = ("Nordwind Robotics", "Halvorsen Pumps")
OVEN: Final = "SMT-1-OVEN"
SCANNED: Final = (("SMT-1-PLACER-B", 30 * E6), ("SMT-1-AOI", 330 * E6))
"""Where a board was read, and how long after it was begun; the oven stands in between."""
PROGRAM: Final = Context("CB-100 rev C", "STENCIL-4", '{"Reflow peak C": 243}')


def serial(board: int) -> str:
    return f"CB-D{board:05}"


def reel(material: str, board: int) -> str:
    """The reel that was on when this board was made."""
    _, name, _, lasts = next(one for one in REELS if one[0] == material)
    return f"{name}{board // lasts + 1:02}"


def is_failed(board: int) -> bool:
    lasts = next(one[3] for one in REELS if one[0] == BAD[0])
    return board // lasts == BAD[1] and board % 3 != 0


FAILED: Final = tuple(serial(board) for board in range(BOARDS) if is_failed(board))
QUESTION: Final = f"/trace/shared?{urlencode({'failed': ','.join(FAILED)})}"
"""Where the demo's page leads: what do these failed boards share?"""


def plant_bad_reel(uow: UnitOfWork, *, at: datetime, operator_pk: int) -> None:
    """As of `at`, in the name of whoever operated then."""
    began_us = to_us(at - MADE_AGO)
    uow.now, uow.now_us, uow.actor = at, to_us(at), operator_pk
    record_genealogy(uow, recording=_made(began_us))
    append_measurements(uow, columns=measurements_of(list(_oven(uow, began_us))))
    put_defect_codes(uow, specs=[DefectCodeSpec("NO-BOOT", "Controller does not start")])
    record_results(uow, results=[_tested(board, began_us) for board in range(BOARDS)])
    for number, customer in enumerate(CUSTOMERS):
        uow.now_us = began_us + (BOARDS + 200 * (number + 1)) * CYCLE_US
        uow.now = from_us(uow.now_us)
        boxes = [_carton(n) for n in range(len(_packed()) // TO_A_CARTON) if n % len(CUSTOMERS) == number]
        ship_lots(
            uow,
            request_id=f"demo-delivery-{number}",
            shipment_id=f"DEL-D{number + 1}",
            customer_id=customer,
            delivery_note=f"LS-D{number + 1}",
            lot_ids=boxes,
        )


def _made(began_us: int) -> Recording:
    """Reels, boards, cartons: who went into whom."""
    boards = range(BOARDS)
    packed = _packed()
    acts = [Act(ActKind.consumed, serial(n), began_us + n * CYCLE_US, "SMT-1", context=PROGRAM) for n in boards]
    links = [Link(n, reel(material, n), serial(n), each * E6) for n in boards for material, _, each, _ in REELS]
    acts += [
        Act(ActKind.passed, serial(n), began_us + n * CYCLE_US + after_us, station, n + 1)
        for station, after_us in SCANNED
        for n in boards
    ]
    lots = [*_reels(), *(NewLot(serial(n), "CB-100") for n in boards)]
    for number in range(len(packed) // TO_A_CARTON):
        contents = packed[number * TO_A_CARTON :][:TO_A_CARTON]
        lots.append(NewLot(_carton(number), "CB-100", TO_A_CARTON * E6, LotKind.container))
        links += [Link(len(acts), serial(n), _carton(number), kind=LinkKind.packed) for n in contents]
        acts.append(Act(ActKind.packed, _carton(number), began_us + (BOARDS + number) * CYCLE_US, "PACK-1"))
    return Recording(lots, acts, links)


def _oven(uow: UnitOfWork, began_us: int) -> Iterator[MeasurementRow]:
    """Its zones meanwhile, with two minutes of which nobody knows."""
    from opcua_bridge.simulator.catalog import OVEN_SETPOINTS_C  # brings the OPC UA library: not while starting

    chance = Random(OVEN)
    bridges = (list_bindings(uow.session, bridge_pk=bridge.pk) for bridge in list_bridges(uow.session))
    tags = {binding.tag: binding.pk for its in bridges for binding in its}
    gap_us = began_us + 1_000 * E6
    for at_us in range(began_us - 60 * E6, began_us + BOARDS * CYCLE_US + 400 * E6, 10 * E6):
        for zone, setpoint in enumerate(OVEN_SETPOINTS_C, start=1):
            is_known = not gap_us <= at_us < gap_us + 120 * E6
            value = round(chance.gauss(setpoint, 0.6), 1) if is_known else nan
            yield tags[f"{OVEN}.Zone{zone}"], at_us, value, GOOD if is_known else NOT_KNOWN


def _reels() -> list[NewLot]:
    used = {(material, reel(material, n)): lasts * each for material, _, each, lasts in REELS for n in range(BOARDS)}
    return [NewLot(name, material, 2 * quantity * E6, LotKind.lot) for (material, name), quantity in used.items()]


def _packed() -> Sequence[int]:
    return [board for board in range(BOARDS) if not is_failed(board)]


def _carton(number: int) -> str:
    return f"CTN-D{number + 1:03}"


def _tested(board: int, began_us: int) -> ResultSpec:
    failed = is_failed(board)
    return ResultSpec(
        "FCT-1",
        f"demo-{board}",
        serial(board),
        "TEST-1",
        Verdict.failed if failed else Verdict.passed,
        began_us + board * CYCLE_US + 600 * E6,
        program="CB-100",
        program_revision="C",
        measurements=(Measurement("Boot time", "9.9" if failed else "1.2", "s", "", "2.0"),),
        defects=(FoundDefect("NO-BOOT", "U3"),) if failed else (),
    )
