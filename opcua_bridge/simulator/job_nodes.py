"""The type nodes of ISA-95 Job Control V2 (OPC 10031-4) with the standard's numbers, as a controller's maker has them.

Left out: type dictionaries, XML and JSON encodings, the namespace's metadata, the job response receiver.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from asyncua import Server, ua

from .job_types import STRUCTURES, data_type, definition

_I = ua.ObjectIds
PREPARE, RECEIVER, PROVIDER, ENDED, STATUS_EVENT, INTERRUPTED, SUBSTATES = 1001, 1002, 1003, 1005, 1006, 1007, 1008


class State(NamedTuple):
    node: int
    number_node: int
    number: int


class Transition(NamedTuple):
    node: int
    number_node: int
    number: int
    source: str
    target: str
    cause: str = ""


class StateMachine(NamedTuple):
    node: int
    name: str
    states: Mapping[str, State]
    transitions: tuple[Transition, ...]
    has_effect: bool = False


_METHOD: Final = {
    "Store": (7001, 6040, 6041),
    "StoreAndStart": (7004, 6051, 6052),
    "Start": (7005, 6053, 6054),
    "Stop": (7006, 6055, 6056),
    "Pause": (7007, 6057, 6058),
    "Resume": (7008, 6059, 6060),
    "Update": (7009, 6061, 6062),
    "Abort": (7010, 6063, 6064),
    "Cancel": (7011, 6065, 6066),
    "Clear": (7012, 6067, 6068),
    "RevokeStart": (7013, 6069, 6070),
}
"""Method, its InputArguments, its OutputArguments."""
TAKES_ORDER: Final = frozenset({"Store", "StoreAndStart", "Update"})
METHODS: Final = tuple(_METHOD)
_LISTS: Final = {
    "JobOrderList": (6033, "ISA95JobOrderAndStateDataType"),
    "WorkMaster": (6034, "ISA95WorkMasterDataType"),
    "MaterialClassID": (6035, "String"),
    "MaterialDefinitionID": (6036, "String"),
    "EquipmentID": (6037, "String"),
    "PhysicalAssetID": (6038, "String"),
    "PersonnelID": (6039, "String"),
}
VARIABLES: Final = {name: kind for name, (_, kind) in _LISTS.items()}
_STEPS: Final = (
    (1, "NotAllowedToStart", "NotAllowedToStart", "Update"),
    (2, "NotAllowedToStart", "AllowedToStart", "Start"),
    (3, "AllowedToStart", "NotAllowedToStart", "RevokeStart"),
    (4, "AllowedToStart", "AllowedToStart", "Update"),
    (5, "AllowedToStart", "Running", ""),
    (6, "Running", "Interrupted", "Pause"),
    (7, "Running", "Ended", "Stop"),
    (8, "Running", "Aborted", "Abort"),
    (9, "Interrupted", "Aborted", "Abort"),
    (10, "Interrupted", "Running", "Resume"),
    (11, "Interrupted", "Ended", "Stop"),
    (12, "NotAllowedToStart", "Aborted", "Abort"),
    (13, "AllowedToStart", "Aborted", "Abort"),
)
_NAMES: Final = ("NotAllowedToStart", "AllowedToStart", "Running", "Interrupted", "Ended", "Aborted")


def _receiver(node: int, name: str, states: int, numbers: int, steps: dict[int, tuple[int, int]]) -> StateMachine:
    found = {state: State(states + at, numbers + at, at + 1) for at, state in enumerate(_NAMES)}
    transitions = tuple(Transition(*steps[number], number, *rest) for number, *rest in _STEPS)
    return StateMachine(node, name, found, transitions, has_effect=True)


MACHINES: Final = (
    StateMachine(
        PREPARE,
        "ISA95PrepareStateMachineType",
        {"Waiting": State(5000, 6000, 1), "Ready": State(5052, 6089, 2), "Loaded": State(5053, 6090, 3)},
        (
            Transition(5054, 6091, 1, "Waiting", "Ready"),
            Transition(5055, 6092, 2, "Ready", "Loaded"),
            Transition(5088, 6013, 3, "Ready", "Waiting"),
            Transition(5089, 6014, 4, "Loaded", "Ready"),
            Transition(5090, 6015, 5, "Loaded", "Waiting"),
        ),
    ),
    StateMachine(
        INTERRUPTED,
        "ISA95InterruptedStateMachineType",
        {"Held": State(5059, 6096, 1), "Suspended": State(5060, 6097, 2)},
        (Transition(5061, 6098, 1, "Held", "Suspended"), Transition(5062, 6099, 2, "Suspended", "Held")),
    ),
    StateMachine(
        ENDED,
        "ISA95EndedStateMachineType",
        {"Completed": State(5056, 6093, 1), "Closed": State(5057, 6094, 2)},
        (Transition(5058, 6095, 1, "Completed", "Closed"),),
    ),
    _receiver(
        RECEIVER,
        "ISA95JobOrderReceiverObjectType",
        5035,
        6071,
        {n: (5040 + n, 6076 + n) for n in range(1, 12)} | {12: (5084, 6009), 13: (5085, 6010)},
    ),
    _receiver(
        SUBSTATES,
        "ISA95JobOrderReceiverSubStatesType",
        5063,
        6100,
        {n: (5068 + n, 6105 + n) for n in range(1, 12)} | {12: (5087, 6012), 13: (5086, 6011)},
    ),
)
SUBMACHINES: Final = {
    "NotAllowedToStart": (5080, PREPARE, 6001, 6002),
    "AllowedToStart": (5081, PREPARE, 6003, 6004),
    "Ended": (5082, ENDED, 6005, 6006),
    "Interrupted": (5083, INTERRUPTED, 6007, 6008),
}
"""State → its sub-state machine: object, type, CurrentState, its Id."""


def machine(node: int) -> StateMachine:
    return next(one for one in MACHINES if one.node == node)


def arguments(method: str, index: int) -> tuple[list[ua.Argument], list[ua.Argument]]:
    """Inputs and outputs of a receiver's method."""
    if method in TAKES_ORDER:
        first = _argument("JobOrder", data_type("ISA95JobOrderDataType", index))
    else:
        first = _argument("JobOrderID", ua.NodeId(_I.String))
    status = _argument("ReturnStatus", ua.NodeId(_I.UInt64))
    return [first, _argument("Comment", ua.NodeId(_I.LocalizedText), is_array=True)], [status]


