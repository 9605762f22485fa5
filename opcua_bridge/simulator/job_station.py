"""A target that takes its jobs as OPC 10031-4 V2 has it: an ISA95JobOrderReceiverSubStatesType with a list of jobs, an
ISA95JobResponseProviderObjectType with what became of them, and an event for every step."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from asyncua import Server, ua
from asyncua.server.event_generator import EventGenerator

from .job_nodes import (
    ENDED,
    INTERRUPTED,
    METHODS,
    PREPARE,
    PROVIDER,
    STATUS_EVENT,
    SUBMACHINES,
    SUBSTATES,
    VARIABLES,
    arguments,
    machine,
    response_arguments,
)
from .job_types import data_type, new, packed, unpacked
from .jobs import FINAL, Answer, Command, Job
from .vocabulary import Action, JobState, Result

_I = ua.ObjectIds
RECEIVER_NAME, PROVIDER_NAME = "JobOrderControl", "JobOrderResults"
MAX_JOBS: Final = 10
"""MaxDownloadableJobOrders: the list is full then, until a job is cleared."""
MAX_RESPONSES: Final = 100
READY: Final = 2
OK, UNKNOWN, BAD_STATE, UNABLE, INVALID, LOCAL = 1, 1 << 1, 1 << 3, 1 << 4, 1 << 32, 1 << 33
"""ReturnStatus. Bit 33 is this maker's own: the machine is in local mode."""
_RETURNS: Final = {
    Result.OK: OK,
    Result.UNKNOWN_JOB: UNKNOWN,
    Result.BAD_STATE: BAD_STATE,
    Result.BUSY: UNABLE,
    Result.UNKNOWN_RECIPE: INVALID,
    Result.LOCAL_MODE: LOCAL,
}
_NAMES: Final = {
    JobState.NOT_ALLOWED: "NotAllowedToStart",
    JobState.ALLOWED: "AllowedToStart",
    JobState.RUNNING: "Running",
    JobState.INTERRUPTED: "Interrupted",
    JobState.ENDED: "Ended",
    JobState.ABORTED: "Aborted",
}
_BELOW: Final = {
    JobState.NOT_ALLOWED: PREPARE,
    JobState.ALLOWED: PREPARE,
    JobState.INTERRUPTED: INTERRUPTED,
    JobState.ENDED: ENDED,
}
_ACTIONS: Final = {"Pause": Action.PAUSE, "Resume": Action.RESUME, "Stop": Action.STOP}


class Controller(Protocol):
    """The machine behind the receiver."""

    remote: bool
    recipe: str


@dataclass(frozen=True)
class Listed:
    """A job in the list."""

    job: Job
    state: JobState
    substate: int
    started_at: datetime | None = None
    ended_at: datetime | None = None


