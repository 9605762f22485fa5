"""REST documents of receiving."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, StringConstraints

from mes.kernel.paging import Page
from mes.kernel.sqltypes import from_us_or_none
from mes.kernel.texts import NO_NUL
from mes.materials.life.schemas import Level
from mes.materials.receiving.queries import Candidate, Proposal, ReceiptView
from mes.materials.receiving.types import ReceiptSpec
from mes.materials.schemas import Amount, Document, Id, Unit
from mes.materials.types import Storage
from standards.labels.faults import LABEL_MAX
from standards.labels.reading import LabelFormat

Scan = Annotated[str, StringConstraints(max_length=LABEL_MAX), NO_NUL]
PartText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100), NO_NUL]
RequestId = Annotated[str, StringConstraints(min_length=8, max_length=90), NO_NUL]


class LabelScanIn(Document):
    """What the scanner sent, control characters and all (JSON escapes them: \\u001d)."""

    label: Scan


class CandidateOut(Document):
    material_id: str
    description: str
    unit: str
    approved: bool
    manufacturer: str
    part: str

    @classmethod
    def of(cls, found: Candidate) -> CandidateOut:
        return cls(
            material_id=found.material_id,
            description=found.description,
            unit=found.unit,
            approved=found.approved,
            manufacturer=found.manufacturer,
            part=found.part,
        )


class ProposalOut(Document):
    """What a label says and which materials it may mean; `lot_id` where it is a lot of ours."""

    format: LabelFormat
    symbology: str
    quirks: list[str]
    fields: dict[str, str]
    lot_id: str | None
    materials: list[CandidateOut]
    received_before: list[str]
    """Lots under this very label, the latest first; reels of one lot may bear the same."""
    quantity: Decimal | None
    unit: str
    supplier: str
    supplier_lot: str
    date_code: str
    expires_on: date | None

    @classmethod
    def of(cls, proposal: Proposal) -> ProposalOut:
        label = proposal.label
        return cls(
            format=label.format,
            symbology=label.symbology.kind,
            quirks=list(label.quirks),
            fields=dict(label.values),
            lot_id=proposal.lot_id or None,
            materials=[CandidateOut.of(candidate) for candidate in proposal.candidates],
            received_before=list(proposal.seen),
            quantity=label.quantity,
            unit=label.unit,
            supplier=label.supplier,
            supplier_lot=label.lot,
            date_code=label.date_code,
            expires_on=label.expires_on,
        )


class ReceiptIn(Document):
    """A lot to take in. `override_reason` takes it in though its part is not approved or its shelf life is over; only
    who may override says so."""

    request_id: RequestId
    material_id: Id
    quantity: Amount
    unit: Unit
    supplier: PartText = ""
    supplier_lot: PartText = ""
    manufacturer: PartText = ""
    part: PartText = ""
    date_code: Annotated[str, StringConstraints(strip_whitespace=True, max_length=20), NO_NUL] = ""
    expires_on: date | None = None
    msl: Level | None = None
    storage: Storage = Storage.sealed
    label: Scan = ""
    override_reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), NO_NUL] = ""

    def spec(self) -> ReceiptSpec:
        return ReceiptSpec(**(self.model_dump() | {"msl": self.msl or ""}))


class ReceiptOut(Document):
    lot_id: str
    material_id: str
    quantity: Decimal
    unit: str
    supplier: str
    supplier_lot: str
    manufacturer: str
    part: str
    date_code: str
    msl: str
    expires_at: AwareDatetime | None
    approved: bool
    override_reason: str
    received_at: AwareDatetime
    received_by: str

    @classmethod
    def of(cls, view: ReceiptView) -> ReceiptOut:
        same = {name: getattr(view, name) for name in cls.model_fields if name != "expires_at"}
        return cls(expires_at=from_us_or_none(view.expires_at_us), **same)


class ReceiptPage(Document):
    items: list[ReceiptOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[ReceiptView]) -> ReceiptPage:
        return cls(items=[ReceiptOut.of(view) for view in page.items], next_cursor=page.next_cursor)
