"""Driver for machines with an ISA-95 job order receiver (OPC 10031-4 V2).

A method that answers Bad says nothing of the job: some of those codes mean that it was never called, the others that
nobody knows. Where it answers Good or Uncertain, ReturnStatus speaks. A job that is in JobOrderList already was stored
by an earlier call: it is not stored again. What the machine makes of a job is in its list, never in an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any, Final

from asyncua import ua

from opcua_bridge.drivers.seam import LOCAL_MODE, in_words, result, value_of
from opcua_bridge.job_receiver import (
    JOB_ORDER,
    MachineJob,
    NoReceiver,
    Receiver,
    Server,
    find_receiver,
    find_responses,
    jobs_of,
    state_of,
)
from opcua_bridge.structures import Fields, UnknownStructure
from opcua_bridge.tag_map import JobTarget
from standards.isa95.job_control import FINAL_STATES, RETURN_OK, JobMethod, JobState, refusal_of
from standards.lineside.commands_v1 import CommandResult, JobAction, JobCommand, JobParameter, Outcome

METHODS: Final = {
    JobAction.pause: JobMethod.Pause,
    JobAction.resume: JobMethod.Resume,
    JobAction.stop: JobMethod.Stop,
    JobAction.abort: JobMethod.Abort,
    JobAction.cancel: JobMethod.Cancel,
}
_S = JobState
EVIDENCE: Final = {
    JobAction.store_and_start: frozenset({_S.AllowedToStart, _S.Running, _S.Interrupted, _S.Ended, _S.Aborted}),
    JobAction.pause: frozenset({_S.Interrupted}),
    JobAction.resume: frozenset({_S.Running}),
    JobAction.stop: frozenset({_S.Ended}),
    JobAction.abort: frozenset({_S.Aborted}),
    JobAction.cancel: frozenset(),
}
"""States a job can be in only after the machine has done this (or no longer needs to)."""
_C = ua.StatusCodes
NOT_CALLED: Final[dict[int, tuple[str, str]]] = {
    _C.BadMethodInvalid: ("method-not-offered", "the machine does not offer this method"),
    _C.BadNotImplemented: ("method-not-offered", "the machine does not offer this method"),
    _C.BadNotSupported: ("method-not-offered", "the machine does not offer this method"),
    _C.BadNodeIdUnknown: ("method-not-offered", "the machine does not offer this method"),
    _C.BadNodeIdInvalid: ("method-not-offered", "the machine does not offer this method"),
    _C.BadUserAccessDenied: ("not-permitted", "the machine does not permit it to this user"),
    _C.BadNotExecutable: ("not-permitted", "the machine does not permit it now"),
    _C.BadSecurityModeInsufficient: ("not-permitted", "the machine wants a secured connection for it"),
    _C.BadInvalidArgument: ("invalid-request", "the machine calls the request invalid"),
    _C.BadArgumentsMissing: ("invalid-request", "the machine misses arguments"),
    _C.BadTooManyArguments: ("invalid-request", "the machine wants fewer arguments"),
    _C.BadTypeMismatch: ("invalid-request", "the machine wants arguments of other types"),
    _C.BadOutOfRange: ("invalid-request", "a value is out of the machine's range"),
    _C.BadInvalidState: ("bad-state", "the machine's state does not allow it"),
    _C.BadStateNotActive: ("bad-state", "the machine's state does not allow it"),
    _C.BadTooManyOperations: ("unable-to-accept", "the machine is unable to accept it"),
    _C.BadResourceUnavailable: ("unable-to-accept", "the machine is unable to accept it"),
}
"""Codes of a call that was turned away at the door. Any other Bad may have come in the middle of it."""
COMMENT: Final = "Lineside"


@dataclass(frozen=True)
class _Machine:
    """What was found at the machine when the command's turn came."""

    receiver: Receiver
    jobs: tuple[MachineJob, ...]

    def job(self, order_id: str) -> MachineJob | None:
        return next((job for job in self.jobs if job.order_id == order_id), None)


