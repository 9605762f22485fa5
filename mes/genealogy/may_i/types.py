"""Values of the question and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from mes.equipment.types import WhenAway
from mes.genealogy.tools.types import Limit
from mes.quality.types import StepCheck, VerdictFact


class Why(StrEnum):
    """Why a unit may not be worked on."""

    unknown = "unit-unknown"
    scrapped = "unit-scrapped"
    held = "unit-held"
    no_step = "no-step-here"
    in_rework = "unit-in-rework"
    step_failed = "step-failed"
    step_missing = "step-missing"
    already_done = "step-already-done"
    tool_worn = "tool-worn-out"
    tool_dirty = "tool-not-clean"
    program = "program-differs"
    away = "done-while-away"
    """Of what was done while the MES could not be asked, where the plant wants stations to wait for it."""


class Step(NamedTuple):
    """A step of the unit's order; `is_here`: it is done at the station that asks."""

    segment_id: str
    job_id: str
    check: StepCheck
    is_here: bool


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """Everything the answer rests on. `worked`: when the unit was last at a step; `before`: each step's predecessors,
    near and far; `reset_at_us`: when it was last sent back."""

    unit_id: str
    known: bool
    closed: bool
    held_by: str
    steps: tuple[Step, ...]
    verdicts: tuple[VerdictFact, ...]
    worked: Mapping[str, int]
    after: Mapping[str, frozenset[str]]
    reset_at_us: int = 0
    spent: Limit | None = None
    """Of a tool at the station, the limit that is reached."""


@dataclass(frozen=True, slots=True)
class Permission:
    """`why` None: allowed. `segment_id`: the step here; `other`: the step, or the lot, that stands in the way."""

    unit_id: str
    why: Why | None
    segment_id: str = ""
    job_id: str = ""
    other: str = ""
    when_away: WhenAway = WhenAway.go_on
    """What the plant wants done here while the MES cannot be asked."""
    overridden: Why | None = None
    """What it would be refused for, had a supervisor not decided otherwise; `other` says what is asked for."""

    @property
    def allowed(self) -> bool:
        return self.why is None
