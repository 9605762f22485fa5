"""Process values: oven zones, squeegee pressure, spindle load, energy. Their chance is their own: no count feels it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .catalog import CNC, OVEN_SETPOINTS_C
from .cell import Cell
from .machine import BUSY_STATES
from .world import SECOND_US, World

ENERGY_EVERY = 6
"""Energy is metered every so many measurements."""


class Measurements:
    """Measures every `every_s` simulated seconds."""

    def __init__(self, world: World, cells: Iterable[Cell], every_s: float) -> None:
        self._world, self._cells, self._every_us = world, list(cells), round(every_s * SECOND_US)
        self._chance = world.chance("measurements")
        self._zones = list(OVEN_SETPOINTS_C)
        self._energy = {cell.name: round(self._chance.uniform(500, 9000), 3) for cell in self._cells}
        self._by_name = {cell.name: cell for cell in self._cells}
        self._round = 0
        world.later(self._every_us, self._measure)

    def initial(self) -> dict[str, Any]:
        values: dict[str, Any] = {f"{name}.EnergyKwh": kwh for name, kwh in self._energy.items()}
        values |= {f"SMT-1-OVEN.Zone{zone + 1}": value for zone, value in enumerate(self._zones)}
        return values | {"SMT-1-PRINTER.SqueegeePressure": 0.0, f"{CNC}.SpindleLoad": 0.0}

    def _measure(self) -> None:
        self._world.later(self._every_us, self._measure)
        self._round += 1
        self._measure_oven()
        self._measure_machine("SMT-1-PRINTER", "SqueegeePressure", 58.0, 1.2)
        self._measure_machine(CNC, "SpindleLoad", 46.0, 9.0)
        if self._round % ENERGY_EVERY == 0:
            self._meter()

    def _measure_oven(self) -> None:
        for zone, setpoint in enumerate(OVEN_SETPOINTS_C):
            drift = (setpoint - self._zones[zone]) * 0.3 + self._chance.gauss(0.0, 0.4)
            self._tell(f"SMT-1-OVEN.Zone{zone + 1}", round(self._zones[zone] + drift, 1))
            self._zones[zone] += drift

    def _measure_machine(self, name: str, signal: str, typical: float, spread: float) -> None:
        value = max(0.0, self._chance.gauss(typical, spread))
        self._tell(f"{name}.{signal}", round(value, 1) if self._busy(self._by_name[name]) else 0.0)

    def _meter(self) -> None:
        hours = self._every_us * ENERGY_EVERY / SECOND_US / 3600
        for name, cell in self._by_name.items():
            self._energy[name] += hours * (cell.kind.busy_kw if self._busy(cell) else cell.kind.idle_kw)
            self._tell(f"{name}.EnergyKwh", round(self._energy[name], 3))

    def _busy(self, cell: Cell) -> bool:
        return cell.state == BUSY_STATES[cell.kind.speaks]

    def _tell(self, tag: str, value: float) -> None:
        self._world.signal("", tag, value)
