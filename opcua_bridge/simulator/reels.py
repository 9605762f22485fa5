"""Component reels on a placer: they run out and are replaced by the next lot."""

from __future__ import annotations

from typing import Any

from .world import SECOND_US, World


class Reels:
    """The reels of one placer. Panels per reel differ by slot."""

    def __init__(self, world: World, placer: str, lane: str, slots: tuple[str, ...], run: int) -> None:
        self._world, self._placer, self._lane, self._run = world, placer, lane, run
        self._chance = world.chance(f"{placer}/reels")
        self._number = 0
        self._lots = {slot: self._next_lot(slot) for slot in slots}
        self._left = {slot: self._chance.randint(40, 220) for slot in slots}

    def initial(self) -> dict[str, Any]:
        return {f"{self._placer}.{slot}": lot for slot, lot in self._lots.items()}

    def use(self) -> int:
        """One panel's components are gone. Answers how long a change takes if a reel is empty now, else 0."""
        took_us = 0
        for slot in self._left:
            self._left[slot] -= 1
            if self._left[slot] <= 0:
                self._change(slot)
                took_us += round(self._chance.uniform(20.0, 60.0) * SECOND_US)
        return took_us

    def _change(self, slot: str) -> None:
        lot = self._next_lot(slot)
        self._world.record(self._lane, "reel", equipment=self._placer, slot=slot, lot=lot, empty=self._lots[slot])
        self._lots[slot] = lot
        self._left[slot] = self._chance.randint(150, 260)
        self._world.signal(self._lane, f"{self._placer}.{slot}", lot)

    def _next_lot(self, slot: str) -> str:
        self._number += 1
        return f"R{self._run:02d}-{self._placer[-1]}{slot[-1]}-{self._number:05d}"
