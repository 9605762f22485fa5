"""The list opens step by step in a real browser, with the keyboard, thousands of lots behind it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from mes.genealogy.service import record_genealogy
from mes.genealogy.types import Act, ActKind, Link, NewLot, Recording
from mes.kernel.sqltypes import to_us
from mes.materials.service import put_materials
from mes.materials.types import LotKind, MaterialSpec
from tests.support.chromium import launch_options
from tests.support.plants import BENCH
from tests.web.screens import served
from tests.web.site import Site
from web.trace.views import DRAWN_MAX

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


def signed_in(browser: Browser, many: Site) -> Page:
    with many.client("SVEN") as sven:
        cookies = [{"name": c.name, "value": c.value or "", "url": many.address} for c in sven.cookies.jar]
    context = browser.new_context()
    context.add_cookies(cookies)  # type: ignore[arg-type]
    return context.new_page()


def test_a_line_opens_and_a_page_follows(many: Site) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        page = signed_in(browser, many)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{many.address}/trace/lots/REEL?way=used-in")
        assert page.locator(".nodes > li").count() == 50
        page.locator(".nodes summary").first.focus()
        page.keyboard.press("Enter")
        page.locator(".nodes .nodes b", has_text="CHILD").wait_for(timeout=5_000)
        page.locator(".more-nodes a").last.click()
        page.locator(".nodes b", has_text="P-0099").wait_for(timeout=5_000)
        assert page.locator(".nodes > li").count() == 101
        assert page.get_by_text("2,900 more").is_visible()
        assert errors == []
        browser.close()


WATCH = """() => {
  window.longest = 0;
  const seen = list => list.getEntries().forEach(e => { window.longest = Math.max(window.longest, e.duration); });
  new PerformanceObserver(seen).observe({ type: "longtask" });
}"""


@pytest.mark.parametrize("most", [250, pytest.param(DRAWN_MAX, marks=pytest.mark.long)])
def test_a_drawing_grows_in_place_up_to_its_limit_and_shrinks(many: Site, most: int) -> None:
    """With the keyboard alone. A growth must not freeze the page: 0.2 s were seen at 2,000 lots on a busy machine."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        page = signed_in(browser, many)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{many.address}/trace/lots/REEL?way=used-in&look=drawing")
        page.evaluate("most => { document.querySelector('.layers').dataset.most = most; }", most)
        page.evaluate(WATCH)
        boxes, step, rest = page.locator(".drawn-node"), page.locator(".grow.root"), page.locator(".drawn-more a")
        assert (boxes.count(), step.get_attribute("aria-expanded")) == (1 + 12 + 1, "false")
        assert page.get_by_text("+ 2,988 more").is_visible()
        step.press("Enter")
        page.get_by_text("Drawn: 102").wait_for(timeout=5_000)
        assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
        for drawn in range(200, most, 100):
            rest.press("Enter")
            page.get_by_text(f"Drawn: {drawn + 2:,}").wait_for(timeout=5_000)
        rest.press("Enter")
        page.get_by_text(f"{most:,} lots are drawn, as many as a drawing takes").wait_for(timeout=5_000)
        assert (boxes.count(), rest.count()) == (most, 0)
        assert page.evaluate("window.longest") < 1_000
        page.locator(".grow[data-grow*='P-0000']").press("Space")
        assert boxes.count() == most - 1, "the board behind the first panel is away"
        step.press("Space")
        assert boxes.count() == 1
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
