"""Pure: a job response from the facts of a job. The ERP is told the proven minimum, and how much more it might be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from mes.kernel.sqltypes import from_us
from standards.isa95.job_control import JobState
from standards.isa95.material import MaterialUse
from standards.isa95.quantity import from_e6


@dataclass(frozen=True, slots=True)
class Interval:
    """A quantity between two bounds, scaled by 10^6; `high_e6` None: no upper bound is known."""

    low_e6: int
    high_e6: int | None

    @property
    def exact(self) -> bool:
        return self.low_e6 == self.high_e6


LOTS_TOLD_MAX: Final = 1_000
"""Lots used that one report names; what more of them were is told by material."""


@dataclass(frozen=True, slots=True)
class Consumption:
    """So much of a material went into the job's pieces; `lot_id` "": of several lots together."""

    material_id: str
    lot_id: str
    unit: str
    quantity_e6: int


TIME_UNIT: Final = "s"
_SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class RunTime:
    """Whole seconds that a job ran, pauses left out: at a machine, or at a station where a person runs it.

    ISO 22400-2: the work unit's actual production time (APT), and the actual personnel work time (APWT).
    """

    machine_s: int = 0
    labour_s: int = 0


def run_time(moves: Iterable[tuple[int, str]], *, from_us: int | None, until_us: int | None, manual: bool) -> RunTime:
    """Of a job that is over; one that never began ran for no time."""
    if from_us is None or until_us is None:
        return RunTime()
    ran_s = round(running_us(moves, until_us) / _SECOND_US)
    return RunTime(labour_s=ran_s) if manual else RunTime(machine_s=ran_s)


def running_us(moves: Iterable[tuple[int, str]], until_us: int) -> int:
    """How long a job ran, pauses left out; `moves` are (instant, state it came to) in order."""
    total, since = 0, None
    for at_us, state in moves:
        if since is not None:
            total += max(at_us - since, 0)
        since = at_us if state == JobState.Running.name else None
    return total + (max(until_us - since, 0) if since is not None else 0)


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What reporting gathers of one ended job."""

    operations_request_id: str
    operations_request_version: str
    operations_request_state: str
    work_request_id: str
    job_id: str
    segment_id: str
    work_master_id: str
    work_master_version: str
    equipment_id: str
    physical_asset_ids: tuple[str, ...]
    person_ids: tuple[str, ...]
    material_id: str
    unit: str
    state: JobState
    started_at_us: int | None
    ended_at_us: int | None
    ordered_e6: int
    good: Interval
    scrap: Interval
    scrap_by_reason: Mapping[str, Interval]
    cancelled: bool = False
    rework_e6: int = 0
    """Sent to rework: neither good nor scrap here."""
    reworked: bool = False
    """Its pieces return to a step that counts them: their good ones are not the order's."""
    used_at: tuple[str, ...] = ()
    """Other equipment where something was done in it."""
    consumed: tuple[Consumption, ...] = ()
    ran: RunTime = RunTime()

    @property
    def word(self) -> str:
        """B2MML's word for how it ended."""
        return "Cancelled" if self.cancelled else "Completed" if self.state is JobState.Ended else self.state.name

    @property
    def produced(self) -> Interval:
        """What the order got of it."""
        return Interval(0, 0) if self.reworked else self.good

    @property
    def final(self) -> bool:
        """Whether the confirmation is; where machines leave an interval, it waits for a person's count."""
        return self.good.exact and self.scrap.exact


