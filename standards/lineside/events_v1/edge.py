"""Edge bridges and what they were asked. Told only to who asks for `edge.*` or for a type by name."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from msgspec import Meta

from standards.lineside.events_v1.base import Event, Microseconds


class _OfBridge(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "bridge/…"


class _OfSetup(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "machine-setup/…"
    name: str
    url: str
    equipment: Annotated[str | None, Meta(description="Where the machine stands.")]


class BridgeHealthChanged(_OfBridge, frozen=True, kw_only=True):
    """A bridge says something else of the machines it is connected to."""

    endpoints: Annotated[dict[str, str], Meta(description="The state of each connection, by its name.")]


class BridgeHeard(_OfBridge, frozen=True, kw_only=True):
    """A bridge that was silent has told everything it knows."""


class BridgeSilent(_OfBridge, frozen=True, kw_only=True):
    """Nothing was heard of a bridge for too long."""

    since_us: Microseconds


class CommandFinished(Event, frozen=True, kw_only=True):
    """A bridge said what came of a command."""

    its_subject: ClassVar[str] = "command/…"
    outcome: str
    code: str
    message: str


class CommandPut(Event, frozen=True, kw_only=True):
    """A command waits for a bridge."""

    its_subject: ClassVar[str] = "command/…"
    kind: str
    payload: Annotated[dict[str, Any], Meta(description="As its kind wants it.")]
    expires_at_us: Microseconds


class MachineSetupChanged(_OfSetup, frozen=True, kw_only=True):
    """The setting up of a machine went on."""

    state: str


class MachineTemplateSaved(_OfSetup, frozen=True, kw_only=True):
    """What was set up for a machine is kept for others of its kind."""

    template: str
    signals: int
