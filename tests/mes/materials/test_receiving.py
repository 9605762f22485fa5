"""Receiving, on both databases: from a label to a lot with a reel id."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.access.types import Role
from mes.kernel.db import Database
from mes.kernel.errors import IdempotencyKeyReused
from mes.kernel.outbox import head_seq, list_events
from mes.materials.errors import LotExpired, MaterialNotFound, PartNotApproved, UnitNotConvertible
from mes.materials.life.queries import exposure_of
from mes.materials.life.service import put_handlings
from mes.materials.queries import get_material_lot
from mes.materials.receiving import queries
from mes.materials.receiving.errors import LabelUnreadable, ReceiptInvalid, ReceiptNotFound
from mes.materials.receiving.rules import is_approved, label_key
from mes.materials.receiving.service import receive_lot
from mes.materials.receiving.types import ReceiptSpec
from mes.materials.rules import conversion
from mes.materials.service import create_lot, put_materials
from mes.materials.types import ApprovedPart, HandlingSpec, LotSpec, MaterialSpec, Storage
from standards.labels.ecia import ProductLabel, write_product_label
from standards.labels.scanners import GS
from tests.conftest import SettableClock
from tests.web.cast import as_, hire

NEXA = ApprovedPart("Nexa Semi", "NX32F103", "09521234543213")
ORION = ApprovedPart("Orion", "OR-32")
MCU = HandlingSpec("MCU", (NEXA, ORION), msl="3", shelf_life_days=365)
LABEL = write_product_label(ProductLabel("MCU", "NX32F103", Decimal(1000), "L77-A", "2609", "Nexa Semi"))
REEL = ReceiptSpec(
    "MCU", Decimal(1000), "pcs", "request-1", "Distri", "L77-A", "Nexa Semi", "NX32F103", "2605", label=LABEL
)


def write(database: Database, verb: Any, **kwargs: Any) -> Any:
    return database.write_now(verb, actor=None, **kwargs)


@pytest.fixture
def stocked(database: Database) -> Database:
    materials = [
        MaterialSpec("MCU", "pcs", "Microcontroller", (conversion("reel", 1000),)),
        MaterialSpec("MCU-OLD", "pcs"),
        MaterialSpec("R-10K", "pcs"),
    ]
    write(database, put_materials, specs=materials)
    write(database, put_handlings, specs=[MCU, HandlingSpec("MCU-OLD", (ORION,))])
    return database


def proposed(database: Database, text: str) -> queries.Proposal:
    return database.read_now(queries.propose_receipt, text=text, now=database.clock())


def test_a_label_proposes_its_material_and_the_part_is_approved(stocked: Database) -> None:
    proposal = proposed(stocked, LABEL)
    (found,) = proposal.candidates
    assert (found.material_id, found.approved, found.unit) == ("MCU", True, "pcs")
    assert (found.manufacturer, found.part) == ("Nexa Semi", "NX32F103")
    assert (proposal.label.quantity, proposal.label.lot) == (Decimal(1000), "L77-A")


@pytest.mark.parametrize(
    ("text", "materials"),
    [
        (write_product_label(ProductLabel("", "nx32 f103", Decimal(5), "L")), {"MCU": True}),
        (write_product_label(ProductLabel("MCU", "CLONE-1", Decimal(5), "L", "", "Clone")), {"MCU": False}),
        (write_product_label(ProductLabel("", "OR-32", Decimal(5), "L")), {"MCU": True, "MCU-OLD": True}),
        (write_product_label(ProductLabel("MCU-OLD", "NX32F103", Decimal(5), "L")), {"MCU": True, "MCU-OLD": False}),
        (f"010952123454321310L{GS}3750", {"MCU": True}),
        ("R-10K", {"R-10K": True}),
        ("NX32F103", {"MCU": True}),
        ("MCU", {"MCU": False}),
        ("nothing we know", {}),
    ],
)
def test_what_a_scan_may_mean(stocked: Database, text: str, materials: dict[str, bool]) -> None:
    found = {candidate.material_id: candidate.approved for candidate in proposed(stocked, text).candidates}
    assert found == materials
    assert list(found.values()) == sorted(found.values(), reverse=True), "approved ones first"


def test_a_trade_item_number_tells_maker_and_part(stocked: Database) -> None:
    (found,) = proposed(stocked, f"]C1010952123454321310L{GS}3750").candidates
    assert (found.manufacturer, found.part) == ("Nexa Semi", "NX32F103")


def test_a_label_that_cannot_be_read_says_why(stocked: Database) -> None:
    with pytest.raises(LabelUnreadable) as caught:
        proposed(stocked, "[)>06PMCU1PNX32")
    assert [error.code for error in caught.value.errors] == ["separators-missing"]


def test_a_received_reel_is_a_lot_with_a_number_of_its_own(stocked: Database, clock: SettableClock) -> None:
    ada = hire(stocked, "ada", Role.operator).principal_pk
    before = stocked.read_now(head_seq)
    lot_id = stocked.write_now(receive_lot, actor=ada, spec=REEL)
    assert lot_id == "R-00000001"
    lot = stocked.read_now(get_material_lot, lot_id=lot_id)
    assert (lot.material_id, lot.quantity, lot.unit) == ("MCU", Decimal(1000), "pcs")
    receipt = stocked.read_now(queries.get_receipt, lot_id=lot_id)
    assert (receipt.supplier, receipt.supplier_lot, receipt.part) == ("Distri", "L77-A", "NX32F103")
    assert (receipt.approved, receipt.msl, receipt.received_by) == (True, "3", "Ada")
    assert receipt.received_at == clock.at
    life = stocked.read_now(exposure_of, lot_id=lot_id, now=clock.at)
    assert life.life.exposure.storage is Storage.sealed
    assert life.expires_at is not None
    assert life.expires_at.date() == date(2027, 1, 27), "a year after the Monday of week 5, at the end of the day"
    event = stocked.read_now(list_events, after=before, limit=10)[-1]
    assert (event.type, event.actor) == ("materials.lot-received.v1", ada)
    assert event.payload["supplier_lot"] == "L77-A"
    assert proposed(stocked, lot_id).lot_id == lot_id


def test_a_double_tap_receives_once(stocked: Database) -> None:
    first = write(stocked, receive_lot, spec=REEL)
    assert write(stocked, receive_lot, spec=REEL) == first
    assert write(stocked, receive_lot, spec=replace(REEL, request_id="request-2")) == "R-00000002"
    same = replace(REEL, quantity=Decimal("1000.000"), override_reason="why not")
    assert write(stocked, receive_lot, spec=same) == first
    others: list[dict[str, Any]] = [{"supplier_lot": "other"}, {"quantity": Decimal(4000)}, {"unit": "reel"}]
    for other in [*others, {"material_id": "R-10K"}, {"expires_on": date(2030, 1, 1)}]:
        with pytest.raises(IdempotencyKeyReused):
            write(stocked, receive_lot, spec=replace(REEL, **other))
    page = stocked.read_now(queries.list_receipts, limit=1)
    rest = stocked.read_now(queries.list_receipts, limit=1, cursor=page.next_cursor)
    assert [view.lot_id for view in (*page.items, *rest.items)] == ["R-00000002", "R-00000001"]
    assert rest.next_cursor is None


def test_the_same_label_is_known_again_however_it_was_scanned(stocked: Database) -> None:
    assert proposed(stocked, LABEL).seen == ()
    first = write(stocked, receive_lot, spec=REEL)
    second = write(stocked, receive_lot, spec=replace(REEL, request_id="request-2"))
    garbled = LABEL.replace(GS, "<GS>").replace("\x1e", "").replace("\x04", "")
    assert proposed(stocked, "]d1" + garbled).seen == (second, first)
    assert proposed(stocked, LABEL.replace("L77-A", "L77-B")).seen == ()
    write(stocked, receive_lot, spec=replace(REEL, request_id="request-3", label="NX32F103"))
    assert proposed(stocked, "NX32F103").seen == (), "plain text is no label"


@given(st.text(max_size=80), st.sampled_from(["", "]C1", "[)>\x1e06\x1d", "]C117"]))
def test_any_text_has_a_key_or_none(text: str, prefix: str) -> None:
    assert len(label_key(prefix + text)) in (0, 64)


def test_a_year_that_is_long_past_has_a_key() -> None:
    assert label_key(f"010952123454321317990101{GS}10L1")
    assert label_key(f"010952123454321317000101{GS}10L1")


def test_numbers_that_are_taken_are_passed_over(stocked: Database) -> None:
    write(stocked, create_lot, spec=LotSpec("R-00000001", "R-10K", Decimal(5), "pcs"))
    assert write(stocked, receive_lot, spec=REEL) == "R-00000002"


def test_what_is_not_approved_is_refused_and_an_override_recorded(stocked: Database) -> None:
    clone = replace(REEL, manufacturer="Clone", part="CL-1")
    with pytest.raises(PartNotApproved, match="Clone CL-1 is not approved as MCU"):
        write(stocked, receive_lot, spec=clone)
    before = stocked.read_now(head_seq)
    lot_id = write(stocked, receive_lot, spec=replace(clone, override_reason="Sample for engineering"))
    receipt = stocked.read_now(queries.get_receipt, lot_id=lot_id)
    assert (receipt.approved, receipt.override_reason) == (False, "Sample for engineering")
    event = stocked.read_now(list_events, after=before, limit=10)[-1]
    assert event.payload["overridden"] == "part-not-approved"


def test_an_override_of_nothing_is_not_recorded(stocked: Database) -> None:
    lot_id = write(stocked, receive_lot, spec=replace(REEL, override_reason="just in case"))
    receipt = stocked.read_now(queries.get_receipt, lot_id=lot_id)
    assert (receipt.approved, receipt.override_reason) == (True, "")


@pytest.mark.parametrize(
    ("spec", "refusal"),
    [
        (replace(REEL, quantity=Decimal(0)), ReceiptInvalid),
        (replace(REEL, msl="7"), ReceiptInvalid),
        (replace(REEL, material_id="X"), MaterialNotFound),
        (replace(REEL, unit="kg"), UnitNotConvertible),
        (replace(REEL, expires_on=date(2026, 3, 1)), LotExpired),
        (replace(REEL, date_code="2501"), LotExpired),
    ],
)
def test_receipts_that_cannot_be(stocked: Database, spec: ReceiptSpec, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        write(stocked, receive_lot, spec=spec)
    with pytest.raises(ReceiptNotFound):
        stocked.read_now(queries.get_receipt, lot_id="R-00000001")


def test_a_date_code_ahead_says_nothing(stocked: Database, clock: SettableClock) -> None:
    lot_id = write(stocked, receive_lot, spec=replace(REEL, date_code="2652"))
    life = stocked.read_now(exposure_of, lot_id=lot_id, now=clock.at)
    assert life.expires_at is not None
    assert (life.expires_at - clock.at).days == 365


def test_the_reel_s_label_says_what_it_is(stocked: Database) -> None:
    lot_id = write(stocked, receive_lot, spec=replace(REEL, expires_on=date(2026, 12, 24)))
    lines = stocked.read_now(queries.get_label_lines, lot_id=lot_id)
    assert lines == ("MCU", "Microcontroller", "1000 pcs  DC 2605", "Lot L77-A", "MSL 3  Exp 2026-12-24")
    zpl = stocked.read_now(queries.get_label_zpl, lot_id=lot_id)
    assert "^FDMA,R-00000001^FS" in zpl


def test_an_approved_list_that_is_empty_approves_all_and_no_maker_is_no_other_maker() -> None:
    assert is_approved((), manufacturer="Anybody", part="")
    assert is_approved((NEXA,), manufacturer="", part="NX 32F103")
    assert is_approved((NEXA,), manufacturer="NEXA SEMI", part="nx32f103")
    assert not is_approved((NEXA,), manufacturer="Orion", part="NX32F103")
    assert not is_approved((NEXA,), manufacturer="Nexa Semi", part="")


BODY = {"request_id": "request-1", "material_id": "MCU", "quantity": "2", "unit": "reel", "part": "NX32F103"}


async def test_receiving_by_rest(stocked: Database, http: httpx.AsyncClient) -> None:
    ada = as_(hire(stocked, "ada", Role.operator))
    said = await http.post("/api/v1/receipts/proposal", json={"label": LABEL}, headers=ada)
    assert said.status_code == 200
    assert said.json()["materials"][0]["material_id"] == "MCU"
    assert said.json()["fields"]["1T"] == "L77-A"
    done = await http.post("/api/v1/receipts", json=BODY | {"storage": "open"}, headers=ada)
    assert (done.status_code, done.json()["lot_id"]) == (201, "R-00000001")
    life = (await http.get("/api/v1/material-lots/R-00000001/life", headers=ada)).json()
    assert (life["storage"], life["refused_by"], life["version"]) == ("open", None, 1)
    assert [clock["life"] for clock in life["lives"]] == ["expiry", "floor-life"]
    moved = await http.post(
        "/api/v1/material-lots/R-00000001/storage", json={"storage": "dry-cabinet", "version": 1}, headers=ada
    )
    assert (moved.status_code, moved.headers["etag"]) == (200, '"2"')
    places = (await http.get("/api/v1/material-lots/R-00000001/storage", headers=ada)).json()["items"]
    assert [(p["storage"], p["exposed_s"], p["who"]) for p in places] == [("dry-cabinet", 0, "Ada"), ("open", 0, "Ada")]
    zpl = await http.get("/api/v1/receipts/R-00000001/label.zpl", headers=ada)
    assert zpl.text.startswith("^XA")


async def test_only_who_may_override_gives_a_reason(stocked: Database, http: httpx.AsyncClient) -> None:
    ada, sven = as_(hire(stocked, "ada", Role.operator)), as_(hire(stocked, "sven", Role.supervisor))
    clone = BODY | {"part": "CL-1"}
    plain = await http.post("/api/v1/receipts", json=clone, headers=ada)
    assert (plain.status_code, plain.json()["code"]) == (409, "part-not-approved")
    reasoned = await http.post("/api/v1/receipts", json=clone | {"override_reason": "I want"}, headers=ada)
    assert (reasoned.status_code, reasoned.json()["code"]) == (403, "permission-missing")
    allowed = await http.post("/api/v1/receipts", json=clone | {"override_reason": "Sample"}, headers=sven)
    assert (allowed.status_code, allowed.json()["approved"]) == (201, False)


async def test_handling_and_levels_by_rest(stocked: Database, http: httpx.AsyncClient) -> None:
    erin = as_(hire(stocked, "erin", Role.engineer))
    url = "/api/v1/material-definitions/R-10K/handling"
    empty = await http.get(url, headers=erin)
    assert (empty.json()["version"], empty.json()["msl"]) == (0, None)
    parts = [{"manufacturer": "Ohmite", "part": "R10K"}]
    put = await http.put(url, json={"approved_parts": parts, "msl": "1", "version": 0}, headers=erin)
    assert (put.status_code, put.json()["version"], put.json()["msl"]) == (200, 1, "1")
    level = await http.put("/api/v1/moisture-levels/3", json={"floor_life_h": 100, "version": 0}, headers=erin)
    assert (level.status_code, level.json()["floor_life_h"]) == (200, 100)
    levels = (await http.get("/api/v1/moisture-levels", headers=erin)).json()["items"]
    assert levels[3]["floor_life_h"] == 100
    assert (await http.put("/api/v1/moisture-levels/9", json={"version": 0}, headers=erin)).status_code == 422
    assert (await http.get("/api/v1/lots-running-out", headers=erin)).json() == {"items": [], "next_cursor": None}
