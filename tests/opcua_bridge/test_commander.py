"""Commands: each once, none too late, every outcome told in words."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from opcua_bridge.tag_map import load_tag_map
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.support import Machine, Mes, machine, tag_map_text, until

TEXTS = ("Token", "OrderId", "WorkMaster", "Material", "WorkRequest", "Action", "AckToken", "AckResult", "AckText")
VARIABLES: dict[str, tuple[Any, ua.VariantType]] = {
    "M.Remote": (True, ua.VariantType.Boolean),
    "M.Cmd.Cycles": (0, ua.VariantType.Int32),
    "M.Cmd.Trigger": (2**32 - 1, ua.VariantType.UInt32),
    **{f"M.Cmd.{name}": ("", ua.VariantType.String) for name in TEXTS},
}
TARGET = '\n[[endpoint.job_target]]\nequipment = "M"\ndriver = "plain-tags"\nprefix = "m;s=M"\nack_timeout_s = 5\n'


class JobMachine:
    """Does what is triggered, and says so."""

    def __init__(self, it: Machine) -> None:
        self._machine, self.url = it, it.url
        self.executed: list[dict[str, Any]] = []
        self.answer, self.text, self.silent = "ok", "", False

    async def run(self) -> None:
        before = await self._machine.read("M.Cmd.Trigger")
        while True:
            await asyncio.sleep(0.01)
            now = await self._machine.read("M.Cmd.Trigger")
            if now == before:
                continue
            before = now
            names = ("Token", "OrderId", "WorkMaster", "Action", "Cycles")
            self.executed.append({n: await self._machine.read(f"M.Cmd.{n}") for n in names})
            if self.silent:
                continue
            await self._machine.write("M.Cmd.AckResult", self.answer)
            await self._machine.write("M.Cmd.AckText", self.text)
            await self._machine.write("M.Cmd.AckToken", self.executed[-1]["Token"])

    async def remote(self, value: bool) -> None:
        await self._machine.write("M.Remote", value)


@contextlib.asynccontextmanager
async def job_machine() -> AsyncIterator[JobMachine]:
    async with machine(VARIABLES) as it:
        jobs = JobMachine(it)
        task = asyncio.create_task(jobs.run())
        try:
            yield jobs
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def job(**more: Any) -> dict[str, Any]:
    order = {"action": "store-and-start", "target": "M", "job_order_id": "J-1", "work_master_id": "WM-1", "cycles": 7}
    return order | more


async def started(bridges: Bridges, mes: Mes, it: JobMachine, **settings: str) -> Any:
    tag_map = tag_map_text(it.url, {"M.Remote": "state"}, extra=TARGET.replace("= 5", "= 0.5"))
    agent = await bridges.start(tag_map, **settings)
    await until(lambda: mes.good("M.Remote"))
    return agent


async def test_a_job_reaches_the_machine_once_with_all_its_set_points(bridges: Bridges, mes: Mes) -> None:
    async with job_machine() as it:
        await started(bridges, mes, it)
        mes.command("c-1", "job", job())
        await until(lambda: mes.results)
        assert mes.results["c-1"] == {"outcome": "done"}
        [done] = it.executed
        assert done == {
            "Token": "c-1", "OrderId": "J-1", "WorkMaster": "WM-1", "Action": "store-and-start", "Cycles": 7,
        }  # fmt: skip


async def test_the_machines_refusal_comes_back_in_its_words(bridges: Bridges, mes: Mes) -> None:
    async with job_machine() as it:
        await started(bridges, mes, it)
        it.answer, it.text = "busy", "J-0 is running"
        mes.command("c-1", "job", job())
        await until(lambda: mes.results)
        assert mes.results["c-1"] == {"outcome": "refused", "code": "busy", "message": "J-0 is running"}


async def test_a_machine_in_local_mode_is_not_touched(bridges: Bridges, mes: Mes) -> None:
    async with job_machine() as it:
        await it.remote(False)
        await started(bridges, mes, it)
        mes.command("c-1", "job", job())
        await until(lambda: mes.results)
        assert (mes.results["c-1"]["outcome"], mes.results["c-1"]["code"]) == ("refused", "local-mode")
        assert not it.executed


@pytest.mark.parametrize("ahead_s", [0, 7200, -7200])
async def test_an_expired_command_is_not_done_whatever_the_bridges_clock_says(
    bridges: Bridges, mes: Mes, ahead_s: int
) -> None:
    async with job_machine() as it:
        mes.clock_ahead_us = ahead_s * 1_000_000
        await started(bridges, mes, it)
        mes.command("late", "job", job(), expires_in_s=-0.1)
        mes.command("in-time", "job", job(job_order_id="J-2"))
        await until(lambda: len(mes.results) == 2)
        assert mes.results["late"]["outcome"] == "expired"
        assert mes.results["in-time"]["outcome"] == "done"
        assert [e["OrderId"] for e in it.executed] == ["J-2"]


async def test_a_machine_that_does_not_answer_is_a_failure_that_claims_nothing(bridges: Bridges, mes: Mes) -> None:
    async with job_machine() as it:
        it.silent = True
        await started(bridges, mes, it)
        mes.command("c-1", "job", job())
        await until(lambda: mes.results)
        assert (mes.results["c-1"]["outcome"], mes.results["c-1"]["code"]) == ("failed", "no-acknowledgement")


async def test_a_machine_that_goes_away_in_the_middle_leaves_no_command_unanswered(bridges: Bridges, mes: Mes) -> None:
    async with job_machine() as it:
        it.silent = True
        await bridges.start(tag_map_text(it.url, {"M.Remote": "state"}, extra=TARGET.replace("= 5", "= 60")))
        await until(lambda: mes.good("M.Remote"))
        mes.command("c-1", "job", job())
        await until(lambda: it.executed)
    await until(lambda: mes.results, timeout_s=30)
    assert mes.results["c-1"]["outcome"] == "failed"


async def test_a_command_given_again_after_its_result_is_answered_from_memory(bridges: Bridges, mes: Mes) -> None:
    async with job_machine() as it:
        await started(bridges, mes, it)
        mes.command("c-1", "job", job())
        await until(lambda: mes.results)
        await bridges.stop()
        mes.results.clear()  # a server restored from a backup asks again
        await started(bridges, mes, it)
        await until(lambda: mes.results)
        assert mes.results["c-1"] == {"outcome": "done"}
        assert len(it.executed) == 1


async def test_an_observing_bridge_writes_nothing(bridges: Bridges, mes: Mes) -> None:
    async with job_machine() as it:
        await started(bridges, mes, it, LINESIDE_BRIDGE_OBSERVE_ONLY="true")
        mes.command("c-1", "job", job())
        await until(lambda: mes.results)
        assert mes.results["c-1"]["code"] == "observe-only"
        assert not it.executed


@pytest.mark.parametrize(
    ("kind", "payload", "code"),
    [
        ("job", {"action": "fly"}, "bad-payload"),
        ("job", job(target="nowhere"), "unknown-target"),
        ("browse", {"endpoint": "nowhere"}, "machine-not-reachable"),
        ("watch", {}, "bad-payload"),
        ("trust", {"thumbprint": "../../etc/passwd"}, "unknown-certificate"),
        ("apply-map", {"toml": "[[endpoint]]\nname = 1"}, "tag-map-refused"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_a_code(
    bridges: Bridges, mes: Mes, kind: str, payload: dict[str, Any], code: str
) -> None:
    async with job_machine() as it:
        await started(bridges, mes, it)
        mes.command("c-1", kind, payload)
        await until(lambda: mes.results)
        assert (mes.results["c-1"]["outcome"], mes.results["c-1"]["code"]) == ("refused", code)


async def test_browse_and_watch_show_what_is_there(bridges: Bridges, mes: Mes) -> None:
    async with job_machine() as it:
        await started(bridges, mes, it)
        mes.command("b", "browse", {"endpoint": "machine"})
        mes.command("w", "watch", {"tags": ["M.Remote"], "seconds": 1})
        await it.remote(True)
        await until(lambda: "b" in mes.results)
        await it.remote(False)
        await until(lambda: "w" in mes.results)
        nodes = {n["node"]: n for n in mes.results["b"]["document"]["nodes"]}
        assert nodes["nsu=urn:test:machine;s=M.Cmd.Cycles"]["data_type"] == "Int32"
        assert mes.results["b"]["document"]["complete"] is True
        assert [v["value"] for v in mes.results["w"]["document"]["values"]] == [True, False]


async def test_a_new_map_is_used_at_once_and_kept(bridges: Bridges, mes: Mes, tmp_path: Path) -> None:
    async with job_machine() as it:
        await started(bridges, mes, it)
        mes.command("m", "apply-map", {"toml": tag_map_text(it.url, {"M.Cmd.Cycles": "state"})})
        await until(lambda: mes.good("M.Cmd.Cycles"))
        assert mes.results["m"] == {"outcome": "done"}
        assert [t.tag for t in load_tag_map(tmp_path / "tag_map.toml").endpoints[0].tag] == ["M.Cmd.Cycles"]
