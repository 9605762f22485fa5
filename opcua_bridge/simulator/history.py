"""A believable past: the same plant, lived through in seconds, its orders planned by a shift supervisor of chance.

    for item in generate_history(seed, start, end, job_id_of=…):
        match item: HistoryOrder | HistoryCommand | HistorySample | HistoryPacking

Items come in the order of their times. A `HistoryOrder` comes before `job_id_of` is first asked for one of its jobs, so
the caller can make the order (and its jobs) between two items.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from .catalog import (
    BY_NAME,
    CNC,
    COUNTING_POINTS,
    DEPANEL,
    GOOD,
    LINE,
    PACK,
    RECIPES,
    TARGETS,
    TEST,
    job_tags,
    signal_types,
)
from .jobs import Command
from .ledger import Ledger
from .plant import Plant, PlantSettings
from .vocabulary import Action, JobState
from .world import SECOND_US, LedgerEntry, Output, SignalChange

SAMPLE_EVERY_US: Final = 600 * SECOND_US
LOOK_EVERY_US: Final = 60 * SECOND_US
STEP_APART_US: Final = 1000
LEDGER_BATCH: Final = 2000
PACK_CYCLE_S: Final = 12.0
ROUTES: Final[dict[str, tuple[str, ...]]] = {"CB-100": (LINE, DEPANEL, TEST), "BH-200": (CNC,)}
CYCLE_S: Final = {LINE: 24.0, DEPANEL: 20.0, TEST: 9.0, CNC: 75.0}
PIECES_PER_CYCLE: Final = {LINE: 8, DEPANEL: 8, TEST: 1, CNC: 2}


@dataclass(frozen=True)
class HistoryOrder:
    """An operations request as the ERP would have sent it. Times are Unix microseconds."""

    id: str
    material: str
    quantity: int
    released_at_us: int
    due_at_us: int


@dataclass(frozen=True)
class HistoryCommand:
    """A job command that is assumed to have been given to the machine at this time."""

    operations_request_id: str
    target: str
    job_id: str
    action: str
    cycles: int
    at_us: int


@dataclass(frozen=True)
class HistorySample:
    """A tag's value. Only job reports, states, modes, restart markers and counters are told."""

    tag: str
    value: Any
    data_type: str
    at_us: int


@dataclass(frozen=True)
class HistoryPacking:
    """An order was packed at the manual bench; told when it was finished."""

    operations_request_id: str
    target: str
    good: int
    started_at_us: int
    at_us: int


HistoryItem = HistoryOrder | HistoryCommand | HistorySample | HistoryPacking
JobIds = Callable[[str, str], str]
"""(operations request id, target) → job id."""


