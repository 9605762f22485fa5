"""The list of edge boxes in a real browser: what changes is pushed, what only moves is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from mes.edge.service import record_bridge_health
from mes.kernel.sqltypes import to_us
from standards.lineside.health_v1 import BridgeHealth, EndpointHealth, EndpointState, JournalHealth, Trouble
from tests.support.chromium import launch_options
from tests.support.plants import BRIDGE
from tests.web.screens import VIEWPORTS
from tests.web.site import PINS, Site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        yield browser
        browser.close()


def said(site: Site, state: EndpointState, *, depth: int, age_s: float = 0.0) -> None:
    now_us = to_us(datetime.now(UTC) - timedelta(seconds=age_s))
    trouble = Trouble.refused if state is EndpointState.away else None
    one = EndpointHealth("press", state, 1_700_000_000_000_000, trouble=trouble)
    health = BridgeHealth(at_us=now_us, endpoints=[one], endpoints_total=1, journal=JournalHealth(depth=depth))
    site.database.write_now(record_bridge_health, actor=None, bridge_id=BRIDGE, health=health)


@pytest.mark.browser
def test_what_changes_is_pushed_and_what_only_moves_is_asked_for(browser: Browser, site: Site) -> None:
    said(site, EndpointState.connected, depth=4711)
    context = browser.new_context(**VIEWPORTS["desk"], base_url=site.address, locale="en-GB")
    context.add_init_script("Object.defineProperty(document, 'hidden', {get: () => false})")
    page, errors = context.new_page(), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    try:
        page.goto("/signin?next=/")
        page.locator("[name=person][value=SVEN]").check(force=True)
        for digit in PINS["SVEN"]:
            page.locator(f"[data-key='{digit}']").click()
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Edge boxes").click()
        expect(page.locator("html")).to_have_attribute("data-net", "live")
        expect(page.locator("#bridge-list")).to_contain_text("4,711")
        said(site, EndpointState.connected, depth=815)
        expect(page.locator("#bridge-list .facts")).to_contain_text("815", timeout=15_000)
        said(site, EndpointState.away, depth=815)
        expect(page.locator(".end .pill")).to_contain_text("Not reached", timeout=4_000)
        page.locator("a.end").click()
        expect(page.locator("#endpoint-detail h2").first).to_contain_text("connection refused")
        said(site, EndpointState.connected, depth=1)
        expect(page.locator("#endpoint-detail .pill").first).to_contain_text("Connected")
        assert errors == []
    finally:
        context.close()
