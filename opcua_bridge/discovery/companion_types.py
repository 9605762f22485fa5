"""The types of companion specifications, and what an instance of each has to offer. Pure.

Types are known by namespace URI and numeric id as published: OPC 40001-1 Machinery 1.03, OPC 30050 PackML 1.01, OPC
10031-4 ISA-95 Job Control 2.0, OPC 40501-1 Machine Tools 1.02, OPC 40010-1 Robotics 1.01.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from opcua_bridge.discovery.proposal import Slot
from opcua_bridge.tag_map import TagClass

DI: Final = "http://opcfoundation.org/UA/DI/"
MACHINERY: Final = "http://opcfoundation.org/UA/Machinery/"
PACKML: Final = "http://opcfoundation.org/UA/PackML/"
JOB_CONTROL: Final = "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/"
JOB_CONTROL_V1: Final = "http://opcfoundation.org/UA/ISA95-JOBCONTROL/"
MACHINE_TOOL: Final = "http://opcfoundation.org/UA/MachineTool/"
ROBOTICS: Final = "http://opcfoundation.org/UA/Robotics/"
NAMES: Final = {
    MACHINERY: "Machinery (OPC 40001-1)",
    PACKML: "PackML (OPC 30050)",
    JOB_CONTROL: "ISA-95 Job Control V2 (OPC 10031-4)",
    MACHINE_TOOL: "Machine Tools (OPC 40501-1)",
    ROBOTICS: "Robotics (OPC 40010-1)",
    "": "OPC UA itself (OPC 10000-16)",
}
SURE: Final = 0.97
LIKELY: Final = 0.9
FAIR: Final = 0.75


@dataclass(frozen=True)
class Offer:
    """One variable of an instance."""

    way: str
    """Browse names from the instance to it: of the specification itself, or with `UA:` or `DI:` of those."""
    tag: str
    slot: Slot
    confidence: float
    means: str
    kind: TagClass | None = None
    """Of the tag; None: what the slot is for."""

    @property
    def tag_class(self) -> TagClass:
        return self.kind or _CLASS_OF[self.slot]


@dataclass(frozen=True)
class Type:
    uri: str
    number: int
    name: str
    offers: tuple[Offer, ...]

    @property
    def node(self) -> str:
        return type_of(self.uri, self.number)


def type_of(uri: str, number: int) -> str:
    """A type's node id as it is written in a tag map."""
    return f"nsu={uri};i={number}" if uri else f"i={number}"


def steps(uri: str, way: str) -> tuple[str, ...]:
    """`DI:ParameterSet/OnPath` -> browse names with their namespaces."""
    answer = []
    for word in way.split("/"):
        prefix, _, name = word.rpartition(":")
        space = {"": uri, "UA": "", "DI": DI}[prefix]
        answer.append(f"nsu={space};{name}" if space else name)
    return tuple(answer)


_CLASS_OF: Final = {
    Slot.state: TagClass.state,
    Slot.mode: TagClass.state,
    Slot.other: TagClass.state,
    Slot.good: TagClass.counter,
    Slot.scrap: TagClass.counter,
    Slot.total: TagClass.counter,
    Slot.identity: TagClass.identity,
    Slot.nameplate: TagClass.identity,
    Slot.alarm: TagClass.alarm,
    Slot.measurement: TagClass.measurement,
}

