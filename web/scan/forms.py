"""What the forms of scanning send: everything bounded, nothing trusted."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, StringConstraints

from mes.genealogy.at_station.types import SCAN_MAX, Held, HeldKind
from mes.genealogy.types import Override
from mes.orders.errors import ReasonMissing

Id = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[^\x00]*$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=400, pattern=r"^[^\x00]*$")]
RequestId = Annotated[str, StringConstraints(min_length=8, max_length=80)]
TWICE_MS: Final = 1_500
"""The same label again within this time is the scanner's doing."""
Act = Literal[
    "mount",
    "splice",
    "use",
    "unmount",
    "begin",
    "pass",
    "fail",
    "rework",
    "scrap",
    "install",
    "remove",
    "exchange",
    "pack",
    "unpack",
    "ship",
    "undo",
    "mount-tool",
    "unmount-tool",
    "clean-tool",
]


class Remembered(BaseModel):
    """What was scanned before, as the page carries it along."""

    held: HeldKind = HeldKind.nothing
    held_id: Id = ""
    held_part: Id = ""

    @property
    def holding(self) -> Held:
        return Held(self.held, self.held_id, self.held_part) if self.held and self.held_id else Held()


class Scan(Remembered):
    """One scan, or a tap on a slot. `before` is the scan before it, `before_ms` when the server answered that."""

    request_id: RequestId
    scan: Annotated[str, StringConstraints(max_length=SCAN_MAX + 1)] = ""
    tapped: Id = ""
    before: Annotated[str, StringConstraints(max_length=SCAN_MAX + 1)] = ""
    before_ms: Annotated[int, Field(ge=0, le=2**53)] = 0

    def is_double(self, now_ms: int) -> bool:
        """Whether the scanner read the same label twice."""
        return bool(self.scan) and self.scan == self.before and 0 <= now_ms - self.before_ms < TWICE_MS


class Done(Remembered):
    """Something to do, with what it is done to. `by`, `pin` and `reason`: a supervisor decides that it shall be."""

    request_id: RequestId
    slot_id: Id = ""
    lot_id: Id = ""
    unit_id: Id = ""
    part_id: Id = ""
    container_id: Id = ""
    tool_id: Id = ""
    code_id: Id = ""
    position: Id = ""
    segment_id: Id = ""
    reason_id: Id = ""
    customer_id: Id = ""
    shipment_id: Id = ""
    delivery_note: Id = ""
    repaired: Annotated[list[Annotated[int, Field(ge=0, le=2**53)]], Field(max_length=100)] = []
    undoes: Annotated[str, StringConstraints(max_length=80)] = ""
    by: Id = ""
    pin: Annotated[str, StringConstraints(max_length=64)] = ""
    reason: Words = ""
    other_reason: Words = ""

    def override(self, asked_by: str) -> Override:
        """The supervisor's reason, and for whom. `reason-missing`."""
        reason = self.other_reason or self.reason
        if not reason:
            raise ReasonMissing("Nobody has said why.")
        return Override(f"{reason} ({asked_by})")
