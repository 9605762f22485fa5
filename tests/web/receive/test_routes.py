"""Receiving as an operator and a supervisor meet it: forms without JavaScript, and a scanner that types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from mes.materials.life.service import put_handlings
from mes.materials.queries import get_material_lot
from mes.materials.receiving.queries import get_receipt
from mes.materials.service import put_materials
from mes.materials.types import ApprovedPart, HandlingSpec, MaterialSpec
from standards.labels.ecia import ProductLabel, write_product_label
from tests.support.chromium import launch_options
from tests.web.screens import page_of
from tests.web.site import PINS, Site

LABEL = write_product_label(ProductLabel("MCU", "NX32", Decimal(1000), "L77-A", "2638", "Nexa Semi"))
CLONE = write_product_label(ProductLabel("MCU", "CL-1", Decimal(1000), "L78", "2638", "Cloneworks"))


@pytest.fixture(autouse=True, scope="module")
def materials(site: Site) -> None:
    parts = (ApprovedPart("Nexa Semi", "NX32"),)
    site.database.write_now(put_materials, actor=None, specs=[MaterialSpec("MCU", "pcs", "Microcontroller")])
    site.database.write_now(put_handlings, actor=None, specs=[HandlingSpec("MCU", parts, msl="3")])


def said(page: httpx.Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def form_of(page: httpx.Response) -> dict[str, str]:
    """The form as a browser would send it unchanged."""
    form = page.text.split('action="/receive"')[1].split("</form>")[0]
    fields = dict(re.findall(r'<input(?: type="\w+")? name="(\w+)"[^>]*? value="([^"]*)"', form))
    for name, options in re.findall(r'<select name="(\w+)".*?>(.*?)</select>', form, re.DOTALL):
        fields[name] = re.findall(r'<option value="([^"]*)"', options + '<option value="">')[0]
    return fields


def test_a_label_is_scanned_taken_in_and_printed(site: Site) -> None:
    with site.client("ADA") as ada:
        scanned = ada.post("/receive/scan", data={"scan": LABEL})
        assert "Right: Microcontroller" in said(scanned)
        form = form_of(scanned)
        assert (form["material_id"], form["quantity"], form["supplier_lot"]) == ("MCU", "1000", "L77-A")
        done = ada.post("/receive", data=form | {"label": LABEL})
        assert done.status_code == 303
        lot_id = done.headers["location"].removeprefix("/receive?lot=")
        assert f"Taken in: {lot_id}" in said(ada.get(done.headers["location"]))
        assert ada.post("/receive", data=form | {"label": LABEL}).headers["location"] == done.headers["location"]
        assert f"came in before, as {lot_id}" in said(ada.post("/receive/scan", data={"scan": LABEL}))
        lot = site.database.read_now(get_material_lot, lot_id=lot_id)
        assert (lot.material_id, lot.quantity) == ("MCU", Decimal(1000))
        assert site.database.read_now(get_receipt, lot_id=lot_id).received_by == "Ada"
        label = ada.get(f"/receive/{lot_id}/label")
        assert "L77-A" in label.text
        assert '<path d="M' in label.text
        assert ada.get(f"/receive/{lot_id}/label.zpl").text.startswith("^XA")
        assert f"We have this one: {lot_id}" in said(ada.post("/receive/scan", data={"scan": lot_id}))


def test_what_is_not_approved_is_for_a_supervisor_to_override(site: Site) -> None:
    with site.client("ADA") as ada, site.client("SVEN") as sven:
        scanned = ada.post("/receive/scan", data={"scan": CLONE})
        assert "Not approved: Cloneworks CL-1" in said(scanned)
        form = form_of(scanned)
        refused = ada.post("/receive", data=form)
        assert (refused.status_code, form_of(refused)["part"]) == (409, "CL-1"), "what was typed is still there"
        assert "Cloneworks CL-1 is not approved as MCU." in said(refused)
        assert ada.post("/receive", data=form | {"reason": "because"}).status_code == 403
        done = sven.post("/receive", data=form | {"reason": "Sample for engineering"})
        assert done.status_code == 303
        lot_id = done.headers["location"].removeprefix("/receive?lot=")
        assert site.database.read_now(get_receipt, lot_id=lot_id).override_reason == "Sample for engineering"
        assert "Sample for engineering" in said(sven.get(f"/lots/{lot_id}"))


def test_a_material_that_was_typed_asks_for_the_part(site: Site) -> None:
    with site.client("ADA") as ada:
        asked = ada.post("/receive/scan", data={"scan": "MCU"})
        assert "Which part? Microcontroller" in said(asked)
        form = form_of(asked) | {"quantity": "5", "part": "NX32"}
        assert ada.post("/receive", data=form).status_code == 303


def test_a_scan_that_says_nothing_here_says_so(site: Site) -> None:
    with site.client("ADA") as ada:
        unknown = ada.post("/receive/scan", data={"scan": "XYZ-9"})
        assert "Not known: XYZ-9" in said(unknown)
        broken = ada.post("/receive/scan", data={"scan": "[)>06PMCU1PNX32"})
        assert broken.status_code == 422
        assert "left out the separators" in said(broken)
        assert ada.post("/receive/scan", data={"scan": "x" * 3001}).status_code == 422


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("quantity", "many", "is no number"),
        ("quantity", "Infinity", "is no number"),
        ("quantity", "0", "A lot of nothing"),
        ("expires_on", "32.12.2026", "is no day"),
        ("expires_on", "2020-01-01", "shelf life is over"),
        ("material_id", "NOTHING", "There is no material"),
        ("msl", "9", "is no moisture sensitivity level"),
    ],
)
def test_what_cannot_be_comes_back_with_the_form(site: Site, field: str, value: str, words: str) -> None:
    with site.client("ADA") as ada:
        form = form_of(ada.post("/receive/scan", data={"scan": LABEL}))
        refused = ada.post("/receive", data=form | {field: value})
        assert refused.status_code in (404, 409, 422)
        assert words in said(refused)
        assert form_of(refused)["supplier_lot"] == "L77-A"


def test_a_comma_is_a_decimal_point(site: Site) -> None:
    with site.client("ADA") as ada:
        form = form_of(ada.post("/receive/scan", data={"scan": LABEL}))
        done = ada.post("/receive", data=form | {"quantity": "12,5"})
        lot_id = done.headers["location"].removeprefix("/receive?lot=")
        assert site.database.read_now(get_material_lot, lot_id=lot_id).quantity == Decimal("12.5")


@pytest.fixture
def tablet() -> Iterator[object]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        yield browser
        browser.close()


@pytest.mark.browser
def test_a_scanner_that_types_control_keys_is_understood_without_focus(site: Site, tablet) -> None:  # type: ignore[no-untyped-def]
    """Ctrl+] for GS, Ctrl+^ for RS, Ctrl+D for EOT, then Enter: what a wedge scanner sends for the label."""
    keys = {"\x1d": "Control+]", "\x1e": "Control+^", "\x04": "Control+d"}
    with page_of(tablet, "tablet") as (page, errors):
        page.goto(f"{site.address}/signin")
        page.locator("[name=person][value=ADA]").check(force=True)
        for digit in PINS["ADA"]:
            page.locator(f"[data-key='{digit}']").tap()
        page.get_by_role("button", name="Sign in").tap()
        page.wait_for_url(re.compile(r"/$"))
        page.goto(f"{site.address}/receive")
        page.locator("h1").click()
        page.evaluate("document.activeElement.blur()")
        for character in LABEL:
            page.keyboard.press(keys.get(character, character))
        page.keyboard.press("Enter")
        expect(page.locator("#answer-title")).to_contain_text("Microcontroller")
        expect(page.locator("[name=supplier_lot]")).to_have_value("L77-A")
        expect(page.locator("[name=manufacturer]")).to_have_value("Nexa Semi")
        assert errors == []