def job_response(job: JobOutcome) -> dict[str, Any]:
    """The content of a report: an OperationsResponse with one JobResponse (ISA-95 part 2 and 4 names)."""
    return {
        "operations_request_id": job.operations_request_id,
        "operations_request_version": job.operations_request_version,
        "operations_response": {
            "id": job.operations_request_id,
            "state": job.operations_request_state,
            "work_request_id": job.work_request_id,
        },
        "job_response": {
            "id": job.job_id,
            "job_order_id": job.job_id,
            "segment_id": job.segment_id,
            "work_master_id": job.work_master_id,
            "work_master_version": job.work_master_version,
            "state": job.word,
            "final": job.final,
            "start_time": _time(job.started_at_us),
            "end_time": _time(job.ended_at_us),
            "equipment_actual": [
                {"equipment_id": job.equipment_id, **_time_of(job.ran.machine_s)},
                *({"equipment_id": place} for place in job.used_at),
            ],
            "physical_asset_actual": [{"physical_asset_id": asset} for asset in job.physical_asset_ids],
            "personnel_actual": [
                *({"person_id": person} for person in job.person_ids),
                *([_time_of(job.ran.labour_s)] if job.ran.labour_s else ()),
            ],
            "material_actual": [
                {
                    "material_id": job.material_id,
                    "use": MaterialUse.Produced,
                    "unit": job.unit,
                    "quantity_ordered": str(from_e6(job.ordered_e6)),
                    **_quantity(job.produced),
                    "scrap": {**_quantity(job.scrap), "reasons": _reasons(job.scrap_by_reason)},
                    **_rework(job),
                },
                *map(_consumed, told_consumption(job.consumed)),
            ],
        },
    }


def told_consumption(consumed: Sequence[Consumption]) -> list[Consumption]:
    """By material and lot; where there are too many lots to name, by material. Nothing of the quantities is lost."""
    if len(consumed) > LOTS_TOLD_MAX:
        sums: dict[tuple[str, str], int] = {}
        for one in consumed:
            sums[one.material_id, one.unit] = sums.get((one.material_id, one.unit), 0) + one.quantity_e6
        consumed = [Consumption(material, "", unit, quantity) for (material, unit), quantity in sums.items()]
    return sorted(consumed, key=lambda one: (one.material_id, one.lot_id, one.unit))


def _consumed(one: Consumption) -> dict[str, Any]:
    lot = {"material_lot_id": one.lot_id} if one.lot_id else {}
    amount = _quantity(Interval(one.quantity_e6, one.quantity_e6))
    return {"material_id": one.material_id, **lot, "use": MaterialUse.Consumed, "unit": one.unit, **amount}


def _rework(job: JobOutcome) -> dict[str, Any]:
    """Only where there was some: `sent` away from this job, or `returned` by it to a step that counts them."""
    sent = {"sent": str(from_e6(job.rework_e6))} if job.rework_e6 else {}
    returned = {"returned": _quantity(job.good)} if job.reworked else {}
    return {"rework": {**sent, **returned}} if sent or returned else {}


def _time_of(seconds: int) -> dict[str, Any]:
    return {"quantity": str(seconds), "unit": TIME_UNIT} if seconds else {}


def _quantity(amount: Interval) -> dict[str, Any]:
    upper = None if amount.high_e6 is None else str(from_e6(amount.high_e6))
    return {"quantity": str(from_e6(amount.low_e6)), "quantity_upper": upper, "exact": amount.exact}


def _reasons(by_reason: Mapping[str, Interval]) -> Sequence[dict[str, Any]]:
    return [{"reason_id": reason, **_quantity(by_reason[reason])} for reason in sorted(by_reason)]


def _time(at_us: int | None) -> str | None:
    return None if at_us is None else from_us(at_us).isoformat()


def digest(content: Mapping[str, Any]) -> str:
    """What a report says about its job, as SHA-256: the same again is no new version."""
    return hashlib.sha256(orjson.dumps(content["job_response"], option=orjson.OPT_SORT_KEYS)).hexdigest()


def says_the_same(job: JobOutcome, told_sha256: str) -> bool:
    """Whether this was told of a job already, if only by a release that told no times: they are no news."""
    return told_sha256 in {digest(job_response(job)), digest(job_response(replace(job, ran=RunTime())))}


def in_short(job: JobOutcome) -> dict[str, Any]:
    """What the event says of a report: the figures an ERP books."""
    return {
        "operations_request_id": job.operations_request_id,
        "state": job.word,
        "final": job.final,
        "unit": job.unit,
        "good": str(from_e6(job.produced.low_e6)),
        "scrap": str(from_e6(job.scrap.low_e6)),
        "machine_time_s": job.ran.machine_s,
        "labour_time_s": job.ran.labour_s,
    }
