"""Genealogy on screen: found by a scan, opened step by step, recalled and held, compared."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import select, update

from mes.access.queries import get_access_policy, get_principal
from mes.access.service import put_access_policy
from mes.access.signatures.queries import list_signatures
from mes.access.signatures.service import act_text, record_signature
from mes.access.signatures.types import ACT_SIGNED, Meaning
from mes.access.tables import Signature
from mes.access.types import AccessPolicy, SignedAct
from mes.edge.service import put_tag_bindings
from mes.edge.types import TagBindingSpec
from mes.genealogy.service import mount_lot, record_genealogy, ship_lots
from mes.genealogy.types import Act, ActKind, Context, Link, LinkKind, NewLot, Recording
from mes.ingest.service import receive_batch
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork
from mes.materials.queries import get_material_lot
from mes.materials.service import hold_lots, put_materials
from mes.materials.types import LotKind, MaterialSpec
from mes.quality.service import put_defect_codes, record_results
from mes.quality.types import DefectCodeSpec, FoundDefect, Measurement, ResultSpec, Verdict
from standards.isa95.material import Disposition
from standards.lineside.ingest_v1 import Batch, Sample
from tests.support.plants import BENCH, BRIDGE, PRESS
from tests.web.site import PINS, Site

MILLION = 1_000_000
_SIGNATURE = Signature.__table__  # type: ignore[attr-defined]
UNITS = [f"SN-{n:03}" for n in range(60)]
"""Of the bad reel the first six; they failed."""
LABEL = "[)>\x1e06\x1dPRES\x1dSSN-001\x1e\x04"


@pytest.fixture(autouse=True, scope="module")
def graph(site: Site) -> None:
    write = site.database.write_now
    write(put_materials, actor=None, specs=[MaterialSpec("RES", "pcs", "Resistor")])
    at = to_us(site.database.clock()) - 3_600 * MILLION
    reels = [NewLot(name, "RES", 1_000 * MILLION, LotKind.lot) for name in ("R-BAD", "R-GOOD")]
    units = [NewLot(name, "BOARD") for name in UNITS]
    box = NewLot("BOX", "BOARD", kind=LotKind.container)
    how = Context("PRG-7", "JIG-2", '{"force_N": 41}')
    acts = [Act(ActKind.consumed, name, at + n, BENCH, context=how) for n, name in enumerate(UNITS)]
    links = [Link(n, "R-BAD" if n < 6 else "R-GOOD", name, 2 * MILLION) for n, name in enumerate(UNITS)]
    acts.append(Act(ActKind.packed, "BOX", at + 100, BENCH))
    links += [Link(len(UNITS), name, "BOX", kind=LinkKind.packed) for name in UNITS[:3]]
    write(record_genealogy, actor=None, recording=Recording([*reels, *units, box], acts, links))
    write(ship_lots, actor=None, request_id="s1", shipment_id="DEL-1", customer_id="ACME", lot_ids=["BOX"])
    write(mount_lot, actor=None, request_id="m1", equipment_id=PRESS, slot_id="7", lot_id="R-BAD")
    write(put_defect_codes, actor=None, specs=[DefectCodeSpec("SHORT", "Solder short")])
    values = (Measurement("Vcc", "5.41", "V", "4.9", "5.1", "failed"),)
    found = (FoundDefect("SHORT", "R17"),)
    failed = [
        ResultSpec("ICT", f"r{n}", name, BENCH, Verdict.failed, at + 200 + n, measurements=values, defects=found)
        for n, name in enumerate(UNITS[:6])
    ]
    assert write(record_results, actor=None, results=failed).recorded == 6


HIDDEN = re.compile(r'type="hidden" name="(\w+)" value="([^"]*)"')


@contextmanager
def marked(site: Site, act: SignedAct) -> Iterator[None]:
    """While the plant has an act signed."""
    before = site.database.read_now(get_access_policy)
    policy = AccessPolicy(signed_acts=frozenset({act}))
    site.database.write_now(put_access_policy, actor=None, policy=policy, version=before.version)
    try:
        yield
    finally:
        now = site.database.read_now(get_access_policy).version
        site.database.write_now(put_access_policy, actor=None, policy=before, version=now)


def said(page: httpx.Response, status: int = 200) -> str:
    assert page.status_code == status, page.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text)).replace("\u00a0", " ")


@pytest.mark.parametrize("scan", [" SN-001 ", LABEL])
def test_a_lot_is_found_by_what_was_scanned(site: Site, scan: str) -> None:
    with site.client("ADA") as ada:
        to = ada.post("/trace", data={"lot": scan}).headers["location"]
        assert to == "/trace/lots/SN-001?way=made-of"
        assert "R-BAD Resistor 2 pcs" in said(ada.get(to))
        assert 'href="/lots/SN-001"' in ada.get(to).text, "where its hold is told and ended"
        lost = ada.post("/trace", data={"lot": "NOBODY"}).headers["location"]
        assert "Nobody has recorded NOBODY" in said(ada.get(lost))
        assert ada.get("/trace/lots/NOBODY").status_code == 404


def test_a_supervisor_puts_right_what_is_left_of_a_lot(site: Site) -> None:
    with site.client("SVEN") as sven:
        page = sven.get("/trace/lots/R-GOOD?way=used-in").text
        (count,) = re.findall(r'action="([^"]*/count)"', page)
        (request_id,) = re.findall(r'name="request_id" value="([^"]*)"', page)
        asked = {"request_id": request_id, "left": "850,5", "reason": "counted by hand"}
        to = sven.post(count, data=asked).headers["location"]
        assert "counted by hand" in said(sven.get(to))
        assert "958.5 pcs" in said(sven.get("/trace/lots/R-GOOD?way=used-in")), "108 were taken of it"
        for left in ("many", "-1", "0.0000001", "1e99"):
            assert sven.post(count, data={**asked, "request_id": left, "left": left}).status_code == 422
        assert "/count" not in sven.get("/trace/lots/SN-001?way=used-in").text
    with site.client("ADA") as ada:
        assert ada.post(count, data=asked).status_code == 403


def test_a_long_list_comes_page_by_page_and_each_line_opens(site: Site) -> None:
    with site.client("ADA") as ada:
        page = ada.get("/trace/lots/R-GOOD?way=used-in")
        assert "54 lots." in said(page)
        assert "4 more (shown: 50 of 54)" in said(page)
        more = re.findall(r'hx-get="([^"]*start=50)"', page.text)[0].replace("&amp;", "&")
        assert re.findall(r"SN-\d+", said(ada.get(more)))[-1] == "SN-059"
        plain = re.findall(r'href="([^"]*start=50)"', page.text)[0].replace("&amp;", "&")
        assert "Shown: 51 to 54." in said(ada.get(plain)), "the same without JavaScript"
        first = ada.get("/trace/lots/R-BAD?way=used-in").text
        step = re.findall(r'hx-get="([^"]*SN-000/trace-step[^"]*)"', first)[0]
        assert "BOX" in said(ada.get(step))


def test_a_drawing_has_the_same_lots_and_counts_the_rest(site: Site) -> None:
    with site.client("ADA") as ada:
        page = ada.get("/trace/lots/R-GOOD?way=used-in&look=drawing")
        assert page.text.count('class="drawn-node"') == 1 + 12
        assert "+ 42 more" in said(page)
        assert page.text.count('class="tie"') == 12
        step = re.findall(r'data-grow="([^"]*R-GOOD/drawn-step[^"]*)"', page.text)[0].replace("&amp;", "&")
        behind = ada.get(step)
        assert behind.text.count('class="drawn-node"') == 54
        assert "start=100" not in behind.text, "nothing more"


def test_a_unit_tells_everything(site: Site) -> None:
    with site.client("ADA") as ada:
        text = said(ada.get("/trace/units/SN-001"))
    for expected in ("Failed", "R17 SHORT – Solder short", "Vcc 5.41 V 4.9 … 5.1", "PRG-7 – JIG-2", "force_N: 41"):
        assert expected in text
    for expected in ("DEL-1 ACME", "Used in BOX", "RES R-BAD", BENCH):
        assert expected in text


def test_a_unit_shows_what_was_measured_and_where_nothing_is_known(site: Site) -> None:
    write, now_us = site.database.write_now, to_us(site.database.clock())
    tag = TagBindingSpec(f"{BENCH}.Force <b>", "measurement", BENCH, unit="kN")
    write(put_tag_bindings, actor=None, bridge_id=BRIDGE, bindings=[tag])
    samples = [(now_us - 300 * MILLION, 4.25), (now_us - 200 * MILLION, math.nan), (now_us - 100 * MILLION, 4.75)]
    items = [Sample(tag.tag, None if value != value else value, at_us, source_at_us=at_us) for at_us, value in samples]
    write(receive_batch, actor=None, bridge_id=BRIDGE, batch=Batch("values", 1, items))
    lots = [NewLot(name, "RES") for name in ("PV-1", "PV-2")]
    scans = [("PV-1", 400), ("PV-2", 150), ("PV-2", 20)]
    acts = [Act(ActKind.passed, lot, now_us - before * MILLION, BENCH, n + 1) for n, (lot, before) in enumerate(scans)]
    write(record_genealogy, actor=None, recording=Recording(lots, acts))
    with site.client("ADA") as ada:
        page = ada.get("/trace/units/PV-1")
        text = said(page)
        assert "Force &lt;b&gt; kN 4.25 … 4.25 4.25 –" in text
        assert re.search(r"\d+ % of the time, the rest is a gap", text)
        (link,) = re.findall(r'href="([^"]*table=process_values[^"]*)"', page.text)
        assert ada.get(link.replace("&amp;", "&")).text.startswith("lot_id,equipment_id,scanned,from,to")
        assert "No process value recorded" in said(ada.get("/trace/units/SN-001"))
        text = said(ada.get("/trace/units/PV-1/difference?other=PV-2"))
        assert "Force &lt;b&gt; kN 4.25 with a gap 4.75" in text
        assert text.endswith("0.5") or " 0.5 " in text


def test_a_unit_shows_who_signed_what(site: Site) -> None:
    def sign(uow: UnitOfWork) -> None:
        text = act_text(SignedAct.release_lot, ["material-lot/SN-050"], {"reason": "looked at <twice>"})
        record_signature(uow, token_sha256=b"s" * 32, act_sha256="0" * 64, meaning=Meaning.reviewed)
        found = {"used_at_us": uow.now_us, "act": "release-lot", "what": text}
        mine = _SIGNATURE.c.token_sha256 == b"s" * 32
        uow.execute(update(_SIGNATURE).where(mine).values(found))
        pk = uow.execute(select(_SIGNATURE.c.pk).where(mine)).scalar_one()
        uow.emit(ACT_SIGNED, topics=(), subject="material-lot/SN-050", payload={"signature_id": pk})

    who = site.database.read_now(get_principal, principal_id="SVEN")
    assert who is not None
    site.database.write_now(sign, actor=who.pk)
    with site.client("ADA") as ada:
        text = said(ada.get("/trace/units/SN-050"))
        assert "Sven" in text
        assert re.search(r"SVEN Signed: reviewed .* Release a lot – SN-050 looked at &lt;twice&gt;", text)
        assert "Electronic signatures" not in said(ada.get("/trace/units/SN-051"))


def test_the_difference_between_two_units(site: Site) -> None:
    with site.client("ADA") as ada:
        assert "R-BAD R-GOOD" in said(ada.get("/trace/units/SN-001/difference?other=SN-010"))
        lost = ada.get("/trace/units/SN-001/difference?other=NOBODY").headers["location"]
        assert "Nobody has recorded NOBODY" in said(ada.get(lost))


def test_what_failed_units_share_leads_to_the_recall(site: Site) -> None:
    with site.client("SVEN") as sven:
        page = sven.post("/trace/shared", data={"failed": "\n".join(UNITS[:6])})
        text = said(page)
        assert "6 failed, 54 good. The good ones are of the same material" in text
        assert re.search(r"1 Lot R-BAD 6 of 6 failed units, 0 of 54 good ones", text)
        lots = re.findall(r'name="lots" value="([^"]*)"', page.text)[0]
        assert "R-BAD" in sven.post("/trace/recall", data={"lots": lots}).text


def test_a_recall_names_deliveries_then_holds_everything_in_one_step(site: Site) -> None:
    with site.client("SVEN") as sven:
        page = sven.post("/trace/recall/affected", data={"lots": "R-BAD"})
        text = said(page)
        for expected in ("DEL-1 ACME", "Serials 6 – – –", "R-BAD is in use right now"):
            assert expected in text
        held = said(sven.post("/trace/recall/holds", data={"lots": "R-BAD", "reason": "Bad solder"}))
        assert "9 are now on hold" in held
        lot = site.database.read_now(get_material_lot, lot_id="SN-005")
        assert lot.disposition is Disposition.Restricted
        again = said(sven.post("/trace/recall/affected", data={"lots": "R-BAD"}))
        assert "Everything that can be held is on hold already" in again
        assert "0 are now on hold" in said(sven.post("/trace/recall/holds", data={"lots": "R-BAD", "reason": "Twice"}))


def test_what_a_recall_holds_is_signed_and_released_in_one_step(site: Site) -> None:
    lots, why, more = {"lots": "SN-040\nSN-041\nSN-042"}, "Bad <paste>\nseen twice", "Scratched"
    with site.client("SVEN") as sven:
        site.database.write_now(hold_lots, actor=None, lot_ids=["SN-041"], reason=more)
        done = sven.post("/trace/recall/holds", data={**lots, "reason": why})
        assert "3 lots and serials are on hold" in said(done)
        assert "Bad &lt;paste&gt; seen twice 2 –" in said(done)
        (chosen,) = re.findall(r'value="([^"]*)" required checked', done.text)
        asked = {**lots, "hold_reason": html.unescape(chosen).replace("\n", "\r\n"), "reason": "measured"}
        with marked(site, SignedAct.release_lot):
            sign = sven.post("/trace/recall/release", data=asked)
            assert "This has to be signed" in said(sign, 403)
            assert "SN-041" not in said(sign, 403)
            fields = {name: html.unescape(value) for name, value in HIDDEN.findall(sign.text)}
            typed = {"signature_meaning": "approved", "signature_pin": PINS["SVEN"], "signature_code": ""}
            page = sven.post("/trace/recall/release", data=fields | typed)
        text = said(page)
        assert "2 are released Reason: measured" in text
        assert "1 stays on hold, for another reason" in text
        assert "1 lot or serial is on hold" in text
        again = said(sven.post("/trace/recall/release", data=asked))
        assert "0 are released" in again
        assert "2 were not on hold: released before, or never held" in again
    (kept,) = site.database.read_now(list_signatures, subject="material-lot/SN-042").items
    assert (kept.principal_id, kept.act) == ("SVEN", "release-lot")
    with site.client("ADA") as ada:
        page = ada.post("/trace/recall/affected", data=lots)
        assert "On hold because of" in said(page)
        assert ada.post("/trace/recall/release", data=asked).status_code == 403


def test_many_lots_are_signed_for_without_naming_each(site: Site) -> None:
    with site.client("SVEN") as sven, marked(site, SignedAct.release_lot):
        many = {"lots": "\n".join(UNITS[11:36])}
        sven.post("/trace/recall/holds", data={**many, "reason": "Many"})
        page = sven.post("/trace/recall/release", data={**many, "hold_reason": "Many", "reason": "measured"})
        shown = re.findall(r"<dd>([^<]*)</dd>", page.text)
        assert [len(re.findall(r"SN-\d+", text)) for text in shown] == [20, 20, 0]
        assert shown[1].startswith("SN-011: Restricted, SN-012: Restricted, ")
        assert shown[0].endswith("… + 5")


def test_ten_thousand_lots_travel_in_a_form(site: Site) -> None:
    with site.client("SVEN") as sven:
        many = "\n".join(["R-BAD", *(f"{n:0>100}" for n in range(9_999))])
        page = sven.post("/trace/recall/affected", data={"lots": many})
        assert "Nobody has recorded this lot or serial: 0000" in said(page, 404)
        assert many[-40:] in page.text, "what was typed is still there"
        assert "Too much at once" in said(sven.post("/trace/recall/affected", data={"lots": many + "\nX"}), 413)


@pytest.mark.parametrize(
    ("page", "columns"),
    [
        ("/trace/lots/SN-001?way=made-of", "parent_id,child_id"),
        ("/trace/lots/SN-001?way=used-in&look=drawing", "parent_id,child_id"),
        ("/trace/units/SN-001", "act,kind,at"),
        ("/trace/units/SN-001/difference?other=SN-010", "what,where,only_in"),
    ],
)
def test_what_a_page_tells_is_there_as_files_for_who_is_signed_in(site: Site, page: str, columns: str) -> None:
    with site.client("ADA") as ada:
        links = re.findall(r'href="([^"]*format=(?:csv|json)[^"]*)"', ada.get(page).text)
        csv, json = (ada.get(link.replace("&amp;", "&")) for link in links)
        assert csv.text.startswith(columns)
        assert (csv.status_code, csv.headers["content-type"]) == (200, "text/csv; charset=utf-8")
        assert json.json()["truncated"] == ""


def test_what_is_shared_as_a_file_has_the_same_good_units_as_the_page(site: Site) -> None:
    with site.client("ADA") as ada:
        asked = {"failed": "\n".join(UNITS[:6]), "good": "", "format": "json"}
        answer = ada.post("/trace/shared/file", data=asked).json()
        assert (answer["failed"], answer["good"]) == (6, 54)


def test_a_recall_as_a_file(site: Site) -> None:
    with site.client("ADA") as ada:
        csv = ada.post("/trace/recall/file", data={"lots": "R-BAD", "format": "csv", "table": "shipments"})
        assert csv.headers["content-disposition"] == 'attachment; filename="recall.csv"'
        assert csv.text.splitlines()[1].startswith("DEL-1,ACME,")
        json = ada.post("/trace/recall/file", data={"lots": "R-BAD", "format": "json"}).json()
        assert {"affected", "shipments", "mounted", "while_held"} <= json.keys()


@pytest.mark.parametrize(
    ("typed", "status", "expected"),
    [
        ({}, 422, "Nothing is suspected"),
        ({"lots": "NOBODY"}, 404, "Nobody has recorded this lot or serial: NOBODY"),
        ({"since": "yesterday"}, 422, "This cannot be recorded as it is"),
    ],
)
def test_what_cannot_be_asked_is_said_and_stays_typed(
    site: Site, typed: dict[str, str], status: int, expected: str
) -> None:
    with site.client("ADA") as ada:
        page = ada.post("/trace/recall/affected", data=typed)
        assert expected in said(page, status)
        assert all(value in page.text for value in typed.values())
        assert ada.post("/trace/recall/holds", data={"lots": "R-BAD", "reason": "x"}).status_code == 403
