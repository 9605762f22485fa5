"""REST documents of tools."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from mes.definitions.schemas import Id, Text
from mes.genealogy.tools.types import CYCLES_MAX, DAYS_MAX, HOURS_MAX, ToolActView, ToolLife, ToolSpec, ToolView
from mes.kernel.limits import Version
from mes.kernel.sqltypes import from_us
from mes.orders.supervising.schemas import Reason
from mes.quality.schemas import Document, RequestId

Cycles = Annotated[int, Field(gt=0, le=CYCLES_MAX)]
Days = Annotated[int, Field(gt=0, le=DAYS_MAX)]
Hours = Annotated[int, Field(gt=0, le=HOURS_MAX)]


class ToolLimits(Document):
    """Null: no such limit. Days count from the first use."""

    life_cycles: Cycles | None = None
    life_days: Days | None = None
    clean_cycles: Cycles | None = None
    clean_hours: Hours | None = None


class ToolIn(ToolLimits):
    kind: Annotated[str, Field(max_length=40, pattern=r"^[^\x00]*$")] = ""
    description: Text = ""
    version: Version | None = None
    """The version that was read, 0 before the first; or send If-Match."""

    def spec(self, tool_id: str) -> ToolSpec:
        limits = (self.life_cycles, self.life_days, self.clean_cycles, self.clean_hours)
        return ToolSpec(tool_id, self.kind, self.description, *limits)


class LifeOut(Document):
    """`why`: what it is when that is over; empty: a supervisor let it be used on. Null: no such limit."""

    why: str
    cycles_left: int | None
    until: datetime | None
    over: bool

    @classmethod
    def of(cls, life: ToolLife) -> LifeOut:
        return cls(
            why=life.why or "",
            cycles_left=life.cycles_left,
            until=from_us(life.until_us) if life.until_us else None,
            over=life.over,
        )


class ToolOut(ToolLimits):
    """`spent`: why it may not be used; empty: it may. `equipment_id`: where it stands."""

    id: str
    kind: str
    description: str
    cycles: int
    cycles_since_clean: int
    equipment_id: str
    spent: str
    lives: list[LifeOut]
    version: int

    @classmethod
    def of(cls, view: ToolView) -> ToolOut:
        spec = view.spec
        return cls(
            id=spec.tool_id,
            kind=spec.kind,
            description=spec.description,
            life_cycles=spec.life_cycles,
            life_days=spec.life_days,
            clean_cycles=spec.clean_cycles,
            clean_hours=spec.clean_hours,
            cycles=view.cycles,
            cycles_since_clean=view.cycles_since_clean,
            equipment_id=view.equipment_id,
            spent=view.spent or "",
            lives=[LifeOut.of(life) for life in view.lives],
            version=view.version,
        )


class ToolActIn(Document):
    """`equipment_id`: where it is mounted; else where it has to be. Whoever has a role at places has to say it."""

    act: Literal["mounted", "unmounted", "cleaned"]
    request_id: RequestId
    equipment_id: Id | None = None


class ProlongIn(Document):
    """For so many cycles more, whatever the limits say."""

    cycles: Cycles
    reason: Reason
    request_id: RequestId


class ToolActOut(Document):
    """`cycles` of the tool by then; of `prolonged` up to which."""

    act: str
    at: datetime
    actor: int | None
    equipment_id: str
    cycles: int
    reason: str

    @classmethod
    def of(cls, act: ToolActView) -> ToolActOut:
        return cls(
            act=act.act,
            at=act.at,
            actor=act.actor,
            equipment_id=act.equipment_id,
            cycles=act.cycles,
            reason=act.reason,
        )
