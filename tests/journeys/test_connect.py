"""From the address of a machine nobody knows to a counter that counts on its station: no node id is typed.

The factory runs as three processes; the machine beside it is another OPC UA server, with a certificate of its own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from asyncua import ua
from playwright.async_api import Browser, expect

from mes.access.types import Role
from tests.journeys.factory_in_a_box import factory_in_a_box
from tests.journeys.screens import LONG_MS, Screen, signed_in
from tests.opcua_bridge.support import Machine
from tests.opcua_bridge.test_security import secured

pytestmark = [
    pytest.mark.long,
    pytest.mark.journey(turns="machines"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
STATION: Final = "PACK-1"
WATCHED: Final = re.compile("did not change in (59|60) s .*is the machine running")


@asynccontextmanager
async def labeller(folder: Path) -> AsyncIterator[Machine]:
    """A machine that counts two pieces a second, has a state, a temperature and a variable that nobody may read."""
    async with secured(folder) as it:
        await it.add("Labeller.GoodCount", 4_000, ua.VariantType.UInt32)
        await it.add("Labeller.State", 6, ua.VariantType.Int32)
        await it.add("Labeller.Temperature", 41.5, ua.VariantType.Double)

        async def work() -> None:
            for piece in range(1, 100_000):
                await it.write("Labeller.GoodCount", 4_000 + piece)
                await it.write("Labeller.Temperature", 41.5 + piece % 7 / 10)
                await asyncio.sleep(0.5)

        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(work())
            try:
                yield it
            finally:
                working.cancel()


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_from_an_address_to_a_counter_that_counts(
    tmp_path: Path, browser: Browser, engine: str, engine_url: str | None
) -> None:
    async with (
        labeller(tmp_path) as machine,
        factory_in_a_box(tmp_path / "box", seed=7, speed=1.0, database_url=engine_url) as box,
        signed_in(browser, box, Role.engineer, "/bridges", "desk") as screen,
        signed_in(browser, box, Role.operator, f"/s/{STATION}", "tablet") as station,
    ):
        await begin(screen, machine.url)
        await approve(screen)
        await choose(screen)
        await watch(screen)
        await use(screen)
        counted = station.at("#unassigned-counts")
        await expect(counted).to_be_visible(timeout=LONG_MS)
        first = await counted.inner_text()
        await expect(counted).not_to_have_text(first, timeout=LONG_MS)
        assert screen.errors == station.errors == []


async def begin(screen: Screen, url: str) -> None:
    page = screen.page
    await page.get_by_role("link", name="Set up a machine").click()
    await page.get_by_label("Address of the machine").fill(url)
    await page.get_by_label("Station it belongs to").select_option(STATION)
    await page.get_by_label("Name of the machine").fill("LABELLER")
    await page.get_by_role("button", name="Look at the machine").click()


async def approve(screen: Screen) -> None:
    """The machine shows a certificate; it is approved, and the edge box looks again."""
    page = screen.page
    await screen.shows("#machine-setup", "nobody has approved yet")
    here = page.url
    await page.get_by_role("link", name="Look at its certificate").click()
    await page.locator("a.cert", has_text="Waiting").click(timeout=LONG_MS)
    await page.get_by_role("button", name="approve").click()
    await expect(page.locator("a.cert", has_text="Trusted")).to_be_visible(timeout=LONG_MS)
    await page.goto(here)
    await page.get_by_role("button", name="Look again").click()
    await screen.shows("#machine-setup", "Signals proposed")


async def choose(screen: Screen) -> None:
    """The counter was proposed and is selected; the temperature is found by hand in the tree."""
    page = screen.page
    await page.get_by_role("link", name="Choose signals").click(timeout=LONG_MS)
    await expect(page.get_by_label("What Labeller.GoodCount is")).to_have_value("good")
    await page.get_by_label("What Labeller.State is").select_option("state")
    await page.get_by_label("What Labeller.Temperature is").select_option("")
    await page.get_by_role("button", name="Take what is selected").click()
    await page.get_by_role("button", name="Browse by hand").click()
    await page.get_by_role("button", name="Machine").click(timeout=LONG_MS)
    await page.get_by_role("button", name="Add Labeller.Temperature").click(timeout=LONG_MS)
    await page.get_by_role("button", name="Take what is selected").click()
    await expect(page.locator(".chosen li")).to_have_count(3)


async def watch(screen: Screen) -> None:
    page = screen.page
    await page.get_by_role("button", name="Watch for 60 s").click()
    await page.reload()
    await expect(page.locator(".chosen li", has_text="State")).to_contain_text(WATCHED, timeout=LONG_MS)
    await expect(page.locator(".chosen li", has_text="GoodCount")).to_contain_text("by 1 each time")
    await expect(page.locator(".chosen li", has_text="Temperature")).to_contain_text("like a measurement")


async def use(screen: Screen) -> None:
    """Kept as a template first, for the machine beside it."""
    page = screen.page
    here = page.url
    await page.get_by_label("Name of the template").fill("labeller")
    await page.get_by_role("button", name="Keep as template").click()
    await expect(page.get_by_label("Like another machine")).to_contain_text("labeller")
    await page.goto(here)
    await page.get_by_role("button", name="Into use").click()
    await screen.shows("#machine-setup", "In use: the edge box follows these signals")
