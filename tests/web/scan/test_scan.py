"""Scanning as an operator and a supervisor meet it at a station: plain forms, without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from uuid import uuid4

import httpx
import pytest

from mes.access.permissions import Permission
from mes.access.service import set_placed_roles, set_role
from mes.access.types import PlacedRole, Role
from mes.genealogy.at_station.queries import get_carton_at, get_place, get_unit_at
from mes.genealogy.queries import get_as_built, trace_from
from mes.genealogy.tools.queries import get_tool
from mes.genealogy.tools.service import put_tool
from mes.genealogy.tools.types import ToolSpec
from mes.kernel.outbox import list_events
from mes.materials.service import create_lot, hold_lots, set_disposition
from mes.materials.types import LotSpec
from mes.orders.queries import get_job
from standards.isa95.material import Disposition
from tests.support.plants import BENCH, LINE, PRESS
from tests.support.scanning import LABEL, receive, stock_bench
from tests.web.site import HTMX, PINS, Site
from web.scan.acts import ACTS, NEEDS

BASE = f"/s/{BENCH}/scan"


@pytest.fixture(autouse=True, scope="module")
def job(site: Site) -> str:
    return stock_bench(site.database)


@pytest.fixture
def ada(site: Site) -> Iterator[httpx.Client]:
    with site.client("ADA") as client:
        yield client


@pytest.fixture
def sven(site: Site) -> Iterator[httpx.Client]:
    with site.client("SVEN") as client:
        yield client


def said(page: httpx.Response) -> str:
    answer = page.text.split('id="scan-said"')[-1]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer)))


def title(page: httpx.Response) -> str:
    return re.sub(
        r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page.text.split('id="answer-title">')[1].split("</h2>")[0]))
    ).strip()


def carried(page: httpx.Response) -> dict[str, str]:
    """What the page hands on to its next scan."""
    return dict(re.findall(r'form="scan-form" name="(\w+)" value="([^"]*)"', page.text))


def scan(
    client: httpx.Client, text: str, before: httpx.Response | None = None, base: str = BASE, **form: Any
) -> httpx.Response:
    known = {} if before is None else carried(before) | {"before": ""}
    return client.post(base, data={**known, "scan": text, "request_id": uuid4().hex, **form})


def do(client: httpx.Client, act: str, base: str = BASE, **form: Any) -> httpx.Response:
    return client.post(f"{base}/{act}", data={"request_id": uuid4().hex, **form})


def undo(client: httpx.Client, page: httpx.Response, base: str = BASE) -> httpx.Response:
    (undoes,) = re.findall(r'name="undoes" value="([^"]*)"', page.text)
    return do(client, "undo", base, undoes=undoes)


def in_use(site: Site, equipment_id: str = BENCH) -> dict[str, str]:
    place = site.database.read_now(get_place, equipment_id=equipment_id, now=site.database.clock())
    return {line.slot_id: line.mounted.lot_id for line in place.lines if line.mounted}


def good(site: Site, job_id: str) -> int:
    return int(site.database.read_now(get_job, job_id=job_id, now=site.database.clock()).good_low)


def begun(client: httpx.Client) -> str:
    """A new unit, scanned and begun."""
    unit_id = f"SN-{uuid4().hex[:8]}"
    assert title(scan(client, unit_id)) == f"Nobody knows {unit_id}"
    assert title(do(client, "begin", unit_id=unit_id)) == f"Yes: {unit_id}"
    return unit_id


def part(site: Site, material: str = "LID") -> str:
    name = f"{material}-{uuid4().hex[:8]}"
    site.database.write_now(create_lot, actor=None, spec=LotSpec(name, material, 1, "pcs"))  # type: ignore[arg-type]
    return name


def test_the_station_has_a_scan_field_that_leads_here(ada: httpx.Client) -> None:
    station = ada.get(f"/s/{BENCH}").text
    assert f'action="{BASE}"' in station
    assert title(scan(ada, "")) == "Ready for a scan"
    assert title(ada.get(BASE)) == "Ready for a scan"


def test_material_of_the_bill_is_used_by_one_scan_and_taken_back(site: Site, ada: httpx.Client) -> None:
    first, second = part(site, "SCREW"), part(site, "SCREW-B")
    page = scan(ada, first)
    assert title(page) == f"{first} is in use"
    assert in_use(site)["@SCREW"] == first
    assert "1 pcs left" in page.text
    changed = scan(ada, second)
    assert in_use(site)["@SCREW"] == second
    assert title(undo(ada, changed)) == "Taken back"
    assert in_use(site)["@SCREW"] == first


def test_a_suppliers_label_is_known_again_and_two_of_a_kind_are_asked_about(site: Site, ada: httpx.Client) -> None:
    lot_id = receive(site.database, f"receipt-{uuid4().hex}")
    assert title(scan(ada, LABEL)) == f"{lot_id} is in use"
    other = receive(site.database, f"receipt-{uuid4().hex}")
    page = scan(ada, LABEL)
    assert title(page) == "Which of these lots?"
    assert {lot_id, other} <= set(re.findall(r"R-\d+", said(page)))


def test_a_reel_goes_to_its_slot_either_way_round(site: Site, ada: httpx.Client) -> None:
    base = f"/s/{LINE}/scan"
    reel = scan(ada, "R-1", base=base)
    assert title(reel) == "R-1: which slot?"
    wrong = scan(ada, "2", reel, base)
    assert (wrong.status_code, title(wrong)) == (409, "This lot is of another material R-1")
    page = scan(ada, "1", reel, base)
    assert title(page) == "R-1 is in slot 1"
    occupied = scan(ada, "R-2", scan(ada, "SLOT:1", base=base), base)
    assert title(occupied) == "Slot 1 is not empty"
    for first, second in (("C-1", "1"), ("SLOT:1", "C-1")):
        strange = scan(ada, second, scan(ada, first, base=base), base)
        assert title(strange) == "This lot is of another material C-1", "nobody takes a reel out for it, or tapes it on"
        assert "Change the reel" not in said(strange)
        assert "C-1 is Capacitor; Resistor is asked for" in said(strange)
        assert "A supervisor decides" in said(strange)
    assert in_use(site, LINE) == {"1": "R-1"}
    assert title(do(ada, "splice", base, slot_id="1", lot_id="R-2")) == "R-2 is spliced in slot 1"
    out = do(ada, "unmount", base, slot_id="1")
    assert title(out) == "1 is empty"
    assert in_use(site, LINE) == {}
    undo(ada, out, base)
    assert in_use(site, LINE) == {"1": "R-2"}
    tapped = ada.post(base, data={"tapped": "2", "request_id": uuid4().hex})
    assert title(tapped) == "Slot 2: which reel?"
    assert title(scan(ada, "C-1", tapped, base)) == "C-1 is in slot 2"
    strange = ada.post(base, data={"tapped": "99", "request_id": uuid4().hex})
    assert title(strange) == "Nobody knows 99", "no slot is made by a tap"


def test_a_lot_on_hold_is_refused_before_it_is_carried_to_its_slot(site: Site, ada: httpx.Client) -> None:
    lot_id = part(site, "RES")
    hold = {"lot_id": lot_id, "disposition": Disposition.Restricted, "reason": "Wrong silicon"}
    site.database.write_now(set_disposition, actor=None, **hold)
    page = scan(ada, lot_id, base=f"/s/{LINE}/scan")
    assert title(page) == f"The lot is on hold {lot_id}"
    assert "Wrong silicon Take another lot" in said(page)
    occupied = scan(ada, "1", page, f"/s/{LINE}/scan")
    assert title(occupied) == f"The lot is on hold {lot_id}", "nobody takes a reel out for one that may not go in"


def test_a_unit_on_hold_says_who_holds_it_for_what(site: Site, ada: httpx.Client, job: str) -> None:
    unit_id = begun(ada)
    site.database.write_now(hold_lots, actor=None, lot_ids=[unit_id], reason="Field failures")
    page = scan(ada, unit_id)
    assert title(page) == f"On hold {unit_id}"
    assert "Field failures Put it aside" in said(page)


def test_a_supervisor_decides_with_a_pin_and_it_is_recorded(site: Site, ada: httpx.Client) -> None:
    lot_id = part(site, "CAP")
    refused = scan(ada, lot_id)
    assert (refused.status_code, title(refused)) == (409, f"This lot is of another material {lot_id}")
    assert "A supervisor decides" in said(refused)
    asked = {"lot_id": lot_id, "by": "SVEN", "reason": "Sample"}
    wrong = do(ada, "use", **asked, pin="000000")
    assert (wrong.status_code, "This PIN is not right" in said(wrong)) == (401, True)
    without = do(ada, "use", lot_id=lot_id, by="SVEN", pin=PINS["SVEN"])
    assert (without.status_code, "Say why" in said(without)) == (422, True)
    not_one = do(ada, "use", lot_id=lot_id, by="ADA", pin=PINS["ADA"], reason="I may")
    assert not_one.status_code == 403
    assert lot_id not in in_use(site).values()
    done = do(ada, "use", **asked, pin=PINS["SVEN"])
    assert title(done) == f"{lot_id} is in use"
    rows = site.database.read_now(get_as_built, lot_id=lot_id).tables["acts"].rows
    assert [(row[7], row[-1]) for row in rows] == [("SVEN", "Sample (ADA)")]


def test_a_unit_is_answered_at_once_passed_and_counted(site: Site, ada: httpx.Client, job: str) -> None:
    unit_id, before = begun(ada), good(site, job)
    again = scan(ada, unit_id)
    assert (title(again), "Screw the lid on" in said(again)) == (f"Yes: {unit_id}", True)
    passed = do(ada, "pass", unit_id=unit_id)
    assert (title(passed), good(site, job)) == (f"{unit_id} passed", before + 1)
    assert (title(undo(ada, passed)), good(site, job)) == ("Taken back", before)
    story = said(scan(ada, unit_id))
    assert ("verdict taken back" in story, "passed – taken back" in story) == (True, True)
    assert title(do(ada, "pass", unit_id=unit_id)) == f"{unit_id} passed"
    assert good(site, job) == before + 1
    stop = scan(ada, unit_id)
    assert title(stop) == f"Already done: Screw the lid on {unit_id}"
    assert "do not do it twice" in said(stop)
    refused = do(ada, "pass", unit_id=unit_id)
    assert (refused.status_code, good(site, job)) == (409, before + 1)


def test_a_failed_unit_has_its_defect_and_goes_to_rework_by_who_may(
    site: Site, ada: httpx.Client, sven: httpx.Client
) -> None:
    unit_id = begun(ada)
    page = do(ada, "fail", unit_id=unit_id, code_id="MISSING", position="M4")
    assert title(page) == f"{unit_id} failed"
    assert "Part missing M4" in said(page)
    back = {"unit_id": unit_id, "segment_id": "ASSEMBLE"}
    (defect,) = re.findall(r'name="repaired" value="(\d+)"', page.text)
    asked = do(ada, "rework", **back, repaired=defect)
    assert (asked.status_code, "A supervisor decides" in said(asked)) == (403, True)
    assert f'type="hidden" name="repaired" value="{defect}"' in asked.text, "it is asked for once"
    assert title(do(sven, "rework", **back, repaired=defect)) == f"{unit_id} goes to rework"
    assert site.database.read_now(get_unit_at, unit_id=unit_id, equipment_id=BENCH).defects == ()
    assert title(scan(ada, unit_id)) == f"Yes: {unit_id}"
    do(ada, "fail", unit_id=unit_id)
    lost = do(ada, "scrap", unit_id=unit_id, reason_id="scratch", by="SVEN", pin=PINS["SVEN"])
    assert title(lost) == f"{unit_id} is scrapped"
    assert title(scan(ada, unit_id)) == f"Scrapped {unit_id}"


def test_parts_go_in_and_out_and_are_exchanged(site: Site, ada: httpx.Client) -> None:
    unit_id, first, second = begun(ada), part(site, "SCREW"), part(site, "SCREW")
    into = ada.get(BASE, params={"held": "into", "held_id": unit_id})
    assert title(into) == f"{unit_id}: which part goes in?"
    in_it = scan(ada, first, into)
    assert (in_it.status_code, title(in_it)) == (409, f"The lot does not have that much left {first}")
    lid = part(site)
    refused = scan(ada, lid, into)
    assert title(refused) == f"This lot is of another material {lid}"
    override = {"by": "SVEN", "pin": PINS["SVEN"], "reason": "Agreed"}
    assert title(do(ada, "install", unit_id=unit_id, part_id=lid, **override)) == f"{lid} is in {unit_id}"
    swap = ada.get(BASE, params={"held": "swap", "held_id": unit_id, "held_part": lid})
    assert title(swap) == f"Which part instead of {lid}?"
    changed = scan(ada, second, swap)
    assert title(changed) == f"{second} is in {unit_id}"
    assert {row[0] for row in site.database.read_now(trace_from, lot_id=unit_id).tables["links"].rows} == {second}
    gone = do(ada, "remove", unit_id=unit_id, part_id=second)
    assert title(gone) == f"{second} is out of {unit_id}"
    undo(ada, gone)
    assert {row[0] for row in site.database.read_now(trace_from, lot_id=unit_id).tables["links"].rows} == {second}


def test_units_are_packed_and_sent(site: Site, ada: httpx.Client) -> None:
    first, second, box = begun(ada), begun(ada), f"BOX-{uuid4().hex[:8]}"
    carton = ada.get(BASE, params={"held": "carton", "held_id": box})
    assert title(carton) == f"Carton {box}"
    page = scan(ada, first, carton)
    assert title(page) == f"{first} is in carton {box}"
    page = scan(ada, second, page)
    assert len(site.database.read_now(get_carton_at, container_id=box).contents) == 2
    do(ada, "unpack", container_id=box, unit_id=second)
    assert [one.part_id for one in site.database.read_now(get_carton_at, container_id=box).contents] == [first]
    pallet = f"PAL-{box}"
    do(ada, "pack", container_id=pallet, unit_id=second, held="carton", held_id=pallet)
    stack = ada.get(BASE, params={"held": "stack", "held_id": pallet})
    assert title(stack) == f"Carton {pallet}: which cartons go into it?"
    stacked = scan(ada, box, stack)
    assert title(stacked) == f"{box} is in carton {pallet}"
    assert carried(stacked)["held"] == "stack", "the next carton goes into it too"
    assert f"In carton {pallet}" in said(scan(ada, box))
    into_itself = scan(ada, pallet, ada.get(BASE, params={"held": "stack", "held_id": box}))
    assert title(into_itself).startswith("A lot cannot go into itself")
    assert title(undo(ada, stacked)) == "Taken back"
    left = do(ada, "ship", container_id=box, shipment_id=f"SH-{box}", customer_id="ACME", delivery_note="L-1")
    assert title(left) == f"Carton {box} has left"
    assert f"It left in shipment SH-{box}." in said(scan(ada, box))
    assert title(scan(ada, f"SH-{box}")) == f"SH-{box} is a shipment"


def test_a_tool_is_mounted_cleaned_and_taken_out_by_scan(site: Site, ada: httpx.Client, sven: httpx.Client) -> None:
    name = f"ST-{uuid4().hex[:8]}"
    site.database.write_now(put_tool, actor=None, spec=ToolSpec(name, "stencil", "Top side", 50, clean_cycles=1))
    page = scan(ada, name)
    assert (title(page), "At no station" in said(page)) == (f"Tool {name}", True)
    here = do(ada, "mount-tool", tool_id=name)
    assert title(here) == f"{name} stands here now"
    assert f"{name} stencil – Top side Life 50 cycles left Cleaning 1 cycles left" in said(ada.get(BASE))
    unit_id = begun(ada)
    do(ada, "pass", unit_id=unit_id)
    assert "Has to be cleaned" in said(ada.get("/tools"))
    more = {"tool_id": name, "cycles": 5, "reason": "The order has to go out", "request_id": uuid4().hex}
    assert ada.post("/tools/prolong", data=more).status_code == 403
    assert sven.post("/tools/prolong", data=more).status_code == 303
    assert "Prolonged 5 cycles left" in said(ada.get("/tools"))
    assert title(do(ada, "clean-tool", tool_id=name)) == f"{name} was cleaned"
    assert title(do(ada, "unmount-tool", tool_id=name)) == f"{name} is taken out"
    assert f"{name}" in said(ada.get("/trace/units/" + unit_id)), "it was made with it"


def test_a_role_at_this_station_counts_for_what_is_here_alone(site: Site, sven: httpx.Client) -> None:
    def tool_at(tool_id: str) -> str:
        return site.database.read_now(get_tool, tool_id=tool_id, now=site.database.clock()).equipment_id

    far, near = (f"STENCIL-{uuid4().hex[:8]}" for _ in range(2))
    for tool_id, place in ((far, PRESS), (near, BENCH)):
        site.database.write_now(put_tool, actor=None, spec=ToolSpec(tool_id, "stencil"))
        assert do(sven, "mount-tool", f"/s/{place}/scan", tool_id=tool_id).status_code == 200
    reel = {"request_id": uuid4().hex, "slot_id": "1", "lot_id": part(site, "RES")}
    assert do(sven, "mount", f"/s/{LINE}/scan", **reel).status_code == 200
    failed = begun(sven)
    do(sven, "fail", unit_id=failed, code_id="MISSING")
    placed: dict[str, Any] = {"actor": None, "principal_id": "ADA"}
    site.database.write_now(set_placed_roles, **placed, placed=[PlacedRole(BENCH, Role.supervisor)])
    site.database.write_now(set_role, **placed, role=Role.supervisor)
    try:
        with site.client("ADA") as ada:
            parcel = {"container_id": reel["lot_id"], "shipment_id": uuid4().hex, "customer_id": "C"}
            refused = (
                do(ada, "unmount-tool", tool_id=far),
                do(ada, "clean-tool", tool_id=far),
                do(ada, "undo", undoes=reel["request_id"]),
                do(ada, "ship", **parcel),
                do(ada, "unpack", container_id="BOX", unit_id=failed),
                do(ada, "rework", unit_id=failed, segment_id="ASSEMBLE"),
                do(ada, "mount-tool", f"/s/{PRESS}/scan", tool_id=near),
            )
            assert [answer.status_code for answer in refused] == [403] * 7
            assert (tool_at(far), in_use(site, LINE)["1"]) == (PRESS, reel["lot_id"])
            assert do(ada, "clean-tool", tool_id=near).status_code == 200
            taken_out = {"tool_id": near, "request_id": uuid4().hex}
            assert [do(ada, "unmount-tool", **taken_out).status_code for _ in range(2)] == [200, 200]
            assert tool_at(near) == ""
            used = do(ada, "use", lot_id=part(site, "SCREW"))
            assert title(undo(ada, used)) == "Taken back"
            unit_id = begun(ada)
            assert title(undo(ada, do(ada, "pass", unit_id=unit_id))) == "Taken back"
            assert title(undo(ada, do(ada, "scrap", unit_id=failed, reason_id="scratch"))) == "Taken back"
    finally:
        site.database.write_now(set_role, **placed, role=Role.operator)
        site.database.write_now(set_placed_roles, **placed, placed=[])
    do(sven, "unmount", f"/s/{LINE}/scan", slot_id="1")


def test_what_nobody_knows_what_cannot_be_read_and_a_badge(ada: httpx.Client) -> None:
    assert title(scan(ada, "XYZ-9")) == "Nobody knows XYZ-9"
    assert title(scan(ada, "SVEN")) == "A badge: SVEN"
    broken = scan(ada, "[)>06PMCU1PNX32")
    assert (broken.status_code, "The label cannot be read" in said(broken)) == (422, True)
    assert scan(ada, "x" * 3_001).status_code == 422
    assert scan(ada, "a\x00b").status_code == 422
    assert do(ada, "pass", unit_id="a\x00b").status_code == 422


def test_a_label_that_is_read_twice_at_once_is_one_scan(site: Site, ada: httpx.Client) -> None:
    known = carried(scan(ada, "S-2"))
    assert known["before"] == "S-2"
    now_ms = int(site.database.clock().timestamp() * 1000)
    assert now_ms >= int(known["before_ms"])
    again = {"scan": "S-2", "request_id": uuid4().hex}
    twice = ada.post(BASE, data={**known, "before_ms": now_ms, **again})
    assert (twice.status_code, twice.content) == (204, b"")
    assert ada.post(BASE, data={**known, "before_ms": now_ms - 60_000, **again}).status_code == 200


def test_the_same_request_is_done_once(site: Site, ada: httpx.Client, job: str) -> None:
    unit_id, before = begun(ada), good(site, job)
    form = {"unit_id": unit_id, "request_id": uuid4().hex}
    pages = [ada.post(f"{BASE}/pass", data=form) for _ in range(2)]
    assert [title(page) for page in pages] == [f"{unit_id} passed"] * 2
    assert good(site, job) == before + 1


def test_with_htmx_the_answer_and_the_regions_come_alone(ada: httpx.Client) -> None:
    page = ada.post(BASE, data={"scan": "S-1", "request_id": uuid4().hex}, headers=HTMX)
    assert "<html" not in page.text
    assert re.findall(r'hx-target="(#[\w-]+)" hx-swap="\w+"><section', page.text) == [
        "#station-material",
        "#station-tools",
        "#station-lately",
    ]


def test_whatever_is_scanned_here_is_an_event_of_the_station(site: Site, ada: httpx.Client) -> None:
    after = site.database.read_now(list_events, after=0)[-1].seq
    unit_id = begun(ada)
    lid = part(site)
    override = {"by": "SVEN", "pin": PINS["SVEN"], "reason": "Agreed"}
    scan(ada, "S-1")
    do(ada, "install", unit_id=unit_id, part_id=lid, **override)
    do(ada, "remove", unit_id=unit_id, part_id=lid)
    do(ada, "pack", unit_id=unit_id, container_id=f"BOX-{unit_id}")
    events = [
        event for event in site.database.read_now(list_events, after=after) if event.type.startswith("genealogy.")
    ]
    assert {event.type.split(".")[1] for event in events} >= {"unit-begun", "lot-mounted", "lot-linked", "part-removed"}
    assert all(f"equipment/{BENCH}" in event.topics for event in events)


def test_every_act_is_known_and_what_needs_more_says_so() -> None:
    assert set(NEEDS) <= set(ACTS)
    assert set(NEEDS.values()) == {Permission.decide_quality}
