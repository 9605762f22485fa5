"""Whoever takes a job: it prepares, runs, pauses and ends it, and reports every step before and after its counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from . import vocabulary as say
from .cell import Cell
from .floor import Floor
from .jobs import ACTIVE, FINAL, OK, Answer, Command, Job
from .material import Part
from .vocabulary import Action, Intent, JobState, Mode, Result
from .world import SECOND_US, Ticket, World

DARK_US: Final = 12 * SECOND_US
"""How long a machine's controller takes to come back."""
REMEMBERED_TOKENS: Final = 1000
SETUP_PIECES_RATE: Final = 0.35


class Target:
    """A job target: one machine, or the line. Subclasses say what it is made of and where parts come from."""

    def __init__(self, world: World, name: str, recipe: str, floor: Floor) -> None:
        self.world, self.name, self.recipe, self.floor = world, name, recipe, floor
        self.cells: list[Cell] = []
        self.remote = True
        self.job: Job | None = None
        self.jobs: dict[str, Job] = {}
        self.answers: dict[str, Answer] = {}
        self.chance = world.chance(f"{name}/jobs")
        self._preparation: list[Ticket] = []
        self._restarting: set[str] = set()

    def initial(self) -> dict[str, Any]:
        job = self.job
        values: dict[str, Any] = {f"{self.name}.Remote": self.remote}
        values[f"{self.name}.Job.OrderId"] = job.id if job else ""
        values[f"{self.name}.Job.State"] = int(job.state) if job else 0
        return values | {f"{self.name}.Job.Substate": job.substate if job else 0}

    # -- commands

    def handle(self, command: Command) -> None:
        """Do what the command says, once per token, and answer it."""
        answer = self.answers.get(command.token)
        if answer is None:
            answer = self._decide(command)
            self._remember(command.token, answer)
            self.world.record(
                self.name,
                "command",
                target=self.name,
                token=command.token,
                action=command.action,
                job=command.order_id,
                result=answer.result.value,
                text=answer.text,
            )
        for field, value in (("AckResult", answer.result.value), ("AckText", answer.text), ("AckToken", command.token)):
            self.world.signal(self.name, f"{self.name}.Cmd.{field}", value)

    def _remember(self, token: str, answer: Answer) -> None:
        self.answers[token] = answer
        while len(self.answers) > REMEMBERED_TOKENS:
            self.answers.pop(next(iter(self.answers)))

    def _decide(self, command: Command) -> Answer:
        if not self.remote:
            return Answer(Result.LOCAL_MODE, "The machine is in local mode")
        if command.action == Action.STORE_AND_START:
            return self._store_and_start(command)
        if self.job is None or command.order_id != self.job.id:
            return Answer(Result.UNKNOWN_JOB, "This job is not at the machine")
        steps: dict[str, Callable[[Job], Answer]] = {
            Action.PAUSE: self._pause,
            Action.RESUME: self._resume,
            Action.STOP: self._stop,
            Action.ABORT: self._abort,
            Action.CANCEL: self._cancel,
        }
        step = steps.get(command.action)
        return step(self.job) if step else Answer(Result.BAD_STATE, f"Unknown action {command.action!r}")

    def _store_and_start(self, command: Command) -> Answer:
        if command.order_id in self.jobs:
            return Answer(Result.OK, "Known already")
        if not command.order_id or command.cycles < 1:
            return Answer(Result.BAD_STATE, "A job needs an order id and at least one cycle")
        if command.work_master != self.recipe:
            return Answer(Result.UNKNOWN_RECIPE, f"No recipe {command.work_master!r} here")
        if self.job is not None and self.job.active:
            return Answer(Result.BUSY, f"Job {self.job.id} is at the machine")
        self._accept(command)
        return OK

    def _pause(self, job: Job) -> Answer:
        if job.state is not JobState.RUNNING and not self._held(job):
            return self._not_now(job)
        self._hold_all()
        self._report(job, JobState.INTERRUPTED, say.SUSPENDED, "pause")
        return OK

    def _resume(self, job: Job) -> Answer:
        if job.state is not JobState.INTERRUPTED or self._held(job) or self._restarting:
            return self._not_now(job)
        self._go_on(job, "resume")
        return OK

    def _stop(self, job: Job) -> Answer:
        if job.state not in (JobState.RUNNING, JobState.INTERRUPTED):
            return self._not_now(job)
        self._over(job, JobState.ENDED, "stop")
        return OK

    def _abort(self, job: Job) -> Answer:
        if not job.active:
            return self._not_now(job)
        self._over(job, JobState.ABORTED, "abort")
        return OK

    def _cancel(self, job: Job) -> Answer:
        if job.state is not JobState.ALLOWED:
            return self._not_now(job)
        self._over(job, JobState.NONE, "cancel")
        self.jobs.pop(job.id)
        self.job = None
        self.world.signal(self.name, f"{self.name}.Job.OrderId", "")
        return OK

    def _not_now(self, job: Job) -> Answer:
        return Answer(Result.BAD_STATE, f"Not while the job is {job.state.name.lower()}")

    def _held(self, job: Job) -> bool:
        return job.state is JobState.INTERRUPTED and job.substate == say.HELD

    # -- a job's life

    def _accept(self, command: Command) -> None:
        job = Job(
            command.order_id,
            command.work_master,
            command.material,
            command.work_request or command.order_id,
            command.cycles,
        )
        self._call_off_preparation()
        self.job = self.jobs[job.id] = job
        self.world.signal(self.name, f"{self.name}.Job.OrderId", job.id)
        self._report(job, JobState.ALLOWED, say.LOADED, "store-and-start")
        self.tell(Intent.START)
        self._prepare()

    def _prepare(self) -> None:
        with_pieces = self.chance.random() < SETUP_PIECES_RATE * min(1.0, self.floor.disturbances)
        done_s = self._set_up() if with_pieces else 0.0
        self._plan(done_s + self.chance.uniform(4.0, 9.0), self._try_run)

    def _set_up(self) -> float:
        """Set-up pieces in manual mode: counted by the machine, no part of any job. Seconds until they are done."""
        self._plan(1.0, lambda: self.set_mode(Mode.MANUAL))
        pieces = self.chance.choice((1, 1, 2))
        for piece in range(pieces):
            self._plan(12.0 + 15.0 * piece, self.count_setup_piece)
        done_s = 14.0 + 15.0 * (pieces - 1)
        self._plan(done_s, lambda: self.set_mode(Mode.PRODUCE))
        return done_s

    def _plan(self, delay_s: float, action: Callable[[], None]) -> None:
        self._preparation.append(self.world.later(round(delay_s * SECOND_US), action))

    def _call_off_preparation(self) -> None:
        for ticket in self._preparation:
            ticket.cancel()
        self._preparation.clear()
        self.set_mode(Mode.PRODUCE)

    def _try_run(self) -> None:
        job = self.job
        if job is None or job.state is not JobState.ALLOWED:
            return
        if any(cell.obstacles for cell in self.cells):
            self._plan(2.0, self._try_run)
            return
        self._preparation.clear()
        self._report(job, JobState.RUNNING, 0, "start")
        self._plan(0.3, self._begin)

    def _begin(self) -> None:
        if self.job is None or self.job.state is not JobState.RUNNING:
            return
        self.tell_line(Intent.RUN)
        for cell in self.cells:
            cell.begin(self.recipe)

    def end_when_done(self, job: Job) -> None:
        """End the job in a later step than its last count, once its cycles are done or its material is used up."""
        if job.done >= job.cycles or self.exhausted(job):
            self.world.later(0, lambda: self._end(job))

    def _end(self, job: Job) -> None:
        if job.state is JobState.RUNNING:
            self._over(job, JobState.ENDED, "done" if job.done >= job.cycles else "material-used-up")

    def _over(self, job: Job, state: JobState, cause: str) -> None:
        self._call_off_preparation()
        intent = {JobState.ABORTED: Intent.ABORT, JobState.NONE: Intent.IDLE}.get(state, Intent.COMPLETE)
        for cell in self.cells:
            for part in cell.finish(intent):
                self.take_out(part)
        self.tell_line(intent)
        self._report(job, state, say.COMPLETED if state is JobState.ENDED else 0, cause)
        self.world.later(0, lambda: self.floor.changed(self.name))

    def _report(self, job: Job, state: JobState, substate: int, cause: str) -> None:
        job.state, job.substate = state, substate
        self.world.record(
            self.name,
            "job",
            target=self.name,
            job=job.id,
            state=int(state),
            substate=substate,
            cause=cause,
            work_request=job.work_request,
            work_master=job.work_master,
            material=job.material,
            cycles=job.cycles,
        )
        self.world.signal(self.name, f"{self.name}.Job.State", int(state))
        self.world.signal(self.name, f"{self.name}.Job.Substate", substate)

    # -- pauses and restarts

    def _hold_all(self) -> None:
        for cell in self.cells:
            cell.obstruct("pause", Intent.HOLD, "pause")
        self.tell_line(Intent.HOLD)

    def _go_on(self, job: Job, cause: str) -> None:
        self._report(job, JobState.RUNNING, 0, cause)
        for cell in self.cells:
            cell.working = True
            cell.show_recipe(self.recipe)
            cell.clear("pause", Intent.RELEASE)
        self.tell_line(Intent.RUN)
        self.troubled(self.cells[0])

    def restart_cell(self, cell: Cell) -> None:
        """The machine's controller restarts: the job is held meanwhile, counters begin at 0, then the job goes on."""
        if cell.name in self._restarting:
            return
        self._restarting.add(cell.name)
        job = self.job
        if job is not None and job.state is JobState.RUNNING:
            self._hold_others(cell)
            self._report(job, JobState.INTERRUPTED, say.HELD, "restart")
        cell.power_cycle(DARK_US, lambda: self._back(cell))

    def _hold_others(self, cell: Cell) -> None:
        for other in self.cells:
            if other is not cell:
                other.obstruct("pause", Intent.HOLD, "restart")
        self.tell_line(Intent.HOLD)

    def _back(self, cell: Cell) -> None:
        self._restarting.discard(cell.name)
        if self.job is not None and self._held(self.job):
            if self._restarting:
                cell.obstacles.add("pause")
            else:
                self._go_on(self.job, "restarted")
        cell.clear("restart", Intent.POWER_UP)

    def reopen(self) -> None:
        """Go on with the job a former process left behind: every machine was restarted meanwhile."""
        job = self.job
        if job is None or not job.active:
            return
        if job.state is JobState.ALLOWED:
            self._prepare()
            return
        for cell in self.cells:
            cell.working = True
        self._hold_all()
        if job.state is JobState.RUNNING or self._held(job):
            self._report(job, JobState.INTERRUPTED, say.HELD, "reopened")
            self.world.later(DARK_US, lambda: self._reopened(job))

    def _reopened(self, job: Job) -> None:
        if self._held(job) and not self._restarting:
            self._go_on(job, "reopened")

    # -- what subclasses know

    def tell(self, intent: Intent) -> None:
        """Every machine of the target shows this."""
        for cell in self.cells:
            if not cell.obstacles:
                cell.play(intent)
        self.tell_line(intent)

    def tell_line(self, intent: Intent) -> None:
        """The controller above the machines shows this; a machine that stands alone has none."""

    def set_mode(self, mode: Mode) -> None:
        for cell in self.cells:
            cell.set_mode(mode)

    def count_setup_piece(self) -> None:
        """One set-up piece or dry cycle goes through the counters."""
        raise NotImplementedError

    def take_out(self, part: Part) -> None:
        """A part found inside when the job ended."""

    def exhausted(self, job: Job) -> bool:
        """Whether nothing more can come for this job although its cycles are not done."""
        return False

    def look(self) -> None:
        """Material may have arrived."""

    def troubled(self, cell: Cell) -> None:
        """One of the machines stopped by itself or went on."""

    # -- what others ask

    def set_remote(self, remote: bool) -> None:
        if remote != self.remote:
            self.remote = remote
            self.world.record(self.name, "remote", target=self.name, remote=remote)
            self.world.signal(self.name, f"{self.name}.Remote", remote)

    def knows(self, work_request: str) -> bool:
        return any(job.work_request == work_request for job in self.jobs.values())

    def is_over(self, work_request: str) -> bool:
        """Whether every job it ever took for this work request has ended."""
        return all(job.state in FINAL for job in self.jobs.values() if job.work_request == work_request)

    @property
    def active(self) -> bool:
        return self.job is not None and self.job.state in ACTIVE
