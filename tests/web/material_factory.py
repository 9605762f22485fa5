"""Made-up lots, receipts and labels for screens."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from mes.kernel.properties import InheritedProperty, Property
from mes.kernel.sqltypes import to_us
from mes.materials.life.queries import LotLifeView, RunningOut, StorageChangeView
from mes.materials.life_rules import DEFAULT_LEVELS, clocks_of, level_of
from mes.materials.queries import MaterialView
from mes.materials.receiving.queries import Candidate, Proposal, ReceiptView
from mes.materials.types import (
    HOUR_US,
    Exposure,
    HandlingSpec,
    LifeKind,
    LotLife,
    Storage,
    UnitConversion,
)
from standards.isa95.material import Disposition
from standards.labels.ecia import ProductLabel, write_product_label
from standards.labels.reading import read_label
from tests.web import factory as f
from web.components.properties import Described, described
from web.lots.views import LotPage, LotsPage, came_view, lot_view, running_out_view
from web.receive.routes import label_page
from web.receive.views import (
    Answer,
    LabelPage,
    LatestRow,
    ReceivePage,
    answer,
    latest_row,
    receipt_form,
    scan_answer,
)

ZONE = ZoneInfo("Europe/Berlin")
NOW_US = to_us(f.NOW)
LABEL = write_product_label(ProductLabel("MCU-32", "NX32F103C8T6", Decimal(1000), "L77-A-0032", "2638", "Nexa Semi"))
GARBLED = LABEL.replace("\x1d", "<GS>").replace("\x1e", "").replace("\x04", "")
MCU = MaterialView(1, "MCU-32", "Microcontroller", "pcs", (UnitConversion("reel", 1000, 1),), 1)
LONG_LOT = "LOT-2026-11-21-ABCDEFGHIJKLMNOPQRSTUVWXYZ-0000000000000017-C"


def life(
    lot_id: str,
    hours: float,
    *,
    msl: str = "3",
    storage: Storage = Storage.open,
    material: str = "Microcontroller",
    disposition: Disposition = Disposition.UnRestricted,
    expires_in_h: float | None = None,
    opened_h: float | None = None,
) -> LotLifeView:
    """A lot that has been where it is for so many hours."""
    level = level_of(DEFAULT_LEVELS[msl], HandlingSpec("X")) if msl else None
    since = NOW_US - int(hours * HOUR_US) if storage is Storage.open else NOW_US - HOUR_US
    exposed = 0 if storage is Storage.open else int(hours * HOUR_US)
    expires = None if expires_in_h is None else NOW_US + int(expires_in_h * HOUR_US)
    opened = None if opened_h is None else NOW_US - int(opened_h * HOUR_US)
    lived = LotLife(
        Exposure(storage, since, exposed), level, expires, opened, None if opened_h is None else 12 * HOUR_US
    )
    return LotLifeView(
        1,
        lot_id,
        "MCU-32",
        material,
        Decimal(1000),
        "pcs",
        disposition,
        msl,
        lived,
        clocks_of(lived, NOW_US),
        dict.fromkeys(LifeKind, 0),
        None,
        None,
        3,
    )


def receipt(lot_id: str = "R-00000042", *, override: str = "") -> ReceiptView:
    return ReceiptView(
        lot_id,
        "MCU-32",
        "Microcontroller",
        Decimal(1000),
        "pcs",
        "Distri GmbH",
        "L77-A-0032",
        "Nexa Semi",
        "NX32F103C8T6",
        "2638",
        "3",
        NOW_US + 300 * 24 * HOUR_US,
        not override,
        override,
        f.NOW - timedelta(minutes=12),
        "Ada Okafor",
        1,
    )


def latest() -> tuple[LatestRow, ...]:
    found = (receipt(), receipt("R-00000041", override="Sample"), receipt("R-00000040"))
    return tuple(latest_row(view, ZONE) for view in found)


def receive(said: Answer | None = None) -> ReceivePage:
    return ReceivePage(said, None, latest())


def scanned(*found: Candidate, text: str = LABEL, seen: tuple[str, ...] = ()) -> ReceivePage:
    proposal = Proposal(read_label(text, year=2026), "", found, seen)
    form = receipt_form(proposal, {"MCU-32": MCU} if found else {}, request_id="r" * 32, text=text)
    return ReceivePage(scan_answer(proposal), form, latest())


def right() -> Candidate:
    return Candidate("MCU-32", "Microcontroller", "pcs", True, "NX32F103C8T6", "Nexa Semi")


def wrong() -> Candidate:
    return Candidate("MCU-32", "Microcontroller", "pcs", False, "NX32F103C8T6-CLONE", "Cloneworks Semiconductor")


def unreadable() -> ReceivePage:
    said = answer(
        "refused",
        title="The label cannot be read",
        detail="The scanner left out the separators between the fields.",
        next_step="Scan again; if it stays so, set the scanner to send control characters, or type the fields.",
    )
    return receive(said)


def lots(*found: LotLifeView, unknown: str = "") -> LotsPage:
    return LotsPage(running_out_view(RunningOut(found, bool(unknown)), f.NOW), unknown)


def running_out() -> tuple[LotLifeView, ...]:
    return (
        life("R-00000017", 169.5),
        life("R-00000023", 140, expires_in_h=2000),
        life("J-00000003", 0, msl="", material="Solder paste", expires_in_h=90, opened_h=10),
        life(LONG_LOT, 160, storage=Storage.dry_cabinet, disposition=Disposition.Restricted),
    )


def moves() -> tuple[StorageChangeView, ...]:
    return (
        StorageChangeView(f.NOW - timedelta(hours=2), Storage.open, 138 * HOUR_US, "Ada Okafor"),
        StorageChangeView(f.NOW - timedelta(hours=90), Storage.dry_cabinet, 138 * HOUR_US, "Jonas Weber"),
        StorageChangeView(f.NOW - timedelta(hours=228), Storage.open, 0, "Ada Okafor"),
    )


def lot(view: LotLifeView, *, override: str = "") -> LotPage:
    shown = lot_view(view, moves() if view.msl else (), ZONE, f.NOW)
    said = properties("lot", view.lot_id, long=bool(override)) + properties("material", view.material_id)
    return LotPage(
        view.lot_id, shown, came_view(receipt(view.lot_id, override=override), ZONE), said if view.msl else ()
    )


def properties(kind: str, id: str, *, long: bool = False) -> tuple[Described, ...]:
    """Own ones, and one of a class; `long`: as long as they may be, one without a value."""
    own = [Property("RoHS", value="yes"), Property("Coil", "How it came", "330", "mm")]
    if long:
        own += [Property("OBSOLESCENCE_REPLACEMENT_" * 4, "Why " * 40, "https://parts.example/" + "x" * 120, "")]
        own += [Property("Tested")]
    inherited = [InheritedProperty("MOISTURE-SENSITIVE", Property("Peak", "Of the reflow profile", "245", "Cel"))]
    return described(kind, id, own, inherited if kind != "lot" else ())


def label() -> LabelPage:
    lines = ("MCU-32", "Microcontroller, 32 bit, 64 kB", "1000 pcs  DC 2638", "Lot L77-A-0032", "MSL 3  Exp 2027-09-24")
    return label_page("R-00000042", lines)
