"""What goes wrong, how often and for how long; the true cause is known here and in the ledger only."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from .catalog import MachineKind
from .world import SECOND_US


@dataclass(frozen=True)
class Cause:
    code: str
    text: str
    severity: int


@dataclass(frozen=True)
class Stop:
    """A stop after `after_us` of work that lasts `lasts_us`. A micro-stop is held, a breakdown aborts."""

    cause: Cause
    after_us: int
    lasts_us: int
    breakdown: bool


_JAM = Cause("F101", "Panel not at the stop", 300)
_MICRO: Final[dict[str, tuple[Cause, ...]]] = {
    "SMT-1-LASER": (_JAM, Cause("F110", "Code not readable after marking", 300)),
    "SMT-1-PRINTER": (_JAM, Cause("F120", "Stencil needs wiping", 300), Cause("F121", "Solder paste low", 400)),
    "SMT-1-SPI": (_JAM, Cause("F130", "Paste height out of limits, waiting for review", 400)),
    "SMT-1-PLACER-A": (_JAM, Cause("F140", "Pick-up failed three times", 300), Cause("F141", "Nozzle dirty", 300)),
    "SMT-1-PLACER-B": (
        _JAM,
        Cause("F140", "Pick-up failed three times", 300),
        Cause("F142", "Vision fiducial not found", 300),
    ),
    "SMT-1-OVEN": (Cause("F150", "Conveyor speed deviation", 400),),
    "SMT-1-AOI": (_JAM, Cause("F160", "False call, waiting for verification", 300)),
    "DEPANEL-1": (Cause("F170", "Gripper lost vacuum", 300), Cause("F171", "Light curtain interrupted", 300)),
    "TEST-1": (Cause("F180", "Contact needles dirty", 300),),
    "CNC-1": (Cause("F190", "Chips in the fixture", 300), Cause("F191", "Coolant level low", 400)),
}
_BREAKDOWN: Final[dict[str, tuple[Cause, ...]]] = {
    "SMT-1-LASER": (Cause("E510", "Laser source fault", 800),),
    "SMT-1-PRINTER": (Cause("E520", "Squeegee drive overload", 800),),
    "SMT-1-SPI": (Cause("E530", "Camera not responding", 700),),
    "SMT-1-PLACER-A": (Cause("E540", "Placement head axis fault", 900), Cause("E541", "Feeder bank not detected", 700)),
    "SMT-1-PLACER-B": (Cause("E540", "Placement head axis fault", 900), Cause("E542", "Vacuum pump failure", 900)),
    "SMT-1-OVEN": (Cause("E550", "Blower of zone 6 failed", 900),),
    "SMT-1-AOI": (Cause("E560", "Lighting unit failed", 700),),
    "DEPANEL-1": (Cause("E570", "Cobot protective stop, joint 3", 800),),
    "TEST-1": (Cause("E580", "Power supply of the fixture failed", 800),),
    "CNC-1": (Cause("E590", "Tool broken", 900), Cause("E591", "Spindle drive fault", 900)),
}
REEL_EMPTY: Final = Cause("F145", "Reel empty, changing reel", 400)


class Troubles:
    """One machine's bad luck. `factor` 0 means a calm factory, 2 twice the usual trouble."""

    def __init__(self, chance: Random, kind: MachineKind, factor: float) -> None:
        self._chance, self._kind, self._factor = chance, kind, factor

    def of_cycle(self, cycle_us: int) -> Stop | None:
        """The stop, if any, that meets a cycle of this length."""
        if self._factor <= 0:
            return None
        draw, cycle_s = self._chance.random(), cycle_us / SECOND_US * self._factor / self._kind.capacity
        breakdown = cycle_s / self._kind.breakdown_every_s
        if draw < breakdown:
            return self.stop(cycle_us, breakdown=True)
        if draw < breakdown + cycle_s / self._kind.micro_stop_every_s:
            return self.stop(cycle_us, breakdown=False)
        return None

    def stop(self, cycle_us: int, *, breakdown: bool) -> Stop:
        causes = (_BREAKDOWN if breakdown else _MICRO)[self._kind.name]
        median_s = 420.0 if breakdown else 22.0
        lasts_s = min(median_s * self._chance.lognormvariate(0.0, 0.6), median_s * 5)
        after_us = round(cycle_us * self._chance.uniform(0.1, 0.9))
        return Stop(self._chance.choice(causes), after_us, round(lasts_s * SECOND_US), breakdown)
