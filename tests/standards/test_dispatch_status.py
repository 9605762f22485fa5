"""B2MML's dispatch status is derived from the machine's state by one mapping."""

from __future__ import annotations

import pytest

from standards.isa95.job_control import (
    DispatchStatus,
    EndedSubstate,
    InterruptedSubstate,
    JobState,
    dispatch_status_of,
)

_S, _D = JobState, DispatchStatus


@pytest.mark.parametrize(
    ("state", "substate", "held", "status"),
    [
        (_S.NotAllowedToStart, 1, False, _D.Waiting),
        (_S.AllowedToStart, 2, False, _D.Ready),
        (_S.AllowedToStart, 0, True, _D.Held),
        (_S.NotAllowedToStart, 0, True, _D.Held),
        (_S.Running, 0, False, _D.Running),
        (_S.Running, 0, True, _D.Running),
        (_S.Interrupted, InterruptedSubstate.Held, False, _D.Held),
        (_S.Interrupted, InterruptedSubstate.Suspended, False, _D.Suspended),
        (_S.Interrupted, InterruptedSubstate.Suspended, True, _D.Held),
        (_S.Ended, EndedSubstate.Completed, True, _D.Completed),
        (_S.Ended, EndedSubstate.Closed, False, _D.Closed),
        (_S.Aborted, 0, False, _D.Aborted),
    ],
)
def test_a_status_follows_from_state_and_hold(state: JobState, substate: int, held: bool, status: _D) -> None:
    assert dispatch_status_of(state, substate, held=held) is status
