"""The cycle engine every machine works by: loads take time, stops hold them up, neighbours keep it waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .breakdowns import REEL_EMPTY, Cause, Stop, Troubles
from .catalog import MachineKind
from .machine import Machine
from .material import Part
from .vocabulary import Intent
from .world import SECOND_US, Ticket, World

PATIENCE_US = 8 * SECOND_US
"""How long a machine waits before it says that it waits (PackML Suspended)."""


@dataclass
class Load:
    """A part in the machine. Its time runs only while the machine works."""

    part: Part
    cycle_us: int
    remaining_us: int
    stop: Stop | None
    since_us: int | None = None
    ticket: Ticket | None = None


class Surroundings(Protocol):
    """What a cell is connected to."""

    def take(self, cell: Cell) -> Part | None:
        """The next part for this cell, or None: starved."""

    def give(self, cell: Cell, part: Part) -> bool:
        """Take the part from the cell, or refuse it: blocked."""

    def made(self, cell: Cell, part: Part) -> None:
        """A cycle is over: count."""

    def troubled(self, cell: Cell) -> None:
        """The cell stopped by itself, or went on."""


class Cell(Machine):
    """A machine at work. It is able to work while nothing in `obstacles` holds it."""

    def __init__(
        self, world: World, kind: MachineKind, around: Surroundings, *, disturbances: float, opened_before: bool
    ) -> None:
        super().__init__(world, kind, opened_before=opened_before)
        self.around = around
        self.loads: list[Load] = []
        self.obstacles: set[str] = set()
        self.troubles = Troubles(world.chance(f"{kind.name}/troubles"), kind, disturbances)
        self._chance = world.chance(f"{kind.name}/cycles")
        self._wait: Ticket | None = None
        self._gap: Ticket | None = None
        self._repair: Ticket | None = None
        self._entered_us = -(10**12)
        self._cause: Cause | None = None
        self.working = False
        """Whether its target has a job running: only then it looks for parts."""

    # -- parts in, parts out

    def look(self) -> None:
        """Hand on what is finished, take what is there: called whenever something around may have changed."""
        if not self.working or self.obstacles:
            return
        self._hand_on()
        while self._may_enter() and (part := self.around.take(self)) is not None:
            self._enter(part)
        if not self._progressing():
            self._start_waiting()

    def _may_enter(self) -> bool:
        if len(self.loads) >= self.kind.capacity:
            return False
        left_us = self._entered_us + round(self.kind.entry_gap_s * SECOND_US) - self.world.now_us
        if left_us > 0 and (self._gap is None or self._gap.action is None):
            self._gap = self.world.later(left_us, self._gap_over)
        return left_us <= 0

    def _gap_over(self) -> None:
        self._gap = None
        self.look()

    def _enter(self, part: Part) -> None:
        cycle_us = round(self.kind.cycle_s * SECOND_US * max(0.5, self._chance.gauss(1.0, self.kind.spread)))
        load = Load(part, cycle_us, cycle_us, self.troubles.of_cycle(cycle_us))
        self.loads.append(load)
        self._entered_us = self.world.now_us
        self._go(load)

    def _hand_on(self) -> None:
        while self.loads and self.loads[0].remaining_us == 0 and self.around.give(self, self.loads[0].part):
            self.loads.pop(0)

    def _progressing(self) -> bool:
        return any(load.remaining_us > 0 for load in self.loads)

    # -- time

    def _go(self, load: Load) -> None:
        if self._wait is not None:
            self._wait.cancel()
        self.play(Intent.RUN)
        load.since_us = self.world.now_us
        if load.stop is not None:
            until_us = min(load.remaining_us, max(0, load.stop.after_us - (load.cycle_us - load.remaining_us)))
            load.ticket = self.world.later(until_us, lambda: self._stopped(load))
        else:
            load.ticket = self.world.later(load.remaining_us, lambda: self._finished(load))

    def _halt(self) -> None:
        for load in self.loads:
            if load.ticket is not None:
                load.ticket.cancel()
            if load.since_us is not None:
                load.remaining_us = max(1, load.remaining_us - (self.world.now_us - load.since_us))
                load.since_us = None
        if self._wait is not None:
            self._wait.cancel()

    def _finished(self, load: Load) -> None:
        load.remaining_us, load.since_us = 0, None
        self.show_cycle(load.cycle_us)
        self.around.made(self, load.part)
        self.look()

    def _start_waiting(self) -> None:
        if self._wait is None or self._wait.action is None:
            self._wait = self.world.later(PATIENCE_US, self._say_waiting)

    def _say_waiting(self) -> None:
        self._wait = None
        if self.working and not self.obstacles and not self._progressing():
            self.play(Intent.WAIT, "blocked" if self.loads else "starved")

    # -- obstacles

    def obstruct(self, obstacle: str, intent: Intent, cause: str, then: Callable[[], None] | None = None) -> None:
        """Stop where it stands. A pause does not show on a machine that is held up already."""
        shown = not self.obstacles or obstacle != "pause"
        if not self.obstacles:
            self._halt()
        self.obstacles.add(obstacle)
        if shown:
            self.play(intent, cause, then)

    def clear(self, obstacle: str, intent: Intent) -> None:
        """Take one obstacle away; the machine goes on once none is left."""
        if obstacle not in self.obstacles:
            return
        self.obstacles.discard(obstacle)
        if not self.obstacles:
            self.play(intent, "", self._go_on)
        elif self.obstacles == {"pause"}:
            self.play(Intent.HOLD, "pause")

    def _go_on(self) -> None:
        for load in self.loads:
            if load.remaining_us > 0:
                self._go(load)
        if self.working:
            self.look()
        elif not self.loads:
            self.play(Intent.IDLE)

    # -- trouble

    def _stopped(self, load: Load) -> None:
        stop, load.stop = load.stop, None
        if stop is not None:
            self.suffer(stop)

    def suffer(self, stop: Stop) -> None:
        """Stop for this cause, be repaired after its time."""
        if "trouble" in self.obstacles:
            return
        self._cause = stop.cause
        self._announce(stop.cause, active=True)
        self.obstruct("trouble", Intent.BREAK if stop.breakdown else Intent.HOLD, stop.cause.code)
        end = Intent.REPAIR if stop.breakdown else Intent.RELEASE
        self._repair = self.world.later(stop.lasts_us, lambda: self._recover(end))
        self.around.troubled(self)

    def change_reel(self, lasts_us: int) -> None:
        self.suffer(Stop(REEL_EMPTY, 0, lasts_us, breakdown=False))

    def _recover(self, end: Intent) -> None:
        self._forget_trouble()
        self.clear("trouble", end)
        self.around.troubled(self)

    def _forget_trouble(self) -> None:
        if self._cause is not None:
            self._announce(self._cause, active=False)
        self._cause = None

    def power_cycle(self, dark_us: int, back: Callable[[], None]) -> None:
        """Switch off and on: whatever troubled it is gone, and so is its memory. `back` when it could go on."""
        if self._repair is not None:
            self._repair.cancel()
        self._forget_trouble()
        if not self.obstacles:
            self._halt()
        self.obstacles.discard("trouble")
        self.obstruct("restart", Intent.POWER_DOWN, "restart", lambda: self._dark(dark_us, back))

    def _dark(self, dark_us: int, back: Callable[[], None]) -> None:
        self.forget_counters()
        self.world.later(dark_us, back)

    def _announce(self, cause: Cause, *, active: bool) -> None:
        self.world.alarm(self.lane, self.name, cause.code, cause.text, active=active, severity=cause.severity)

    @property
    def broken(self) -> bool:
        return "trouble" in self.obstacles

    # -- work begins and ends

    def begin(self, recipe: str) -> None:
        """The target's job runs: look for parts."""
        self.working = True
        self.show_recipe(recipe)
        self.look()

    def finish(self, intent: Intent) -> list[Part]:
        """The job is over. What is still inside is taken out by hand, never counted, and given back."""
        self.working = False
        self._halt()
        left = [load.part for load in self.loads]
        self.loads.clear()
        self.obstacles.discard("pause")
        if not self.obstacles:
            then = self._rest_idle if intent is Intent.COMPLETE else None
            self.play(intent, "", then)
        return left

    def _rest_idle(self) -> None:
        self.play(Intent.IDLE)
