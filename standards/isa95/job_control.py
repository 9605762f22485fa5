"""Job orders: the machine's own states, and ours.

Two vocabularies that are never mixed: `JobState` is what the machine says (OPC 10031-4, ISA-95 Job Control V2,
clause 6), `DispatchStatus` is what we decided (B2MML 7.01, `JobOrderDispatchStatusType`).
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

JOB_CONTROL_URI: Final = "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/"
JOB_CONTROL_V1_URI: Final = "http://opcfoundation.org/UA/ISA95-JOBCONTROL/"
"""Version 1 has other fields and another state model: it is another language."""


class JobState(IntEnum):
    """StateNumber of ISA95JobOrderReceiverObjectType."""

    NotAllowedToStart = 1
    AllowedToStart = 2
    Running = 3
    Interrupted = 4
    Ended = 5
    Aborted = 6


class PrepareSubstate(IntEnum):
    """Sub-states of NotAllowedToStart and AllowedToStart (ISA95PrepareStateMachineType)."""

    Waiting = 1
    Ready = 2
    Loaded = 3


class InterruptedSubstate(IntEnum):
    """Held: a constraint stopped it. Suspended: somebody meant it (an operator's pause)."""

    Held = 1
    Suspended = 2


class EndedSubstate(IntEnum):
    """Completed: the work is over. Closed: reconciled, nothing more will come."""

    Completed = 1
    Closed = 2


class JobMethod(StrEnum):
    """Methods of the receiver. Cancel and Clear take a job out of its list: no transition."""

    Store = "Store"
    StoreAndStart = "StoreAndStart"
    Cancel = "Cancel"
    Clear = "Clear"
    Update = "Update"
    Start = "Start"
    RevokeStart = "RevokeStart"
    Pause = "Pause"
    Resume = "Resume"
    Stop = "Stop"
    Abort = "Abort"


class DispatchStatus(StrEnum):
    """B2MML JobOrderDispatchStatusType, the values Lineside uses."""

    Waiting = "Waiting"
    Pending = "Pending"
    Dispatched = "Dispatched"
    Ready = "Ready"
    Running = "Running"
    Held = "Held"
    Suspended = "Suspended"
    Completed = "Completed"
    Closed = "Closed"
    Aborted = "Aborted"
    Cancelled = "Cancelled"


def dispatch_status_of(state: JobState, substate: int = 0, *, held: bool = False) -> DispatchStatus:
    """B2MML's word for a job a machine (or its operator) reports on; derived by us, no standard says it.

    `held`: a constraint of ours is on the job, which is more than any sub-state of the machine's. What only we know
    (Pending, Dispatched, Cancelled: no machine has the job) has no counterpart in OPC 10031-4 and is not answered.
    """
    if state is JobState.Running:
        return DispatchStatus.Running
    if state is JobState.Interrupted:
        return DispatchStatus.Held if held or substate == InterruptedSubstate.Held else DispatchStatus.Suspended
    if state is JobState.Ended:
        return DispatchStatus.Closed if substate == EndedSubstate.Closed else DispatchStatus.Completed
    if state is JobState.Aborted:
        return DispatchStatus.Aborted
    if held:
        return DispatchStatus.Held
    return DispatchStatus.Ready if state is JobState.AllowedToStart else DispatchStatus.Waiting


_S = JobState
TRANSITIONS: Final[dict[tuple[JobState, JobState], JobMethod | None]] = {
    (_S.NotAllowedToStart, _S.NotAllowedToStart): JobMethod.Update,
    (_S.NotAllowedToStart, _S.AllowedToStart): JobMethod.Start,
    (_S.AllowedToStart, _S.NotAllowedToStart): JobMethod.RevokeStart,
    (_S.AllowedToStart, _S.AllowedToStart): JobMethod.Update,
    (_S.AllowedToStart, _S.Running): None,
    (_S.Running, _S.Interrupted): JobMethod.Pause,
    (_S.Running, _S.Ended): JobMethod.Stop,
    (_S.Running, _S.Aborted): JobMethod.Abort,
    (_S.Interrupted, _S.Aborted): JobMethod.Abort,
    (_S.Interrupted, _S.Running): JobMethod.Resume,
    (_S.Interrupted, _S.Ended): JobMethod.Stop,
    (_S.NotAllowedToStart, _S.Aborted): JobMethod.Abort,
    (_S.AllowedToStart, _S.Aborted): JobMethod.Abort,
}
"""The 13 transitions of OPC 10031-4 with the method that causes each; None: the machine decides alone."""

FINAL_STATES: Final = frozenset({JobState.Ended, JobState.Aborted})


def may_follow(current: JobState, following: JobState) -> bool:
    """Whether the standard's state machine knows this step."""
    return (current, following) in TRANSITIONS


def state_after(current: JobState, method: JobMethod) -> JobState | None:
    """The state a method leads to, or None where the machine must refuse it (ReturnStatus bit 3)."""
    for (source, target), cause in TRANSITIONS.items():
        if source is current and cause is method:
            return target
    return None


RETURN_OK: Final = 1
"""Bit 0 of ReturnStatus, a UInt64 bit map: no error."""
RETURN_BITS: Final[dict[int, tuple[str, str]]] = {
    1: ("unknown-job", "the machine does not know this job"),
    2: ("invalid-command", "the machine does not know this command"),
    3: ("bad-state", "the machine's job state does not allow it"),
    4: ("unable-to-accept", "the machine is unable to accept it"),
    32: ("invalid-request", "the machine calls the request invalid"),
}
"""Bit → code and words (OPC 10031-4 V2, B.2 Table 95; bit 2 is of version 1). Bits 33 to 63 are the maker's own."""


def refusal_of(return_status: int) -> tuple[str, str] | None:
    """Why a receiver said no; None where it said yes, or nothing (0: some makers mean "fine" by it).

    With the success bit set it is a yes, whatever else is set: those bits are remarks.
    """
    bits = [bit for bit in range(64) if return_status >> bit & 1]
    if not bits or bits[0] == 0:
        return None
    code, words = RETURN_BITS.get(bits[0], ("machine-specific", "the machine refused for a reason of its own"))
    if len(bits) == 1 and bits[0] in RETURN_BITS:
        return code, words
    return code, f"{words} (ReturnStatus {return_status}, bits {', '.join(map(str, bits))})"