class Isa95JobControl:
    """One job target. Every method answers a result; none raises for what the machine or the network does."""

    def __init__(self, target: JobTarget, server: Server) -> None:
        self._target, self._server = target, server

    async def execute(self, job: JobCommand, *, token: str, expired: Callable[[], bool]) -> CommandResult:
        """Call what the action needs, after a look into the machine's list.

        Nothing has been done where the outcome is `refused` or `expired`; `failed` means that nobody knows.
        """
        try:
            if not await self._is_remote():
                return result(Outcome.refused, "local-mode", LOCAL_MODE)
            machine = await self._look()
        except NoReceiver as error:
            return result(Outcome.refused, error.code, str(error))
        except (OSError, LookupError, ua.UaError) as error:
            return result(Outcome.refused, "machine-not-reachable", in_words(error))
        if expired():
            return result(Outcome.expired, "expired", "too late when the machine was ready for it; not called")
        try:
            return await self._do(machine, job, expired)
        except TimeoutError:
            return await self._after_silence(job)
        except (OSError, LookupError, ua.UaError) as error:
            return result(Outcome.failed, "connection-lost", in_words(error))

    async def recall(self, job: JobCommand, *, token: str) -> CommandResult:
        """Look into the machine's lists: is the job there, in a state that only the command can have led to?"""
        try:
            machine = await self._look()
            known = machine.job(job.job_order_id)
            state = known.state if known is not None else await self._response_state(job.job_order_id)
        except (OSError, LookupError, ua.UaError) as error:
            return result(Outcome.failed, "connection-lost", in_words(error))
        if state in EVIDENCE[job.action] or (job.action is JobAction.cancel and known is None):
            return result(Outcome.done, "", _seen(state))
        if job.action is JobAction.store_and_start and state == JobState.NotAllowedToStart:
            return result(Outcome.failed, "stored-not-started", "the machine has the job and was not told to start it")
        return result(Outcome.failed, "not-in-job-list", _seen(state))

    # ------------------------------------------------------------------ looking

    async def _is_remote(self) -> bool:
        if not self._target.remote:
            return True
        await self._server.resolve([self._target.remote])
        [value] = await self._server.read_ids([self._server.node_id(self._target.remote)])
        return value_of(value) is True

    async def _look(self) -> _Machine:
        """Raises NoReceiver, or what reading raises; a list that is bad or cannot be read is no empty list."""
        receiver = await find_receiver(self._server, self._target.receiver)
        [value] = await self._server.read_ids([receiver.job_list])
        status = int(value.StatusCode.value) if value.StatusCode is not None else 0
        if status >> 30 == 2:
            raise NoReceiver("job-list-unknown", f"the machine's JobOrderList cannot be read: status 0x{status:08X}")
        entries = value.Value.Value if value.Value is not None else None
        try:
            return _Machine(receiver, jobs_of(receiver.types, entries if isinstance(entries, list) else []))
        except UnknownStructure as error:
            raise NoReceiver("job-list-unknown", f"the machine's JobOrderList cannot be read: {error}") from error

    async def _response_state(self, order_id: str) -> int:
        """The state in the machine's job responses, for a job that is not in its list any more; 0: it knows none."""
        provider = await find_responses(self._server, self._target.responses)
        if provider is None:
            return 0
        response = await self._requested(provider, order_id) or await self._listed(provider, order_id)
        return state_of(response.get("JobState"))[0] if response else 0

    async def _requested(self, provider: Receiver, order_id: str) -> Fields | None:
        method = provider.members.get("RequestJobResponseByJobOrderID")
        if method is None:
            return None
        answer = await self._server.call(provider.node, method, [ua.Variant(order_id, ua.VariantType.String)])
        values = [v.Value for v in answer.OutputArguments or ()]
        if answer.StatusCode.is_bad() or len(values) < 2 or values[1] != RETURN_OK:
            return None
        return _response(provider, [values[0]], order_id)

    async def _listed(self, provider: Receiver, order_id: str) -> Fields | None:
        node = provider.members.get("JobOrderResponseList")
        values = value_of((await self._server.read_ids([node]))[0]) if node is not None else None
        return _response(provider, values if isinstance(values, list) else [], order_id)

    # -------------------------------------------------------------------- doing

    async def _do(self, machine: _Machine, job: JobCommand, expired: Callable[[], bool]) -> CommandResult:
        if job.action is JobAction.store_and_start:
            return await self._store_and_start(machine, job, expired)
        return await self._call(machine.receiver, METHODS[job.action], _id(job))

    async def _store_and_start(self, machine: _Machine, job: JobCommand, expired: Callable[[], bool]) -> CommandResult:
        """StoreAndStart where there is one, else Store, then Start; what an earlier call has done is not done again."""
        receiver, known = machine.receiver, machine.job(job.job_order_id)
        try:
            order = receiver.encoded(JOB_ORDER, order_of(job))
        except (UnknownStructure, ValueError) as error:
            return result(Outcome.refused, "invalid-request", f"the job does not fit the machine's types: {error}")
        if known is not None:
            return await self._start_stored(receiver, known, order, job, expired)
        await self._make_room(machine)
        if expired():
            return result(Outcome.expired, "expired", "too late when the machine had room for it; not called")
        if receiver.offers(JobMethod.StoreAndStart):
            return await self._call(receiver, JobMethod.StoreAndStart, order)
        stored = await self._call(receiver, JobMethod.Store, order)
        if stored.outcome is not Outcome.done:
            return stored
        started = await self._start(receiver, job, expired)
        if started.outcome in (Outcome.refused, Outcome.expired):
            return await self._taken_back(receiver, job, started)
        return started

    async def _start_stored(
        self, receiver: Receiver, known: MachineJob, order: ua.Variant, job: JobCommand, expired: Callable[[], bool]
    ) -> CommandResult:
        """The job is in the list already: stored by an earlier call, perhaps started."""
        if known.state in EVIDENCE[JobAction.store_and_start]:
            return result(Outcome.done, "", _seen(known.state))
        if known.state != JobState.NotAllowedToStart:
            return result(Outcome.refused, "job-list-unknown", "the machine has the job in a state it does not name")
        if receiver.offers(JobMethod.Update):
            updated = await self._call(receiver, JobMethod.Update, order)
            if updated.outcome is not Outcome.done:
                return updated
        return await self._start(receiver, job, expired)

    async def _start(self, receiver: Receiver, job: JobCommand, expired: Callable[[], bool]) -> CommandResult:
        if expired():
            return result(Outcome.expired, "expired", "too late when the machine had stored it; not started")
        return await self._call(receiver, JobMethod.Start, _id(job))

    async def _taken_back(self, receiver: Receiver, job: JobCommand, started: CommandResult) -> CommandResult:
        """A job that we have stored and that is not started is cancelled again, as far as the machine lets us."""
        cancelled = await self._call(receiver, JobMethod.Cancel, _id(job))
        if cancelled.outcome is Outcome.done:
            return started
        return result(started.outcome, started.code, f"{started.message}; it is still stored: {cancelled.message}")

    async def _make_room(self, machine: _Machine) -> None:
        """Clear jobs that are over where the machine says that its list is full. Their end was in the list."""
        receiver = machine.receiver
        node = receiver.members.get("MaxDownloadableJobOrders")
        if node is None or not receiver.offers(JobMethod.Clear):
            return
        most = value_of((await self._server.read_ids([node]))[0])
        if not isinstance(most, int) or not 0 < most <= len(machine.jobs):
            return
        for job in machine.jobs:
            if job.state in FINAL_STATES:
                await self._call(receiver, JobMethod.Clear, ua.Variant(job.order_id, ua.VariantType.String))

    async def _call(self, receiver: Receiver, method: JobMethod, argument: ua.Variant) -> CommandResult:
        """TimeoutError if no answer came within `ack_timeout_s`."""
        if not receiver.offers(method):
            return result(Outcome.refused, "method-not-offered", f"the machine does not offer {method}")
        comment = ua.Variant([ua.LocalizedText(COMMENT)], ua.VariantType.LocalizedText)
        async with asyncio.timeout(self._target.ack_timeout_s):
            answer = await self._server.call(receiver.node, receiver.members[method], [argument, comment])
        return answered(method, int(answer.StatusCode.value), [v.Value for v in answer.OutputArguments or ()])

    async def _after_silence(self, job: JobCommand) -> CommandResult:
        """No answer to a call: the machine's list may have one."""
        seen = await self.recall(job, token="")
        if seen.outcome is Outcome.done:
            return seen
        waited = f"no answer within {self._target.ack_timeout_s:g} s; {seen.message}"
        return result(Outcome.failed, "no-acknowledgement", waited)


