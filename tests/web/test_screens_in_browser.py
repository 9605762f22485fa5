"""Every screen in Chromium, on the devices it is made for: axe, touch targets, no sideways scrolling, no error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.chromium import launch_options
from tests.web.screens import PAGES, page_of, served

pytestmark = pytest.mark.browser

MIN_TARGET = 64
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],  # what passes is counted, not described: half the time
}
SMALL = """min => [...document.querySelectorAll('button,a,input:not([type=hidden]),select')]
  .filter(e => e.offsetParent && getComputedStyle(e).visibility !== 'hidden')
  .map(e => [e.innerText.trim().slice(0, 24) || e.getAttribute('aria-label') || e.name, e.getBoundingClientRect()])
  .filter(([, r]) => r.height < min || r.width < min)
  .map(([name, r]) => `${name} ${Math.round(r.width)}x${Math.round(r.height)}`)"""
CUT = """() => [...document.querySelectorAll('.tile, .worders, .totals, .quiet li, .step, .facts dd, .lead, .big')]
  .filter(e => e.scrollWidth > e.clientWidth + 1
    || (e.matches('.tile, .worders') && e.scrollHeight > e.clientHeight + 1))
  .map(e => e.innerText.slice(0, 40))"""
OVERLAID = """() => [...document.querySelectorAll('.order h2 a, .kan h3 a, .turn-name a')].filter(e => {
  const text = document.createRange();
  text.selectNodeContents(e);
  const below = e.nextElementSibling || e.parentElement.nextElementSibling;
  return below && text.getBoundingClientRect().bottom > below.getBoundingClientRect().top + 1;
}).map(e => e.innerText)"""
SAID_PX = "parseFloat(getComputedStyle(document.querySelector('.tile .state, .calm-word b')).fontSize)"
WALLS = [name for name in PAGES if name.startswith("wall")]
STATIONS = "station interval bench unknown scrap".split()
ACTING = [
    *"station interval bench bench-ready paused held unknown scrap good receive-found".split(),
    *("instruction", "instruction-text", "instruction-pdf"),
]
ELSEWHERE = (
    *"account account-codes tokens tokens-none badges-none access-places-none access-elsewhere-none".split(),
    *"scan-mounted scan-slot scan-wrong scan-into scan-carton-empty".split(),
    *"scan-occupied scan-nothing scan-unit-long".split(),
)
"""Like another one, or looked at on another device."""
TABLET = [name for name in PAGES if name not in (*WALLS, *ELSEWHERE)]
LONG_WORDS = [name for name in TABLET if name.endswith("-long")]
OF_TEMPLATE = {PAGES[name]()[0]: name for name in [*reversed(TABLET), *LONG_WORDS]}
FIRST = {*OF_TEMPLATE.values(), *STATIONS}
"""A state of each screen, with long words where it has one, and more of the station; the others in `make test-long`."""
LOOKS = [
    *((name, "tablet", "light", "en") for name in TABLET if name in FIRST),
    *((name, "tv", "light", "en") for name in WALLS[:2]),
    *((name, "tv", "dark", "de") for name in WALLS[2:]),
    *((name, "tablet", "dark", "de") for name in ("station", "board")),
    *((name, "phone", "light", "qps-ploc") for name in ("scan-unit-long", "board", "order", "scrap")),
    *((name, "desk", "dark", "de") for name in ("gantt", "patterns", "trace-drawing")),
    *((name, "upright", "light", "qps-ploc") for name in ("interval", "signin")),
]
MORE_LOOKS = [
    *((name, "tablet", "light", "en") for name in TABLET if name not in FIRST),
    *((name, "tablet", "dark", "de") for name in ("bench", "scrap")),
    ("station", "phone", "light", "qps-ploc"),
    *((name, "desk", "dark", "de") for name in ("order", "bridges", "endpoint-unwell")),
    *(
        (name, "phone", "dark", "de")
        for name in ("instruction", "instruction-long", "routing-draft", "routing-long", "course-long")
    ),
    *((name, "phone", "light", "qps-ploc") for name in ("bench-ready", "routings", "routing-step", "allow", "course")),
    *((name, "phone", "light", "qps-ploc") for name in ("recipe", "recipe-refused", "recipes")),
    *((name, "desk", "dark", "de") for name in ("recipe-change", "recipe-refused", "recipe-long")),
    *((name, "desk", "dark", "de") for name in ("instruction-pdf", "routings", "routing-later")),
    ("routing-step-refused", "desk", "dark", "de"),
    *((name, "phone", "light", "qps-ploc") for name in ("bridges", "bridges-long", "endpoint-long")),
    *(
        (name, "phone", "light", "qps-ploc")
        for name in ("certificates", "certificate-long", "connect", "setup-watched")
    ),
    *((name, "phone", "light", "qps-ploc") for name in ("order-troubled", "kanban-long", "dispatch", "change")),
    *((name, "desk", "dark", "de") for name in ("order-troubled", "kanban", "dispatch", "job-running")),
    *((name, "phone", "dark", "de") for name in ("gantt-long", "job-running", "change-over")),
    *((name, "phone", "dark", "de") for name in ("setup-long", "signals-long", "tree-long", "certificates-long")),
    *((name, "desk", "dark", "de") for name in ("certificates", "certificate", "setup-refused", "signals", "tree")),
    *((name, "phone", "light", "qps-ploc") for name in ("receive-wrong", "receive-label", "lots", "lot-over")),
    *((name, "phone", "dark", "de") for name in ("scan", "scan-unit-long", "scan-wrong-pin", "scan-nothing")),
    *((name, "upright", "light", "qps-ploc") for name in ("scan-unit-failed", "scan-carton-empty", "scan-occupied")),
    *(
        (name, "phone", "light", "qps-ploc")
        for name in ("trace-long", "trace-unit-long", "recall-review", "shared-found")
    ),
    *((name, "desk", "dark", "de") for name in ("trace-unit", "recall-done", "recall", "recall-released")),
    *((name, "phone", "light", "qps-ploc") for name in ("recall-holds", "recall-released", "routing-tolerance")),
    *((name, "phone", "dark", "de") for name in ("account-setting-up", "sign-ins", "tokens-shown", "access-policy")),
    *(
        (name, "phone", "light", "qps-ploc")
        for name in ("imports", "import-waiting", "webhooks", "reconciliation", "erp")
    ),
    *((name, "desk", "dark", "de") for name in ("import-waiting", "webhook", "erp", "reconciliation-lots")),
    *((name, "desk", "dark", "de") for name in ("receive-found", "receive-wrong", "receive-done", "lots", "lot")),
]
"""The same screens on their other devices, in another light and language: `make test-long`."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served() as address:
        yield address


