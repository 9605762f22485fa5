"""The live way in a real browser: a tap on one tablet shows on the other; a lost socket is said and made good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.chromium import launch_options
from tests.support.plants import BENCH
from tests.web.screens import VIEWPORTS
from tests.web.site import PINS, Site

pytestmark = pytest.mark.browser
NO_PAUSE = "Object.defineProperty(document, 'hidden', {get: () => false})"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        yield browser
        browser.close()


@contextmanager
def tablet(browser: Browser, site: Site, person: str) -> Iterator[tuple[Page, BrowserContext, list[str]]]:
    """Somebody signed in at a tablet, and the errors its console shows."""
    context = browser.new_context(**VIEWPORTS["tablet"], base_url=site.address, locale="en-GB")
    context.add_init_script(NO_PAUSE)
    page, errors = context.new_page(), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"/signin?station={BENCH}&next=/s/{BENCH}")
    page.locator(f"[name=person][value={person}]").check(force=True)
    for digit in PINS[person]:
        page.locator(f"[data-key='{digit}']").tap()
    page.get_by_role("button", name="Sign in").tap()
    expect(page.locator("html")).to_have_attribute("data-net", "live")
    try:
        yield page, context, errors
    except Exception as error:
        error.add_note(f"{person} sees ({page.locator('html').get_attribute('data-net')}), console {errors}:")
        error.add_note(page.locator("body").inner_text())
        error.add_note(repr(site.jobs(BENCH)))
        raise
    finally:
        context.close()


@pytest.fixture
def order_id(site: Site) -> str:
    """An order whose turn at the bench has come."""
    site.clear_bench()
    order_id = f"PO-{uuid4().hex[:8]}"
    site.order(order_id)
    site.release(order_id)
    site.run_machines(order_id, good=16)
    site.wait_for_its_turn(order_id)
    return order_id


def start(page: Page, order_id: str) -> None:
    """Start the job of this order, whether it is shown big or in the queue."""
    shown = page.locator(f"form[action$='/start']:has([name=job_id][value='{order_id}-BENCH']) button")
    shown.tap()
    expect(page.locator("#current-job .kicker")).to_contain_text(order_id)


def test_a_tap_here_is_seen_there_and_undone_here(browser: Browser, site: Site, order_id: str) -> None:
    with tablet(browser, site, "ADA") as (ada, _, errors), tablet(browser, site, "SVEN") as (sven, _, errors_there):
        start(ada, order_id)
        expect(sven.locator("#current-job .pill")).to_contain_text("Running")
        ada.get_by_role("button", name="Good +1").tap()
        expect(sven.locator("#current-job .good strong")).to_have_text("1")
        ada.locator(".undo button").tap()
        expect(sven.locator("#current-job .good strong")).to_have_text("0")
        expect(ada.locator(".undo")).to_contain_text("Undone")
        assert errors == []
        assert errors_there == []


def test_two_good_pieces_are_two_taps(browser: Browser, site: Site, order_id: str) -> None:
    with tablet(browser, site, "ADA") as (ada, _, _errors):
        start(ada, order_id)
        for wanted in "12":
            ada.get_by_role("button", name="Good +1").tap()
            expect(ada.locator("#current-job .good strong")).to_have_text(wanted)


def test_scrap_is_reported_by_one_tap_on_its_reason(browser: Browser, site: Site, order_id: str) -> None:
    with tablet(browser, site, "ADA") as (ada, _, errors):
        start(ada, order_id)
        ada.get_by_role("link", name="Scrap").tap()
        dialog = ada.get_by_role("dialog", name="Report scrap")
        expect(dialog).to_be_visible()
        dialog.locator("[data-key='2']").tap()
        dialog.get_by_role("button", name="Scratched").tap()
        expect(dialog).to_be_hidden()
        expect(ada.locator(".undo")).to_contain_text("2 pieces scrapped")
        expect(ada.locator("#current-job .facts dd").first).to_have_text("2")
        assert errors == []


def test_a_second_tap_elsewhere_is_told_kindly(browser: Browser, site: Site, order_id: str) -> None:
    with tablet(browser, site, "ADA") as (ada, _, _errors):
        form = ada.locator(f"form[action$='/start']:has([name=job_id][value='{order_id}-BENCH'])")
        form.evaluate("form => { form.elements.version.value = 0; form.requestSubmit(); }")  # before a frame renews it
        expect(ada.locator("#notices .problem")).to_contain_text("Somebody else was faster")
        ada.locator("#notices .problem").tap()
        expect(ada.locator("#notices .problem")).to_have_count(0)


def test_a_lost_connection_is_said_and_made_good(browser: Browser, site: Site, order_id: str) -> None:
    with tablet(browser, site, "ADA") as (ada, context, _errors):
        expect(ada.locator("#net")).to_be_hidden()
        context.set_offline(True)
        expect(ada.locator("#net")).to_contain_text("No connection", timeout=15_000)
        expect(ada.locator("html")).to_have_attribute("data-net", "off")
        context.set_offline(False)
        expect(ada.locator("html")).to_have_attribute("data-net", "live", timeout=15_000)
        expect(ada.locator("#net")).to_be_hidden()


def test_where_no_socket_gets_through_the_page_follows_by_plain_requests(
    browser: Browser, site: Site, order_id: str
) -> None:
    with tablet(browser, site, "ADA") as (ada, _, _errors):
        ada.route_web_socket("**/live*", lambda socket: socket.close(code=1013))
        ada.reload()
        expect(ada.locator("html")).to_have_attribute("data-net", "slow", timeout=15_000)
        with site.client("SVEN") as sven:
            job = next(job for job in site.jobs(BENCH) if job.operations_request_id == order_id)
            sven.post(f"/s/{BENCH}/start", data={"job_id": job.job_id, "version": job.version})
        expect(ada.locator("#current-job .kicker")).to_contain_text(order_id, timeout=15_000)
        expect(ada.locator("#current-job .pill")).to_contain_text("Running", timeout=15_000)
        expect(ada.get_by_text("No connection")).to_be_hidden()


def test_a_page_is_live_however_slow_one_of_its_scripts_comes(browser: Browser, site: Site) -> None:
    """Without ours it missed the first frame; htmx began without its socket extension, and the page was never live."""
    with tablet(browser, site, "ADA") as (ada, context, _errors):
        for script in ("live.js", "hx-ws.min.js"):
            context.route(f"**/{script}*", lambda route: (ada.wait_for_timeout(700), route.continue_()), times=1)
            ada.reload()
            expect(ada.locator("html")).to_have_attribute("data-net", "live")


def test_a_page_whose_socket_never_began_follows_by_plain_requests(browser: Browser, site: Site) -> None:
    with tablet(browser, site, "ADA") as (ada, context, _errors):
        context.route("**/hx-ws.min.js*", lambda route: route.abort())
        ada.reload()
        expect(ada.locator("html")).to_have_attribute("data-net", "slow", timeout=15_000)


def test_whoever_is_signed_out_is_asked_to_sign_in(browser: Browser, site: Site) -> None:
    with tablet(browser, site, "ADA") as (ada, context, _errors):
        context.clear_cookies()
        ada.reload()
        expect(ada).to_have_url(f"{site.address}/signin?next=/s/{BENCH}")
