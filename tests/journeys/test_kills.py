"""Killed at every marked place, at random moments, with the cable pulled and machines restarted: the same totals."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.async_api import Browser

from mes.access.types import Role
from standards.isa95.job_control import InterruptedSubstate
from tests.journeys.accounts import Accounts
from tests.journeys.factory_in_a_box import CRASHED, LONG_S, Box, factory_in_a_box, until
from tests.journeys.screens import signed_in

pytestmark = [
    pytest.mark.journey,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
SPEED: Final = 20.0
SMT, TEST, AOI = "SMT-1", "TEST-1", "SMT-1-AOI"
FINAL: Final = ("Ended", "Aborted")
ANSWERED_WITHIN_S: Final = 1.5
"""Between two taps: the machine answers within a second."""
MACHINES: Final = (SMT, "DEPANEL-1", TEST)
BRIDGE_POINTS: Final = ("after-receive-before-journal", "after-journal-before-ack", "after-uplink-before-forget")
SERVER_POINTS: Final = ("before-commit", "after-commit-before-answer")
COMMAND_POINTS: Final = ("after-command-intent", "after-command-executed")
RANDOM_KILLS: Final = 5
MANY_KILLS: Final = 50
BATCH: Final = 3
"""A commit or a message soon after the start, not always the first."""


@pytest.mark.parametrize(
    ("engine", "seed", "whose"), [("sqlite", 21, "bridge"), ("postgresql", "drawn", "server")], indirect=["seed"]
)
async def test_killed_at_every_marked_place_and_at_random_moments(
    tmp_path: Path, browser: Browser, engine: str, engine_url: str | None, seed: int, whose: str
) -> None:
    """Each at its own places once, both at random moments on both databases; all on both: `make test-long`."""
    await run_killed(tmp_path / "box", browser, engine_url, seed, places=[whose], random_kills=RANDOM_KILLS)


@pytest.mark.long
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
@pytest.mark.parametrize("seed", [31, 32, "drawn"], indirect=True)
async def test_killed_again_and_again(
    tmp_path: Path, browser: Browser, engine: str, engine_url: str | None, seed: int
) -> None:
    await run_killed(tmp_path / "box", browser, engine_url, seed, places=["bridge", "server"], random_kills=MANY_KILLS)


async def run_killed(
    folder: Path, browser: Browser, database_url: str | None, seed: int, *, places: Sequence[str], random_kills: int
) -> None:
    """Under the eyes of a board that is loaded once: whatever is killed, it comes back and tells the truth."""
    chance = random.Random(seed)
    async with (
        factory_in_a_box(folder, seed=seed, speed=SPEED, database_url=database_url) as box,
        box.person(Role.supervisor) as desk,
        box.person(Role.operator) as hand,
        signed_in(browser, box, Role.supervisor, "/board", "desk") as board,
    ):
        accounts, work = Accounts(box), Work(box, desk, hand)
        await work.more()
        await box.job_in(work.orders[0], SMT, "Running", "Ended")
        if "bridge" in places:
            await bridge_at_its_places(box, work, chance)
        if "server" in places:
            await server_at_its_places(box, chance)
        await at_random_moments(box, work, chance, random_kills)
        await work.done()
        await accounts.agree()
        await board.is_live_still()
        jobs = await box.jobs(work.orders[0])
        for machine in MACHINES:
            await board.shows_counts(work.orders[0], jobs[machine])


class Work:
    """Orders in the plant, and the people who see to them."""

    def __init__(self, box: Box, desk: httpx.AsyncClient, hand: httpx.AsyncClient) -> None:
        self.box, self.desk, self.hand = box, desk, hand
        self.orders: list[str] = []

    async def more(self) -> str:
        order_id = f"PO-{len(self.orders) + 1}"
        await self.box.order(order_id)
        await self.box.release(self.desk, order_id)
        self.orders.append(order_id)
        return order_id

    async def open_jobs(self) -> list[dict[str, Any]]:
        """Of machines, and not ended."""
        jobs = (await self.box.jobs()).values()
        return [job for job in jobs if job["equipment_id"] in MACHINES and job["job_state"] not in FINAL]

    async def keep_up(self) -> None:
        """The line has work, so that there is something to lose."""

        async def at_the_line() -> int:
            return 1 + sum(job["equipment_id"] == SMT for job in await self.open_jobs())

        if await until(at_the_line, "the jobs can be read") < 2:
            await self.more()

    async def tap(self) -> None:
        """An operator pauses or resumes at the line: a command for its machine, and not the next one at once."""
        acts = {("Running", 0): "pause", ("Interrupted", InterruptedSubstate.Suspended): "resume"}
        for job in await self.open_jobs():
            act = acts.get((job["job_state"], job["job_substate"]))
            if act and job["equipment_id"] == SMT:
                form = {"job_id": job["id"], "version": str(job["version"])}
                answer = await self.hand.post(f"/s/{SMT}/{act}", data=form)
                assert answer.status_code in (303, 409, 503), answer.text
                await asyncio.sleep(ANSWERED_WITHIN_S)

    async def nothing_paused(self) -> bool:
        """What an operator paused goes on, or is told to."""
        paused = [
            job
            for job in await self.open_jobs()
            if (job["job_state"], job["job_substate"]) == ("Interrupted", InterruptedSubstate.Suspended)
        ]
        for job in paused:
            form = {"job_id": job["id"], "version": str(job["version"])}
            await self.hand.post(f"/s/{job['equipment_id']}/resume", data=form)
            await asyncio.sleep(ANSWERED_WITHIN_S)
        return not paused

    async def done(self) -> None:
        """All machines have ended."""

        async def still_open() -> list[tuple[Any, ...]]:
            await self.nothing_paused()
            fields = ("id", "job_state", "job_substate", "dispatch_status", "quantity_good")
            return [tuple(job[field] for field in fields) for job in await self.open_jobs()]

        await until(still_open, "all jobs at machines have ended", holds=lambda jobs: not jobs, within_s=2 * LONG_S)


async def bridge_at_its_places(box: Box, work: Work, chance: random.Random) -> None:
    for point in BRIDGE_POINTS:
        await box.bridge.crashed_at(f"{point}#{chance.randint(1, BATCH)}")
    for point in COMMAND_POINTS:
        await until(box.bridge_is_well, "the bridge is well")
        await at_a_command(box, work, point)


async def server_at_its_places(box: Box, chance: random.Random) -> None:
    for point in SERVER_POINTS:
        await box.server.crashed_at(f"{point}#{chance.randint(1, BATCH)}")
        await until(box.is_ready, "the server is ready again")


async def at_a_command(box: Box, work: Work, point: str) -> None:
    """The bridge dies while it carries out a command, whether a tap made it or the next job's turn."""
    await box.bridge.armed(point)

    async def came() -> bool:
        if box.bridge.ends[-1] == CRASHED:
            return True
        await work.keep_up()
        await work.tap()
        return False

    await until(came, f"a command comes, and the bridge to {point}")
    await box.bridge.came_to_it(point)


