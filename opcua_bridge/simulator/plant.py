"""The factory: pure and deterministic. No clock, no sockets; time moves only by `advance`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .catalog import DEPANEL, LINE, PACK, TEST, signal_types
from .cell import Cell
from .floor import Floor
from .interludes import Interludes
from .jobs import Command
from .line import SmtLine
from .measurements import Measurements
from .restored import Restored
from .target import Target
from .units import CncCell, Depaneler, Tester
from .world import SECOND_US, Output, World

_DEFAULTS: dict[str, Any] = {
    "String": "",
    "Int32": 0,
    "UInt32": 0,
    "UInt16": 0,
    "Double": 0.0,
    "Boolean": False,
    "DateTime": 0,
}


@dataclass(frozen=True)
class PlantSettings:
    """`disturbances` scales breakdowns, micro-stops, set-up pieces, dry cycles and local switches; 0 is a calm factory.
    `measure_every_s` in simulated seconds, None for no process values. `asks`: the tester asks before it works."""

    seed: int = 42
    disturbances: float = 1.0
    measure_every_s: float | None = 10.0
    asks: bool = False


class Plant:
    """All machines, from one seed. The same seed and the same calls at the same simulated times: the same outputs."""

    def __init__(self, settings: PlantSettings, restored: Restored | None = None) -> None:
        past = restored or Restored()
        self.world = World(settings.seed if past.run == 1 else settings.seed * 1_000_003 + past.run)
        self.floor = Floor(settings.disturbances, past.run, asks=settings.asks)
        again = past.run > 1
        made: tuple[Target, ...] = (
            SmtLine(self.world, self.floor, opened_before=again),
            Depaneler(self.world, self.floor, opened_before=again),
            Tester(self.world, self.floor, opened_before=again),
            CncCell(self.world, self.floor, opened_before=again),
        )
        self.targets = {target.name: target for target in made}
        self.floor.targets = self.targets
        self.cells: dict[str, Cell] = {cell.name: cell for target in made for cell in target.cells}
        self._interludes = [Interludes(self.world, target, settings.disturbances) for target in made]
        every_s = settings.measure_every_s
        self._measurements = Measurements(self.world, self.cells.values(), every_s) if every_s else None
        past.apply(self.targets, {LINE: self.floor.buffers[LINE], DEPANEL: self.floor.buffers[DEPANEL]})

    def initial(self) -> dict[str, Any]:
        """Every tag's value at the first instant. DateTime values are simulated microseconds."""
        known = signal_types()
        values = {tag: _DEFAULTS[data_type] for tag, data_type in known.items()}
        for target in self.targets.values():
            values |= {tag: value for tag, value in target.initial().items() if tag in known}
        for cell in self.cells.values():
            values |= cell.initial()
        return values | (self._measurements.initial() if self._measurements else {})

    @property
    def now_us(self) -> int:
        return self.world.now_us

    def advance(self, to_s: float) -> list[Output]:
        """Let the factory live until `to_s` simulated seconds; what happened, in order."""
        return self.advance_us(round(to_s * SECOND_US))

    def advance_us(self, to_us: int) -> list[Output]:
        self.world.advance(to_us)
        return self.world.drain()

    def command(self, target: str, command: Command) -> list[Output]:
        """Hand a command to a target now. KeyError for a target that takes none."""
        self.world.step += 1
        self.targets[target].handle(command)
        return self.world.drain()

    def restart_machine(self, equipment: str) -> list[Output]:
        """Switch a machine's controller off and on. KeyError if there is no such machine."""
        self.world.step += 1
        cell = self.cells[equipment]
        self.targets[cell.lane].restart_cell(cell)
        return self.world.drain()

    def break_down(self, equipment: str, seconds: float) -> list[Output]:
        """Let a machine break down now, to be repaired after `seconds`."""
        self.world.step += 1
        cell = self.cells[equipment]
        stop = cell.troubles.stop(SECOND_US, breakdown=True)
        cell.suffer(type(stop)(stop.cause, 0, round(seconds * SECOND_US), True))
        return self.world.drain()

    def set_remote(self, target: str, remote: bool) -> list[Output]:
        """Turn a target's key. KeyError if it has none."""
        self.world.step += 1
        self.targets[target].set_remote(remote)
        return self.world.drain()

    def answer(self, question: int, code: str, *, allowed: bool) -> list[Output]:
        """Whether the tester may work on the board it asked for."""
        self.world.step += 1
        tester = self.targets[TEST]
        assert isinstance(tester, Tester)
        tester.answered(question, code, allowed=allowed)
        return self.world.drain()

    def scan(self, serial: str) -> list[Output]:
        """The hand scanner at the packing bench reads a serial."""
        self.world.step += 1
        self.world.signal("", f"{PACK}.Scanner", serial)
        return self.world.drain()
