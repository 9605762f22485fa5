"""Lots on screen: what runs out, and where one lot is put."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import count

import httpx
import pytest

from mes.equipment.queries import get_equipment
from mes.equipment.service import put_equipment
from mes.equipment.types import EquipmentSpec
from mes.kernel.classes import ClassSpec
from mes.kernel.properties import Property
from mes.kernel.sqltypes import to_us
from mes.materials.life.queries import exposure_of
from mes.materials.life.service import begin_life, note_lots_running_out, put_handlings
from mes.materials.service import create_lot, put_material_classes, put_materials, set_disposition
from mes.materials.types import HOUR_US, HandlingSpec, LotSpec, MaterialSpec, Storage
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.isa95.material import Disposition
from tests.support.plants import LINE
from tests.support.ticks import tick
from tests.web.site import Site

NUMBERS = count(1)


@pytest.fixture(autouse=True, scope="module")
def materials(site: Site) -> None:
    site.database.write_now(put_materials, actor=None, specs=[MaterialSpec("MCU", "pcs", "Microcontroller")])
    site.database.write_now(put_handlings, actor=None, specs=[HandlingSpec("MCU", msl="3")])


@pytest.fixture
def lot(site: Site) -> str:
    lot_id = f"LOT-{next(NUMBERS)}"
    site.database.write_now(create_lot, actor=None, spec=LotSpec(lot_id, "MCU", Decimal(1000), "pcs"))
    return lot_id


def said(page: httpx.Response) -> str:
    assert page.status_code == 200, page.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_a_lot_that_expires_soon_stands_among_those_that_run_out(site: Site, lot: str) -> None:
    ends = to_us(site.database.clock()) + 50 * HOUR_US
    site.database.write_now(begin_life, actor=None, lot_id=lot, storage=Storage.sealed, expires_at_us=ends)
    tick(site.database, note_lots_running_out)
    with site.client("SVEN") as sven:
        assert f"{lot} Microcontroller" in said(sven.get("/lots"))
        text = said(sven.get("/lots/lots-running-out"))
        assert f"{lot} Microcontroller" in text
        assert "Shelf life 2 d left" in text.replace("\u00a0", " ")


def test_a_lot_is_found_by_its_label(site: Site, lot: str) -> None:
    with site.client("ADA") as ada:
        assert ada.post("/lots", data={"lot": f" {lot} "}).headers["location"] == f"/lots/{lot}"
        lost = ada.post("/lots", data={"lot": "NO SUCH"})
        assert "There is no lot NO SUCH" in said(ada.get(lost.headers["location"]))


def test_a_lot_is_opened_once_and_the_second_tap_is_refused(site: Site, lot: str) -> None:
    with site.client("ADA") as ada:
        page = ada.get(f"/lots/{lot}")
        assert "May be used" in said(page)
        assert "168 h left" not in said(page)
        form = {"storage": "open", "version": re.findall(r'name="version" value="(\d+)"', page.text)[0]}
        assert ada.post(f"/lots/{lot}/storage", data=form).status_code == 303
        view = site.database.read_now(exposure_of, lot_id=lot, now=site.database.clock())
        assert view.life.exposure.storage is Storage.open
        assert ada.post(f"/lots/{lot}/storage", data=form).status_code == 409
        assert re.search(r'value="open" aria-pressed="true"', ada.get(f"/lots/{lot}").text)


def test_a_lot_is_put_on_hold_and_released_on_its_page_with_a_reason_each(site: Site, lot: str) -> None:
    with site.client("SVEN") as sven:
        for act, why in (("hold", "Smells of smoke"), ("release", "It was the oven")):
            assert f'action="/lots/{lot}/{act}"' in sven.get(f"/lots/{lot}").text
            assert sven.post(f"/lots/{lot}/{act}", data={"reason": ""}).status_code == 422
            assert sven.post(f"/lots/{lot}/{act}", data={"reason": why}).status_code == 303
            text = said(sven.get(f"/lots/{lot}"))
            assert ("Smells of smoke Sven" in text) is (act == "hold")
        assert "May be used" in text


def test_a_lot_that_may_not_be_used_says_why(site: Site, lot: str) -> None:
    site.database.write_now(
        set_disposition, actor=None, lot_id=lot, disposition=Disposition.Restricted, reason="Wrong marking"
    )
    with site.client("ADA") as ada:
        text = said(ada.get(f"/lots/{lot}/lot-life"))
        assert "On hold" in text
        assert "Wrong marking" in text
        assert ada.get("/lots/NO-SUCH").status_code == 404


def test_only_a_supervisor_prolongs_a_shelf_life(site: Site, lot: str) -> None:
    form = {"expires_on": "2099-12-24", "reason": "Tested", "version": "0"}
    with site.client("ADA") as ada, site.client("SVEN") as sven:
        assert ada.post(f"/lots/{lot}/expiry", data=form).status_code == 403
        assert sven.post(f"/lots/{lot}/expiry", data=form | {"reason": ""}).status_code == 422
        assert sven.post(f"/lots/{lot}/expiry", data=form).status_code == 303
        assert "24 Dec 2099" in said(sven.get(f"/lots/{lot}"))
        assert 'value="2099-12-24"' in sven.get(f"/lots/{lot}").text


def test_what_is_said_of_a_lot_and_its_material_is_shown(site: Site) -> None:
    kind = ClassSpec("KIND", "", (Property("Peak", value="245", unit="Cel"),))
    site.database.write_now(put_material_classes, actor=None, specs=[kind])
    site.database.write_now(put_materials, actor=None, specs=[MaterialSpec("REEL", "pcs", "Reel", classes=("KIND",))])
    coil = (Property("Coil", "How it came", "330", "mm"),)
    for lot_id, properties in (("COIL-1", coil), ("COIL-2", ())):
        spec = LotSpec(lot_id, "REEL", Decimal(1000), "pcs", properties=properties)
        site.database.write_now(create_lot, actor=None, spec=spec)
    with site.client("SVEN") as sven:
        for page in ("/lots/COIL-1", "/trace/units/COIL-1"):
            text = said(sven.get(page))
            assert "Properties COIL-1 Coil How it came 330 mm Properties of the material" in text
            assert "Properties of the material REEL Peak 245 °C from the class KIND" in text
        assert "Properties COIL-2" not in said(sven.get("/lots/COIL-2"))


def test_what_is_said_of_a_line_is_shown_with_its_jobs(site: Site) -> None:
    place = site.database.read_now(get_equipment, equipment_id=LINE)
    length = (Property("Length", value="9.5", unit="m"),)

    def put(properties: tuple[Property, ...]) -> None:
        level = EquipmentLevel(place.level)
        spec = EquipmentSpec(LINE, level, place.parent_id, place.description, properties=properties)
        site.database.write_now(put_equipment, actor=None, specs=[spec])

    with site.client("SVEN") as sven:
        assert "Properties of" not in said(sven.get(f"/dispatch/{LINE}"))
        put(length)
        assert f"Properties of the equipment {LINE} Length 9.5 m" in said(sven.get(f"/dispatch/{LINE}"))
        put(())
