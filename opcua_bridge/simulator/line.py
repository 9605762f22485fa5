"""The SMT line: seven machines on one conveyor, one job at a time, panel by panel."""

from __future__ import annotations

from collections import deque
from typing import Any

from .catalog import BOARDS_PER_PANEL, GOOD, LINE, LINE_CELLS, RECIPES, REELS, REJECT, SPLICING, XOUT
from .cell import Cell
from .floor import Floor
from .machine import StateTeller
from .material import Part, draw_panel
from .reels import Reels
from .target import Target
from .vocabulary import Intent, JobState, Mode
from .world import World

CONVEYOR_ROOM, COOLING_ROOM = 2, 10


class SmtLine(Target):
    """A pause, or a machine's restart, holds the whole line where it stands; a breakdown only the machine."""

    def __init__(self, world: World, floor: Floor, *, opened_before: bool) -> None:
        super().__init__(world, LINE, RECIPES[LINE], floor)
        self.controller = StateTeller(world, LINE, LINE, "packml")
        self.cells = [
            Cell(world, kind, self, disturbances=floor.disturbances, opened_before=opened_before) for kind in LINE_CELLS
        ]
        self._place = {cell.name: index for index, cell in enumerate(self.cells)}
        self._conveyors: list[deque[Part]] = [deque() for _ in self.cells]
        self._panels = 0
        self._fates = world.chance("SMT-1/panels")
        self.reels = {
            name: Reels(world, name, LINE, slots, floor.run, splices=name in SPLICING) for name, slots in REELS.items()
        }

    def initial(self) -> dict[str, Any]:
        values = super().initial() | {f"{LINE}.State": int(self.controller.state), f"{LINE}.Mode": int(Mode.PRODUCE)}
        for reels in self.reels.values():
            values |= reels.initial()
        return values

    def take(self, cell: Cell) -> Part | None:
        place = self._place[cell.name]
        if place == 0:
            return self._load_panel()
        conveyor = self._conveyors[place]
        if not conveyor:
            return None
        self.world.later(0, self.cells[place - 1].look)
        part = conveyor.popleft()
        self._enters(cell, part)
        return part

    def _enters(self, cell: Cell, part: Part) -> None:
        reels = self.reels.get(cell.name)
        if reels is not None:
            self.world.signal(LINE, f"{cell.name}.Serial", part.serial)
            reels.feed(part.serial, cell.kind.cycle_s)

    def _load_panel(self) -> Part | None:
        job = self.job
        if job is None or job.state is not JobState.RUNNING or job.begun >= job.cycles:
            return None
        job.begun += 1
        self._panels += 1
        return draw_panel(self._fates, f"P{self.floor.run:02d}{self._panels:06d}", job.id, job.work_request)

    def give(self, cell: Cell, part: Part) -> bool:
        place = self._place[cell.name] + 1
        if place == len(self.cells):
            return True
        room = COOLING_ROOM if cell.name == "SMT-1-OVEN" else CONVEYOR_ROOM
        if len(self._conveyors[place]) >= room:
            return False
        self._conveyors[place].append(part)
        self.world.later(0, self.cells[place].look)
        return True

    def made(self, cell: Cell, part: Part) -> None:
        if cell.name == "SMT-1-AOI":
            self._inspect(cell, part)
            return
        cell.count(GOOD, 1, part.job, part.work_request)
        if cell.name == "SMT-1-LASER":
            self._marked(part)
        reels = self.reels.get(cell.name)
        if reels is not None and (change_us := reels.use()):
            cell.change_reel(change_us)

    def _marked(self, part: Part) -> None:
        boards = [f"{part.serial}-{place}" for place in range(1, BOARDS_PER_PANEL + 1)]
        self.world.record(LINE, "marked", equipment="SMT-1-LASER", serial=part.serial, boards=boards, job=part.job)
        self.world.signal(LINE, "SMT-1-LASER.Serial", part.serial)

    def _inspect(self, aoi: Cell, part: Part) -> None:
        self.world.signal(LINE, "SMT-1-AOI.Serial", part.serial)
        for counter, n in ((GOOD, part.good), (REJECT, part.rejected), (XOUT, part.xouts)):
            aoi.count(counter, n, part.job, part.work_request, part.serial, part.good_boards)
        self.floor.buffers[LINE].put(part)
        self.world.later(0, lambda: self.floor.changed(LINE))
        job = self.job
        if job is not None:
            job.done += 1
            self.end_when_done(job)

    def count_setup_piece(self) -> None:
        """A golden panel at the AOI and a test print at the printer."""
        for name, n in (("SMT-1-PRINTER", 1), ("SMT-1-AOI", BOARDS_PER_PANEL)):
            cell = self.cells[self._place[name]]
            if not cell.obstacles:
                cell.count(GOOD, n, None)

    def take_out(self, part: Part) -> None:
        """Panels that did not reach the AOI leave the line uncounted, from the conveyors too."""
        for conveyor in self._conveyors:
            conveyor.clear()

    def tell_line(self, intent: Intent) -> None:
        then = (lambda: self.controller.play(Intent.IDLE)) if intent is Intent.COMPLETE else None
        self.controller.play(intent, "", then)

    def set_mode(self, mode: Mode) -> None:
        super().set_mode(mode)
        self.controller.set_mode(mode)

    def troubled(self, cell: Cell) -> None:
        """The line's own state: held while one of its machines is down."""
        if self.job is None or self.job.state is not JobState.RUNNING:
            return
        down = [other.name for other in self.cells if other.broken]
        self.controller.play(Intent.HOLD if down else Intent.RUN, ",".join(down))
