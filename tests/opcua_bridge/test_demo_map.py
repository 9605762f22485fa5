"""The demo's tag map against the simulated factory."""

from __future__ import annotations

from pathlib import Path

from opcua_bridge.simulator.catalog import signal_types
from opcua_bridge.simulator.server import running
from opcua_bridge.simulator.settings import SimulatorSettings
from opcua_bridge.tag_map import load_tag_map
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.support import Mes, until
from tests.support.ports import free_port

JOB = ("TEST-1.Job.OrderId", "TEST-1.Job.State", "TEST-1.Job.Substate")

DEMO_MAP = Path("opcua_bridge/demo_tag_map.toml")
_DEMO_TEXT = DEMO_MAP.read_text(encoding="utf-8")


def test_every_signal_of_the_factory_is_a_tag_and_no_command_is() -> None:
    [endpoint] = load_tag_map(DEMO_MAP).endpoints
    signals = {t for t in signal_types() if ".Cmd." not in t and ".MayI." not in t}
    assert {t.tag for t in endpoint.tag} == signals
    assert all(t.node == f"nsu=urn:lineside:simulator;s={t.tag}" for t in endpoint.tag)


async def test_the_factory_takes_a_job_and_its_counters_and_alarms_arrive(
    bridges: Bridges, mes: Mes, tmp_path: Path
) -> None:
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}/lineside/"
    settings = SimulatorSettings(endpoint=endpoint, ledger=tmp_path / "ledger.jsonl", speed=300.0, disturbances=0.0)
    async with running(settings):
        agent = await bridges.start(_DEMO_TEXT.replace("opc.tcp://127.0.0.1:48400/lineside/", endpoint))
        await until(lambda: mes.good("CNC-1.State"))
        assert agent.source("simulator").health.refused == {}
        order = {
            "action": "store-and-start", "target": "CNC-1", "job_order_id": "J-1", "work_master_id": "WM-BH-MILL",
            "material_id": "BH-200", "cycles": 3, "quantity": "6", "work_request_id": "W-1",
        }  # fmt: skip
        mes.command("c-1", "job", order)
        await until(lambda: mes.results)
        assert mes.results["c-1"]["outcome"] == "done", mes.results
        await until(lambda: 5 in mes.good("CNC-1.Job.State"), timeout_s=20)
        states = mes.good("CNC-1.Job.State")
        assert [s for s in states if s in (2, 3, 5)] == [2, 3, 5]
        counted = sum(mes.good(f"CNC-1.{c}")[-1] - mes.good(f"CNC-1.{c}")[0] for c in ("GoodCount", "RejectCount"))
        assert counted == 3


async def test_the_tester_takes_jobs_by_the_standard_and_says_what_it_does(
    bridges: Bridges, mes: Mes, tmp_path: Path
) -> None:
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}/lineside/"
    settings = SimulatorSettings(endpoint=endpoint, ledger=tmp_path / "ledger.jsonl", speed=100.0, disturbances=0.0)
    async with running(settings):
        await bridges.start(_DEMO_TEXT.replace("opc.tcp://127.0.0.1:48400/lineside/", endpoint))
        await until(lambda: mes.good(JOB[1]))
        order = {"target": "TEST-1", "job_order_id": "J-1", "work_master_id": "WM-CB-TEST", "cycles": 60}
        mes.command("start", "job", order | {"action": "store-and-start"})
        await until(lambda: 3 in mes.good(JOB[1]))
        mes.command("pause", "job", order | {"action": "pause"})
        await until(lambda: 4 in mes.good(JOB[1]))
        mes.command("again", "job", order | {"action": "pause", "job_order_id": "J-2"})
        mes.command("resume", "job", order | {"action": "resume"})
        await until(lambda: 5 in mes.good(JOB[1]))
        await until(lambda: len(mes.results) == 4)
        assert mes.results["again"]["code"] == "unknown-job"
        assert {mes.results[name]["outcome"] for name in ("start", "pause", "resume")} == {"done"}
        told = list(zip(*[mes.good(tag) for tag in JOB], strict=True))
        assert told == [("", 0, 0), ("J-1", 2, 3), ("J-1", 3, 0), ("J-1", 4, 2), ("J-1", 3, 0), ("J-1", 5, 1)]
        counts = [s for t in ("TEST-1.GoodCount", "TEST-1.RejectCount") for s in mes.samples(t)]
        ended = mes.samples(JOB[1])[-1]
        assert max(s["source_at_us"] for s in counts) < ended["source_at_us"], "the last count is before the end"
