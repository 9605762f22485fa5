"""What happens beside the jobs: dry cycles in maintenance mode, and somebody turning the key to local."""

from __future__ import annotations

from collections.abc import Callable

from .catalog import CNC, DEPANEL, LINE, TEST
from .target import Target
from .vocabulary import Intent, Mode
from .world import SECOND_US, World

DRY_CYCLE_EVERY_S, LOCAL_EVERY_S = 3 * 3600.0, 6 * 3600.0
DRY_CYCLE_S = {LINE: 25.0, DEPANEL: 20.0, TEST: 10.0, CNC: 60.0}


class Interludes:
    """Plans its own next occurrence for ever; `factor` as for disturbances."""

    def __init__(self, world: World, target: Target, factor: float) -> None:
        self._world, self._target, self._factor = world, target, factor
        self._chance = world.chance(f"{target.name}/interludes")
        if factor > 0:
            self._plan_dry_cycle()
            self._plan_local()

    def _plan_dry_cycle(self) -> None:
        self._in(self._chance.expovariate(self._factor / DRY_CYCLE_EVERY_S), self._dry_cycle)

    def _plan_local(self) -> None:
        self._in(self._chance.expovariate(self._factor / LOCAL_EVERY_S), self._local)

    def _in(self, seconds: float, action: Callable[[], None]) -> None:
        self._world.later(round(seconds * SECOND_US), action)

    def _dry_cycle(self) -> None:
        self._plan_dry_cycle()
        target = self._target
        if target.active or any(cell.obstacles for cell in target.cells):
            return
        target.set_mode(Mode.MAINTENANCE)
        target.tell(Intent.RUN)
        self._in(DRY_CYCLE_S[target.name], self._dry_cycle_over)

    def _dry_cycle_over(self) -> None:
        """Nothing is counted when a job called the dry cycle off."""
        target = self._target
        if target.cells[0].mode is not Mode.MAINTENANCE:
            return
        target.count_setup_piece()
        self._world.later(0, self._back_to_production)

    def _back_to_production(self) -> None:
        if self._target.cells[0].mode is Mode.MAINTENANCE:
            self._target.set_mode(Mode.PRODUCE)
            self._target.tell(Intent.IDLE)

    def _local(self) -> None:
        self._plan_local()
        if self._target.remote:
            self._target.set_remote(False)
            self._in(self._chance.uniform(40.0, 150.0), lambda: self._target.set_remote(True))
