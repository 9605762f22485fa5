"""A machine that names its next job has not yet said a state of it: what it said last was of the job before."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mes.kernel.db import Database
from mes.orders.queries import get_job
from mes.orders.service import release_jobs, submit_operations_request
from standards.isa95.job_control import JobState
from tests.conftest import SettableClock
from tests.support.plants import LINE, Box

FIRST, SECOND = "PO-1-LINE", "PO-2-LINE"
LOADED, COMPLETED = 3, 1


@pytest.fixture
def after_one(plant: Database, box: Box, clock: SettableClock) -> Box:
    """One job has ended at the line, another waits for it."""
    for order in ("PO-1", "PO-2"):
        plant.write_now(submit_operations_request, actor=None, id=order, material_id="BOARD", quantity=Decimal(16))
        jobs = {job_id: state(plant, job_id)[1] for job_id in (f"{order}-LINE", f"{order}-PRESS")}
        plant.write_now(release_jobs, actor=None, versions=jobs)
    box.ready()
    for number, substate in ((2, LOADED), (3, 0), (5, COMPLETED)):
        clock.advance(seconds=1)
        box.job(LINE, FIRST, number, substate=substate)
    assert state(plant, FIRST)[0] is JobState.Ended
    clock.advance(seconds=1)
    return box


def state(plant: Database, job_id: str) -> tuple[JobState, int]:
    job = plant.read_now(get_job, job_id=job_id, now=plant.clock())
    return job.state, job.version


def words(box: Box, number: int, substate: int) -> list[list[object]]:
    return [
        [box.sample(f"{LINE}.Job.OrderId", SECOND)],
        [box.sample(f"{LINE}.Job.Substate", substate)],
        [box.sample(f"{LINE}.Job.State", number)],
    ]


@pytest.mark.parametrize("together", [True, False])
def test_the_next_job_does_not_end_before_it_began(
    plant: Database, after_one: Box, clock: SettableClock, together: bool
) -> None:
    said = words(after_one, 2, LOADED)
    for batch in [[word for one in said for word in one]] if together else said:
        after_one.say(*batch)
        assert state(plant, SECOND)[0] is JobState.AllowedToStart
    clock.advance(seconds=1)
    after_one.say(after_one.sample(f"{LINE}.Job.Substate", 0))
    after_one.say(after_one.sample(f"{LINE}.Job.State", 3))
    assert state(plant, SECOND)[0] is JobState.Running


def test_a_machine_that_says_everything_again_changes_nothing(
    plant: Database, after_one: Box, clock: SettableClock
) -> None:
    for batch in words(after_one, 3, 0):
        after_one.say(*batch)
    clock.advance(seconds=5)
    for batch in words(after_one, 3, 0):
        after_one.say(*batch)
    assert state(plant, SECOND)[0] is JobState.Running
    clock.advance(seconds=5)
    after_one.say(after_one.sample(f"{LINE}.Job.State", 5))
    assert state(plant, SECOND)[0] is JobState.Ended
    assert state(plant, "PO-2-PRESS")[0] is JobState.AllowedToStart
