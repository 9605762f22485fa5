"""The plant's hierarchy, its machines and what they do."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from standards.lineside.events_v1.base import Event, Microseconds, Written
from standards.packml.states import EquipmentState


class _OfEquipment(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "equipment/…"
    equipment_id: str


class AssetMapped(_OfEquipment, frozen=True, kw_only=True):
    """Another machine stands at a place."""

    physical_asset_id: Annotated[str | None, Meta(description="null: none.")]


class BecameKnown(_OfEquipment, frozen=True, kw_only=True):
    """What a machine does is known again."""

    reason: Annotated[str, Meta(description="Empty.")]


class BecameUnknown(_OfEquipment, frozen=True, kw_only=True):
    """Nobody can say what a machine does."""

    reason: Annotated[str, Meta(description="no-signal, bad-quality or bridge-silent.")]


class CalendarPut(Event, frozen=True, kw_only=True):
    """The plant's calendar and shifts were set."""

    its_subject: ClassVar[str] = "calendar"
    time_zone: str
    version: int


class EquipmentClassPut(Event, frozen=True, kw_only=True):
    """A class of equipment was made or changed."""

    its_subject: ClassVar[str] = "equipment-class/…"
    equipment_class_id: str
    outcome: Written


class EquipmentPut(_OfEquipment, frozen=True, kw_only=True):
    """An entry of the hierarchy was made or changed."""

    outcome: Written
    version: int


class ModeChanged(_OfEquipment, frozen=True, kw_only=True):
    """A machine is in another mode."""

    mode: Annotated[int | None, Meta(description="Its PackML number; null: unknown.")]


class PhysicalAssetPut(Event, frozen=True, kw_only=True):
    """A machine was made known or changed."""

    its_subject: ClassVar[str] = "physical-asset/…"
    physical_asset_id: str
    outcome: Written
    equipment_id: Annotated[str | None, Meta(description="Where it stands; null: nowhere.")]


class PlantPolicyPut(Event, frozen=True, kw_only=True):
    """What the plant wants done where it has the choice was set."""

    its_subject: ClassVar[str] = "plant-policy"
    when_away: Annotated[str, Meta(description="What stations do while Lineside cannot be asked: go-on or stop.")]
    first_article_for: Annotated[str, Meta(description="What a new first article is wanted for: job or version.")]


class RemoteChanged(_OfEquipment, frozen=True, kw_only=True):
    """A machine takes commands, or does not any more."""

    remote: Annotated[bool | None, Meta(description="null: unknown.")]


class StateChanged(_OfEquipment, frozen=True, kw_only=True):
    """A machine does something else, from `from_at_us` on."""

    state: EquipmentState
    from_at_us: Microseconds
    cause: Annotated[str, Meta(description="The reason it gave, or empty.")]
    alarm_text: str
    current: Annotated[bool, Meta(description="Whether it still is so; false: told late.")]
