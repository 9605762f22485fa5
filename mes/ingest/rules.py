"""Pure: samples in their order, what held at an instant, and what a value must look like."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mes.edge.types import Signal, TagBinding
from mes.equipment.counter_rules import GRACE_US
from mes.ingest.types import CounterCost, GapView
from mes.orders.types import MachineJobReport
from standards.lineside.ingest_v1 import Gap, Item, Sample, SourceEvent, Value

_RANK: Final = {
    Signal.restart_marker: 0,
    Signal.unit_mode: 1,
    Signal.job_order: 2,
    Signal.counter: 3,
    Signal.job_substate: 4,
    Signal.job_state: 5,
}
REMEMBERED: Final = frozenset(
    {
        Signal.unit_mode,
        Signal.restart_marker,
        Signal.job_order,
        Signal.job_state,
        Signal.job_substate,
        Signal.equipment_state,
    }
)
"""Signals whose last value rules look at in the next batch."""
OF_ENDPOINT: Final = frozenset(
    {"connection-lost", "subscription-lost", "server-restarted", "bridge-stopped", "sequence-gap"}
)
"""Reasons of gaps behind which everything of an endpoint came later, also where its tags are named."""
WHOLE_MIN: Final = -(2**63)
WHOLE_MAX: Final = 2**63 - 1
COUNTER_MAX: Final = 2**64 - 1
_NUMBERED_MAX: Final = 2**31 - 1
_MOST: Final = {
    Signal.counter: COUNTER_MAX,
    Signal.equipment_state: WHOLE_MAX,
    Signal.job_state: _NUMBERED_MAX,
    Signal.job_substate: _NUMBERED_MAX,
    Signal.unit_mode: _NUMBERED_MAX,
}
"""Signals that are whole numbers, and up to which they mean something."""
_NEVER: Final = object()
Moment = tuple[int, int]
"""Epoch within the batch, and instant."""
SEVERITY_MAX: Final = 1_000
TIME_MIN_US: Final = 0
TIME_MAX_US: Final = 4_102_444_800_000_000
"""1970 to 2100: outside it a machine's clock is not believed and the bridge's is used."""


class Word(NamedTuple):
    """A good (or uncertain) value of a bound tag. `seq` is its place in the journal."""

    binding: TagBinding
    value: Any
    at_us: int
    observed_at_us: int
    seq: int
    certain: bool = True
    gap_from_us: int | None = None
    data_type: str = ""
    epoch: int = 0
    """Words of a later epoch came after all of an earlier one, whatever their times say."""

    @property
    def moment(self) -> Moment:
        return self.epoch, self.at_us


class Quarantined(NamedTuple):
    """An item that nobody can use, and why. `until_us`: of a slot, when its tag said something else."""

    seq: int
    reason: str
    item: Item
    until_us: int | None = None


def instant_of(sample: Sample | SourceEvent) -> int:
    """The machine's time of a value or event; the bridge's where the machine gave none that can be meant."""
    at = sample.source_at_us
    if at is None or not TIME_MIN_US < at < TIME_MAX_US:
        return sample.observed_at_us
    return at


def holds_from(word: Word, told_us: int | None) -> int:
    """From when on a value says what is; `told_us`: the time of what was recorded last, a loss or another value.

    A machine's values are seen in their order. One with an older time that was seen later is therefore the present one:
    it was true all along a loss, or it is the next of several that waited for the end of an outage.
    """
    if told_us is None or word.observed_at_us < told_us:
        return word.at_us
    return max(word.at_us, told_us)


def placeable(item: Item) -> bool:
    """Whether the times (and numbers) of an item can be stored at all."""
    if isinstance(item, Gap):
        return TIME_MIN_US <= item.from_at_us <= item.to_at_us < TIME_MAX_US and 0 <= (item.lost or 0) <= WHOLE_MAX
    if isinstance(item, SourceEvent) and not 0 <= item.severity <= SEVERITY_MAX:
        return False
    return TIME_MIN_US < item.observed_at_us < TIME_MAX_US


def usable(signal: Signal, value: Value) -> bool:
    """Whether a value can be what its tag means."""
    if isinstance(value, (int, float)) and not is_finite(value):
        return False
    most = _MOST.get(signal)
    if most is not None:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return not isinstance(value, bool) and whole and 0 <= value <= most  # type: ignore[operator]
    if signal is Signal.remote_control:
        return isinstance(value, bool)
    if signal is Signal.job_order:
        return value is None or isinstance(value, str)
    parts = value if isinstance(value, list) else [value]
    if signal is Signal.restart_marker:
        return all(WHOLE_MIN <= part <= COUNTER_MAX for part in parts if isinstance(part, int))
    return all(is_finite(part) for part in parts if isinstance(part, int))


def is_finite(number: float) -> bool:
    """Whether it can be a 64-bit floating point number."""
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def in_time_order(words: Iterable[Word]) -> list[Word]:
    """By the machine's time; at the same instant a marker before a count, a count before the job's end."""
    return sorted(words, key=lambda word: (word.at_us, _RANK.get(word.binding.signal, 9), word.seq))


def ends_of_runs(words: Iterable[Word]) -> list[Word]:
    """The words without those that only repeat, between an earlier and a later one, what their tag said before."""
    runs: list[list[Word]] = []
    of_tag: dict[int, list[Word]] = {}
    for word in words:
        run = of_tag.get(word.binding.pk)
        if run is None or run[0].value != word.value:
            of_tag[word.binding.pk] = run = []
            runs.append(run)
        run.append(word)
    ends = [(min(run, key=_at), max(run, key=_at)) for run in runs]
    return [word for first, last in ends for word in ((first,) if first is last else (first, last))]


def _at(word: Word) -> int:
    return word.at_us


@dataclass(slots=True)
class Timeline:
    """Values of one thing over time: what held before, and changes since, in order of time."""

    before: Any = None
    times: list[Moment] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, at: Moment, value: Any) -> None:
        """A change; a later one never comes before an earlier one."""
        place = bisect.bisect_right(self.times, at)
        self.times.insert(place, at)
        self.values.insert(place, value)

    def at(self, at: Moment) -> Any:
        """What held at an instant, a change at that very instant included."""
        place = bisect.bisect_right(self.times, at)
        return self.values[place - 1] if place else self.before

    def until(self, at: Moment) -> Any:
        """What held up to an instant, a change at that very instant not yet."""
        place = bisect.bisect_left(self.times, at)
        return self.values[place - 1] if place else self.before

    def changes_within(self, begin: Moment, end: Moment) -> bool:
        """Whether something changed after `begin` and before `end`."""
        return bisect.bisect_left(self.times, end) > bisect.bisect_right(self.times, begin)


FOLLOWED_IN_ORDER: Final = frozenset({Signal.counter, Signal.restart_marker, Signal.unit_mode})


@dataclass(slots=True)
class Epochs:
    """Splits a batch where the machine's clock cannot tell what came first: after a loss, and where it was set back."""

    now: int = 0
    _last: dict[int, tuple[int, int]] = field(default_factory=dict)

    def begin(self) -> None:
        """What comes from here on came later."""
        self.now += 1

    def place(self, words: list[Word], word: Word) -> None:
        """Append a word in its epoch. One that is older than the one before it of its tag begins a new one, and takes
        along what was said in between of restarts and modes by the new clock."""
        if word.binding.signal in FOLLOWED_IN_ORDER:
            before_us, place = self._last.get(word.binding.pk, (word.at_us, len(words)))
            if word.at_us < before_us:
                self.begin()
                self._take_along(words, place + 1, before_us)
            self._last[word.binding.pk] = (word.at_us, len(words))
        words.append(word if word.epoch == self.now else word._replace(epoch=self.now))

    def _take_along(self, words: list[Word], since: int, before_us: int) -> None:
        for place in range(since, len(words)):
            word = words[place]
            followed = word.binding.signal in FOLLOWED_IN_ORDER and word.binding.signal is not Signal.counter
            if followed and word.at_us <= before_us:
                words[place] = word._replace(epoch=self.now)


