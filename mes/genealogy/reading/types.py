"""Values: a serial as it was read, and why it could not be placed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from mes.genealogy.types import LotFacts

CHUNK: Final = 200
"""Readings that are recorded together."""
PANEL_MAX: Final = 200
"""Boards of one panel."""


class Role(StrEnum):
    """What a scanner's serial says, as `what` of the tag's binding."""

    unit = "unit"
    """A unit that is known passed here."""
    new_unit = "new-unit"
    """A unit gets its serial here."""
    new_panel = "new-panel"
    """A panel gets its serial here: its boards are `<panel>-1` to `<panel>-<n>`, n pieces a cycle of the job's step; or
    they count on from the first board's serial, where that is told with the panel's."""


class Unplaced(StrEnum):
    """Why a reading is no act of genealogy."""

    no_read = "no-read"
    uncertain = "uncertain-serial"
    too_long = "serial-too-long"
    unknown = "unknown-serial"
    not_a_unit = "not-a-unit"
    taken = "serial-taken"
    no_job = "no-job-at-its-time"
    no_panel = "no-pieces-per-panel"
    no_numbers = "no-board-numbers"
    into_itself = "goes-into-itself"


class Reading(NamedTuple):
    """`request_id` is the same however often the reading is told."""

    request_id: str
    serial: str
    role: Role
    equipment_pk: int
    at_us: int
    first_board: str = ""
    """Of a new panel, the serial of its first board; empty: boards are named by the panel."""


class JobThen(NamedTuple):
    """A job that ran after `from_us` until `until_us` (None: still)."""

    from_us: int
    until_us: int | None
    job_id: str
    material_id: str
    per_cycle_e6: int


@dataclass(slots=True)
class Station:
    """Where units pass: the newest sequence, which lots it is of, when; jobs that ran; what is mounted and made of."""

    equipment_id: str
    seq: int = 0
    at_us: int = 0
    last: frozenset[str] = frozenset()
    jobs: tuple[JobThen, ...] = ()
    mounted: frozenset[int] = frozenset()
    """Keys of what is mounted there, and of all that it was made of."""


@dataclass(frozen=True, slots=True)
class Before:
    """What was known before the readings. `done`: request ids of those that were taken already."""

    done: frozenset[str]
    lots: Mapping[str, LotFacts]
    stations: Mapping[int, Station]