Open = Callable[[str], tuple[Page, list[str]]]


@pytest.fixture(scope="module")
def kept_open(browser: Browser) -> Iterator[Open]:
    """The one page of a device: a new one takes longer than what is looked at on it."""
    with ExitStack() as pages:
        yield cache(lambda device: pages.enter_context(page_of(browser, device)))


def group_of(device: str) -> pytest.MarkDecorator:
    return pytest.mark.xdist_group("tablets" if device == "tablet" else "other-devices")


@pytest.mark.parametrize(
    ("name", "device", "theme", "language"),
    [
        *(pytest.param(*look, marks=group_of(look[1])) for look in LOOKS),
        *(pytest.param(*look, marks=[group_of(look[1]), pytest.mark.long]) for look in MORE_LOOKS),
    ],
    ids=str,
)
def test_a_screen_can_be_used_by_everybody(
    kept_open: Open, address: str, name: str, device: str, theme: str, language: str
) -> None:
    page, errors = kept_open(device)
    errors.clear()
    page.goto(f"{address}/{name}?theme={theme}&language={language}")
    found = Axe().run(page, options=AXE).response["violations"]
    assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in found] == []
    size = page.viewport_size  # a telephone's innerWidth grows with what it shows
    assert size
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], "it scrolls sideways"
    assert page.evaluate(CUT) == []
    assert page.evaluate(OVERLAID) == []
    if name not in WALLS:
        assert page.evaluate(SMALL, MIN_TARGET) == []
    assert errors == []


@pytest.mark.xdist_group("tablets")
@pytest.mark.parametrize("name", ACTING)
def test_the_main_actions_need_no_scrolling_on_a_tablet(kept_open: Open, address: str, name: str) -> None:
    page, _ = kept_open("tablet")
    page.goto(f"{address}/{name}")
    bottom = page.evaluate(
        "Math.max(0, ...[...document.querySelectorAll('.big')].map(e => e.getBoundingClientRect().bottom))"
    )
    assert bottom <= 800