class JobStation:
    """One target. `ask` hands a command to the machine and answers when everything it led to has been shown."""

    def __init__(self, name: str, controller: Controller, ask: Callable[[Command], Awaitable[Answer]]) -> None:
        self.name, self._controller, self._ask = name, controller, ask
        self.jobs: dict[str, Listed] = {}
        self._responses: dict[str, Listed] = {}
        self._write: Callable[[ua.NodeId, ua.Variant, datetime], Awaitable[None]] | None = None
        self._events: EventGenerator | None = None
        self._standard = self._own = 0

    # -- nodes

    async def build(self, server: Server, parent: Any, standard: int, own: int, job: Job | None, at: datetime) -> None:
        """`standard`, `own`: indexes of the standard's namespace and of the simulator's. `job`: one from before."""
        self._standard, self._own = standard, own
        aspace = self._nodes = server.iserver.aspace

        async def write(node: ua.NodeId, value: ua.Variant, when: datetime) -> None:
            data = ua.DataValue(value, SourceTimestamp=when, ServerTimestamp=when)
            (await aspace.write_attribute_value(node, ua.AttributeIds.Value, data)).check()

        self._write = write
        receiver = await self._object(parent, RECEIVER_NAME, SUBSTATES)
        await self._build_receiver(receiver)
        provider = await self._object(parent, PROVIDER_NAME, PROVIDER)
        await self._build_provider(provider)
        await self._build_events(server, receiver)
        if job is not None:
            self.jobs[job.id] = self._responses[job.id] = Listed(job, job.state, job.substate)
        await self._show(at)

    async def _object(self, parent: Any, name: str, kind: int) -> Any:
        made = await parent.add_object(self._id(name), ua.QualifiedName(name, self._own))
        await made.delete_reference(ua.NodeId(_I.BaseObjectType), _I.HasTypeDefinition, True)
        await made.add_reference(ua.NodeId(kind, self._standard), _I.HasTypeDefinition, True, False)
        for reference in self._nodes[parent.nodeid].references:
            if reference.NodeId == made.nodeid:  # what a browse of the parent says of it
                reference.TypeDefinition = ua.NodeId(kind, self._standard)
        return made

    def _id(self, path: str) -> ua.NodeId:
        return ua.NodeId(f"{self.name}.{path}", self._own)

    async def _build_receiver(self, receiver: Any) -> None:
        for name, kind in VARIABLES.items():
            value = [self._controller.recipe] if name == "WorkMaster" else []
            content = [packed(new("WorkMaster", ID=v), self._standard) for v in value]
            await self._variable(receiver, RECEIVER_NAME, name, kind, content)
        node = self._id(f"{RECEIVER_NAME}.MaxDownloadableJobOrders")
        name = ua.QualifiedName("MaxDownloadableJobOrders", self._standard)
        await receiver.add_property(node, name, MAX_JOBS, ua.VariantType.UInt16)
        for method in METHODS:
            await self._method(receiver, RECEIVER_NAME, method, arguments(method, self._standard), self._called(method))
        await self._state_variable(receiver, RECEIVER_NAME)
        for state in SUBMACHINES:
            below = f"{state}Substates"
            made = await receiver.add_object(
                self._id(f"{RECEIVER_NAME}.{below}"), ua.QualifiedName(below, self._standard)
            )
            await self._state_variable(made, f"{RECEIVER_NAME}.{below}")

    async def _variable(self, parent: Any, path: str, name: str, kind: str, content: list[Any]) -> None:
        is_text = kind == "String"
        value = ua.Variant(content, ua.VariantType.String if is_text else ua.VariantType.ExtensionObject, is_array=True)
        made = await parent.add_variable(
            self._id(f"{path}.{name}"),
            ua.QualifiedName(name, self._standard),
            value,
            datatype=data_type(kind, self._standard),
        )
        await made.write_value_rank(ua.ValueRank.OneDimension)

    async def _method(self, parent: Any, path: str, name: str, takes: Any, answer: Callable[..., Any]) -> None:
        node = self._id(f"{path}.{name}")
        await parent.add_method(node, ua.QualifiedName(name, self._standard), answer, *takes)

    async def _state_variable(self, parent: Any, path: str) -> None:
        node = self._id(f"{path}.CurrentState")
        empty = ua.Variant(ua.LocalizedText(), ua.VariantType.LocalizedText)
        made = await parent.add_variable(node, ua.QualifiedName("CurrentState", 0), empty)
        await made.add_property(
            self._id(f"{path}.CurrentState.Id"),
            ua.QualifiedName("Id", 0),
            ua.Variant(ua.NodeId(), ua.VariantType.NodeId),
        )

    async def _build_provider(self, provider: Any) -> None:
        kind = "ISA95JobResponseDataType"
        await self._variable(provider, PROVIDER_NAME, "JobOrderResponseList", kind, [])
        for name, answer in (
            ("RequestJobResponseByJobOrderID", self._by_id),
            ("RequestJobResponseByJobOrderState", self._by_state),
        ):
            await self._method(provider, PROVIDER_NAME, name, response_arguments(name, self._standard), answer)

    async def _build_events(self, server: Server, receiver: Any) -> None:
        """The standard's event type is abstract: a maker has one of its own below it."""
        abstract = server.get_node(ua.NodeId(STATUS_EVENT, self._standard))
        kind = await abstract.add_object_type(self._id("JobStatusEventType"), f"{self._own}:JobStatusEventType")
        self._events = await server.get_event_generator(kind, server.nodes.server)
        event = self._events.event
        event.SourceNode, event.SourceName = receiver.nodeid, self.name
        event.data_types |= dict.fromkeys(("JobOrder", "JobState", "JobResponse"), ua.VariantType.ExtensionObject)

    # -- showing

    async def follow(self, fields: Mapping[str, Any], at: datetime) -> None:
        """A step of a job, as the ledger has it."""
        state = JobState(fields["state"])
        if state is JobState.NONE:
            self.jobs.pop(fields["job"], None)
            await self._show(at)
            return
        job = Job(
            fields["job"], fields["work_master"], fields["material"], fields["work_request"], fields["cycles"], state
        )
        before = self.jobs.get(job.id) or Listed(job, state, 0)
        started = before.started_at or (at if state is JobState.RUNNING else None)
        ended = at if state in FINAL else None
        await self._set(Listed(job, state, int(fields["substate"]), started, ended), at)

    async def _set(self, listed: Listed, at: datetime) -> None:
        self.jobs[listed.job.id] = listed
        if listed.state not in (JobState.NOT_ALLOWED, JobState.ALLOWED):
            self._responses[listed.job.id] = listed
        while len(self._responses) > MAX_RESPONSES:
            self._responses.pop(next(iter(self._responses)))
        await self._show(at)
        await self._tell(listed, at)

    async def _show(self, at: datetime) -> None:
        orders = [
            packed(new("JobOrderAndState", JobOrder=order_of(j.job), State=self._states(j)), self._standard)
            for j in self.jobs.values()
        ]
        responses = [packed(self._response(j), self._standard) for j in self._responses.values()]
        await self._write_list(f"{RECEIVER_NAME}.JobOrderList", orders, at)
        await self._write_list(f"{PROVIDER_NAME}.JobOrderResponseList", responses, at)
        await self._show_current(at)

    async def _write_list(self, path: str, values: list[Any], at: datetime) -> None:
        assert self._write is not None
        await self._write(self._id(path), ua.Variant(values, ua.VariantType.ExtensionObject, is_array=True), at)

    async def _show_current(self, at: datetime) -> None:
        """CurrentState of the object is that of the job it is at, or of the last one."""
        active = [j for j in self.jobs.values() if j.state not in FINAL]
        here = (active or list(self.jobs.values()))[-1:]
        below = {f"{RECEIVER_NAME}.{state}Substates": ("", ua.NodeId()) for state in SUBMACHINES}
        shown = {RECEIVER_NAME: ("", ua.NodeId()), **below}
        for listed in here:
            name = _NAMES[listed.state]
            shown[RECEIVER_NAME] = (name, self._node(SUBSTATES, name))
            substate = _substate(listed)
            if substate is not None:
                shown[f"{RECEIVER_NAME}.{name}Substates"] = (substate, self._node(_BELOW[listed.state], substate))
        assert self._write is not None
        for path, (name, node) in shown.items():
            await self._write(self._id(f"{path}.CurrentState"), ua.Variant(ua.LocalizedText(name)), at)
            await self._write(self._id(f"{path}.CurrentState.Id"), ua.Variant(node, ua.VariantType.NodeId), at)

    def _node(self, kind: int, state: str) -> ua.NodeId:
        return ua.NodeId(machine(kind).states[state].node, self._standard)

    def _states(self, listed: Listed) -> list[Any]:
        """The top level, without a browse path, then the sub-state with the path to its machine."""
        name = _NAMES[listed.state]
        states = [new("State", StateText=ua.LocalizedText(name), StateNumber=int(listed.state))]
        substate = _substate(listed)
        if substate is not None:
            step = ua.RelativePathElement(
                ReferenceTypeId=ua.NodeId(_I.HierarchicalReferences),
                IncludeSubtypes=True,
                TargetName=ua.QualifiedName(f"{name}Substates", self._standard),
            )
            path = ua.RelativePath(Elements=[step])
            text = ua.LocalizedText(substate)
            states.append(new("State", BrowsePath=path, StateText=text, StateNumber=listed.substate))
        return states

    def _response(self, listed: Listed) -> Any:
        return new(
            "JobResponse",
            JobResponseID=f"{listed.job.id}/{self.name}",
            JobOrderID=listed.job.id,
            StartTime=listed.started_at,
            EndTime=listed.ended_at,
            JobState=self._states(listed),
        )

    async def _tell(self, listed: Listed, at: datetime) -> None:
        generator = self._events
        assert generator is not None
        event = generator.event
        event.JobOrder = packed(order_of(listed.job), self._standard)
        event.JobState = [packed(state, self._standard) for state in self._states(listed)]
        event.JobResponse = packed(self._response(listed), self._standard)
        event.Severity = 100
        await generator.trigger(time_attr=at, message=f"{listed.job.id}: {_NAMES[listed.state]}")

    # -- methods

    def _called(self, method: str) -> Callable[..., Awaitable[list[ua.Variant]]]:
        async def answer(_parent: ua.NodeId, first: ua.Variant, _comment: ua.Variant | None = None) -> list[ua.Variant]:
            return [ua.Variant(await self.call(method, first.Value), ua.VariantType.UInt64)]

        return answer

    async def call(self, method: str, content: Any) -> int:
        """Do what a method asks; ReturnStatus."""
        if not self._controller.remote:
            return LOCAL
        if method in ("Store", "StoreAndStart", "Update"):
            return await self._with_order(method, content)
        listed = self.jobs.get(str(content or ""))
        if listed is None:
            return UNKNOWN
        if method in _ACTIONS:
            return await self._hand_on(_ACTIONS[method], listed.job)
        steps = {
            "Start": self._start,
            "RevokeStart": self._revoke_start,
            "Abort": self._abort,
            "Cancel": self._cancel,
            "Clear": self._clear,
        }
        return await steps[method](listed)

    async def _with_order(self, method: str, content: Any) -> int:
        try:
            job = job_of(unpacked("JobOrder", content, self._standard))
        except ValueError:
            return INVALID
        if job.work_master != self._controller.recipe:
            return INVALID
        listed = self.jobs.get(job.id)
        if method == "Update":
            return await self._update(job, listed)
        if listed is not None:
            return BAD_STATE
        if len(self.jobs) >= MAX_JOBS:
            return UNABLE
        if method == "StoreAndStart":
            return await self._hand_on(Action.STORE_AND_START, job)
        await self._set(Listed(job, JobState.NOT_ALLOWED, READY), _now())
        return OK

    async def _update(self, job: Job, listed: Listed | None) -> int:
        if listed is None:
            return UNKNOWN
        if listed.state is not JobState.NOT_ALLOWED:
            return BAD_STATE
        await self._set(replace(listed, job=job), _now())
        return OK

    async def _start(self, listed: Listed) -> int:
        if listed.state is not JobState.NOT_ALLOWED:
            return BAD_STATE
        return await self._hand_on(Action.STORE_AND_START, listed.job)

    async def _revoke_start(self, listed: Listed) -> int:
        if listed.state is not JobState.ALLOWED:
            return BAD_STATE
        returned = await self._hand_on(Action.CANCEL, listed.job)
        if returned == OK:
            await self._set(Listed(listed.job, JobState.NOT_ALLOWED, READY), _now())
        return returned

    async def _abort(self, listed: Listed) -> int:
        if listed.state is not JobState.NOT_ALLOWED:
            return await self._hand_on(Action.ABORT, listed.job)
        await self._set(replace(listed, state=JobState.ABORTED, substate=0, ended_at=_now()), _now())
        return OK

    async def _cancel(self, listed: Listed) -> int:
        if listed.state is not JobState.NOT_ALLOWED:
            return await self._hand_on(Action.CANCEL, listed.job)
        return await self._remove(listed)

    async def _clear(self, listed: Listed) -> int:
        return await self._remove(listed) if listed.state in FINAL else BAD_STATE

    async def _remove(self, listed: Listed) -> int:
        del self.jobs[listed.job.id]
        await self._show(_now())
        return OK

    async def _hand_on(self, action: Action, job: Job) -> int:
        command = Command(uuid.uuid4().hex, job.id, action, job.work_master, job.material, job.work_request, job.cycles)
        return _RETURNS[(await self._ask(command)).result]

    async def _by_id(self, _parent: ua.NodeId, order_id: ua.Variant) -> list[ua.Variant]:
        listed = self._responses.get(str(order_id.Value or ""))
        response = new("JobResponse") if listed is None else self._response(listed)
        return [
            ua.Variant(packed(response, self._standard), ua.VariantType.ExtensionObject),
            ua.Variant(UNKNOWN if listed is None else OK, ua.VariantType.UInt64),
        ]

    async def _by_state(self, _parent: ua.NodeId, states: ua.Variant) -> list[ua.Variant]:
        try:
            wanted = {int(unpacked("State", state, self._standard).StateNumber) for state in (states.Value or [])[:1]}
        except ValueError:
            wanted = set()
        found = [self._response(j) for j in self._responses.values() if int(j.state) in wanted]
        content = [packed(response, self._standard) for response in found]
        return [
            ua.Variant(content, ua.VariantType.ExtensionObject, is_array=True),
            ua.Variant(OK if wanted else INVALID, ua.VariantType.UInt64),
        ]


