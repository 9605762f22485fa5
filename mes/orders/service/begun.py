"""Whether a job may still be changed under nobody's hands."""

from __future__ import annotations

from mes.orders.errors import JobStateConflict
from mes.orders.statements import JobRecord
from mes.orders.version_rules import has_begun
from standards.isa95.job_control import FINAL_STATES, DispatchStatus


def refuse_begun(job: JobRecord, what: str) -> None:
    """`job-state-conflict` of a job that is over, runs, ran, or is with its machine; `what` would be done to it."""
    state, status = job.state, job.dispatch_status
    over = state in FINAL_STATES or status is DispatchStatus.Cancelled
    if over or has_begun(state, status, job.started_at_us):
        raise JobStateConflict(f"Job {job.job_id} is {state.name}, {status}; only a job that has not begun is {what}.")
