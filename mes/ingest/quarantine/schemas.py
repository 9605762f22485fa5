"""REST documents of quarantine."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from mes.ingest.quarantine.types import QuarantineList, QuarantineView
from mes.quality.schemas import Document, Reason


class QuarantineItemOut(Document):
    """`reason`: see docs/operate/bridge.md; `at`: the machine's own time."""

    id: int
    bridge_id: str
    tag: str
    equipment_id: str
    reason: str
    value: str
    at: datetime | None
    recorded_at: datetime
    may_retry: bool

    @classmethod
    def of(cls, view: QuarantineView) -> QuarantineItemOut:
        return cls(
            id=view.pk,
            bridge_id=view.bridge_id,
            tag=view.tag,
            equipment_id=view.equipment_id,
            reason=view.reason,
            value=view.value,
            at=view.at,
            recorded_at=view.recorded_at,
            may_retry=view.may_retry,
        )


class QuarantineOut(Document):
    """The newest first; `total` of them, at most 10,000; `next_cursor` continues, null: that was all."""

    items: list[QuarantineItemOut]
    next_cursor: str | None
    total: int

    @classmethod
    def of(cls, found: QuarantineList) -> QuarantineOut:
        items = [QuarantineItemOut.of(item) for item in found.page.items]
        return cls(items=items, next_cursor=found.page.next_cursor, total=found.total)


class SetAsideIn(Document):
    reason: Reason
    alike: bool = Field(default=False, description="All of its tag that were refused for the same.")


class SetAsideOut(Document):
    set_aside: int
