"""The story: an order from the ERP to the packing bench and back, on real screens, exact against the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, expect

from mes.access.types import Role
from tests.journeys.accounts import Accounts
from tests.journeys.factory_in_a_box import Box, factory_in_a_box
from tests.journeys.screens import LONG_MS, Screen, signed_in

pytestmark = [
    pytest.mark.journey,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
SPEED: Final = 20.0
ORDER: Final = "PO-2001"
SMT, PACK = "SMT-1", "PACK-1"
MACHINES: Final = (SMT, "DEPANEL-1", "TEST-1")
PACKED: Final = 41


LONG: Final = pytest.mark.long


@pytest.mark.parametrize(
    ("engine", "seed"),
    [
        ("sqlite", "drawn"),
        pytest.param("postgresql", 12, marks=LONG),
        pytest.param("sqlite", 11, marks=LONG),
        pytest.param("sqlite", 13, marks=LONG),
        pytest.param("postgresql", "drawn", marks=LONG),
    ],
    indirect=["seed"],
)
async def test_an_order_goes_through_the_plant_and_back(
    tmp_path: Path, browser: Browser, engine: str, engine_url: str | None, seed: int
) -> None:
    async with factory_in_a_box(tmp_path / "box", seed=seed, speed=SPEED, database_url=engine_url, asks=True) as box:
        story = Story(box, browser)
        async with story.everybody_at_their_screens():
            await story.the_erp_posts_twice_and_once_something_else()
            await story.the_supervisor_releases()
            await story.silence_is_shown_as_unknown()
            await story.counts_move_live_and_the_operator_acts()
            await story.machines_finish()
            await story.the_bench_packs()
            await story.all_accounts_agree()
            await story.a_correction_makes_a_new_version()
            await story.nobody_reloaded()


class Story:
    """One chapter a method."""

    station: Screen
    board: Screen
    wall: Screen

    def __init__(self, box: Box, browser: Browser) -> None:
        self.box, self.browser = box, browser
        self.accounts = Accounts(box)

    @asynccontextmanager
    async def everybody_at_their_screens(self) -> AsyncIterator[None]:
        """An operator at the line, the supervisor at the board, a wall that nobody touches."""
        async with AsyncExitStack() as stack:

            async def at(role: Role, path: str, device: str) -> Screen:
                return await stack.enter_async_context(signed_in(self.browser, self.box, role, path, device))

            self.station = await at(Role.operator, f"/s/{SMT}", "tablet")
            self.board = await at(Role.supervisor, "/board", "desk")
            self.wall = await at(Role.operator, "/wall/ELECTRONICS", "tv")
            yield

    async def the_erp_posts_twice_and_once_something_else(self) -> None:
        body = {"id": ORDER, "material_id": "CB-100", "quantity": "50"}
        first, again = [await self.box.erp.post("/api/v1/operations-requests", json=body) for _ in range(2)]
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json() == {**first.json(), "created": False}
        other = await self.box.erp.post("/api/v1/operations-requests", json={**body, "quantity": "60"})
        assert (other.status_code, other.json()["code"]) == (409, "operations-request-differs")
        jobs = await self.box.jobs(ORDER)
        assert {place: Decimal(job["quantity"]) for place, job in jobs.items()} == {
            SMT: 56,
            "DEPANEL-1": 56,
            "TEST-1": 50,
            PACK: 50,
        }

    async def the_supervisor_releases(self) -> None:
        """It appears on the board by itself; a tap permits all four jobs; only the machine's word makes one run."""
        order = self.board.at("article.order", ORDER)
        await order.locator("form[action='/board/release'] button").click(timeout=LONG_MS)
        await expect(order.locator("form[action='/board/release']")).to_have_count(0, timeout=LONG_MS)
        await self.station.shows("#current-job", ORDER)
        await self.station.shows("#current-job .pill", "Running")
        assert (await self.box.control(op="status"))["targets"][SMT]["job"] == (await self.box.jobs(ORDER))[SMT]["id"]

    async def silence_is_shown_as_unknown(self) -> None:
        """The cable is pulled: the screens say unknown, and since when; plugged in, they know again."""
        self.box.cable.pull()
        await self.station.shows("#machine-state", "Unknown")
        await self.station.shows("#machine-state .age", "s")
        await expect(self.wall.at(".tile", "Unknown").first).to_be_visible(timeout=LONG_MS)
        self.box.cable.plug_in()
        await expect(self.station.at("#machine-state")).not_to_contain_text("Unknown", timeout=LONG_MS)

    async def counts_move_live_and_the_operator_acts(self) -> None:
        good = self.station.at("#current-job .good strong")
        await expect(good).not_to_have_text("0", timeout=LONG_MS)
        await self.station.tap("Pause")
        await self.station.shows("#current-job .pill", "Paused")
        await self._scrap_two()
        await self.station.tap("Resume")
        await self.station.shows("#current-job .pill", "Running")

    async def _scrap_two(self) -> None:
        scrap = self.station.at("#current-job .facts dd").first
        before = int(await scrap.inner_text())
        self.accounts.moved[(await self.box.jobs(ORDER))[SMT]["id"]] = 2
        await self.station.page.get_by_role("link", name="Scrap").tap()
        dialog = self.station.page.get_by_role("dialog", name="Report scrap")
        await dialog.locator("[data-key='2']").tap(timeout=LONG_MS)
        await dialog.get_by_role("button", name="Damaged in handling").tap()
        await expect(dialog).to_be_hidden(timeout=LONG_MS)
        await expect(scrap).to_have_text(str(before + 2), timeout=LONG_MS)

    async def machines_finish(self) -> None:
        for place in MACHINES:
            job = await self.box.job_in(ORDER, place, "Ended")
            good, planned = (int(Decimal(job[name])) for name in ("quantity_good", "quantity"))
            await self.board.shows_counts(ORDER, job)
            await expect(self.wall.at("#wall-orders li", place).first).to_contain_text(
                f"{good}/{planned}", timeout=LONG_MS
            )

    async def the_bench_packs(self) -> None:
        """No machine here: what people say is what is counted."""
        async with signed_in(self.browser, self.box, Role.operator, f"/s/{PACK}", "tablet") as bench:
            await bench.tap("Start")
            await bench.shows("#current-job .pill", "Running")
            await bench.tap("Good +1")
            await bench.shows("#current-job .good strong", "1")
            await bench.page.get_by_role("link", name="Good + …").tap()
            dialog = bench.page.get_by_role("dialog")
            for digit in str(PACKED - 1):
                await dialog.locator(f"[data-key='{digit}']").tap(timeout=LONG_MS)
            await dialog.locator("button.primary").tap()
            await bench.shows("#current-job .good strong", str(PACKED))
            await bench.tap("Complete")
            await bench.shows(".undo", "Job completed")
            await bench.never_reloaded()
        job = await self.box.job_in(ORDER, PACK, "Ended")
        self.accounts.bench = {(job["id"], "good"): Decimal(PACKED), (job["id"], "scrap"): Decimal(0)}

    async def all_accounts_agree(self) -> None:
        await self.accounts.agree()
        states = {job["job_state"] for job in (await self.box.jobs(ORDER)).values()}
        assert states == {"Ended"}

    async def a_correction_makes_a_new_version(self) -> None:
        """A piece is called scrap after its job was reported: the ERP pulls one more version, and only of that job."""
        job_id = (await self.box.jobs(ORDER))["TEST-1"]["id"]
        versions = {job: len(told) for job, told in self.accounts.told.versions.items()}
        self.accounts.moved[job_id] = 1
        page = await self.station.page.context.new_page()
        await page.goto(f"/s/TEST-1/scrap?job_id={job_id}", timeout=LONG_MS)
        await page.get_by_role("button", name="Failed functional test").tap()
        await expect(page.locator("#notices")).to_contain_text("1 piece scrapped", timeout=LONG_MS)
        await self.accounts.agree()
        after = {job: len(told) for job, told in self.accounts.told.versions.items()}
        assert after == {**versions, job_id: versions[job_id] + 1}
        newest = self.accounts.told.versions[job_id][-1]["material_actual"][0]
        assert any(reason["reason_id"] == "FUNCTION" for reason in newest["scrap"]["reasons"])

    async def nobody_reloaded(self) -> None:
        for screen in (self.station, self.board, self.wall):
            await screen.never_reloaded()
