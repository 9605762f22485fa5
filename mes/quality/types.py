"""Values of the quality feature: what was tested, what was found, what became of the unit. Times are int64 µs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

RESULTS_MAX: Final = 500
"""Results of one call."""
MEASUREMENTS_MAX: Final = 500
DEFECTS_MAX: Final = 100
"""Of one result."""
POSITION_MAX: Final = 100
"""Characters of where a defect is: `R17`, `panel 3`, `x=12.4 y=3.1`."""
NOTE_MAX: Final = 500
NUMBER_MAX: Final = 40
"""Characters of a measured value and of its limits."""
UNITS_MAX: Final = 200_000
"""Units of one yield."""
HELD_MAX: Final = 500
"""Lots and units of one hold."""


class Verdict(IntEnum):
    """What was decided of a unit at a step. `aborted` decides nothing; `rework` names the step it returns to;
    `reversed` takes another back, which does not count from then on."""

    passed = 1
    failed = 2
    aborted = 3
    rework = 4
    scrapped = 5
    reversed = 6


TESTED: Final = frozenset({Verdict.passed, Verdict.failed, Verdict.aborted})


class StepCheck(StrEnum):
    """What a step asks of a unit before any later step may work on it."""

    recorded = "recorded"
    """`worked` where the station has ever recorded a unit, else `nothing`: a step nobody records stops nobody."""
    nothing = "nothing"
    worked = "worked"
    """It was there: a pass of the station, or a verdict."""
    passed = "passed"
    """A verdict `passed`: to have been there is not enough."""


class MeasuredVerdict(StrEnum):
    passed = "passed"
    failed = "failed"
    not_judged = ""


@dataclass(frozen=True, slots=True)
class DefectCodeSpec:
    """What can be wrong with a piece, as people choose it."""

    code_id: str
    description: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class RequirementSpec:
    """What the step of a work master asks of each unit."""

    work_master_id: str
    unit_check: StepCheck = StepCheck.recorded


PERSON = "person"
"""The source of what people decide; the request id is its result id."""
STATION = "station"
"""The source of what stations report; the request id is its result id."""
MACHINE = "machine"
"""The source of what machines tell through a bridge; the result id is that of the reading."""
OWN_SOURCES: Final = frozenset({PERSON, STATION, MACHINE})


class Measurement(NamedTuple):
    """One measured value with its limits; numbers exact, as decimal texts ("" none)."""

    name: str
    value: str
    unit: str = ""
    low: str = ""
    high: str = ""
    verdict: str = ""


class FoundDefect(NamedTuple):
    """A defect and where it is: a reference designator, a panel position, coordinates."""

    code_id: str
    position: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ResultSpec:
    """What a tester, an inspection machine or a person found of one unit. `(source, result_id)` is its key.

    Without a job it is that of the job which had the equipment at `at_us`, if exactly one had.
    """

    source: str
    result_id: str
    unit_id: str
    equipment_id: str
    verdict: Verdict
    at_us: int
    job_id: str = ""
    segment_id: str = ""
    program: str = ""
    program_revision: str = ""
    note: str = ""
    measurements: tuple[Measurement, ...] = ()
    defects: tuple[FoundDefect, ...] = ()
    flag: str = ""
    """The code it would have been refused with, had the MES been asked."""
    told: int | None = None
    """Hash of what was told, where that is not all that is here; None: it is."""


class RowRefusal(NamedTuple):
    """Why one row of many was not taken; `row` counts from 0."""

    row: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of the rows of one call: new, known before, refused. Each row is one of the three."""

    recorded: int
    known: int
    refused: tuple[RowRefusal, ...] = ()


class VerdictFact(NamedTuple):
    """A verdict as rules read it, in order of time."""

    unit_id: str
    verdict: Verdict
    segment_id: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a unit stands. `returns_to`: the step it is in rework for ("": it is not)."""

    passed: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    returns_to: str = ""
    scrapped: bool = False
    reset: frozenset[str] = frozenset()
    """Steps that have to be done again, and were not since."""


@dataclass(frozen=True, slots=True)
class StepYield:
    """Units with a verdict at a step, each counted once. `open`: failed, and neither good in the end nor lost yet."""

    units: int
    first_passed: int
    good: int
    lost: int

    @property
    def open(self) -> int:
        return self.units - self.good - self.lost


@dataclass(frozen=True, slots=True)
class YieldView:
    """Yields of one step; ratios are exact to four decimals, None where nothing was judged.

    The final yield is an interval as long as units are in rework: all of them lost, all of them good.
    """

    segment_id: str
    counted: StepYield
    first_pass: Decimal | None
    final_low: Decimal | None
    final_high: Decimal | None


@dataclass(frozen=True, slots=True)
class YieldReport:
    steps: tuple[YieldView, ...]
    truncated: bool
    """More than `UNITS_MAX` verdicts were asked for: the newest are left out."""


@dataclass(frozen=True, slots=True)
class DefectCodeView:
    pk: int
    code_id: str
    description: str
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class RequirementView:
    work_master_id: str
    unit_check: StepCheck
    version: int


@dataclass(frozen=True, slots=True)
class DefectView:
    pk: int
    unit_id: str
    code_id: str
    description: str
    position: str
    note: str
    segment_id: str
    at: datetime
    repaired_at: datetime | None


@dataclass(frozen=True, slots=True)
class ResultView:
    """One verdict with everything that came with it."""

    pk: int
    source: str
    result_id: str
    unit_id: str
    verdict: Verdict
    segment_id: str
    job_id: str
    equipment_id: str
    program: str
    program_revision: str
    at: datetime
    recorded_at: datetime
    actor: int | None
    note: str
    flag: str
    measurements: tuple[Measurement, ...] = ()
    defects: tuple[DefectView, ...] = ()
    ended_by: int | None = None
    """The key of the one that took it back."""

    @property
    def counts(self) -> bool:
        """Whether it says anything of the unit: it was not taken back, and takes nothing back."""
        return self.ended_by is None and self.verdict is not Verdict.reversed


@dataclass(frozen=True, slots=True)
class Places:
    """What ids mean, for a set of results."""

    equipment: Mapping[str, int] = field(default_factory=dict)
    jobs: Mapping[str, JobPlace] = field(default_factory=dict)
    codes: Mapping[str, int] = field(default_factory=dict)


class JobPlace(NamedTuple):
    pk: int
    segment_id: str
