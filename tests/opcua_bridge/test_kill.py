"""The bridge killed with -9, at marked places and at any moment: nothing lost, nothing twice, order kept."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from pathlib import Path

import pytest

from opcua_bridge.health import read_status
from tests.opcua_bridge.job_machine import TARGET as RECEIVER_TARGET
from tests.opcua_bridge.job_machine import receiver_machine
from tests.opcua_bridge.support import BridgeProcess, Mes, Network, bridge_environment, machine, tag_map_text, until
from tests.opcua_bridge.test_commander import TARGET, job, job_machine
from tests.opcua_bridge.test_source import COUNT, Ticking, exact

CRASH_POINTS = ("after-receive-before-journal", "after-journal-before-ack", "after-uplink-before-forget")


async def test_killed_at_each_marked_place_nothing_is_lost_and_nothing_comes_twice(tmp_path: Path, mes: Mes) -> None:
    async with machine(COUNT) as it:
        environment = bridge_environment(tmp_path, mes.url, tag_map_text(it.url, {"Count": "counter"}))
        async with BridgeProcess(environment) as bridge:
            await bridge.start()
            await until(lambda: mes.good("Count"))
            async with Ticking(it) as counter:
                await bridge.kill()
                for place in CRASH_POINTS:
                    await bridge.start(LINESIDE_CRASH_AT=f"{place}#4")
                    assert await bridge.died() == 137
                await bridge.start()
                await until(lambda: mes.good("Count")[-1] > counter.value - 100, timeout_s=30)
            await exact(mes, counter.value)
        assert not mes.gaps()


async def _killed_at_random(folder: Path, mes: Mes, seed: int, rounds: int, *, cable_as_well: bool = False) -> None:
    chance = random.Random(seed)
    logging.getLogger("tests").warning("seed %d", seed)
    async with machine(COUNT) as it, Network(it.port) as network:
        tag_map = tag_map_text(network.url, {"Count": "counter"})
        async with BridgeProcess(bridge_environment(folder, mes.url, tag_map)) as bridge:
            await bridge.start()
            await until(lambda: mes.good("Count"))
            async with Ticking(it) as counter:
                for _ in range(rounds):
                    await asyncio.sleep(chance.uniform(0.1, 2.5))
                    if cable_as_well:
                        network.cut()
                        await asyncio.sleep(chance.uniform(0.0, 0.4))
                    mes.lose_answers = chance.choice((0, 1))
                    await bridge.kill()
                    await bridge.start()
                await until(lambda: mes.good("Count")[-1] > counter.value - 100, timeout_s=30)
            await exact(mes, counter.value)
        assert not mes.gaps()


async def test_killed_at_random_moments(tmp_path: Path, mes: Mes) -> None:
    await _killed_at_random(tmp_path, mes, random.randrange(2**32), 3)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, random.randrange(2**32)], ids=["1", "2", "drawn"])
async def test_killed_many_times_with_the_cable_pulled_as_well(tmp_path: Path, mes: Mes, seed: int) -> None:
    await _killed_at_random(tmp_path, mes, seed, 25, cable_as_well=True)


@pytest.mark.parametrize(
    ("place", "outcome", "executed"), [("after-command-intent", "failed", 0), ("after-command-executed", "done", 1)]
)
async def test_a_command_cut_short_by_kill_is_done_at_most_once(
    tmp_path: Path, mes: Mes, place: str, outcome: str, executed: int
) -> None:
    async with job_machine() as it:
        tag_map = tag_map_text(
            it.url, {"M.Remote": "state"}, extra=TARGET.replace("ack_timeout_s = 5", "ack_timeout_s = 1")
        )
        async with BridgeProcess(bridge_environment(tmp_path, mes.url, tag_map)) as bridge:
            await bridge.start(LINESIDE_CRASH_AT=place)
            await until(lambda: mes.good("M.Remote"), timeout_s=30)
            mes.command("c-1", "job", job())
            assert await bridge.died() == 137
            await bridge.start()
            await until(lambda: mes.results, timeout_s=40)
            assert mes.results["c-1"]["outcome"] == outcome
            assert len(it.executed) == executed


@pytest.mark.parametrize(
    ("place", "outcome", "calls"),
    [("after-command-intent", "failed", []), ("after-command-executed", "done", [("StoreAndStart", "J-1")])],
)
async def test_a_method_call_cut_short_by_kill_is_made_at_most_once(
    tmp_path: Path, mes: Mes, place: str, outcome: str, calls: list[tuple[str, str]]
) -> None:
    async with receiver_machine() as it:
        tag_map = tag_map_text(it.it.url, {"M.Remote": "state"}, extra=RECEIVER_TARGET)
        async with BridgeProcess(bridge_environment(tmp_path, mes.url, tag_map)) as bridge:
            await bridge.start(LINESIDE_CRASH_AT=place)
            await until(lambda: mes.good("M.Remote"), timeout_s=30)
            mes.command("c-1", "job", job())
            assert await bridge.died() == 137
            await bridge.start()
            await until(lambda: mes.results, timeout_s=40)
            assert mes.results["c-1"]["outcome"] == outcome
            assert it.calls == calls


async def test_killed_while_the_machine_does_it_the_list_says_what_became_of_it(tmp_path: Path, mes: Mes) -> None:
    """Between the call and its answer: the job is in the machine's list, and is not put there twice."""
    async with receiver_machine() as it:
        tag_map = tag_map_text(it.it.url, {"M.Remote": "state"}, extra=RECEIVER_TARGET)
        async with BridgeProcess(bridge_environment(tmp_path, mes.url, tag_map)) as bridge:
            await bridge.start()
            await until(lambda: mes.good("M.Remote"), timeout_s=30)

            async def killed(_method: str) -> None:
                await bridge.kill()

            it.during = killed
            mes.command("c-1", "job", job())
            await until(lambda: it.calls)
            assert await bridge.died() == -9
            await bridge.start()
            await until(lambda: mes.results, timeout_s=40)
            assert mes.results["c-1"] == {"outcome": "done", "message": "the machine has the job as Running"}
            assert it.calls == [("StoreAndStart", "J-1")]


async def test_a_clean_end_is_quick_and_the_status_says_how_it_was(tmp_path: Path, mes: Mes) -> None:
    async with machine(COUNT) as it:
        environment = bridge_environment(tmp_path, mes.url, tag_map_text(it.url, {"Count": "counter"}))
        status = tmp_path / "journal.sqlite.status.json"
        async with BridgeProcess(environment) as bridge:
            await bridge.start()
            await until(lambda: read_status(status, now=time.time())[0], timeout_s=20)
            assert "acknowledged up to" in read_status(status, now=time.time())[1]
            assert bridge.process is not None
            bridge.process.terminate()
            assert await bridge.died(8) == 0
        assert it.sessions, "the session stays for the next start"
    well, words = read_status(status, now=time.time() + 60)
    assert not well
    assert words.startswith("the bridge has not reported for 6")