def _now() -> datetime:
    return datetime.now(UTC)


def _substate(listed: Listed) -> str | None:
    kind = _BELOW.get(listed.state)
    if kind is None or not listed.substate:
        return None
    return next((name for name, s in machine(kind).states.items() if s.number == listed.substate), None)


def order_of(job: Job) -> Any:
    """A job as the machine shows it in its list. Parameter ids are those of OPC 40001-3."""
    parameters = {
        "RunsPlanned": ua.Variant(job.cycles, ua.VariantType.UInt32),
        "OrderNumbers": ua.Variant([job.work_request], ua.VariantType.String),
    }
    material = new("Material", MaterialDefinitionID=job.material, MaterialUse="Material produced")
    return new(
        "JobOrder",
        JobOrderID=job.id,
        WorkMasterID=[new("WorkMaster", ID=job.work_master)],
        JobOrderParameters=[new("Parameter", ID=name, Value=value) for name, value in parameters.items()],
        MaterialRequirements=[material] if job.material else None,
    )


def job_of(order: Any) -> Job:
    """What a client asks for. ValueError without an id, a work master or a number of runs."""
    known = {p.ID: p.Value.Value for p in order.JobOrderParameters or ()}
    cycles = known.get("RunsPlanned")
    if not order.JobOrderID or not order.WorkMasterID or not isinstance(cycles, int) or cycles < 1:
        raise ValueError("a job needs an id, a work master and RunsPlanned")
    numbers = _texts(known.get("OrderNumbers"))
    made = [m.MaterialDefinitionID for m in order.MaterialRequirements or () if m.MaterialDefinitionID]
    return Job(
        order.JobOrderID,
        order.WorkMasterID[0].ID or "",
        made[0] if made else "",
        numbers[0] if numbers else order.JobOrderID,
        cycles,
        JobState.NOT_ALLOWED,
    )


def _texts(value: Any) -> list[str]:
    return [str(v) for v in value if v] if isinstance(value, Iterable) and not isinstance(value, str) else []
