"""The plant brought to life: wall-clock time drives it, its ledger is written, then its signals are shown."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from .address_space import AddressSpace
from .catalog import COMMAND_FIELDS, JOB_CONTROL, TARGETS, TEST, signal_types
from .job_station import JobStation
from .jobs import Answer, Command
from .ledger import Ledger, read_entries
from .plant import Plant, PlantSettings
from .restored import restore
from .settings import SimulatorSettings
from .stamps import Stamps
from .world import Alarm, LedgerEntry, Output, SignalChange

SHORTEST_WAIT_S, LONGEST_WAIT_S, SLICE_S = 0.02, 0.5, 0.25
MEASURE_AT_MOST_EVERY_S = 1.0
"""Of real time, whatever the speed."""


class Factory:
    """One opening of the factory. What it shows was in the ledger first."""

    def __init__(self, settings: SimulatorSettings, ledger: Ledger) -> None:
        self.settings, self._ledger = settings, ledger
        past = restore(read_entries(ledger.path))
        self.run = past.run
        every_s = max(10.0, MEASURE_AT_MOST_EVERY_S * settings.speed)
        self.plant = Plant(PlantSettings(settings.seed, settings.disturbances, every_s, settings.asks), past)
        self._types = signal_types()
        self._busy = asyncio.Lock()
        self._triggers: dict[str, Any] = dict.fromkeys(TARGETS, 0)
        self._nodes: AddressSpace | None = None
        self.stations = {t: JobStation(t, self.plant.targets[t], _Ask(self, t)) for t in sorted(JOB_CONTROL)}
        self._start_clock()

    def _start_clock(self) -> None:
        self._start_wall_us = time.time_ns() // 1000
        self._start_monotonic_ns = time.monotonic_ns()
        self._stamps = Stamps(self._start_wall_us, self.settings.speed)

    async def open(self, nodes: AddressSpace) -> None:
        """Say in the ledger that the machines were switched on, then show their first values."""
        self._nodes = nodes
        self._start_clock()
        start = _moment(self._start_wall_us)
        opening = {"kind": "open", "run": self.run, "seed": self.settings.seed, "speed": self.settings.speed}
        await asyncio.to_thread(self._ledger.append, [opening | {"sim_us": 0, "wall_us": self._start_wall_us}])
        await nodes.build({tag: self._shown(tag, value, start) for tag, value in self.plant.initial().items()}, start)
        for target in TARGETS:
            if target in self.stations:
                await nodes.add_station(self.stations[target], self.plant.targets[target].job, start)
            else:
                nodes.on_write(f"{target}.Cmd.Trigger", _Trigger(self, target))
        nodes.on_write(f"{TEST}.MayI.Answer", _Answer(self))

    def _shown(self, tag: str, value: Any, at: datetime) -> Any:
        return at if self._types[tag] == "DateTime" else value

    # -- time

    def _wall_us(self) -> int:
        return self._start_wall_us + (time.monotonic_ns() - self._start_monotonic_ns) // 1000

    def _now_us(self) -> int:
        return self._stamps.sim_us(self._wall_us())

    async def live(self) -> None:
        """Let simulated time follow the clock, for ever."""
        while True:
            await self._wait()
            async with self._busy:
                await self._catch_up()

    async def _wait(self) -> None:
        next_us = self.plant.world.next_at_us()
        wait_s = LONGEST_WAIT_S
        if next_us is not None:
            wait_s = (next_us - self._now_us()) / 1e6 / self.settings.speed
        await asyncio.sleep(min(max(wait_s, SHORTEST_WAIT_S), LONGEST_WAIT_S))

    async def _catch_up(self) -> None:
        """Up to now, in slices, so that a long sleep of the process does not block its sockets."""
        slice_us, now_us = round(SLICE_S * 1e6 * self.settings.speed), self._now_us()
        while self.plant.now_us < now_us:
            await self._deliver(self.plant.advance_us(min(now_us, self.plant.now_us + slice_us)))

    # -- outputs

    async def _deliver(self, outputs: list[Output]) -> None:
        stamped = [(output, self._stamp(output)) for output in outputs]
        entries = [_line(output, wall_us) for output, wall_us in stamped if isinstance(output, LedgerEntry)]
        if entries:
            await asyncio.to_thread(self._ledger.append, entries)
        for output, wall_us in stamped:
            await self._show(output, _moment(wall_us))

    def _stamp(self, output: Output) -> int:
        if isinstance(output, SignalChange):
            return self._stamps.of_change(output.tag, output.lane, output.step, output.at_us)
        return self._stamps.of(output.lane, output.step, output.at_us)

    async def _show(self, output: Output, at: datetime) -> None:
        nodes = self._nodes
        assert nodes is not None
        if isinstance(output, LedgerEntry):
            await self._show_job(output, at)
        elif isinstance(output, SignalChange) and output.tag in self._types:
            await nodes.write(output.tag, self._shown(output.tag, output.value, at), at, datetime.now(UTC))
        elif isinstance(output, Alarm):
            await nodes.raise_alarm(output, at)

    async def _show_job(self, entry: LedgerEntry, at: datetime) -> None:
        if entry.kind == "job" and entry.fields["target"] in self.stations:
            await self.stations[entry.fields["target"]].follow(entry.fields, at)

    # -- what is asked of it

    async def command(self, target: str, command: Command) -> Answer:
        """Hand a command to a target; what it led to has been shown when the answer comes."""
        async with self._busy:
            await self._catch_up()
            await self._deliver(self.plant.command(target, command))
        return self.plant.targets[target].answers[command.token]

    async def triggered(self, target: str, value: Any) -> None:
        """`Cmd.Trigger` was written: any new value executes what the other fields say."""
        nodes = self._nodes
        assert nodes is not None
        if value == self._triggers[target]:
            return
        self._triggers[target] = value
        fields = {field: str(nodes.read(f"{target}.Cmd.{field}") or "") for field in COMMAND_FIELDS}
        cycles = int(nodes.read(f"{target}.Cmd.Cycles") or 0)
        command = Command(
            fields["Token"],
            fields["OrderId"],
            fields["Action"],
            fields["WorkMaster"],
            fields["Material"],
            fields["WorkRequest"],
            cycles,
        )
        await self.command(target, command)

    async def answered(self, question: Any) -> None:
        """`MayI.Answer` was written: the number of the question that the other fields answer."""
        nodes = self._nodes
        assert nodes is not None
        allowed, code = nodes.read(f"{TEST}.MayI.Allowed") is True, str(nodes.read(f"{TEST}.MayI.Code") or "")
        async with self._busy:
            await self._catch_up()
            await self._deliver(self.plant.answer(int(question), code, allowed=allowed))

    async def restart_machine(self, equipment: str) -> None:
        async with self._busy:
            await self._catch_up()
            await self._deliver(self.plant.restart_machine(equipment))

    async def break_down(self, equipment: str, seconds: float) -> None:
        async with self._busy:
            await self._catch_up()
            await self._deliver(self.plant.break_down(equipment, seconds))

    async def set_remote(self, target: str, remote: bool) -> None:
        async with self._busy:
            await self._catch_up()
            await self._deliver(self.plant.set_remote(target, remote))

    async def scan(self, serial: str) -> None:
        async with self._busy:
            await self._deliver(self.plant.scan(serial))

    def status(self) -> dict[str, Any]:
        return {
            "sim_s": round(self.plant.now_us / 1e6, 3),
            "speed": self.settings.speed,
            "seed": self.settings.seed,
            "run": self.run,
            "targets": {name: _target_status(target) for name, target in self.plant.targets.items()},
            "machines": {
                name: {"state": int(cell.state), "mode": int(cell.mode), "counters": dict(cell.counters)}
                for name, cell in self.plant.cells.items()
            },
        }


class _Ask:
    """How a station hands a command to its machine."""

    def __init__(self, factory: Factory, target: str) -> None:
        self._factory, self._target = factory, target

    async def __call__(self, command: Command) -> Answer:
        return await self._factory.command(self._target, command)


class _Trigger:
    """A datachange callback; an object, since the library shows what it calls."""

    def __init__(self, factory: Factory, target: str) -> None:
        self._factory, self._target = factory, target

    async def __call__(self, _handle: int, data: Any) -> None:
        if data.Value is not None:
            await self._factory.triggered(self._target, data.Value.Value)


class _Answer:
    """A datachange callback, as `_Trigger`."""

    def __init__(self, factory: Factory) -> None:
        self._factory = factory

    async def __call__(self, _handle: int, data: Any) -> None:
        if data.Value is not None:
            await self._factory.answered(data.Value.Value)


def _target_status(target: Any) -> dict[str, Any]:
    job = target.job
    status = {"remote": target.remote, "job": "", "state": 0, "substate": 0, "done": 0, "cycles": 0}
    if job is not None:
        status |= {
            "job": job.id,
            "state": int(job.state),
            "substate": job.substate,
            "done": job.done,
            "cycles": job.cycles,
        }
    return status


def _line(entry: LedgerEntry, wall_us: int) -> dict[str, Any]:
    return {"kind": entry.kind, **entry.fields, "sim_us": entry.at_us, "wall_us": wall_us}


def _moment(wall_us: int) -> datetime:
    seconds, micros = divmod(wall_us, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