@dataclass(slots=True)
class TargetJob:
    """What a machine last said about its job; `state` None: nothing yet about this one."""

    order_id: str = ""
    state: int | None = 0
    substate: int = 0

    def take(self, order_id: str) -> None:
        """The machine names its job. Of another one than before it has said no state yet: the old one is not its."""
        if order_id != self.order_id:
            self.order_id, self.state, self.substate = order_id, None, 0


def job_reports(target_pk: int, known: TargetJob, words: Sequence[Word]) -> list[MachineJobReport]:
    """The reports in a target's job words, which are in time order. `known` is moved along."""
    reports = []
    for word in words:
        signal = word.binding.signal
        if signal is Signal.job_order:
            known.take(str(word.value or ""))
            continue
        if signal is Signal.job_substate:
            known.substate = int(word.value)
        else:
            known.state = int(word.value)
        if known.state is None:
            continue
        reports.append(MachineJobReport(target_pk, known.order_id, known.state, known.substate, word.at_us))
    return reports


def costs_of(gap: GapView, facts: Iterable[tuple[int, CounterCost]]) -> tuple[CounterCost, ...]:
    """The counters whose count a gap made an interval. `facts`: uncertain counts with the instant they begin at.

    An uncertain count begins up to `GRACE_US` before the gap, or at the counter's last reading if that came later.
    """
    return tuple(
        cost
        for from_us, cost in facts
        if gap.from_at_us - GRACE_US <= from_us <= gap.to_at_us and (not gap.tags or cost.tag in gap.tags)
    )


def held_since(words: Iterable[Word], before: Mapping[int, tuple[Any, int]]) -> dict[int, Word]:
    """The last word of each tag, dated to when its value began. `before`: value and beginning, by binding."""
    last: dict[int, Word] = {}
    since: dict[int, int] = {}
    for word in words:
        pk = word.binding.pk
        value, since_us = (last[pk].value, since[pk]) if pk in last else before.get(pk, (_NEVER, 0))
        last[pk], since[pk] = word, since_us if value == word.value else word.at_us
    return {pk: word._replace(at_us=since[pk]) for pk, word in last.items()}
