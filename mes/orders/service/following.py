"""What follows from jobs that have moved, once the verb has returned: their requests' states, and whose turn it is."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mes.kernel.uow import UnitOfWork
from mes.orders.rules import request_state
from mes.orders.service.dispatch import dispatch_waiting
from mes.orders.statements import StateOfJob, load_moved, set_request_states
from standards.isa95.job_control import DispatchStatus, JobState


def refresh_request_state(uow: UnitOfWork, work_request_pk: int) -> None:
    """Have the operations request's state follow its jobs."""
    uow.afterwards(_follow, work_request_pk)


def dispatch_due_jobs(uow: UnitOfWork) -> None:
    """Ask each free, reachable, remote-controlled machine for the job whose turn it is; say why others wait."""
    uow.afterwards(_follow)


def _follow(uow: UnitOfWork, abouts: Collection[int | None]) -> None:
    requests = [pk for pk in abouts if pk is not None]
    states, waiting = load_moved(uow, requests, with_waiting=None in abouts)
    _refresh_request_states(uow, states)
    dispatch_waiting(uow, waiting)


def _refresh_request_states(uow: UnitOfWork, states: Sequence[StateOfJob]) -> None:
    jobs: dict[int, list[tuple[JobState, DispatchStatus]]] = {}
    requests: dict[int, tuple[str, bool]] = {}
    for pk, old, cancelled, state, dispatch_status in states:
        jobs.setdefault(pk, []).append((JobState(state), DispatchStatus(dispatch_status)))
        requests[pk] = (old, bool(cancelled))
    new = {pk: str(request_state(jobs[pk], cancelled=cancelled)) for pk, (_, cancelled) in requests.items()}
    set_request_states(uow, {pk: state for pk, state in new.items() if state != requests[pk][0]})
