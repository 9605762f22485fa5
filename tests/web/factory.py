"""A small made-up plant as queries would answer it: jobs, orders and machines for the screens' tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from mes.equipment.queries import EquipmentStatus
from mes.orders.types import CountKind, JobView, OrderCard, RequestState, UnassignedCount
from standards.isa95.job_control import InterruptedSubstate, JobState
from standards.packml.states import EquipmentState
from web.patterns.samples import MINUTE, NOW, D, job, machine

__all__ = ["MINUTE", "NOW", "D", "job", "machine"]
_E = EquipmentState


def done(equipment_id: str, **over: Any) -> JobView:
    """A job that made everything."""
    ended = {"good_low": D(55), "good_high": D(55), "scrap_low": D(1), "scrap_high": D(1)}
    times = {"started_at": NOW - 40 * MINUTE, "ended_at": NOW - 20 * MINUTE}
    return job(equipment_id, JobState.Ended, substate=1, **{**ended, **times, **over})


def waiting(equipment_id: str, state: JobState = JobState.AllowedToStart, **over: Any) -> JobView:
    return job(equipment_id, state, **{"note": "not-its-turn", **over})


def paused(equipment_id: str = "SMT-1", **over: Any) -> JobView:
    return job(equipment_id, JobState.Interrupted, substate=InterruptedSubstate.Suspended, **over)


def order(order_id: str = "PO-1001", jobs: tuple[JobView, ...] | None = None, **over: Any) -> OrderCard:
    """An order of four steps: the first done, the second running, two waiting."""
    named = [replace(one, job_id=f"{order_id}-{one.sequence}", operations_request_id=order_id) for one in jobs or CHAIN]
    made = OrderCard(
        pk=1,
        operations_request_id=order_id,
        version="1",
        description="",
        material_id="CB-100",
        material_description="Controller board",
        quantity=D(50),
        unit="pcs",
        due_at=NOW + 4 * 60 * MINUTE,
        priority=5,
        state=RequestState.Running,
        late=False,
        at_risk=False,
        jobs=tuple(named),
    )
    return replace(made, **over)


CHAIN = (
    done("SMT-1", sequence=1),
    job("DEPANEL-1", sequence=2, description="Depanel", segment_id="DEPANEL"),
    waiting("TEST-1", sequence=3, description="Functional test", quantity=D(50), note="predecessor"),
    waiting("PACK-1", sequence=4, description="Pack", quantity=D(50), note="predecessor", manual=True),
)


def unreleased(order_id: str, **over: Any) -> OrderCard:
    jobs = tuple(
        waiting(
            one.equipment_id,
            JobState.NotAllowedToStart,
            sequence=one.sequence,
            note="",
            description=one.description,
            quantity=one.quantity,
        )
        for one in CHAIN
    )
    return order(order_id, jobs, state=RequestState.Waiting, **over)


def milling(order_id: str = "PO-2007", **over: Any) -> OrderCard:
    one = job(
        "CNC-1",
        description="Mill",
        material_id="BH-200",
        material_description="Bearing housing",
        quantity=D(120),
        cycles=60,
        cycle_unit="cycle",
        good_low=D(78),
        good_high=D(80),
        target_now=D(76),
    )
    return order(
        order_id, (one,), material_id="BH-200", material_description="Bearing housing", quantity=D(120), **over
    )


def orders() -> tuple[OrderCard, ...]:
    return (
        order("PO-1001", late=True, due_at=NOW - 35 * MINUTE),
        milling(at_risk=True),
        order(
            "PO-1002",
            tuple(
                replace(
                    one,
                    state=JobState.AllowedToStart,
                    good_low=D(0),
                    good_high=D(0),
                    scrap_low=D(0),
                    scrap_high=D(0),
                    target_now=None,
                )
                for one in CHAIN
            ),
            state=RequestState.Released,
        ),
        unreleased("PO-1003"),
        unreleased("PO-1004", due_at=NOW + timedelta(days=2)),
    )


def finished() -> tuple[OrderCard, ...]:
    """Three orders that are done: in time, late, and one that is in part uncertain."""
    steps = tuple(
        done(one.equipment_id, sequence=one.sequence, description=one.description, quantity=one.quantity)
        for one in CHAIN
    )
    unsure = (*steps[:3], replace(steps[3], good_low=D(46), good_high=D(48), awaits_count=True))
    over = {"state": RequestState.Completed}
    return (
        order("PO-0991", steps, **over),
        order("PO-0992", steps, due_at=NOW - 50 * MINUTE, **over),
        order("PO-0993", unsure, **over),
    )


def unassigned(equipment_id: str = "SMT-1", quantity: int = 3) -> UnassignedCount:
    return UnassignedCount(equipment_id, NOW - MINUTE, D(quantity), D(quantity), CountKind.good, "setup")


SMT_CELLS = ("LASER", "PRINTER", "SPI", "PLACER-A", "PLACER-B", "OVEN", "AOI")
CELL_NAMES = (
    "Laser marking",
    "Solder printer",
    "Paste inspection",
    "Placer A",
    "Placer B",
    "Reflow oven",
    "Optical inspection",
)


def cells(*states: EquipmentState) -> tuple[EquipmentStatus, ...]:
    """The seven cells of SMT-1; states not given are Running."""
    wanted = (*states, *[_E.Running] * len(SMT_CELLS))
    return tuple(
        machine(
            f"SMT-1-{name}",
            state,
            level="WorkCell",
            parent_id="SMT-1",
            work_center_id="SMT-1",
            equipment_pk=pk,
            description=text,
        )
        for pk, (name, text, state) in enumerate(zip(SMT_CELLS, CELL_NAMES, wanted, strict=False), start=10)
    )


def plant(*cell_states: EquipmentState) -> tuple[EquipmentStatus, ...]:
    """The whole demo plant as equipment status."""
    return (
        machine("ELECTRONICS", level="Area", description="Electronics", area_id="", state=_E.Unknown, equipment_pk=1),
        machine("MACHINING", level="Area", description="Machining", area_id="", state=_E.Unknown, equipment_pk=2),
        machine("SMT-1", level="ProductionLine", description="SMT line", equipment_pk=3),
        *cells(*cell_states),
        machine("DEPANEL-1", _E.Idle, description="Depaneling cobot", equipment_pk=30),
        machine("TEST-1", _E.Unknown, description="Functional test", equipment_pk=31, known_at=NOW - 8 * MINUTE),
        machine("PACK-1", _E.Unknown, description="Packing bench", manual=True, equipment_pk=32),
        machine("REWORK-1", _E.Unknown, description="Rework bench", manual=True, equipment_pk=33),
        machine("CNC-1", description="CNC cell", area_id="MACHINING", equipment_pk=34),
    )
