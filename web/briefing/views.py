"""View models of a job's work instruction. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final
from urllib.parse import quote, urlencode

from mes.definitions.types import MediaType
from mes.orders.following.types import Followed, FollowedInstruction, FollowingJob, FollowingOrder

PICTURES: Final = frozenset({MediaType.png, MediaType.jpeg, MediaType.webp})


@dataclass(frozen=True, slots=True)
class Reader:
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Dot:
    """One step among the others."""

    number: int
    href: str
    read: bool
    here: bool


@dataclass(frozen=True, slots=True)
class InstructionPage:
    """One step. `shown` is what its document is: `picture`, `pdf` or "" where it has none.

    `back` and `following` are addresses, "" at the ends. `own`: whoever looks has read it.
    """

    base: str
    action: str
    job_id: str
    order_id: str
    job: str
    version: str
    number: int
    steps: tuple[Dot, ...]
    title: str
    paragraphs: tuple[str, ...]
    shown: str
    document: str
    back: str
    following: str
    readers: tuple[Reader, ...]
    own: bool


@dataclass(frozen=True, slots=True)
class EmptyInstruction:
    base: str
    order_id: str


@dataclass(frozen=True, slots=True)
class AllowPage:
    """A supervisor lets a job be started without the qualification it asks for."""

    base: str
    action: str
    job_id: str
    order_id: str
    job: str
    version: int
    asked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CourseJob:
    """`places` are those it may be moved to; none where it stays where it is."""

    job_id: str
    job: str
    equipment_id: str
    definition_version: str
    begun: bool
    places: tuple[str, ...]
    version: int


@dataclass(frozen=True, slots=True)
class CoursePage:
    """What an order follows; `versions` are those it may be moved to, newest first."""

    order: str
    base: str
    order_id: str
    definition_id: str
    routing: str
    label: str
    versions: tuple[str, ...]
    jobs: tuple[CourseJob, ...]


def base_of(equipment_id: str) -> str:
    """The address of a station."""
    return f"/s/{quote(equipment_id, safe='')}"


def step_href(equipment_id: str, job_id: str, number: int) -> str:
    """The address of one step of a job's instruction."""
    return f"{base_of(equipment_id)}/instructions?{urlencode({'job_id': job_id, 'step': number})}"


def next_unread(found: Followed, principal_id: str) -> int:
    """The first step this person has not read; the last one where they have read them all."""
    numbers = [one.step.sequence for one in found.instructions if not _has_read(one, principal_id)]
    return numbers[0] if numbers else len(found.instructions)


def instruction_page(
    equipment_id: str, found: Followed, number: int, principal_id: str, zone: tzinfo
) -> InstructionPage | EmptyInstruction:
    """One step of a job's instruction; a number beyond the ends is the nearest there is."""
    if not found.instructions:
        return EmptyInstruction(base_of(equipment_id), found.operations_request_id)
    number = max(1, min(number, len(found.instructions)))
    one = found.instructions[number - 1]
    step = one.step

    def href(wanted: int) -> str:
        return step_href(equipment_id, found.job_id, wanted) if 1 <= wanted <= len(found.instructions) else ""

    return InstructionPage(
        base=base_of(equipment_id),
        action=f"{base_of(equipment_id)}/instructions",
        job_id=found.job_id,
        order_id=found.operations_request_id,
        job=found.description or found.segment_id,
        version=f"{found.definition_id} {found.definition_version}",
        number=number,
        steps=tuple(
            Dot(n, href(n), bool(other.read_by), n == number) for n, other in enumerate(found.instructions, start=1)
        ),
        title=step.title,
        paragraphs=tuple(line for line in step.text.splitlines() if line.strip()),
        shown="" if step.media_type is None else "picture" if step.media_type in PICTURES else "pdf",
        document=f"/documents/{step.document_sha256}" if step.document_sha256 else "",
        back=href(number - 1),
        following=href(number + 1),
        readers=tuple(Reader(read.name, read.at.astimezone(zone)) for read in one.read_by),
        own=_has_read(one, principal_id),
    )


def _has_read(one: FollowedInstruction, principal_id: str) -> bool:
    return any(read.principal_id == principal_id for read in one.read_by)


def course_page(found: FollowingOrder) -> CoursePage:
    order = f"/orders/{quote(found.operations_request_id, safe='')}"
    query = urlencode({"version": found.definition_version})
    return CoursePage(
        order=order,
        base=f"{order}/course",
        order_id=found.operations_request_id,
        definition_id=found.definition_id,
        routing=f"/routings/{quote(found.definition_id, safe='')}?{query}",
        label=found.definition_version,
        versions=found.other_versions,
        jobs=tuple(_course_job(job) for job in found.jobs),
    )


def _course_job(job: FollowingJob) -> CourseJob:
    places = () if job.begun else tuple(name for name in job.equipment_ids if name != job.equipment_id)
    return CourseJob(
        job.job_id, job.description, job.equipment_id, job.definition_version, job.begun, places, job.version
    )


def allow_page(equipment_id: str, found: Followed, asked: tuple[str, ...]) -> AllowPage:
    base = base_of(equipment_id)
    return AllowPage(
        base,
        f"{base}/allow",
        found.job_id,
        found.operations_request_id,
        found.description or found.segment_id,
        found.job_version,
        asked,
    )