@group_of("any other")
def test_a_drawing_and_a_picture_are_shown_under_the_policy(browser: Browser, address: str) -> None:
    with page_of(browser, "tablet") as (page, errors):
        page.goto(f"{address}/instruction")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.querySelector('.shown img').naturalWidth") == 1
        page.goto(f"{address}/instruction-pdf")
        frame = page.locator("iframe").element_handle().content_frame()
        assert frame is not None
        assert "/documents/" in frame.url
        assert errors == []


@group_of("any other")
def test_a_wall_fits_its_screen(browser: Browser, address: str) -> None:
    for name in WALLS:
        with page_of(browser, "tv") as (page, _):
            page.goto(f"{address}/{name}?language=de")
            assert page.evaluate("document.documentElement.scrollHeight") <= 1080
            assert page.evaluate(SAID_PX) >= 40


@group_of("any other")
def test_the_head_of_a_wall_draws_only_what_has_room_and_always_the_stops(browser: Browser, address: str) -> None:
    for width in (1280, 1366, 1920, 3840):
        with page_of(browser, "tv") as (page, _):
            page.set_viewport_size({"width": width, "height": width * 9 // 16})
            page.goto(f"{address}/wall?language=de")
            clock = page.locator(".clock").bounding_box()
            head = page.locator(".totals").bounding_box()
            shown = [box for one in page.locator(".totals > div").all() if (box := one.bounding_box())]
            assert clock
            assert head
            inside = [box for box in shown if box["y"] < head["y"] + head["height"]]
            assert len(shown) == 7
            assert len(inside) >= 4
            assert inside[0] is shown[0]
            assert all(box["x"] + box["width"] <= clock["x"] for box in inside)


@group_of("any other")
def test_pin_keys_type_into_the_field(browser: Browser, address: str) -> None:
    with page_of(browser, "tablet") as (page, errors):
        page.goto(f"{address}/signin")
        for key in "4711":
            page.locator(f"[data-key='{key}']").tap()
        page.locator("[data-key=back]").tap()
        expect(page.locator("#pin")).to_have_value("471")
        expect(page.locator("#pin")).to_have_attribute("inputmode", "none")
        assert errors == []


@group_of("any other")
def test_the_quantity_keys_replace_the_one_that_stands_there(browser: Browser, address: str) -> None:
    with page_of(browser, "tablet") as (page, _):
        page.goto(f"{address}/scrap")
        quantity = page.locator("#quantity")
        page.locator("[data-step='1']").tap()
        expect(quantity).to_have_value("2")
        page.locator("[data-step='-1']").tap()
        page.locator("[data-step='-1']").tap()
        expect(quantity).to_have_value("1")
        page.locator("[data-key=clear]").tap()
        page.locator("[data-key='3']").tap()
        page.locator("[data-key='0']").tap()
        expect(quantity).to_have_value("30")


@group_of("any other")
def test_the_first_digit_replaces_the_proposal(browser: Browser, address: str) -> None:
    with page_of(browser, "tablet") as (page, _):
        page.goto(f"{address}/scrap")
        page.locator("[data-key='7']").tap()
        expect(page.locator("#quantity")).to_have_value("7")


@group_of("any other")
def test_ages_count_on_by_the_clock_of_the_server(browser: Browser, address: str) -> None:
    with page_of(browser, "tablet") as (page, _):
        page.goto(f"{address}/station")
        age = page.locator("#machine-state time")
        expect(age).to_have_text("12\u00a0min")
        page.clock.run_for(60_000)
        expect(age).to_have_text("13\u00a0min")


@group_of("any other")
def test_the_undo_bar_goes_when_its_time_is_over(browser: Browser, address: str) -> None:
    with page_of(browser, "tablet") as (page, _):
        page.goto(f"{address}/interval")
        expect(page.locator(".undo time")).to_have_text(re.compile("^[1-8]\u00a0s$"))
        page.clock.run_for(9_000)
        expect(page.locator(".undo")).to_have_count(0)


@group_of("any other")
def test_release_is_offered_only_to_those_who_may(browser: Browser, address: str) -> None:
    with page_of(browser, "desk") as (page, _):
        page.goto(f"{address}/board")
        expect(page.locator(".for-release").first).to_be_visible()
        without_permission(page)
        expect(page.locator(".for-release").first).to_be_hidden()


def without_permission(page: Page) -> None:
    page.evaluate("document.body.dataset.may = 'view-floor operate'")


@group_of("any other")
def test_no_connection_is_not_shown_where_nobody_said_so(browser: Browser, address: str) -> None:
    with page_of(browser, "tablet") as (page, _):
        page.goto(f"{address}/station")
        expect(page.get_by_text("No connection")).to_be_hidden()