def generate_history(
    seed: int,
    start: datetime,
    end: datetime,
    *,
    job_id_of: JobIds,
    time_zone: str = "Europe/Berlin",
    ledger: Ledger | None = None,
) -> Iterator[HistoryItem]:
    """The past from `start` to `end` (aware; ValueError if not), Monday to Saturday, 06:00–22:00 local time.

    Every job has ended by `end`. What was made goes to `ledger` too, counts summed between two samples of a counter.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("history needs aware datetimes")
    return _Past(seed, start, end, job_id_of, ZoneInfo(time_zone), ledger).tell()


def plan_orders(
    seed: int, start: datetime, end: datetime, time_zone: str = "Europe/Berlin"
) -> tuple[HistoryOrder, ...]:
    """The orders of a history, oldest first: what `generate_history` yields for the same arguments."""
    return tuple(_plan(Random(f"{seed}/orders"), start, end, ZoneInfo(time_zone)))


def _plan(chance: Random, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[HistoryOrder]:
    day, number = start.astimezone(zone).date(), 0
    while day <= end.astimezone(zone).date():
        for hour in sorted(chance.uniform(5.0, 17.0) for _ in range(chance.randint(3, 5))) if day.weekday() < 6 else ():
            number += 1
            at = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(seconds=round(hour * 3600))
            order = _draw_order(chance, f"H-{day:%y%m%d}-{number:03d}", at)
            if start <= at and at + timedelta(hours=2) < end:
                yield order
        day += timedelta(days=1)


def _draw_order(chance: Random, order_id: str, at: datetime) -> HistoryOrder:
    housings = chance.random() < 0.35
    quantity = chance.choice((40, 60, 100, 120) if housings else (50, 120, 200, 320, 400, 600))
    due = at + timedelta(hours=chance.choice((8, 12, 24, 30)))
    return HistoryOrder(order_id, "BH-200" if housings else "CB-100", quantity, _us(at), _us(due))


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def _cycles(target: str, quantity: int) -> int:
    return -(-quantity // PIECES_PER_CYCLE[target])


class _Past:
    """Drives the plant as an MES would: next job when the one before it ended, pauses at the end of the late shift."""

    def __init__(
        self, seed: int, start: datetime, end: datetime, job_id_of: JobIds, zone: ZoneInfo, ledger: Ledger | None
    ) -> None:
        self._plant = Plant(PlantSettings(seed, 1.0, None))
        self._start_us, self._end_us, self._zone = _us(start), _us(end), zone
        self._orders = deque(plan_orders(seed, start, end, str(zone)))
        self._job_id_of, self._ledger = job_id_of, ledger
        self._queues: dict[str, deque[HistoryOrder]] = {target: deque() for target in CYCLE_S}
        self._running: dict[str, tuple[HistoryOrder, str]] = {}
        self._benched: deque[HistoryPacking] = deque()
        self._bench_free_us = self._start_us
        self._tokens = 0
        self._teller = _Teller(self._start_us)

    def tell(self) -> Iterator[HistoryItem]:
        yield from self._teller.samples(self._plant.initial())
        at_us = self._start_us
        while at_us < self._end_us:
            at_us = self._next_look_us(at_us)
            yield from self._heard(self._plant.advance_us(at_us - self._start_us))
            yield from self._packed(at_us)
            yield from self._supervise(at_us)
        yield from self._teller.finish(at_us - self._start_us)
        self._keep(self._teller.entries())

    def _next_look_us(self, at_us: int) -> int:
        """Every minute, and exactly when an order comes or a packing ends."""
        moments = [at_us + LOOK_EVERY_US, self._end_us]
        moments += [self._orders[0].released_at_us] if self._orders else []
        moments += [self._benched[0].at_us] if self._benched else []
        return max(at_us, min(moments))

    # -- what the supervisor does

    def _supervise(self, at_us: int) -> Iterator[HistoryItem]:
        while self._orders and self._orders[0].released_at_us <= at_us:
            order = self._orders.popleft()
            self._queues[ROUTES[order.material][0]].append(order)
            yield order
        working = self._is_shift(at_us)
        for target in self._queues:
            yield from self._mind(target, at_us, working)

    def _is_shift(self, at_us: int) -> bool:
        local = datetime.fromtimestamp(at_us // 1_000_000, UTC).astimezone(self._zone)
        return local.weekday() < 6 and 6 <= local.hour < 22

    def _mind(self, target: str, at_us: int, working: bool) -> Iterator[HistoryItem]:
        state = self._state(target)
        if target in self._running:
            order, job = self._running[target]
            if state is JobState.ENDED:
                self._moved_on(target, order, at_us)
            elif at_us >= self._end_us - 120 * SECOND_US:
                yield from self._command(target, order, job, Action.STOP, at_us)
            elif state is JobState.RUNNING and not working:
                yield from self._command(target, order, job, Action.PAUSE, at_us)
            elif state is JobState.INTERRUPTED and working:
                yield from self._command(target, order, job, Action.RESUME, at_us)
        if target not in self._running and working and self._queues[target]:
            yield from self._begin(target, at_us)

    def _begin(self, target: str, at_us: int) -> Iterator[HistoryItem]:
        order = self._queues[target][0]
        if at_us + self._expected_us(target, order) > self._end_us:
            return
        job = self._job_id_of(order.id, target)
        yield from self._command(target, order, job, Action.STORE_AND_START, at_us)
        current = self._plant.targets[target].job
        if current is not None and current.id == job:
            self._queues[target].popleft()
            self._running[target] = (order, job)

    def _expected_us(self, target: str, order: HistoryOrder) -> int:
        return round((600 + 1.3 * CYCLE_S[target] * _cycles(target, order.quantity)) * SECOND_US)

    def _state(self, target: str) -> JobState:
        job = self._plant.targets[target].job
        return job.state if job is not None else JobState.NONE

    def _command(self, target: str, order: HistoryOrder, job: str, action: Action, at_us: int) -> Iterator[HistoryItem]:
        self._tokens += 1
        cycles = _cycles(target, order.quantity)
        command = Command(f"h{self._tokens}", job, action, RECIPES[target], order.material, order.id, cycles)
        yield HistoryCommand(order.id, target, job, action.value, cycles, max(at_us, self._teller.latest_us))
        yield from self._heard(self._plant.command(target, command))

    def _moved_on(self, target: str, order: HistoryOrder, at_us: int) -> None:
        del self._running[target]
        route = ROUTES[order.material]
        after = route.index(target) + 1
        if after < len(route):
            self._queues[route[after]].append(order)
        elif target == TEST:
            self._bench(order, at_us)

    def _bench(self, order: HistoryOrder, at_us: int) -> None:
        good = min(order.quantity, self._teller.good_of(self._job_id_of(order.id, TEST)))
        started_us = max(at_us + 120 * SECOND_US, self._bench_free_us)
        self._bench_free_us = started_us + round(good * PACK_CYCLE_S * SECOND_US)
        packing = HistoryPacking(order.id, PACK, good, started_us, self._bench_free_us)
        self._benched.append(packing)

    def _packed(self, at_us: int) -> Iterator[HistoryItem]:
        while self._benched and self._benched[0].at_us <= at_us:
            yield self._benched.popleft()

    def _heard(self, outputs: Iterable[Output]) -> Iterator[HistoryItem]:
        yield from self._teller.hear(outputs)
        if self._teller.waiting >= LEDGER_BATCH:
            self._keep(self._teller.entries())

    def _keep(self, entries: list[dict[str, Any]]) -> None:
        if self._ledger is not None:
            self._ledger.append(entries)


class _Teller:
    """Thins out what the plant says: counters at most every ten minutes and before their job's report."""

    def __init__(self, start_us: int) -> None:
        self._start_us = start_us
        self._types = signal_types() | {tag: kind for target in TARGETS for tag, kind in job_tags(target).items()}
        self._counters: dict[str, str] = {
            f"{machine.name}.{counter.name}": machine.lane
            for machine in BY_NAME.values()
            for counter in machine.counters
        }
        self._pending: dict[str, Any] = {}
        self._told_us: dict[str, int] = {}
        self._last_us: dict[str, int] = {}
        self.latest_us = 0
        self._entries: list[dict[str, Any]] = []
        self._sums: dict[tuple[str, str, str | None], dict[str, Any]] = {}
        self._good: dict[str, int] = {}

    def samples(self, initial: dict[str, Any]) -> Iterator[HistorySample]:
        for tag, value in initial.items():
            if self._is_told(tag):
                yield self._sample(tag, value, 0, "")

    def good_of(self, job: str) -> int:
        return self._good.get(job, 0)

    def entries(self) -> list[dict[str, Any]]:
        """What the ledger has to hear since the last call."""
        entries, self._entries = self._entries, []
        return entries

    @property
    def waiting(self) -> int:
        return len(self._entries)

    def finish(self, at_us: int) -> Iterator[HistorySample]:
        """Tell what was held back."""
        for tag in list(self._pending):
            yield from self._flush_tag(tag, at_us)

    def hear(self, outputs: Iterable[Output]) -> Iterator[HistorySample]:
        for output in outputs:
            if isinstance(output, LedgerEntry):
                yield from self._hear_entry(output)
            elif isinstance(output, SignalChange) and output.tag in self._counters:
                yield from self._hear_counter(output)
            elif isinstance(output, SignalChange) and self._is_told(output.tag):
                yield self._sample(output.tag, output.value, output.at_us, output.lane)

    def _is_told(self, tag: str) -> bool:
        name = tag.partition(".")[2]
        return name in ("State", "Mode", "StartedAt") or name.startswith("Job.") or tag in self._counters

    def _hear_entry(self, entry: LedgerEntry) -> Iterator[HistorySample]:
        if entry.kind == "count":
            self._sum(entry)
            return
        if entry.kind in ("job", "restart", "mode"):
            yield from self._flush(entry.lane, entry.at_us)
        self._entries.append(self._line(entry.kind, entry.fields, entry.at_us))

    def _sum(self, entry: LedgerEntry) -> None:
        fields = entry.fields
        if fields["job"] is not None and fields["counter"] == GOOD and fields["equipment"] in COUNTING_POINTS.values():
            self._good[fields["job"]] = self._good.get(fields["job"], 0) + fields["n"]
        key = (fields["equipment"], fields["counter"], fields["job"])
        known = self._sums.get(key)
        n = fields["n"] + (known["n"] if known else 0)
        self._sums[key] = self._line("count", fields | {"n": n}, entry.at_us)

    def _hear_counter(self, change: SignalChange) -> Iterator[HistorySample]:
        self._pending[change.tag] = change.value
        if change.at_us - self._told_us.get(change.tag, 0) >= SAMPLE_EVERY_US:
            yield from self._flush_tag(change.tag, change.at_us)

    def _flush(self, lane: str, at_us: int) -> Iterator[HistorySample]:
        for tag in [tag for tag in self._pending if self._counters[tag] == lane]:
            yield from self._flush_tag(tag, at_us)

    def _flush_tag(self, tag: str, at_us: int) -> Iterator[HistorySample]:
        value = self._pending.pop(tag)
        self._told_us[tag] = at_us
        equipment, _, counter = tag.partition(".")
        for key in [key for key in self._sums if key[:2] == (equipment, counter)]:
            self._entries.append(self._sums.pop(key))
        yield self._sample(tag, value, at_us, self._counters[tag])

    def _line(self, kind: str, fields: dict[str, Any], at_us: int) -> dict[str, Any]:
        return {"kind": kind, **fields, "sim_us": at_us, "wall_us": self._start_us + at_us, "history": True}

    def _sample(self, tag: str, value: Any, at_us: int, lane: str) -> HistorySample:
        earliest_us = self._last_us[lane] + STEP_APART_US if lane in self._last_us else 0
        wall_us = self.latest_us = max(self._start_us + at_us, earliest_us, self.latest_us)
        if lane:
            self._last_us[lane] = wall_us
        kind = self._types[tag]
        return HistorySample(tag, wall_us if kind == "DateTime" else value, kind, wall_us)


__all__ = [
    "HistoryCommand",
    "HistoryItem",
    "HistoryOrder",
    "HistoryPacking",
    "HistorySample",
    "generate_history",
    "plan_orders",
]
