"""Answers about work that has not begun."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from mes.orders.types import JobView

TAKERS_MAX: Final = 20
"""Jobs that are named of those which take from the same stock."""


@dataclass(frozen=True, slots=True)
class Taker:
    """A released job that takes from the same stock, and how much it still will."""

    job_id: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class SubstituteStock:
    """Another material that may be used: `taken` of it, in its unit, stands for `covers` of the first choice."""

    material_id: str
    unit: str
    usable: Decimal
    taken: Decimal
    covers: Decimal


@dataclass(frozen=True, slots=True)
class MaterialNeed:
    """A material some jobs will consume, in its own unit, against its lots. `tracked`: there ever was a lot of it.

    `needed` has the scrap allowance in it, `allowance` of that. `reserved`: what other released jobs will still take of
    it; `takers` are the largest. What is not booked by lots is not known, and never short.
    """

    material_id: str
    description: str
    unit: str
    needed: Decimal
    usable: Decimal
    blocked: Decimal
    tracked: bool
    allowance: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)
    takers: tuple[Taker, ...] = ()
    substitutes: tuple[SubstituteStock, ...] = ()

    @property
    def free(self) -> Decimal:
        """Of what is usable, what no other released job will take."""
        return max(self.usable - self.reserved, Decimal(0))

    @property
    def short(self) -> bool:
        return self.missing > 0

    @property
    def missing(self) -> Decimal:
        covered = self.free + sum(one.covers for one in self.substitutes)
        return max(self.needed - covered, Decimal(0)) if self.tracked else Decimal(0)


@dataclass(frozen=True, slots=True)
class DispatchList:
    """The work of one station, in turn order; `active` is what runs or is with the machine.

    `suggested`: the waiting jobs' ids with fewer set-ups, the same ids where nothing would be gained. `mounted`: the
    family the station is set up for, as its last job tells.
    """

    equipment_id: str
    description: str
    active: tuple[JobView, ...]
    waiting: tuple[JobView, ...]
    suggested: tuple[str, ...]
    mounted: str
    setups: int
    setups_suggested: int


@dataclass(frozen=True, slots=True)
class RunSpan:
    """A time a job had its station; `ended_at` None: it has it still."""

    job_id: str
    equipment_id: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Slot:
    """When a job has its station: as it was up to now, as it is expected to be from now on.

    `ends_at` None: nobody knows how long it takes. `late`: it is expected to end, or ended, after it was due.
    """

    job: JobView
    starts_at: datetime
    ends_at: datetime | None
    late: bool
