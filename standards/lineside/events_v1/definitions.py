"""How products are made."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from standards.lineside.events_v1.base import Event, Written

From = Annotated[int | None, Meta(description="Microseconds since 1970, UTC; null: without limit.")]


class _OfDefinition(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "operations-definition/…"
    definition_id: str
    version_label: str


class _OfWorkMaster(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "work-master/…"
    work_master_id: str
    version_label: str


class InstructionDocumentAdded(Event, frozen=True, kw_only=True):
    """A picture or document of work instructions was added."""

    its_subject: ClassVar[str] = "instruction-document/…"
    sha256: str
    media_type: str
    size: Annotated[int, Meta(description="Bytes.")]


class OperationsDefinitionEffectivityChanged(_OfDefinition, frozen=True, kw_only=True):
    """A version of a routing counts at another time."""

    effective_from_us: From
    effective_until_us: From


class OperationsDefinitionPut(_OfDefinition, frozen=True, kw_only=True):
    """There is a new version of a routing, or it was changed."""

    material_id: str


class OperationsDefinitionStateChanged(_OfDefinition, frozen=True, kw_only=True):
    """A version of a routing was released, or withdrawn."""

    state: str


class ScrapReasonPut(Event, frozen=True, kw_only=True):
    """A reason of scrap was made or changed."""

    its_subject: ClassVar[str] = "scrap-reason/…"
    reason_id: str
    outcome: Written


class WorkMasterEffectivityChanged(_OfWorkMaster, frozen=True, kw_only=True):
    """A version of a recipe counts at another time."""

    effective_from_us: From
    effective_until_us: From


class WorkMasterPut(_OfWorkMaster, frozen=True, kw_only=True):
    """There is a new version of a recipe."""
