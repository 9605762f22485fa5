"""What a factory that is opened again knows from its ledger: jobs, answers to commands, material between machines."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .catalog import COUNTING_POINTS, DEPANEL, GOOD, LINE, REJECT, TEST, XOUT
from .jobs import Answer, Job
from .material import Buffer, Part
from .vocabulary import JobState, Result

if TYPE_CHECKING:
    from .target import Target

Cycles = dict[tuple[str, int, int], dict[str, Any]]


@dataclass
class Restored:
    """The factory's past. `run` counts how often it was opened, this time included."""

    run: int = 1
    jobs: dict[str, list[Job]] = field(default_factory=dict)
    current: dict[str, Job | None] = field(default_factory=dict)
    answers: dict[str, dict[str, Answer]] = field(default_factory=dict)
    panels: list[Part] = field(default_factory=list)
    """Panels that left the line and were not taken by the cobot, oldest first."""
    boards: list[Part] = field(default_factory=list)

    def apply(self, targets: Mapping[str, Target], buffers: Mapping[str, Buffer]) -> None:
        for name, target in targets.items():
            target.jobs = {job.id: job for job in self.jobs.get(name, ())}
            target.job = self.current.get(name)
            target.answers = dict(self.answers.get(name, {}))
            target.reopen()
        for part in self.panels:
            buffers[LINE].put(part)
        for part in self.boards:
            buffers[DEPANEL].put(part)


def restore(entries: Iterable[Mapping[str, Any]]) -> Restored:
    """Fold a ledger. Panels that were inside the line are lost; their job makes them anew.

    Counts of a generated history are sums and leave no material behind."""
    past = Restored(run=1)
    cycles: Cycles = {}
    for entry in entries:
        kind = entry["kind"]
        if kind == "open":
            past.run += 1
        elif kind == "job":
            _fold_job(past, entry)
        elif kind == "command":
            answers = past.answers.setdefault(entry["target"], {})
            answers[entry["token"]] = Answer(Result(entry["result"]), entry["text"])
        elif kind == "count" and entry["job"] is not None and not entry.get("history"):
            _fold_count(past, entry, cycles)
    _fold_material(past, cycles)
    return past


def _fold_job(past: Restored, entry: Mapping[str, Any]) -> None:
    target = entry["target"]
    known = {job.id: job for job in past.jobs.setdefault(target, [])}
    job = known.get(entry["job"])
    if job is None:
        job = Job(entry["job"], entry["work_master"], entry["material"], entry["work_request"], entry["cycles"])
        past.jobs[target].append(job)
    job.state, job.substate = JobState(entry["state"]), entry["substate"]
    past.current[target] = job
    if job.state is JobState.NONE:
        past.jobs[target].remove(job)
        past.current[target] = None


def _fold_count(past: Restored, entry: Mapping[str, Any], cycles: Cycles) -> None:
    """Counts of one machine in one cycle belong together."""
    if entry["equipment"] not in COUNTING_POINTS.values():
        return
    key = (entry["equipment"], past.run, entry["cycle"])
    cycle = cycles.setdefault(key, {"job": entry["job"], "work_request": entry["work_request"]})
    cycle[entry["counter"]] = entry["n"]
    cycle["serial"], cycle["boards"] = entry.get("serial", ""), entry.get("boards", [])


def _fold_material(past: Restored, cycles: Cycles) -> None:
    jobs = {job.id: job for known in past.jobs.values() for job in known}
    panels: dict[str, deque[Part]] = defaultdict(deque)
    boards: dict[str, deque[Part]] = defaultdict(deque)
    for (equipment, _, _), cycle in cycles.items():
        job = jobs.get(cycle["job"])
        if job is not None:
            job.done = job.begun = job.done + 1
        _fold_cycle(equipment, cycle, panels[cycle["work_request"]], boards[cycle["work_request"]])
    past.panels = [part for parts in panels.values() for part in parts]
    past.boards = [part for parts in boards.values() for part in parts]
    nameless = [part for part in past.panels + past.boards if not part.serial]
    for number, part in enumerate(nameless):
        part.serial = f"R{past.run:02d}{number:06d}"


def _fold_cycle(equipment: str, cycle: Mapping[str, Any], panels: deque[Part], boards: deque[Part]) -> None:
    work_request = cycle["work_request"]
    if equipment == COUNTING_POINTS[LINE]:
        good, rejected, xouts = (cycle.get(name, 0) for name in (GOOD, REJECT, XOUT))
        places = tuple(int(board.rpartition("-")[2]) for board in cycle["boards"])
        panels.append(Part(cycle["serial"], None, work_request, good, rejected, xouts, places))
    elif equipment == DEPANEL:
        _take_away(panels, cycle["serial"])
        serials = cycle["boards"] or [""] * cycle.get(GOOD, 0)
        boards.extend(Part(serial, None, work_request) for serial in serials)
    elif equipment == TEST:
        _take_away(boards, cycle["serial"])


def _take_away(parts: deque[Part], serial: str) -> None:
    """The part of this serial; of a ledger without serials the one that waited longest."""
    found = next((part for part in parts if part.serial == serial), parts[0] if parts else None)
    if found is not None:
        parts.remove(found)