def response_arguments(method: str, index: int) -> tuple[list[ua.Argument], list[ua.Argument]]:
    """Inputs and outputs of a provider's method."""
    response, status = data_type("ISA95JobResponseDataType", index), _argument("ReturnStatus", ua.NodeId(_I.UInt64))
    if method == "RequestJobResponseByJobOrderID":
        return [_argument("JobOrderID", ua.NodeId(_I.String))], [_argument("JobResponse", response), status]
    states = _argument("JobOrderState", data_type("ISA95StateDataType", index), is_array=True)
    return [states], [_argument("JobResponses", response, is_array=True), status]


def _argument(name: str, kind: ua.NodeId, *, is_array: bool = False) -> ua.Argument:
    dimensions = [ua.UInt32(0)] if is_array else []
    rank = ua.Int32(1 if is_array else -1)
    return ua.Argument(Name=name, DataType=kind, ValueRank=rank, ArrayDimensions=dimensions)


class TypeNodes:
    """Puts the types into a server."""

    def __init__(self, server: Server, index: int) -> None:
        self._session, self._index = server.iserver.isession, index

    async def build(self) -> None:
        for name, structure in STRUCTURES.items():
            await self._structure(name, structure.node, structure.encoding)
        await self._event_type()
        for one in MACHINES:
            await self._machine(one)
        await self._receiver()
        await self._substates()
        await self._provider()
        for one in MACHINES:
            await self._causes(one)

    # -- one kind of node each

    async def _add(
        self, number: int, name: str, parent: ua.NodeId, how: int, attributes: Any, **more: Any
    ) -> ua.NodeId:
        """`own`: the name is the standard's own, not one of namespace 0."""
        own, kind, rule = more.get("own", True), more.get("kind"), more.get("rule")
        attributes.DisplayName = ua.LocalizedText(name)
        item = ua.AddNodesItem(
            ParentNodeId=parent,
            ReferenceTypeId=ua.NodeId(how),
            RequestedNewNodeId=ua.NodeId(number, self._index),
            BrowseName=ua.QualifiedName(name, self._index if own else 0),
            NodeClass=_CLASSES[type(attributes)],
            NodeAttributes=attributes,
            TypeDefinition=ua.NodeId(kind) if isinstance(kind, int) else kind or ua.NodeId(),
        )
        [added] = await self._session.add_nodes([item])
        added.StatusCode.check()
        if rule is not None:
            await self._link(added.AddedNodeId, _I.HasModellingRule, ua.NodeId(rule), ua.NodeClass.Object)
        return added.AddedNodeId

    async def _link(
        self, source: ua.NodeId, how: int, target: ua.NodeId, target_class: int, *, back: bool = False
    ) -> None:
        items = [_reference(source, how, target, target_class, forward=True)]
        if back:
            items.append(_reference(target, how, source, ua.NodeClass.Object, forward=False))
        for status in await self._session.add_references(items):
            status.check()

    def _own(self, number: int) -> ua.NodeId:
        return ua.NodeId(number, self._index)

    async def _structure(self, name: str, node: int, encoding: int) -> None:
        attributes = ua.DataTypeAttributes(IsAbstract=False)
        made = await self._add(node, name, ua.NodeId(_I.Structure), _I.HasSubtype, attributes)
        own = await self._add(
            encoding,
            "Default Binary",
            made,
            _I.HasEncoding,
            ua.ObjectAttributes(),
            own=False,
            kind=_I.DataTypeEncodingType,
        )
        assert own == self._own(encoding)
        value = ua.DataValue(ua.Variant(definition(name, self._index), ua.VariantType.ExtensionObject))
        await self._set(made, ua.AttributeIds.DataTypeDefinition, value)

    async def _set(self, node: ua.NodeId, attribute: int, value: ua.DataValue) -> None:
        wanted = ua.WriteValue(NodeId=node, AttributeId=ua.IntegerId(attribute), Value=value)
        for status in await self._session.write(ua.WriteParameters(NodesToWrite=[wanted])):
            status.check()

    async def _variable(self, number: int, name: str, parent: ua.NodeId, kind: str, **more: Any) -> None:
        """`is_array`, `how` and `type` of the variable, `value`, `rule`, `access`."""
        is_array = more.get("is_array", False)
        attributes = ua.VariableAttributes(
            DataType=data_type(kind, self._index),
            ValueRank=ua.Int32(1 if is_array else -1),
            ArrayDimensions=[ua.UInt32(0)] if is_array else [],
            Value=more.get("value", ua.Variant()),
            AccessLevel=ua.Byte(more.get("access", 1)),
            UserAccessLevel=ua.Byte(more.get("access", 1)),
        )
        how = more.get("how", _I.HasComponent)
        rule, own = more.get("rule", _I.ModellingRule_Mandatory), more.get("own", True)
        type_of = more.get("type", _I.BaseDataVariableType)
        await self._add(number, name, parent, how, attributes, kind=type_of, rule=rule, own=own)

    async def _property(
        self, number: int, name: str, parent: ua.NodeId, kind: str, value: ua.Variant, **more: Any
    ) -> None:
        await self._variable(
            number, name, parent, kind, how=_I.HasProperty, type=_I.PropertyType, value=value, own=False, **more
        )

    async def _event_type(self) -> None:
        attributes = ua.ObjectTypeAttributes(IsAbstract=True)
        made = await self._add(
            STATUS_EVENT, "ISA95JobOrderStatusEventType", ua.NodeId(_I.BaseEventType), _I.HasSubtype, attributes
        )
        more = {"how": _I.HasProperty, "type": _I.PropertyType, "access": 3}
        await self._variable(6047, "JobOrder", made, "ISA95JobOrderDataType", **more)
        await self._variable(6048, "JobState", made, "ISA95StateDataType", is_array=True, **more)
        await self._variable(6049, "JobResponse", made, "ISA95JobResponseDataType", **more)

    async def _machine(self, one: StateMachine) -> None:
        parent = self._own(RECEIVER) if one.node == SUBSTATES else ua.NodeId(_I.FiniteStateMachineType)
        made = await self._add(one.node, one.name, parent, _I.HasSubtype, ua.ObjectTypeAttributes(IsAbstract=False))
        for name, state in one.states.items():
            node = await self._add(state.node, name, made, _I.HasComponent, ua.ObjectAttributes(), kind=_I.StateType)
            await self._property(state.number_node, "StateNumber", node, "UInt32", _uint32(state.number))
        for step in one.transitions:
            await self._transition(one, made, step)

    async def _transition(self, one: StateMachine, parent: ua.NodeId, step: Transition) -> None:
        name = f"From{step.source}To{step.target}"
        node = await self._add(step.node, name, parent, _I.HasComponent, ua.ObjectAttributes(), kind=_I.TransitionType)
        await self._property(step.number_node, "TransitionNumber", node, "UInt32", _uint32(step.number))
        for how, state in ((_I.FromState, step.source), (_I.ToState, step.target)):
            await self._link(node, how, self._own(one.states[state].node), ua.NodeClass.Object, back=True)
        if one.has_effect:
            await self._link(node, _I.HasEffect, self._own(STATUS_EVENT), ua.NodeClass.ObjectType)

    async def _causes(self, one: StateMachine) -> None:
        for step in one.transitions:
            if step.cause:
                method = self._own(_METHOD[step.cause][0])
                await self._link(self._own(step.node), _I.HasCause, method, ua.NodeClass.Method)

    async def _receiver(self) -> None:
        parent = self._own(RECEIVER)
        for name, (node, kind) in _LISTS.items():
            await self._variable(node, name, parent, kind, is_array=True)
        more = {"how": _I.HasProperty, "type": _I.PropertyType}
        await self._variable(6088, "MaxDownloadableJobOrders", parent, "UInt16", **more)
        for name, nodes in _METHOD.items():
            await self._method(name, nodes, parent, arguments(name, self._index), _I.ModellingRule_Optional)

    async def _method(self, name: str, nodes: tuple[int, int, int], parent: ua.NodeId, takes: Any, rule: int) -> None:
        attributes = ua.MethodAttributes(Executable=True, UserExecutable=True)
        made = await self._add(nodes[0], name, parent, _I.HasComponent, attributes, rule=rule)
        for node, which, found in zip(nodes[1:], ("InputArguments", "OutputArguments"), takes, strict=True):
            value = ua.Variant(found, ua.VariantType.ExtensionObject)
            await self._property(node, which, made, "Argument", value, is_array=True)

    async def _substates(self) -> None:
        parent = self._own(SUBSTATES)
        for state, (node, kind, current, current_id) in SUBMACHINES.items():
            made = await self._add(
                node,
                f"{state}Substates",
                parent,
                _I.HasComponent,
                ua.ObjectAttributes(),
                kind=self._own(kind),
                rule=_I.ModellingRule_Optional,
            )
            holder = self._own(machine(SUBSTATES).states[state].node)
            await self._link(holder, _I.HasSubStateMachine, made, ua.NodeClass.Object, back=True)
            await self._variable(
                current, "CurrentState", made, "LocalizedText", type=_I.FiniteStateVariableType, own=False
            )
            await self._property(current_id, "Id", self._own(current), "NodeId", ua.Variant())

    async def _provider(self) -> None:
        parent = await self._add(
            PROVIDER,
            "ISA95JobResponseProviderObjectType",
            ua.NodeId(_I.BaseObjectType),
            _I.HasSubtype,
            ua.ObjectTypeAttributes(IsAbstract=False),
        )
        await self._link(parent, _I.GeneratesEvent, self._own(STATUS_EVENT), ua.NodeClass.ObjectType)
        kind, rule = "ISA95JobResponseDataType", _I.ModellingRule_Optional
        await self._variable(6050, "JobOrderResponseList", parent, kind, is_array=True, rule=rule, access=3)
        for name, nodes in (
            ("RequestJobResponseByJobOrderID", (7002, 6042, 6043)),
            ("RequestJobResponseByJobOrderState", (7014, 6016, 6017)),
        ):
            takes = response_arguments(name, self._index)
            await self._method(name, nodes, parent, takes, _I.ModellingRule_Mandatory)


_CLASSES: Final = {
    ua.ObjectAttributes: ua.NodeClass.Object,
    ua.ObjectTypeAttributes: ua.NodeClass.ObjectType,
    ua.VariableAttributes: ua.NodeClass.Variable,
    ua.MethodAttributes: ua.NodeClass.Method,
    ua.DataTypeAttributes: ua.NodeClass.DataType,
}


def _reference(
    source: ua.NodeId, how: int, target: ua.NodeId, target_class: int, *, forward: bool
) -> ua.AddReferencesItem:
    return ua.AddReferencesItem(
        SourceNodeId=source,
        ReferenceTypeId=ua.NodeId(how),
        IsForward=forward,
        TargetNodeId=target,
        TargetNodeClass=target_class,
    )


def _uint32(number: int) -> ua.Variant:
    return ua.Variant(number, ua.VariantType.UInt32)
