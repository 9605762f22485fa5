"""Scanning in a real browser: at a scanner's speed, without focus, on two tablets, and without a connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from mes.genealogy.at_station.queries import get_place
from mes.genealogy.service import unmount_lot
from tests.support.chromium import launch_options
from tests.support.plants import LINE
from tests.support.scanning import stock_bench
from tests.web.screens import VIEWPORTS
from tests.web.site import PINS, Site

pytestmark = pytest.mark.browser
KEY_MS = 3
"""Between two keys of a fast wedge scanner."""
NO_PAUSE = "Object.defineProperty(document, 'hidden', {get: () => false})"


@pytest.fixture(autouse=True, scope="module")
def stocked(site: Site) -> None:
    stock_bench(site.database)


@pytest.fixture(autouse=True)
def empty_slots(site: Site, stocked: None) -> None:
    for slot_id in in_use(site):
        site.database.write_now(unmount_lot, actor=None, request_id=uuid4().hex, equipment_id=LINE, slot_id=slot_id)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        yield browser
        browser.close()


@contextmanager
def tablet(browser: Browser, site: Site, person: str) -> Iterator[tuple[Page, BrowserContext, list[str]]]:
    """Somebody signed in who scans at the line."""
    context = browser.new_context(**VIEWPORTS["tablet"], base_url=site.address, locale="en-GB")
    context.add_init_script(NO_PAUSE)
    page, errors = context.new_page(), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    with site.client(person) as client:
        cookies = [{"name": name, "value": value, "url": site.address} for name, value in client.cookies.items()]
    context.add_cookies(cookies)  # type: ignore[arg-type]
    page.goto(f"/s/{LINE}/scan")
    try:
        expect(page.locator("html")).to_have_attribute("data-net", "live", timeout=20_000)
        yield page, context, errors
    finally:
        context.close()


def shoot(page: Page, *labels: str) -> None:
    """A scanner reads labels as fast as it can."""
    for label in labels:
        page.keyboard.type(label, delay=KEY_MS)
        page.keyboard.press("Enter")


def in_use(site: Site) -> dict[str, str]:
    place = site.database.read_now(get_place, equipment_id=LINE, now=site.database.clock())
    return {line.slot_id: line.mounted.lot_id for line in place.lines if line.mounted}


def test_scans_at_full_speed_are_done_in_their_order_and_seen_elsewhere(browser: Browser, site: Site) -> None:
    with tablet(browser, site, "ADA") as (ada, _, errors), tablet(browser, site, "SVEN") as (sven, _, errors_there):
        shoot(ada, "R-1", "SLOT:1", "C-1", "SLOT:2")
        expect(ada.locator("#answer-title")).to_have_text("C-1 is in slot 2")
        assert in_use(site) == {"1": "R-1", "2": "C-1"}
        expect(sven.locator("#station-material")).to_contain_text("C-1")
        expect(sven.locator("#station-lately")).to_contain_text("R-1")
        ada.locator(".undo-scan button").tap()
        expect(ada.locator("#answer-title")).to_have_text("Taken back")
        expect(sven.locator("#station-material")).not_to_contain_text("C-1")
        assert errors == []
        assert errors_there == []


def test_a_scan_after_a_tap_needs_no_focus_and_presses_nothing(browser: Browser, site: Site) -> None:
    with tablet(browser, site, "ADA") as (ada, _, errors):
        ada.get_by_role("button", name="Slot 10").tap()
        expect(ada.locator("#answer-title")).to_have_text("Slot 10: which reel?")
        ada.get_by_role("button", name="Slot 10").focus()
        shoot(ada, "LID-1")
        expect(ada.locator("#answer-title")).to_have_text("LID-1 is in slot 10")
        expect(ada.locator("#scan")).to_have_value("")
        expect(ada.locator("#scan-spoken")).to_contain_text("LID-1 is in slot 10")
        shoot(ada, "SLOT:10")
        expect(ada.locator("#answer-title")).to_have_text("Slot 10: which reel?")
        assert errors == []


KEYS_AT = """([label, apart, last]) => {
  const field = document.querySelector("#scan");
  field.focus();
  let at = 1000;
  const press = key => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
    Object.defineProperty(event, "timeStamp", { value: at });
    return field.dispatchEvent(event);
  };
  for (const key of label) { press(key); field.value += key; at += apart; }
  at += last - apart;
  return !press("Tab");
}"""
"""Keys at instants of their own, however busy the machine of the test is; whether the Tab was taken."""


def test_a_scanners_tab_ends_a_scan_even_late_and_a_persons_does_not(browser: Browser, site: Site) -> None:
    with tablet(browser, site, "ADA") as (ada, _, errors):
        assert not ada.evaluate(KEYS_AT, ["LID-1", 120, 120])
        expect(ada.locator("#scan")).to_have_value("LID-1")
        ada.locator("#scan").fill("")
        assert ada.evaluate(KEYS_AT, ["SLOT:10", 3, 160])
        expect(ada.locator("#answer-title")).to_have_text("Slot 10: which reel?")
        expect(ada.locator("#scan")).to_have_value("")
        assert errors == []


def test_a_refusal_is_decided_at_the_same_tablet(browser: Browser, site: Site) -> None:
    with tablet(browser, site, "ADA") as (ada, _, _errors):
        shoot(ada, "S-1", "SLOT:2")
        expect(ada.locator("#answer-title")).to_contain_text("This lot is of another material")
        ada.locator(".override summary").tap()
        ada.get_by_label("Agreed with quality").tap()
        for digit in PINS["SVEN"]:
            ada.locator(f".override [data-key='{digit}']").tap()
        ada.get_by_role("button", name="Do it all the same").tap()
        expect(ada.locator("#answer-title")).to_have_text("S-1 is in slot 2")


def test_what_got_no_answer_says_so_and_counts_once_when_it_is_done_again(browser: Browser, site: Site) -> None:
    with tablet(browser, site, "ADA") as (ada, context, _errors):
        shoot(ada, "G-1", "SLOT:10")
        expect(ada.locator("#answer-title")).to_have_text("G-1 is in slot 10")
        unit = f"SN-{uuid4().hex[:6]}"
        context.set_offline(True)
        shoot(ada, unit)
        expect(ada.locator("#scan-failed")).to_be_visible()
        expect(ada.locator("#scan-failed")).to_contain_text("No answer")
        context.set_offline(False)
        shoot(ada, unit)
        expect(ada.locator("#answer-title")).to_have_text(f"Nobody knows {unit}")
        expect(ada.locator("#scan-failed")).to_be_hidden()
        ada.get_by_role("button", name="Slot 10").tap()
        arrived: list[str] = []

        def lose_the_answer(route: Route) -> None:
            arrived.append(str(route.request.post_data))
            route.fetch()
            route.abort()

        ada.route("**/scan/unmount", lose_the_answer, times=1)
        ada.get_by_role("button", name="Take it out").tap()
        expect(ada.locator("#scan-failed")).to_be_visible()
        assert "10" not in in_use(site)
        with ada.expect_request("**/scan/unmount") as again:
            ada.get_by_role("button", name="Take it out").tap()
        expect(ada.locator("#answer-title")).to_have_text("10 is empty")
        assert again.value.post_data == arrived[0], "the very same act, by its request id"
