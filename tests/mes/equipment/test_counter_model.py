"""A true counter, seen through any part of its readings: what is claimed contains the truth, and is exact whenever
nothing was hidden."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mes.equipment.counter_rules import GRACE_US, Baseline, CounterSpec, Movement, Reading, movement

SECOND = 1_000_000
MAX_PER_S = 20.0


@dataclass(frozen=True)
class Step:
    """One second of a machine's life, and whether anybody looked."""

    count: int
    restart: bool = False
    hidden: bool = False
    lie: str = ""
    """After the true reading, one false one: `zero` or `spike`."""
    clock_s: int = 0
    """By so much (and a microsecond: no two instants are the same) the machine's clock is set, forth or back."""
    late_us: int = 0
    """By so much a gap is told to begin too late: what was published then had been sampled before."""


steps = st.lists(
    st.builds(
        Step,
        st.integers(0, 20),
        st.sampled_from([False] * 5 + [True]),
        st.sampled_from([False] * 3 + [True]),
        st.sampled_from([""] * 4 + ["zero", "spike"]),
        st.sampled_from([0] * 6 + [-3600, -2, 2, 3600]),
        st.sampled_from([0] * 3 + [GRACE_US - 1]),
    ),
    min_size=1,
    max_size=40,
)
specs = st.builds(
    CounterSpec,
    st.sampled_from([None, 1000, 2**16, 2**32, 2**64]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, MAX_PER_S]),
)


class Model:
    """The counter as it is (`truth`), as it shows itself, and what its readings prove (`low`, `high`)."""

    def __init__(self, spec: CounterSpec, begin: int) -> None:
        self.spec, self.value = spec, begin
        self.truth, self.low = 0, 0
        self.high: int | None = 0
        self.boot, self.now_us, self.clock_us = 0, 10**15, 0
        self.hidden_since: int | None = None
        self.baseline = self._shown(begin).baseline

    def _shown(self, value: int, gap_from_us: int | None = None) -> Movement:
        marker = str(self.boot) if self.spec.marked else ""
        reading = Reading(value, self.now_us + self.clock_us, marker, gap_from_us)
        before: Baseline | None = getattr(self, "baseline", None)
        return movement(before, reading, self.spec)

    def live(self, step: Step) -> None:
        self.now_us += SECOND
        self.clock_us += step.clock_s * SECOND + (1 if step.clock_s else 0)
        if step.restart:
            self._restart(in_sight=not step.hidden)
        self.truth += step.count
        self.value += step.count
        if self.spec.modulus is not None:
            self.value %= self.spec.modulus

    def _restart(self, *, in_sight: bool) -> None:
        """Seen or not, a machine that starts again stands still for a moment."""
        self.boot += 1
        self.value = self.value if self.spec.retentive else 0
        if in_sight:
            self.show()
            self.now_us += SECOND

    def hide(self, late_us: int) -> None:
        self.hidden_since = self.now_us - SECOND + late_us if self.hidden_since is None else self.hidden_since

    def show(self) -> None:
        """The gap reaches as far back as the bridge's own clock says, whatever became of the machine's."""
        since = None if self.hidden_since is None else self.hidden_since + self.clock_us
        self.hidden_since = None
        self.take(self._shown(self.value, since))

    def show_lie(self, kind: str) -> None:
        self.take(self._shown(0 if kind == "zero" else (self.value + 30_000) % (self.spec.modulus or 2**70)))

    def take(self, found: Movement) -> None:
        self.baseline = found.baseline
        self.low += found.low
        self.high = None if self.high is None or found.high is None else self.high + found.high

    @property
    def is_settled(self) -> bool:
        return self.baseline.suspect_value is None and self.hidden_since is None


def _hides_a_lie(history: list[Step], number: int) -> bool:
    """A false reading stands between good ones: nothing else happens just before or after it."""
    around = history[max(0, number - 1) : number] + history[number + 1 : number + 3]
    here = history[number]
    quiet = not (here.restart or here.hidden or here.clock_s) and number + 1 < len(history)
    return quiet and not any(s.restart or s.hidden or s.clock_s for s in around)


SAMPLED_LATE = [Step(20, hidden=True, late_us=GRACE_US - 1), Step(20, restart=True, hidden=True), Step(20)]
"""At full speed before the gap is told to begin, and behind it a restart that nobody could see."""


@settings(max_examples=600)
@example(SAMPLED_LATE, CounterSpec(max_per_s=MAX_PER_S), 5)
@given(steps, specs, st.integers(0, 2**16))
def test_what_is_claimed_contains_the_truth(history: list[Step], spec: CounterSpec, begin: int) -> None:
    modulus = spec.modulus or 2**70
    model = Model(spec, (modulus - 1 - begin % min(modulus, 200)) if spec.modulus else begin)
    for number, step in enumerate(history):
        if step.lie and not _hides_a_lie(history, number):
            step = replace(step, lie="")
        model.live(step)
        if step.hidden:
            model.hide(step.late_us)
            continue
        model.show()
        if step.lie:
            model.now_us += SECOND // 10
            model.show_lie(step.lie)
        if model.is_settled:
            assert model.low <= model.truth, (spec, history)
            assert model.high is None or model.truth <= model.high, (spec, history)


@settings(max_examples=300)
@given(steps, specs, st.integers(0, 2**16))
def test_it_is_exact_whenever_nothing_was_hidden(history: list[Step], spec: CounterSpec, begin: int) -> None:
    """With restarts told (or survived) and read before anything was counted, lies and a clock set forth and back: a
    number, not an interval. A counter that says nothing of its restarts is exact too, but for a wrap or a zero, which
    might have been one."""
    model = Model(spec, begin % (spec.modulus or 2**70))
    told = spec.marked or spec.retentive
    for number, step in enumerate(history):
        lie = step.lie if told and _hides_a_lie(history, number) else ""
        model.live(replace(step, restart=step.restart and told, hidden=False))
        before = model.baseline.value
        model.show()
        if not told and model.value < before:
            return
        if lie and model.is_settled:
            model.now_us += SECOND // 10
            model.show_lie(lie)
        if model.is_settled:
            assert model.low == model.truth == model.high, (spec, history)