_MACHINERY: Final = (
    Type(
        MACHINERY,
        1002,
        "MachineryItemState_StateMachineType",
        (Offer("UA:CurrentState", "State", Slot.state, SURE, "what the machine does"),),
    ),
    Type(
        MACHINERY,
        1008,
        "MachineryOperationModeStateMachineType",
        (Offer("UA:CurrentState", "Mode", Slot.mode, SURE, "its mode of operation"),),
    ),
    Type(
        MACHINERY,
        1009,
        "MachineryOperationCounterType",
        (
            Offer("DI:OperationCycleCounter", "Cycles", Slot.total, LIKELY, "the cycles since it was made"),
            Offer("DI:OperationDuration", "OperationDuration", Slot.measurement, LIKELY, "the time it has run"),
            Offer("DI:PowerOnDuration", "PowerOnDuration", Slot.measurement, LIKELY, "the time it has had power"),
        ),
    ),
    Type(
        MACHINERY,
        1004,
        "MachineryItemIdentificationType",
        (
            Offer("DI:SerialNumber", "MachineSerial", Slot.nameplate, LIKELY, "the machine's own serial number"),
            Offer("DI:ProductInstanceUri", "MachineUri", Slot.nameplate, LIKELY, "the machine's own name, worldwide"),
        ),
    ),
)
_PACKML: Final = (
    Type(
        PACKML,
        1,
        "PackMLExecuteStateMachineType",
        (Offer("UA:CurrentState", "State", Slot.state, SURE, "its state while the unit runs"),),
    ),
    Type(
        PACKML,
        2,
        "PackMLMachineStateMachineType",
        (Offer("UA:CurrentState", "MachineState", Slot.state, LIKELY, "whether it runs, stops or is stopped"),),
    ),
    Type(
        PACKML,
        3,
        "PackMLBaseStateMachineType",
        (Offer("UA:CurrentState", "BaseState", Slot.state, LIKELY, "whether it is aborted or cleared"),),
    ),
    Type(
        PACKML,
        4,
        "PackMLStatusObjectType",
        (
            Offer("UnitModeCurrent", "Mode", Slot.mode, SURE, "the unit's mode"),
            Offer("EquipmentBlocked", "Blocked", Slot.other, LIKELY, "whether what follows takes nothing"),
            Offer("EquipmentStarved", "Starved", Slot.other, LIKELY, "whether nothing comes"),
            Offer("CurMachSpeed", "Speed", Slot.measurement, LIKELY, "its speed at present"),
            Offer("MachSpeed", "SpeedSet", Slot.measurement, FAIR, "the speed asked for"),
        ),
    ),
    Type(
        PACKML,
        5,
        "PackMLAdminObjectType",
        (
            Offer("ProdProcessedCount", "ProcessedCount", Slot.total, LIKELY, "the pieces processed"),
            Offer("ProdDefectiveCount", "DefectiveCount", Slot.scrap, LIKELY, "the defective pieces"),
        ),
    ),
)
_MACHINE_TOOL: Final = (
    Type(
        MACHINE_TOOL,
        26,
        "MachineOperationMonitoringType",
        (
            Offer("OperationMode", "OperationMode", Slot.mode, SURE, "manual, automatic, set-up or service"),
            Offer("PowerOnDuration", "PowerOnDuration", Slot.measurement, LIKELY, "the hours it has had power"),
            Offer("FeedOverride", "FeedOverride", Slot.measurement, LIKELY, "the feed override"),
        ),
    ),
    Type(
        MACHINE_TOOL,
        16,
        "ChannelMonitoringType",
        (
            Offer("ChannelState", "ChannelState", Slot.state, LIKELY, "active, interrupted or reset"),
            Offer("ChannelMode", "ChannelMode", Slot.mode, LIKELY, "the mode of a channel"),
        ),
    ),
    Type(
        MACHINE_TOOL,
        24,
        "ProductionStateMachineType",
        (Offer("UA:CurrentState", "ProductionState", Slot.state, LIKELY, "how far a program or job is"),),
    ),
    Type(
        MACHINE_TOOL,
        32,
        "ProductionActiveProgramType",
        (
            Offer("Name", "Program", Slot.other, LIKELY, "the program that runs"),
            Offer("JobIdentifier", "JobOrder", Slot.other, LIKELY, "the job the program belongs to"),
        ),
    ),
    Type(
        MACHINE_TOOL,
        20,
        "ProductionStatisticsType",
        (Offer("PartsProducedInLifetime", "PartsInLifetime", Slot.total, LIKELY, "the parts since it was made"),),
    ),
    Type(
        MACHINE_TOOL,
        29,
        "ProductionJobType",
        (
            Offer("PartsGood", "PartsGood", Slot.good, LIKELY, "the good parts of a job"),
            Offer("PartsCompleted", "PartsCompleted", Slot.total, LIKELY, "the parts of a job, good or not"),
            Offer("RunsCompleted", "RunsCompleted", Slot.total, LIKELY, "the runs of a job"),
        ),
    ),
)
_ROBOTICS: Final = (
    Type(
        ROBOTICS,
        1011,
        "TaskControlType",
        (
            Offer("DI:ParameterSet/TaskProgramName", "Program", Slot.other, LIKELY, "the program loaded"),
            Offer("DI:ParameterSet/TaskProgramLoaded", "ProgramLoaded", Slot.other, LIKELY, "whether one is loaded"),
            Offer("DI:ParameterSet/ExecutionMode", "ExecutionMode", Slot.other, LIKELY, "cycle, continuous or step"),
        ),
    ),
    Type(
        ROBOTICS,
        1013,
        "SafetyStateType",
        (
            Offer("DI:ParameterSet/OperationalMode", "Mode", Slot.mode, SURE, "manual, automatic or external"),
            Offer("DI:ParameterSet/EmergencyStop", "EmergencyStop", Slot.alarm, SURE, "an emergency stop"),
            Offer("DI:ParameterSet/ProtectiveStop", "ProtectiveStop", Slot.alarm, SURE, "a protective stop"),
        ),
    ),
    Type(
        ROBOTICS,
        1004,
        "MotionDeviceType",
        (
            Offer("DI:ParameterSet/InControl", "InControl", Slot.state, LIKELY, "whether its axes are controlled"),
            Offer("DI:ParameterSet/OnPath", "OnPath", Slot.state, FAIR, "whether it follows its path"),
            Offer("DI:ParameterSet/SpeedOverride", "SpeedOverride", Slot.measurement, LIKELY, "the speed override"),
            Offer("DI:SerialNumber", "MachineSerial", Slot.nameplate, LIKELY, "the robot's own serial number"),
        ),
    ),
)
_STANDARD: Final = (
    Type("", 2299, "StateMachineType", (Offer("UA:CurrentState", "State", Slot.state, FAIR, "a state of its own"),)),
)
TYPES: Final = {one.node: one for one in (*_MACHINERY, *_PACKML, *_MACHINE_TOOL, *_ROBOTICS, *_STANDARD)}