async def at_random_moments(box: Box, work: Work, chance: random.Random, kills: int) -> None:
    """`kill -9` of server or bridge, and the cable pulled twice in between."""
    pulls = set(chance.sample(range(kills), 2))
    for number in range(kills):
        await until(work.nothing_paused, "nothing is paused")
        await work.keep_up()
        if number in pulls:
            await pulled(box, chance.uniform(1.0, 8.0))
        await asyncio.sleep(chance.uniform(0.0, 2.5))
        await chance.choice((box.server, box.bridge)).killed()


async def pulled(box: Box, seconds: float) -> None:
    box.cable.pull()
    await asyncio.sleep(seconds)
    box.cable.plug_in()


@pytest.mark.journey(turns="machines")
@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("seed", ["drawn"], indirect=True)
async def test_a_machine_restarts_in_sight_and_out_of_sight(
    tmp_path: Path, engine: str, engine_url: str | None, seed: int
) -> None:
    """In sight every count is known. Out of sight, its server's queues lost: an interval that holds the truth."""
    async with (
        factory_in_a_box(tmp_path / "box", seed=seed, speed=SPEED, database_url=engine_url, disturbances=0) as box,
        box.person(Role.supervisor) as desk,
        box.person(Role.operator) as hand,
    ):
        accounts, work = Accounts(box), Work(box, desk, hand)
        seen = await work.more()
        await counted(box, seen)
        await box.control(op="restart-machine", equipment=AOI)
        await work.done()
        await accounts.agree()
        unseen = await work.more()
        await counted(box, unseen)
        box.cable.pull()
        await counts_more(box)
        await box.control(op="restart-machine", equipment=AOI)
        await counts_more(box)
        await box.simulator.killed()
        await until(lambda: counts(box), "the factory is back", holds=lambda n: n >= 0)
        box.cable.plug_in()
        await work.done()
        await accounts.agree(exact=False)
        claims = [
            claim for claims in (await accounts.counted(), await accounts.unassigned()) for claim in claims.values()
        ]
        assert not all(claim.exact for claim in claims), "what nobody could see is claimed to be known"


async def counted(box: Box, order_id: str) -> None:
    """The MES has the first pieces of an order at the line."""

    async def good() -> Decimal:
        return Decimal((await box.jobs(order_id))[SMT]["quantity_good"])

    await until(good, f"{order_id} has pieces at {SMT}")


async def counts_more(box: Box) -> None:
    """The machine itself counts on, whoever sees it."""
    before = await counts(box)
    await until(lambda: counts(box), f"{AOI} counts", holds=lambda n: n != before)


async def counts(box: Box) -> int:
    """What the machine's own counter shows."""
    return int((await box.control(op="status"))["machines"][AOI]["counters"]["GoodCount"])
