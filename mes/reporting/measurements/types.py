"""Answers about measurements."""

from __future__ import annotations

from dataclasses import dataclass

from mes.history.types import LastValue, Summary


@dataclass(frozen=True, slots=True)
class TagView:
    """A tag that has a history. `kind`: measurement (numbers) or identity (texts)."""

    pk: int
    bridge_id: str
    tag: str
    equipment_id: str
    kind: str
    what: str
    unit: str


@dataclass(frozen=True, slots=True)
class TagLast:
    """A measurement and its newest sample, None before the first."""

    tag: TagView
    last: LastValue | None


@dataclass(frozen=True, slots=True)
class RunView:
    """When a job had an equipment; `ended_at_us` None: it still has it."""

    equipment_id: str
    started_at_us: int
    ended_at_us: int | None


@dataclass(frozen=True, slots=True)
class TagRecord:
    """What one measurement did while the job ran; None: nothing is known."""

    tag: TagView
    summary: Summary | None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """How a job was made, by what was measured: runs, and each measurement of its equipment over them."""

    job_id: str
    runs: tuple[RunView, ...]
    measurements: tuple[TagRecord, ...]
