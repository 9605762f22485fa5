"""First-pass and final yield of an order's steps, from what its jobs counted. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from mes.orders.types import JobRole, JobView
from standards.iso22400.yields import Passed, final_yield, first_pass_yield


@dataclass(frozen=True, slots=True)
class StepYield:
    """Ratios of one step; None where nothing was made, or where its pieces are not known exactly."""

    segment_id: str
    first_pass: Decimal | None
    final: Decimal | None


def step_yields(jobs: Iterable[JobView]) -> dict[str, StepYield]:
    """By step. What passes a step again after rework was not good at the first pass; scrap in rework is lost there."""
    steps: dict[str, list[JobView]] = {}
    for job in jobs:
        steps.setdefault(job.segment_id, []).append(job)
    return {step: _yield_of(step, here) for step, here in steps.items()}


def _yield_of(step: str, jobs: list[JobView]) -> StepYield:
    if any((job.good_low, job.scrap_low) != (job.good_high, job.scrap_high) for job in jobs):
        return StepYield(step, None, None)
    passed = _passed(jobs)
    return StepYield(step, first_pass_yield(passed), final_yield(passed))


def _passed(jobs: list[JobView]) -> Passed:
    first = [job for job in jobs if job.role in (JobRole.main, JobRole.part)]
    again = [job for job in jobs if job.role in (JobRole.rework, JobRole.repair, JobRole.repeat)]
    zero = Decimal(0)
    return Passed(
        good=sum((job.good_low for job in first), zero),
        scrap=sum((job.scrap_low for job in first), zero),
        rework=sum((job.rework for job in first), zero),
        recovered=sum((job.good_low for job in again if job.role is not JobRole.rework), zero),
        lost=sum((job.scrap_low for job in again), zero),
    )
