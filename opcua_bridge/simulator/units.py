"""Machines that stand alone and take jobs themselves: the depaneling cobot, the tester, the CNC cell."""

from __future__ import annotations

from .catalog import BOARDS_PER_PANEL, BY_NAME, CNC, DEFECTS, DEPANEL, GOOD, RECIPES, REJECT, TEST, VERDICT_FIELDS
from .cell import Cell
from .floor import Floor
from .jobs import Job
from .material import Part, draw_panel
from .target import Target
from .vocabulary import JobState
from .world import World

BREAKAGE_RATE, TEST_FAIL_RATE, FIXTURE_REJECT_RATE = 0.003, 0.02, 0.015


class Unit(Target):
    """One machine, one job. It consumes what the target before it made for the same work request."""

    def __init__(self, world: World, name: str, floor: Floor, *, opened_before: bool) -> None:
        super().__init__(world, name, RECIPES[name], floor)
        kind = BY_NAME[name]
        self.cell = Cell(world, kind, self, disturbances=floor.disturbances, opened_before=opened_before)
        self.cells = [self.cell]
        self._fates = world.chance(f"{name}/fates")
        self._made = 0

    def take(self, cell: Cell) -> Part | None:
        job = self.job
        if job is None or job.state is not JobState.RUNNING or job.begun >= job.cycles:
            return None
        part = self._input(job)
        if part is None:
            self.end_when_done(job)
            return None
        job.begun += 1
        part.job = job.id
        return part

    def _input(self, job: Job) -> Part | None:
        upstream = self.floor.upstream(self.name)
        if upstream is None or not self._is_fed(job):
            return self.from_store(job)
        return self.floor.buffers[upstream.name].get(job.work_request)

    def _is_fed(self, job: Job) -> bool:
        """Whether somebody is known to make what the job works on."""
        upstream = self.floor.upstream(self.name)
        return upstream is not None and upstream.knows(job.work_request)

    def exhausted(self, job: Job) -> bool:
        upstream = self.floor.upstream(self.name)
        if upstream is None or job.done < 1 or self.cell.loads:
            return False
        over = upstream.knows(job.work_request) and upstream.is_over(job.work_request)
        return over and not self.floor.buffers[upstream.name].level(job.work_request)

    def give(self, cell: Cell, part: Part) -> bool:
        return True

    def made(self, cell: Cell, part: Part) -> None:
        self._made += 1
        self.finished(part)
        job = self.job
        if job is not None:
            job.done += 1
            self.end_when_done(job)

    def take_out(self, part: Part) -> None:
        upstream = self.floor.upstream(self.name)
        if upstream is not None and upstream.knows(part.work_request):
            self.floor.buffers[upstream.name].put_back(part)

    def look(self) -> None:
        self.cell.look()

    setup_count = 1

    def count_setup_piece(self) -> None:
        if not self.cell.obstacles:
            self.cell.count(GOOD, self.setup_count, None)

    def from_store(self, job: Job) -> Part:
        """Material when nothing is known to make it: a job alone runs too."""
        return Part("", job.id, job.work_request)

    def finished(self, part: Part) -> None:
        """Count the part and hand it on."""
        raise NotImplementedError


class Depaneler(Unit):
    """A panel in, its good boards out; now and then one breaks."""

    setup_count = BOARDS_PER_PANEL

    def __init__(self, world: World, floor: Floor, *, opened_before: bool) -> None:
        super().__init__(world, DEPANEL, floor, opened_before=opened_before)

    def from_store(self, job: Job) -> Part:
        return draw_panel(self._fates, f"S{self.floor.run:02d}{self._made + 1:06d}", job.id, job.work_request)

    def finished(self, part: Part) -> None:
        boards = [board for board in part.good_boards if self._fates.random() >= BREAKAGE_RATE]
        for counter, n in ((GOOD, len(boards)), (REJECT, part.good - len(boards))):
            self.cell.count(counter, n, part.job, part.work_request, part.serial, boards)
        for board in boards:
            self.floor.buffers[DEPANEL].put(Part(board, None, part.work_request))
        self.world.later(0, lambda: self.floor.changed(DEPANEL))


class Tester(Unit):
    """A board in, pass or fail. One that asks (`Floor.asks`) touches no board before it may; else it waits."""

    def __init__(self, world: World, floor: Floor, *, opened_before: bool) -> None:
        super().__init__(world, TEST, floor, opened_before=opened_before)
        self._question = 0
        self._waiting: Part | None = None
        self._may: bool | None = None

    def from_store(self, job: Job) -> Part:
        return Part(f"B{self.floor.run:02d}{self._made + 1:06d}", job.id, job.work_request)

    def take(self, cell: Cell) -> Part | None:
        part = self._asked(cell) if self.floor.asks else super().take(cell)
        if part is not None:
            self.world.signal(TEST, f"{TEST}.Verdict", "")
        return part

    def _asked(self, cell: Cell) -> Part | None:
        if self._waiting is None:
            self._waiting = super().take(cell)
            if self._waiting is not None:
                self._question += 1
                self._ask(self._waiting.serial)
            return None
        if self._may is None:
            return None
        part, may = self._waiting, self._may
        self._waiting = self._may = None
        if may:
            return part
        job = self.job
        if job is None or not self._is_fed(job):
            return None
        job.begun -= 1
        self.end_when_done(job)
        return self._asked(cell)

    def _ask(self, serial: str) -> None:
        self._may = None
        self.world.signal(TEST, f"{TEST}.MayI.Serial", serial)
        self.world.signal(TEST, f"{TEST}.MayI.Question", self._question)

    def answered(self, question: int, code: str, *, allowed: bool) -> None:
        """Somebody has answered; what is no answer to the question at hand says nothing."""
        if self._waiting is None or self._may is not None or question != self._question:
            return
        self._may = allowed
        serial = self._waiting.serial
        self.world.record(TEST, "may-i", equipment=TEST, serial=serial, allowed=allowed, code=code)
        self.cell.look()

    def exhausted(self, job: Job) -> bool:
        return self._waiting is None and super().exhausted(job)

    def _over(self, job: Job, state: JobState, cause: str) -> None:
        if self._waiting is not None:
            self.take_out(self._waiting)
            self._waiting = self._may = None
            self._question += 1
            self._ask("")
        super()._over(job, state, cause)

    def finished(self, part: Part) -> None:
        self.world.signal(TEST, f"{TEST}.Serial", part.serial)
        failed = self._fates.random() < TEST_FAIL_RATE
        code, position = self._fates.choice(DEFECTS) if failed else ("", "")
        verdict = "FAIL" if failed else "PASS"
        self.world.record(
            TEST, "verdict", equipment=TEST, serial=part.serial, verdict=verdict, code=code, position=position
        )
        for field, value in zip(VERDICT_FIELDS, (verdict, code, position), strict=True):
            self.world.signal(TEST, f"{TEST}.{field}", value)
        self.cell.count(REJECT if failed else GOOD, 1, part.job, part.work_request, part.serial)


class CncCell(Unit):
    """A fixture of two parts; one count is the fixture."""

    def __init__(self, world: World, floor: Floor, *, opened_before: bool) -> None:
        super().__init__(world, CNC, floor, opened_before=opened_before)

    def finished(self, part: Part) -> None:
        failed = self._fates.random() < FIXTURE_REJECT_RATE
        self.cell.count(REJECT if failed else GOOD, 1, part.job, part.work_request)
