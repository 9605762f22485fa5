"""The simulator as a process and as a server, seen by a stock client."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from opcua_bridge.simulator.catalog import signal_types
from opcua_bridge.simulator.ledger import read_entries, read_job_totals, read_totals
from opcua_bridge.simulator.server import run_simulator, running
from opcua_bridge.simulator.settings import SimulatorSettings
from tests.opcua_bridge.simulator.machine_client import MachineClient

FREE = "opc.tcp://127.0.0.1:0/lineside/"
TAGS = list(signal_types())
SMT = {"WorkMaster": "WM-CB-SMT", "WorkRequest": "W", "Material": "CB-100"}


def fast(tmp_path: Path, speed: float = 400.0) -> SimulatorSettings:
    return SimulatorSettings(FREE, tmp_path / "ledger.jsonl", 42, speed, 0.0, control_port=0)


async def ask(port: int, **request: Any) -> dict[str, Any]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(json.dumps(request).encode() + b"\n")
    answer = json.loads(await reader.readline())
    writer.close()
    await writer.wait_closed()
    return dict(answer)


async def test_job_end_to_end_over_opc_ua(tmp_path: Path) -> None:
    async with running(fast(tmp_path)) as simulator, MachineClient(simulator.endpoint, TAGS) as client:
        start = {"cycles": 7, **SMT}
        assert await client.command("SMT-1", "store-and-start", "J", token="a", **start) == "ok"
        assert await client.command("SMT-1", "store-and-start", "J", token="a", **start) == "ok"
        assert await client.command("SMT-1", "store-and-start", "K", token="b", **start) == "busy"
        await client.until(lambda: 5 in client.values("SMT-1.Job.State"))
        assert client.values("SMT-1.Job.OrderId")[-1] == "J"
        assert client.values("SMT-1.Job.State") == [0, 2, 3, 5]
        check_order(client)
    made = read_job_totals(tmp_path / "ledger.jsonl")["J"]
    assert made.good + made.scrap == 56
    assert client.values("SMT-1-AOI.GoodCount")[-1] == made.good


async def test_nothing_happens_before_the_begin_file_is_there(tmp_path: Path) -> None:
    begin, settings = tmp_path / "begin", fast(tmp_path)
    ready = asyncio.Event()
    waiting = replace(settings, begin_file=begin)
    run = asyncio.create_task(run_simulator(waiting, ready=ready.set, stop=asyncio.Event()))
    await asyncio.sleep(2.5)
    assert not ready.is_set()
    assert not settings.ledger.exists()
    begin.touch()
    async with asyncio.timeout(20):
        await ready.wait()
    assert settings.ledger.exists()
    run.cancel()
    await asyncio.wait([run])


def check_order(client: MachineClient) -> None:
    """Released, running, first count, last count, ended: each strictly later, a millisecond apart."""
    released, running_at, ended = (at for at, state in client.told["SMT-1.Job.State"] if state in (2, 3, 5))
    cells = [tag for tag in TAGS if tag.startswith("SMT-1-") and tag.endswith("Count")]
    counts = sorted(at for tag in cells for at, _ in client.told[tag][1:])
    moments = [released, running_at, counts[0], counts[-1], ended]
    assert all((later - earlier).total_seconds() >= 0.001 for earlier, later in itertools.pairwise(moments))
    assert [at for at, value in client.told["SMT-1.Job.OrderId"] if value == "J"] == [released]
    for tag in TAGS:
        stamps = [at for at, _ in client.told[tag]]
        assert stamps == sorted(set(stamps)), tag


async def test_restart_local_mode_alarm_and_status_by_control(tmp_path: Path) -> None:
    async with running(fast(tmp_path)) as simulator, MachineClient(simulator.endpoint, TAGS) as client:
        port = simulator.control_port
        assert port is not None
        await client.command("CNC-1", "store-and-start", "C", token="a", cycles=20, WorkMaster="WM-BH-MILL")
        await client.until(lambda: client.values("CNC-1.GoodCount")[-1] >= 2)
        assert await ask(port, op="restart-machine", equipment="CNC-1") == {"ok": True}
        await client.until(lambda: 5 in client.values("CNC-1.Job.State"))
        assert client.values("CNC-1.Job.State") == [0, 2, 3, 4, 3, 5]
        assert len(client.values("CNC-1.StartedAt")) == 2
        await ask(port, op="set-remote", target="DEPANEL-1", remote=False)
        recipe = {"cycles": 1, "WorkMaster": "WM-CB-DEPANEL"}
        refused = await client.command("DEPANEL-1", "store-and-start", "T", token="b", **recipe)
        assert refused == "local-mode"
        await ask(port, op="breakdown", equipment="SMT-1-OVEN", seconds=60)
        await client.until(lambda: len(client.events) == 2)
        assert [event.SourceName for event in client.events] == ["SMT-1-OVEN", "SMT-1-OVEN"]
        assert [event.Severity for event in client.events] == [900, 900]
        assert client.events[0].Message.Text == "E550 Blower of zone 6 failed"
        assert client.events[1].Message.Text == "E550 Blower of zone 6 failed (cleared)"
        status = await ask(port, op="status")
        assert status["targets"]["CNC-1"]["done"] == 20
        assert (await ask(port, op="fly"))["ok"] is False
        assert (await ask(port, op="restart-machine", equipment="none"))["ok"] is False
    assert (
        read_job_totals(tmp_path / "ledger.jsonl")["C"].good + read_job_totals(tmp_path / "ledger.jsonl")["C"].scrap
        == 40
    )


async def test_deep_queues_and_long_sessions_are_granted(tmp_path: Path) -> None:
    async with running(fast(tmp_path, 1.0)) as simulator, MachineClient(simulator.endpoint, TAGS[:1]) as client:
        session = client._client
        assert session.session_timeout >= 600_000
        subscription = await session.create_subscription(
            ua.CreateSubscriptionParameters(100, 6000, 20, 0, True, 0), client
        )
        (item,) = await session.uaclient.create_monitored_items(_watch(subscription.subscription_id, client, 20_000))
        assert item.RevisedQueueSize == 20_000


def _watch(subscription_id: int, client: MachineClient, queue: int) -> ua.CreateMonitoredItemsParameters:
    request = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor.NodeId = client._node("SMT-1.State").nodeid
    request.ItemToMonitor.AttributeId = ua.AttributeIds.Value
    request.MonitoringMode = ua.MonitoringMode.Reporting
    request.RequestedParameters.QueueSize = queue
    return ua.CreateMonitoredItemsParameters(SubscriptionId=subscription_id, ItemsToCreate=[request])


def test_unsafe_settings_are_refused() -> None:
    for wrong in ({"speed": 0.0}, {"speed": 1e6}, {"disturbances": -1.0}):
        with pytest.raises(ValueError, match="must"):
            SimulatorSettings(**wrong)  # type: ignore[arg-type]


# -- as a process of its own


@asynccontextmanager
async def process(tmp_path: Path, speed: float) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    ready = tmp_path / "ready.json"
    ready.unlink(missing_ok=True)
    arguments = ["--endpoint", FREE, "--ledger", str(tmp_path / "ledger.jsonl"), "--speed", str(speed)]
    arguments += ["--disturbances", "0", "--control-port", "0", "--ready-file", str(ready)]
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "opcua_bridge.simulator", *arguments)
    try:
        async with asyncio.timeout(90):
            while not ready.exists():  # noqa: ASYNC110  nothing announces a file
                await asyncio.sleep(0.05)
        yield child, json.loads(ready.read_text())
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def test_killed_in_the_middle_it_goes_on_and_nothing_seen_was_unrecorded(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    async with process(tmp_path, 200.0) as (child, where), MachineClient(where["endpoint"], TAGS) as client:
        await client.command("CNC-1", "store-and-start", "T", token="t", cycles=20, WorkMaster="WM-BH-MILL")
        await client.until(lambda: client.values("CNC-1.GoodCount")[-1] >= 4)
        os.kill(where["pid"], signal.SIGKILL)
        await child.wait()
        seen = client.values("CNC-1.GoodCount")[-1] - client.values("CNC-1.GoodCount")[0]
    assert read_totals(ledger).jobs[("T", "CNC-1", "GoodCount")] >= seen
    async with process(tmp_path, 200.0) as (child, where), MachineClient(where["endpoint"], TAGS) as client:
        await client.until(lambda: client.values("CNC-1.Job.OrderId") == ["T"])
        again = await client.command("CNC-1", "abort", "T", token="t")
        assert again == "ok", "the token of before is remembered: the former answer, and nothing is aborted"
        await client.until(lambda: client.values("CNC-1.Job.State")[-1:] == [5])
        assert client.values("CNC-1.GoodCount")[0] < 20, "counters began at 0"
        child.send_signal(signal.SIGTERM)
        assert await child.wait() == 0
    made = read_job_totals(ledger)["T"]
    assert made.good + made.scrap == 40
    assert [entry["run"] for entry in read_entries(ledger) if entry["kind"] == "open"] == [1, 2]
