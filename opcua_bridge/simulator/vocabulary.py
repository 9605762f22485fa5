"""The numbers machines speak, the simulator's own copy: it shares no code with what it is a witness against."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class PackState(IntEnum):
    """PackML state numbers (OPC 30050) of the SMT machines, the cobot and the tester."""

    CLEARING = 1
    STOPPED = 2
    STARTING = 3
    IDLE = 4
    SUSPENDED = 5
    EXECUTE = 6
    STOPPING = 7
    ABORTING = 8
    ABORTED = 9
    HOLDING = 10
    HELD = 11
    UNHOLDING = 12
    RESETTING = 15
    COMPLETING = 16
    COMPLETE = 17


class ItemState(IntEnum):
    """Machinery item states (OPC 40001-1) of the CNC cell."""

    NOT_AVAILABLE = 0
    OUT_OF_SERVICE = 1
    NOT_EXECUTING = 2
    EXECUTING = 3


class Mode(IntEnum):
    PRODUCE = 1
    MAINTENANCE = 2
    MANUAL = 3


class JobState(IntEnum):
    """StateNumber of OPC 10031-4; NONE while a target knows no job."""

    NONE = 0
    NOT_ALLOWED = 1
    ALLOWED = 2
    RUNNING = 3
    INTERRUPTED = 4
    ENDED = 5
    ABORTED = 6


HELD = 1
SUSPENDED = 2
"""Sub-states of Interrupted: a constraint stopped it, or somebody meant it."""
LOADED = 3
"""Sub-state of AllowedToStart: the machine has the recipe."""
COMPLETED = 1
"""Sub-state of Ended."""


class Action(StrEnum):
    STORE_AND_START = "store-and-start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    ABORT = "abort"
    CANCEL = "cancel"


class Result(StrEnum):
    """What `Cmd.AckResult` may say."""

    OK = "ok"
    LOCAL_MODE = "local-mode"
    BUSY = "busy"
    UNKNOWN_JOB = "unknown-job"
    BAD_STATE = "bad-state"
    UNKNOWN_RECIPE = "unknown-recipe"


class Intent(StrEnum):
    """What a machine is about to do; each kind of machine plays its own states for it."""

    IDLE = "idle"
    START = "start"
    RUN = "run"
    WAIT = "wait"
    HOLD = "hold"
    RELEASE = "release"
    BREAK = "break"
    REPAIR = "repair"
    POWER_DOWN = "power-down"
    POWER_UP = "power-up"
    COMPLETE = "complete"
    ABORT = "abort"