# ---------------------------------------------------------------------------- pure


def answered(method: JobMethod, status: int, outputs: Sequence[Any]) -> CommandResult:
    """What a call's StatusCode and its outputs (ReturnStatus first) mean."""
    if status >> 31:
        if status in NOT_CALLED:
            code, words = NOT_CALLED[status]
            return result(Outcome.refused, code, f"{method}: {words} ({_name(status)})")
        return result(Outcome.failed, "call-failed", f"{method}: the machine answered {_name(status)}")
    doubt = f"{method}: the machine answered {_name(status)}" if status >> 30 else ""
    returned = outputs[0] if outputs else None
    if isinstance(returned, bool) or not isinstance(returned, int):
        return result(Outcome.done, "", doubt or f"{method}: the machine gave no ReturnStatus")
    refusal = refusal_of(returned % 2**64)
    if refusal is not None:
        return result(Outcome.refused, refusal[0], f"{method}: {refusal[1]}")
    if returned != RETURN_OK:
        doubt = f"{method}: the machine answered ReturnStatus {returned}, where success is {RETURN_OK}"
    return result(Outcome.done, "", doubt)


def order_of(job: JobCommand) -> Fields:
    """A job as ISA95JobOrderDataType. Parameters have the ids of OPC 40001-3 (Machinery Jobs); OPC 10031-4 has none."""
    kinds = ua.VariantType
    known = (
        ("RunsPlanned", job.cycles, kinds.UInt32),
        ("PlannedOrderQuantity", float(job.quantity), kinds.Double),
        ("OrderNumbers", [job.work_request_id] if job.work_request_id else None, kinds.String),
        ("WorkMasterVersion", job.work_master_version, kinds.String),
    )
    own = [{"ID": n, "Value": ua.Variant(value, kind)} for n, value, kind in known if value]
    return {
        "JobOrderID": job.job_order_id,
        "WorkMasterID": [{"ID": job.work_master_id}] if job.work_master_id else None,
        "JobOrderParameters": [*own, *_recipe(job, {n for n, _, _ in known})],
        "MaterialRequirements": [_product(job)] if job.material_id else None,
    }


