"""View models of receiving."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from mes.materials.queries import MaterialView
from mes.materials.receiving.queries import Candidate, Proposal, ReceiptView
from mes.materials.types import Storage
from standards.labels.reading import LabelFormat

LEVELS: Final = ("1", "2", "2a", "3", "4", "5", "5a", "6")
ICONS: Final = {
    "received": "check",
    "known": "info",
    "found": "check",
    "seen": "triangle-alert",
    "choose": "circle-help",
    "which-part": "circle-help",
    "not-approved": "ban",
    "unknown": "circle-help",
    "refused": "octagon-alert",
}
TONES: Final = {
    "received": "run",
    "known": "idle",
    "found": "run",
    "seen": "warn",
    "choose": "warn",
    "which-part": "warn",
    "not-approved": "down",
    "unknown": "warn",
    "refused": "down",
}
"""What a scan is answered with."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Shape, word and sentence for a scan. `title`, `detail` and `next_step` are those of a refusal, else empty."""

    kind: str
    icon: str
    tone: str
    what: str = ""
    href: str = ""
    title: str = ""
    detail: str = ""
    next_step: str = ""
    quirks: tuple[str, ...] = ()
    seen: int = 0
    """So many lots came in under this very label; `seen_last` is the latest."""
    seen_last: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    name: str


@dataclass(frozen=True, slots=True)
class ReceiptForm:
    """A lot about to be taken in. With no `materials` to choose from its id is typed. `override`: ask for a reason."""

    request_id: str
    label: str
    materials: tuple[Option, ...]
    units: tuple[str, ...]
    material_id: str = ""
    quantity: str = ""
    unit: str = ""
    supplier: str = ""
    supplier_lot: str = ""
    manufacturer: str = ""
    part: str = ""
    date_code: str = ""
    expires_on: str = ""
    msl: str = ""
    storage: str = Storage.sealed.value
    override: bool = False
    reason: str = ""
    levels: tuple[str, ...] = LEVELS


@dataclass(frozen=True, slots=True)
class LatestRow:
    """A lot received lately."""

    lot_id: str
    href: str
    label: str
    material: str
    quantity: Decimal
    unit: str
    approved: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class ReceivePage:
    answer: Answer | None = None
    form: ReceiptForm | None = None
    latest: tuple[LatestRow, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelPage:
    """A reel's own label: the path of its QR code in a square of `size` modules, and its lines."""

    lot_id: str
    path: str
    size: int
    lines: tuple[str, ...]
    zpl: str


def answer(kind: str, **more: object) -> Answer:
    return replace(Answer(kind, ICONS[kind], TONES[kind]), **more)  # type: ignore[arg-type]


def lot_href(lot_id: str) -> str:
    return f"/lots/{quote(lot_id, safe='')}"


def label_href(lot_id: str) -> str:
    return f"/receive/{quote(lot_id, safe='')}/label"


def scan_answer(proposal: Proposal) -> Answer:
    """What a scan is answered with."""
    said = replace(_meaning(proposal), quirks=proposal.label.quirks)
    if not proposal.seen:
        return said
    if said.kind == "found":
        said = answer("seen", what=said.what, quirks=said.quirks)
    return replace(said, seen=len(proposal.seen), seen_last=proposal.seen[0])


def _meaning(proposal: Proposal) -> Answer:
    if proposal.lot_id:
        return answer("known", what=proposal.lot_id, href=lot_href(proposal.lot_id))
    if not proposal.candidates:
        return answer("unknown", what=_shown(proposal))
    approved = [found for found in proposal.candidates if found.approved]
    if not approved and not any(found.part for found in proposal.candidates):
        return answer("which-part", what=proposal.candidates[0].description or proposal.candidates[0].material_id)
    if not approved:
        return answer("not-approved", what=_part(proposal.candidates[0]))
    if len(approved) > 1:
        return answer("choose", what=_part(approved[0]))
    return answer("found", what=approved[0].description or approved[0].material_id)


def _part(found: Candidate) -> str:
    return " ".join(text for text in (found.manufacturer, found.part) if text) or found.material_id


def _shown(proposal: Proposal) -> str:
    label = proposal.label
    return label.supplier_part or label.customer_part or label.gtin or label.text[:60]


def receipt_form(
    proposal: Proposal, materials: dict[str, MaterialView], *, request_id: str, text: str
) -> ReceiptForm | None:
    """The form a proposal fills in; None for a lot we have."""
    if proposal.lot_id:
        return None
    label, found = proposal.label, proposal.candidates
    first = found[0] if found else None
    typed = label.text if label.format is LabelFormat.plain and first is None else ""
    return ReceiptForm(
        request_id,
        text,
        tuple(Option(c.material_id, c.description) for c in found),
        units_of(materials.values()),
        material_id=first.material_id if first else "",
        quantity="" if label.quantity is None else f"{label.quantity:f}",
        unit=label.unit or (first.unit if first else ""),
        supplier=label.supplier,
        supplier_lot=label.lot,
        manufacturer=first.manufacturer if first else label.manufacturer,
        part=first.part if first else label.supplier_part or typed[:100],
        date_code=label.date_code,
        expires_on="" if label.expires_on is None else label.expires_on.isoformat(),
        override=any(c.part for c in found) and not any(c.approved for c in found),
    )


def units_of(materials: Iterable[MaterialView]) -> tuple[str, ...]:
    """Units of some materials, each once, their own first."""
    views = tuple(materials)
    units = [view.unit for view in views] + [c.unit for view in views for c in view.conversions]
    return tuple(dict.fromkeys(units))


def latest_row(view: ReceiptView, zone: ZoneInfo) -> LatestRow:
    return LatestRow(
        view.lot_id,
        lot_href(view.lot_id),
        label_href(view.lot_id),
        view.material_description or view.material_id,
        view.quantity,
        view.unit,
        view.approved,
        view.received_at.astimezone(zone),
    )
