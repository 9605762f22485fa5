"""The list opens step by step in a real browser, with the keyboard, thousands of lots behind it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import sync_playwright

from mes.genealogy.service import record_genealogy
from mes.genealogy.types import Act, ActKind, Link, NewLot, Recording
from mes.kernel.sqltypes import to_us
from mes.materials.service import put_materials
from mes.materials.types import LotKind, MaterialSpec
from tests.support.chromium import launch_options
from tests.support.plants import BENCH
from tests.web.screens import served
from tests.web.site import Site

UNITS = 3_000
E6 = 1_000_000
A4 = (596, 843)


@pytest.fixture(scope="module")
def many(site: Site) -> Site:
    """A reel in 3,000 panels, the first of them in a board."""
    write, at = site.database.write_now, to_us(site.database.clock())
    write(put_materials, actor=None, specs=[MaterialSpec("RES", "pcs", "Resistor")])
    panels = [NewLot(f"P-{n:04}", "BOARD") for n in range(UNITS)]
    lots = [NewLot("REEL", "RES", 10_000 * E6, LotKind.lot), *panels, NewLot("CHILD", "BOARD")]
    acts = [Act(ActKind.consumed, panel.lot_id, at + n, BENCH) for n, panel in enumerate(panels)]
    links = [Link(n, "REEL", panel.lot_id, 2 * E6) for n, panel in enumerate(panels)]
    acts.append(Act(ActKind.consumed, "CHILD", at + UNITS, BENCH))
    links.append(Link(UNITS, "P-0000", "CHILD"))
    write(record_genealogy, actor=None, recording=Recording(lots, acts, links))
    return site


def test_a_line_opens_and_a_page_follows(many: Site) -> None:
    with many.client("SVEN") as sven:
        cookies = [{"name": c.name, "value": c.value or "", "url": many.address} for c in sven.cookies.jar]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        context = browser.new_context()
        context.add_cookies(cookies)  # type: ignore[arg-type]
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{many.address}/trace/lots/REEL?way=used-in")
        assert page.locator(".nodes > li").count() == 50
        page.locator("summary").first.focus()
        page.keyboard.press("Enter")
        page.locator(".nodes .nodes b", has_text="CHILD").wait_for(timeout=5_000)
        page.locator(".more-nodes a").last.click()
        page.locator(".nodes b", has_text="P-0099").wait_for(timeout=5_000)
        assert page.locator(".nodes > li").count() == 101
        assert page.get_by_text("2,900 more").is_visible()
        assert errors == []
        browser.close()


def test_a_report_prints_on_paper_and_a_label_on_its_own() -> None:
    """Sizes of the pages in points: 70 × 35 mm is a label."""
    with served() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        page = browser.new_page()
        sizes = []
        for name in ("receive-label", "trace-unit", "recall-done"):
            page.goto(f"{address}/{name}")
            pdf = page.pdf(prefer_css_page_size=True, format="A4")
            found = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
            sizes.append({(round(float(width)), round(float(height))) for width, height in found})
        browser.close()
    assert sizes == [{(198, 99)}, {A4}, {A4}]