def _recipe(job: JobCommand, taken: Container[str]) -> list[Fields]:
    """Values of the recipe, each of its own type; an id of OPC 40001-3 keeps its meaning."""
    return [{"ID": p.id, "Value": _variant(p)} for p in job.parameters if p.id not in taken]


def _variant(parameter: JobParameter) -> ua.Variant:
    kinds, value = ua.VariantType, parameter.value
    match parameter.data_type:
        case "integer":
            return ua.Variant(int(value), kinds.Int64)
        case "decimal":
            return ua.Variant(float(value), kinds.Double)
        case "boolean":
            return ua.Variant(value == "true", kinds.Boolean)
        case _:
            return ua.Variant(value, kinds.String)


def _product(job: JobCommand) -> Fields:
    return {"MaterialDefinitionID": job.material_id, "MaterialUse": "Material produced", "Quantity": job.quantity}


def _id(job: JobCommand) -> ua.Variant:
    return ua.Variant(job.job_order_id, ua.VariantType.String)


def _seen(state: int) -> str:
    if state not in JobState._value2member_map_:
        return "the machine does not have the job in its list"
    return f"the machine has the job as {JobState(state).name}"


def _response(provider: Receiver, values: Sequence[Any], order_id: str) -> Fields | None:
    for value in values:
        try:
            response = provider.types.decode(value)
        except UnknownStructure:
            continue
        if response.get("JobOrderID") == order_id:
            return response
    return None


def _name(status: int) -> str:
    return str(ua.StatusCode(status).name)
