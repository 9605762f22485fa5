"""Moving an order to another version: no job is lost, none that has begun is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.orders.version_rules import JobStand, has_begun, version_plan
from standards.isa95.job_control import DispatchStatus, JobState

STEPS = st.sampled_from("ABCDE")
VERSIONS = st.lists(STEPS, unique=True, min_size=1)


@st.composite
def jobs_of_an_order(draw: st.DrawFn) -> list[JobStand]:
    stands = draw(st.lists(st.tuples(STEPS, st.booleans(), st.booleans()), max_size=8))
    return [JobStand(pk, step, begun and not gone, gone) for pk, (step, begun, gone) in enumerate(stands)]


@given(jobs_of_an_order(), VERSIONS, VERSIONS)
def test_every_job_has_one_fate_and_what_has_begun_stays(jobs: list[JobStand], was: list[str], to: list[str]) -> None:
    plan = version_plan(jobs, was, to)
    fates = [*plan.kept, *plan.changed, *plan.cancelled]
    assert sorted(fates) == [job.pk for job in jobs if not job.cancelled]
    assert set(plan.kept) == {job.pk for job in jobs if job.begun}
    assert all(jobs[pk].cancelled for pk in plan.revived)


@given(jobs_of_an_order(), VERSIONS, VERSIONS)
def test_every_step_of_the_new_version_is_done_once_or_was_cancelled(
    jobs: list[JobStand], was: list[str], to: list[str]
) -> None:
    plan = version_plan(jobs, was, to)
    live = {jobs[pk].segment_id for pk in (*plan.kept, *plan.changed, *plan.revived)} | set(plan.added)
    missing = set(to) - live
    assert missing <= {job.segment_id for job in jobs if job.cancelled and job.segment_id in was}
    assert len(plan.added) == len(set(plan.added))
    assert not set(plan.added) & {job.segment_id for job in jobs}
    assert {jobs[pk].segment_id for pk in plan.changed} <= set(to)


@given(jobs_of_an_order(), VERSIONS)
def test_moving_to_the_same_steps_cancels_nothing_of_them(jobs: list[JobStand], steps: list[str]) -> None:
    plan = version_plan(jobs, steps, steps)
    assert plan.revived == ()
    assert not {jobs[pk].segment_id for pk in plan.cancelled} & set(steps)


@pytest.mark.parametrize(
    ("state", "status", "started", "begun"),
    [
        (JobState.NotAllowedToStart, DispatchStatus.Waiting, None, False),
        (JobState.AllowedToStart, DispatchStatus.Pending, None, False),
        (JobState.AllowedToStart, DispatchStatus.Dispatched, None, True),
        (JobState.AllowedToStart, DispatchStatus.Ready, None, True),
        (JobState.Running, DispatchStatus.Running, 1, True),
        (JobState.Ended, DispatchStatus.Completed, 1, True),
        (JobState.AllowedToStart, DispatchStatus.Pending, 1, True),
        (JobState.NotAllowedToStart, DispatchStatus.Cancelled, None, False),
    ],
)
def test_begun_is_what_ran_or_is_with_its_machine(
    state: JobState, status: DispatchStatus, started: int | None, begun: bool
) -> None:
    assert has_begun(state, status, started) is begun
