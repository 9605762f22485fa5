"""Component reels on a placer: they run out and are replaced by the next lot, between two panels or, where the placer
can splice, while a panel is worked on."""

from __future__ import annotations

from functools import partial
from typing import Any

from .world import SECOND_US, World


class Reels:
    """The reels of one placer. Panels per reel differ by slot."""

    def __init__(
        self, world: World, placer: str, lane: str, slots: tuple[str, ...], run: int, *, splices: bool = False
    ) -> None:
        self._world, self._placer, self._lane, self._run = world, placer, lane, run
        self._chance = world.chance(f"{placer}/reels")
        self._number = 0
        self._lots = {slot: self._next_lot(slot) for slot in slots}
        self._left = {slot: self._chance.randint(40, 220) for slot in slots}
        self.splices = splices

    def initial(self) -> dict[str, Any]:
        return {f"{self._placer}.{slot}": lot for slot, lot in self._lots.items()}

    def feed(self, serial: str, cycle_s: float) -> None:
        """A panel is in the machine: what is in the slots goes into it, and what is spliced to it meanwhile."""
        for slot, lot in self._lots.items():
            self._fed(serial, slot, lot)
        if self.splices:
            for slot in self._used_up():
                self._world.later(round(cycle_s * SECOND_US / 3), partial(self._splice, serial, slot))

    def use(self) -> int:
        """One panel's components are gone. Answers how long a change takes if a reel is empty now, else 0."""
        took_us = 0
        if not self.splices:
            for slot in self._used_up():
                self._change(slot)
                took_us += round(self._chance.uniform(20.0, 60.0) * SECOND_US)
        return took_us

    def _used_up(self) -> list[str]:
        for slot in self._left:
            self._left[slot] -= 1
        return [slot for slot, left in self._left.items() if left <= 0]

    def _splice(self, serial: str, slot: str) -> None:
        self._change(slot)
        self._fed(serial, slot, self._lots[slot])

    def _fed(self, serial: str, slot: str, lot: str) -> None:
        self._world.record(self._lane, "fed", equipment=self._placer, serial=serial, slot=slot, lot=lot)

    def _change(self, slot: str) -> None:
        lot = self._next_lot(slot)
        self._world.record(self._lane, "reel", equipment=self._placer, slot=slot, lot=lot, empty=self._lots[slot])
        self._lots[slot] = lot
        self._left[slot] = self._chance.randint(150, 260)
        self._world.signal(self._lane, f"{self._placer}.{slot}", lot)

    def _next_lot(self, slot: str) -> str:
        self._number += 1
        return reel_id(self._run, self._placer, slot, self._number)


def reel_id(run: int, placer: str, slot: str, number: int) -> str:
    """What the so-many-th reel of a slot is called, in the so-many-th opening of the factory."""
    return f"R{run:02d}-{placer[-1]}{slot[-1]}-{number:05d}"
