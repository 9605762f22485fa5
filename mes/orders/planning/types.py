"""Answers about work that has not begun."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from mes.orders.types import JobView


@dataclass(frozen=True, slots=True)
class MaterialNeed:
    """A material some jobs will consume, in its own unit, against its lots. `tracked`: there ever was a lot of it.

    What is not booked by lots is not known, and never short.
    """

    material_id: str
    description: str
    unit: str
    needed: Decimal
    usable: Decimal
    blocked: Decimal
    tracked: bool

    @property
    def short(self) -> bool:
        return self.tracked and self.usable < self.needed

    @property
    def missing(self) -> Decimal:
        return max(self.needed - self.usable, Decimal(0)) if self.tracked else Decimal(0)


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
