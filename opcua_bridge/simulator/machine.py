"""One machine: the states it plays, its mode, its counters, its memory of when it was switched on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from .catalog import MachineKind
from .vocabulary import Intent, ItemState, Mode, PackState
from .world import SECOND_US, Ticket, World

Script = tuple[tuple[int, float], ...]
"""States with the seconds until the next one; the last one's seconds pass before the script is over."""

_P, _I = PackState, ItemState
PACKML_SCRIPTS: Final[dict[Intent, Script]] = {
    Intent.IDLE: ((_P.RESETTING, 1.0), (_P.IDLE, 0.0)),
    Intent.START: ((_P.STARTING, 1.5),),
    Intent.RUN: ((_P.EXECUTE, 0.0),),
    Intent.WAIT: ((_P.SUSPENDED, 0.0),),
    Intent.HOLD: ((_P.HOLDING, 0.5), (_P.HELD, 0.0)),
    Intent.RELEASE: ((_P.UNHOLDING, 0.5),),
    Intent.BREAK: ((_P.ABORTING, 0.5), (_P.ABORTED, 0.0)),
    Intent.REPAIR: ((_P.CLEARING, 2.0), (_P.STOPPED, 2.0), (_P.RESETTING, 1.0), (_P.IDLE, 0.3), (_P.STARTING, 1.0)),
    Intent.POWER_DOWN: ((_P.STOPPING, 0.5), (_P.STOPPED, 1.0)),
    Intent.POWER_UP: ((_P.RESETTING, 1.0), (_P.IDLE, 0.3)),
    Intent.COMPLETE: ((_P.COMPLETING, 0.5), (_P.COMPLETE, 2.0)),
    Intent.ABORT: (
        (_P.ABORTING, 0.5),
        (_P.ABORTED, 4.0),
        (_P.CLEARING, 1.0),
        (_P.STOPPED, 1.0),
        (_P.RESETTING, 1.0),
        (_P.IDLE, 0.0),
    ),
}
MACHINERY_SCRIPTS: Final[dict[Intent, Script]] = {
    Intent.IDLE: ((_I.NOT_EXECUTING, 0.0),),
    Intent.START: ((_I.NOT_EXECUTING, 1.5),),
    Intent.RUN: ((_I.EXECUTING, 0.0),),
    Intent.WAIT: ((_I.NOT_EXECUTING, 0.0),),
    Intent.HOLD: ((_I.NOT_EXECUTING, 0.0),),
    Intent.RELEASE: ((_I.NOT_EXECUTING, 0.5),),
    Intent.BREAK: ((_I.OUT_OF_SERVICE, 0.0),),
    Intent.REPAIR: ((_I.OUT_OF_SERVICE, 2.0), (_I.NOT_EXECUTING, 2.0)),
    Intent.POWER_DOWN: ((_I.NOT_AVAILABLE, 1.0),),
    Intent.POWER_UP: ((_I.NOT_EXECUTING, 1.3),),
    Intent.COMPLETE: ((_I.NOT_EXECUTING, 2.0),),
    Intent.ABORT: ((_I.NOT_EXECUTING, 8.0),),
}
SCRIPTS: Final = {"packml": PACKML_SCRIPTS, "machinery": MACHINERY_SCRIPTS}
IDLE_STATES: Final[dict[str, int]] = {"packml": _P.IDLE, "machinery": _I.NOT_EXECUTING}
BUSY_STATES: Final[dict[str, int]] = {"packml": _P.EXECUTE, "machinery": _I.EXECUTING}


class StateTeller:
    """Shows states by the clock of a script; a new script calls off the rest of the one before."""

    def __init__(self, world: World, name: str, lane: str, speaks: str) -> None:
        self.world, self.name, self.lane, self.speaks = world, name, lane, speaks
        self.state: int = IDLE_STATES[speaks]
        self.mode = Mode.PRODUCE
        self._rest: Ticket | None = None

    def play(self, intent: Intent, cause: str = "", then: Callable[[], None] | None = None) -> None:
        """Go through the states of `intent`; `then` happens when the last one's time is over."""
        if self._rest is not None:
            self._rest.cancel()
        self._play(SCRIPTS[self.speaks][intent], 0, cause or intent.value, then)

    def _play(self, script: Script, at: int, cause: str, then: Callable[[], None] | None) -> None:
        state, dwell_s = script[at]
        self._show(state, cause)
        if at + 1 < len(script):
            self._rest = self.world.later(round(dwell_s * SECOND_US), lambda: self._play(script, at + 1, cause, then))
        elif then is not None:
            self._rest = self.world.later(round(dwell_s * SECOND_US), then)

    def _show(self, state: int, cause: str) -> None:
        if state == self.state:
            return
        self.state = state
        self.world.record(self.lane, "state", equipment=self.name, state=int(state), cause=cause)
        self.world.signal(self.lane, f"{self.name}.State", int(state))

    def set_mode(self, mode: Mode) -> None:
        if mode is self.mode:
            return
        self.mode = mode
        self.world.record(self.lane, "mode", equipment=self.name, mode=int(mode))
        self.world.signal(self.lane, f"{self.name}.Mode", int(mode))


class Machine(StateTeller):
    """A machine with counters. What it counts is recorded before it can be seen."""

    def __init__(self, world: World, kind: MachineKind, *, opened_before: bool) -> None:
        super().__init__(world, kind.name, kind.lane, kind.speaks)
        self.kind = kind
        self.moduli = {counter.name: counter.modulus for counter in kind.counters}
        self.counters = {counter.name: 0 if opened_before else counter.first_value for counter in kind.counters}
        self.recipe = ""

    def initial(self) -> dict[str, Any]:
        """Values of its tags at the first instant. StartedAt is an instant of simulated time."""
        values: dict[str, Any] = {f"{self.name}.{name}": value for name, value in self.counters.items()}
        values |= {f"{self.name}.State": int(self.state), f"{self.name}.Mode": int(self.mode)}
        return values | {f"{self.name}.StartedAt": self.world.now_us}

    def count(
        self, name: str, n: int, job: str | None, work_request: str = "", serial: str = "", boards: Sequence[str] = ()
    ) -> None:
        """Record `n` counts and show them; `job` is None for set-up pieces, dry cycles and anything else of no job.

        `serial` and `boards`: of the part that was worked on, and of what was made of it.
        """
        if n == 0:
            return
        self.counters[name] = (self.counters[name] + n) % self.moduli[name]
        self.world.record(
            self.lane,
            "count",
            equipment=self.name,
            counter=name,
            n=n,
            mode=int(self.mode),
            job=job,
            work_request=work_request,
            serial=serial,
            boards=list(boards),
            value=self.counters[name],
            cycle=self.world.step,
        )
        self.world.signal(self.lane, f"{self.name}.{name}", self.counters[name])

    def forget_counters(self) -> None:
        """What a restart does to volatile memory: StartedAt first, the zeros in a later step."""
        self.world.record(self.lane, "restart", equipment=self.name, counters=dict(self.counters))
        self.world.signal(self.lane, f"{self.name}.StartedAt", self.world.now_us)
        self.world.later(0, self._show_zeros)

    def _show_zeros(self) -> None:
        for name in self.counters:
            self.counters[name] = 0
            self.world.signal(self.lane, f"{self.name}.{name}", 0)

    def show_recipe(self, work_master: str) -> None:
        if work_master != self.recipe:
            self.recipe = work_master
            self.world.signal(self.lane, f"{self.name}.WorkMaster", work_master)

    def show_cycle(self, took_us: int) -> None:
        self.world.signal(self.lane, f"{self.name}.CycleTimeS", round(took_us / SECOND_US, 2))
