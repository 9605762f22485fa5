"""The factory without sockets: what it counts is what it shows, in the order the contract promises."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from opcua_bridge.simulator.catalog import BY_NAME, RECIPES, TARGETS
from opcua_bridge.simulator.jobs import Command
from opcua_bridge.simulator.ledger import read_pieces
from opcua_bridge.simulator.plant import Plant, PlantSettings
from opcua_bridge.simulator.restored import restore
from opcua_bridge.simulator.stamps import Stamps
from opcua_bridge.simulator.world import Alarm, LedgerEntry, Output, SignalChange

CALM = PlantSettings(seed=1, disturbances=0.0, measure_every_s=None)
MODULI = {f"{m.name}.{c.name}": c.modulus for m in BY_NAME.values() for c in m.counters}


@dataclass
class Run:
    """A plant and all it has told."""

    plant: Plant
    outputs: list[Output] = field(default_factory=list)
    tokens: int = 0

    def until(self, seconds: float) -> Run:
        self.outputs += self.plant.advance(seconds)
        return self

    def later(self, seconds: float) -> Run:
        return self.until(self.plant.now_us / 1e6 + seconds)

    def order(self, target: str, action: str, job: str, *, wr: str = "W", cycles: int = 0, token: str = "") -> str:
        self.tokens += 1
        command = Command(token or f"T{self.tokens}", job, action, RECIPES[target], "M", wr, cycles)
        outputs = self.plant.command(target, command)
        self.outputs += outputs
        return next(o.value for o in outputs if isinstance(o, SignalChange) and o.tag.endswith("AckResult"))

    def start(self, target: str, job: str, cycles: int, wr: str = "W") -> str:
        return self.order(target, "store-and-start", job, wr=wr, cycles=cycles)

    def entries(self, kind: str) -> list[dict[str, Any]]:
        return [o.fields for o in self.outputs if isinstance(o, LedgerEntry) and o.kind == kind]

    def values(self, tag: str) -> list[Any]:
        return [o.value for o in self.outputs if isinstance(o, SignalChange) and o.tag == tag]

    def counted(self, job: str | None, equipment: str) -> Counter[str]:
        sums: Counter[str] = Counter()
        for entry in self.entries("count"):
            if entry["job"] == job and entry["equipment"] == equipment:
                sums[entry["counter"]] += entry["n"]
        return sums


def calm() -> Run:
    return Run(Plant(CALM))


def test_order_flows_from_line_to_test() -> None:
    run = calm()
    assert run.start("SMT-1", "S", 7) == "ok"
    run.later(900)
    assert run.start("DEPANEL-1", "D", 7) == "ok"
    run.later(400)
    assert run.start("TEST-1", "T", 50) == "ok"
    run.later(900)
    made, cut, tested = (run.counted(j, e) for j, e in (("S", "SMT-1-AOI"), ("D", "DEPANEL-1"), ("T", "TEST-1")))
    assert made.total() == 56
    assert cut.total() == made["GoodCount"]
    assert tested.total() == min(50, cut["GoodCount"])
    assert run.counted("S", "SMT-1-PRINTER")["GoodCount"] == 7
    assert [run.values(f"{target}.Job.State")[-1] for target in ("SMT-1", "DEPANEL-1", "TEST-1")] == [5, 5, 5]
    assert {cell.state for cell in run.plant.cells.values()} == {4, 2}, "everything is idle again"


def test_job_alone_takes_material_from_the_store() -> None:
    run = calm()
    run.start("TEST-1", "T", 5)
    run.later(120)
    assert run.counted("T", "TEST-1").total() == 5
    assert run.values("TEST-1.Job.State") == [2, 3, 5]


def test_machine_ends_the_job_when_its_material_is_used_up() -> None:
    run = calm()
    run.start("SMT-1", "S", 1)
    run.start("DEPANEL-1", "D", 7)
    run.later(1000)
    assert run.values("DEPANEL-1.Job.State") == [2, 3, 5]
    assert [entry["cause"] for entry in run.entries("job") if entry["job"] == "D"][-1] == "material-used-up"


def test_a_tester_that_asks_touches_nothing_before_it_may() -> None:
    run = Run(Plant(replace(CALM, asks=True)))
    for target, job, cycles in (("SMT-1", "S", 1), ("DEPANEL-1", "D", 1), ("TEST-1", "T", 8)):
        run.start(target, job, cycles)
    run.later(900)
    boards = run.counted("D", "DEPANEL-1")["GoodCount"]
    assert run.values("TEST-1.MayI.Question") == [1]
    assert run.entries("verdict") == []
    run.outputs += run.plant.answer(7, "", allowed=True)
    run.later(60)
    assert run.entries("verdict") == [], "that was no answer to its question"
    for number in range(1, boards + 1):
        run.outputs += run.plant.answer(number, "" if number > 2 else "step-missing", allowed=number > 2)
        run.later(60)
    asked = run.values("TEST-1.MayI.Serial")[:boards]
    assert [one["serial"] for one in run.entries("verdict")] == asked[2:]
    assert [one["allowed"] for one in run.entries("may-i")] == [False] * 2 + [True] * (boards - 2)
    assert run.values("TEST-1.Job.State")[-1] == 5, "what was refused is not waited for"


def test_reels_change_between_panels_or_are_spliced_in_one() -> None:
    run = Run(Plant(replace(CALM, seed=2)))
    run.start("SMT-1", "S", 70)
    run.later(3_600)
    pieces = read_pieces({"kind": o.kind, **o.fields} for o in run.outputs if isinstance(o, LedgerEntry))
    assert len({serial for serial, _, _ in pieces.fed}) == 70
    placers = {equipment for (_, equipment, _), lots in pieces.fed.items() if len(lots) > 1}
    assert placers == {"SMT-1-PLACER-B"}
    changed = Counter(entry["equipment"] for entry in run.entries("reel"))
    assert changed["SMT-1-PLACER-A"] > 0


def test_boards_have_their_serials_still_when_the_factory_is_opened_again() -> None:
    run = calm()
    run.start("SMT-1", "S", 4)
    run.later(300)
    run.start("DEPANEL-1", "D", 2)
    run.later(200)
    ledger = [{"kind": "open"}, *({"kind": o.kind, **o.fields} for o in run.outputs if isinstance(o, LedgerEntry))]
    past = restore(ledger)
    panels = [entry["serial"] for entry in run.entries("marked")]
    cut = run.entries("count")
    assert [part.serial for part in past.panels] == panels[2:4]
    assert [part.serial for part in past.boards] == [
        board
        for entry in cut
        if entry["equipment"] == "DEPANEL-1" and entry["counter"] == "GoodCount"
        for board in entry["boards"]
    ]
    assert all(part.serial.startswith(tuple(panels[:2])) for part in past.boards)


def test_pause_holds_everything_and_resume_loses_nothing() -> None:
    run = calm()
    run.start("SMT-1", "S", 3)
    run.later(200)
    assert run.order("SMT-1", "pause", "S") == "ok"
    before = len(run.entries("count"))
    run.later(3600)
    assert len(run.entries("count")) == before
    assert run.values("SMT-1.Job.State")[-1] == 4
    assert run.values("SMT-1.Job.Substate")[-1] == 2
    assert run.order("SMT-1", "pause", "S") == "bad-state"
    assert run.order("SMT-1", "resume", "S") == "ok"
    run.later(900)
    assert run.counted("S", "SMT-1-AOI").total() == 24
    assert run.values("SMT-1.Job.State") == [2, 3, 4, 3, 5]


def test_stop_abort_and_cancel() -> None:
    run = calm()
    run.start("CNC-1", "A", 50)
    assert run.order("CNC-1", "cancel", "A") == "ok"
    assert run.values("CNC-1.Job.OrderId")[-1] == ""
    assert run.start("CNC-1", "A", 50) == "ok", "a cancelled job is forgotten and may come again"
    run.later(300)
    assert run.order("CNC-1", "cancel", "A") == "bad-state"
    assert run.order("CNC-1", "stop", "A") == "ok"
    assert run.order("CNC-1", "abort", "A") == "bad-state"
    run.start("CNC-1", "B", 50)
    run.later(300)
    assert run.order("CNC-1", "abort", "B") == "ok"
    count = len(run.entries("count"))
    run.later(3600)
    assert len(run.entries("count")) == count
    assert run.values("CNC-1.Job.State") == [2, 0, 2, 3, 5, 2, 3, 6]
    assert run.plant.cells["CNC-1"].state == 2


def test_refusals() -> None:
    run = calm()
    assert run.order("TEST-1", "pause", "nobody") == "unknown-job"
    wrong = Command("x", "J", "store-and-start", "WM-UNKNOWN", "M", "W", 1)
    assert "unknown-recipe" in [getattr(o, "value", None) for o in run.plant.command("TEST-1", wrong)]
    assert run.start("TEST-1", "J", 0) == "bad-state"
    assert run.start("TEST-1", "J", 9) == "ok"
    assert run.start("TEST-1", "K", 9) == "busy"
    assert run.start("TEST-1", "J", 9) == "ok", "known already: nothing is done"
    run.outputs += run.plant.set_remote("TEST-1", False)
    assert run.order("TEST-1", "abort", "J") == "local-mode"
    assert run.values("TEST-1.Job.State") == [2]


def test_same_token_is_done_once() -> None:
    run = calm()
    assert run.order("TEST-1", "store-and-start", "J", cycles=3, token="same") == "ok"
    run.later(100)
    assert run.values("TEST-1.Job.State") == [2, 3, 5]
    assert run.order("TEST-1", "abort", "J", token="same") == "ok", "the former answer again"
    assert run.values("TEST-1.Job.State") == [2, 3, 5]
    assert run.values("TEST-1.Cmd.AckToken") == ["same", "same"]


def test_restart_holds_the_job_zeroes_the_counters_and_goes_on() -> None:
    run = calm()
    run.start("SMT-1", "S", 6)
    run.later(340)
    assert run.counted("S", "SMT-1-AOI").total() >= 16
    run.outputs += run.plant.restart_machine("SMT-1-AOI")
    run.later(900)
    assert run.counted("S", "SMT-1-AOI").total() == 48
    assert run.values("SMT-1.Job.State") == [2, 3, 4, 3, 5]
    assert 1 in run.values("SMT-1.Job.Substate")
    counter = run.values("SMT-1-AOI.GoodCount")
    zero = counter.index(0)
    assert counter[zero - 1] > 0
    assert counter == sorted(counter[:zero]) + sorted(counter[zero:])
    order = [o.tag for o in run.outputs if isinstance(o, SignalChange) and o.tag.startswith("SMT-1-AOI.")]
    assert order.index("SMT-1-AOI.StartedAt") < order.index("SMT-1-AOI.RejectCount", order.index("SMT-1-AOI.StartedAt"))


def test_two_machines_restarting_hold_the_line_until_both_are_back() -> None:
    run = calm()
    run.start("SMT-1", "S", 4)
    run.later(300)
    run.outputs += run.plant.restart_machine("SMT-1-AOI")
    run.later(5)
    run.outputs += run.plant.restart_machine("SMT-1-LASER")
    run.later(900)
    assert run.values("SMT-1.Job.State") == [2, 3, 4, 3, 5]
    assert run.counted("S", "SMT-1-AOI").total() == 32


def test_breakdown_starves_and_blocks_the_neighbours_only() -> None:
    run = calm()
    run.start("SMT-1", "S", 20)
    run.later(300)
    run.outputs += run.plant.break_down("SMT-1-PLACER-A", 600)
    run.later(500)
    causes = {entry["equipment"]: entry["cause"] for entry in run.entries("state")}
    assert causes["SMT-1-PLACER-A"] in {"E540", "E541"}
    assert causes["SMT-1-LASER"] == "blocked"
    assert causes["SMT-1-PLACER-B"] == "starved"
    assert run.plant.cells["SMT-1-PLACER-A"].state == 9
    assert run.values("SMT-1.State")[-1] == 11
    run.later(2000)
    assert run.counted("S", "SMT-1-AOI").total() == 160
    assert [o.active for o in run.outputs if isinstance(o, Alarm)] == [True, False]


def test_same_seed_same_history() -> None:
    def life(seed: int) -> list[Output]:
        run = Run(Plant(PlantSettings(seed)))
        for target, cycles in (("SMT-1", 40), ("TEST-1", 300), ("CNC-1", 60)):
            run.later(10).start(target, f"J-{target}", cycles)
        return run.later(6 * 3600).outputs

    assert life(7) == life(7)
    assert life(7) != life(8)


def test_measuring_changes_no_count() -> None:
    def counts(every_s: float | None) -> list[dict[str, Any]]:
        run = Run(Plant(PlantSettings(3, 1.0, every_s)))
        run.start("SMT-1", "S", 30)
        return [{**e, "cycle": 0} for e in run.later(7200).entries("count")]

    assert counts(None) == counts(5.0)


# -- invariants over lives of all kinds

Deed = tuple[float, str, str]
DEEDS = st.lists(
    st.tuples(
        st.floats(0.0, 700.0),
        st.sampled_from(
            ["start", "pause", "resume", "stop", "abort", "cancel", "restart", "breakdown", "local", "remote"]
        ),
        st.sampled_from(TARGETS),
    ),
    max_size=40,
)
RESTARTED = {"SMT-1": "SMT-1-AOI", "DEPANEL-1": "DEPANEL-1", "TEST-1": "TEST-1", "CNC-1": "CNC-1"}


def live(seed: int, deeds: Sequence[Deed]) -> Run:
    run = Run(Plant(PlantSettings(seed, 5.0, None)))
    for number, (wait_s, deed, target) in enumerate(deeds):
        run.later(wait_s)
        job = run.plant.targets[target].job
        if deed == "start":
            run.start(target, f"J{number}", 1 + number % 9, f"W{number % 3}")
        elif deed == "restart":
            run.outputs += run.plant.restart_machine(RESTARTED[target])
        elif deed == "breakdown":
            run.outputs += run.plant.break_down(RESTARTED[target], 60)
        elif deed in ("local", "remote"):
            run.outputs += run.plant.set_remote(target, deed == "remote")
        elif job is not None:
            run.order(target, deed, job.id)
    return run.later(2000)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), deeds=DEEDS)
def test_invariants(seed: int, deeds: Sequence[Deed]) -> None:
    run = live(seed, deeds)
    initial = Plant(PlantSettings(seed, 5.0, None)).initial()
    check_counters(run, initial)
    check_reports(run)
    check_boards(run)
    check_stamps(run)


def check_counters(run: Run, initial: dict[str, Any]) -> None:
    """The tag moves by exactly what the ledger says, modulo its modulus, and starts at 0 after a restart."""
    shown = {tag: initial[tag] for tag in MODULI}
    owed: Counter[str] = Counter()
    for output in run.outputs:
        if isinstance(output, LedgerEntry) and output.kind == "count":
            owed[f"{output.fields['equipment']}.{output.fields['counter']}"] += output.fields["n"]
        elif isinstance(output, SignalChange) and output.tag in MODULI:
            tag, n = output.tag, owed.pop(output.tag, 0)
            assert n > 0 or output.value == 0, "a counter moved that nothing was counted for"
            assert output.value == ((shown[tag] + n) % MODULI[tag] if n else 0)
            shown[tag] = output.value
    assert not owed, "counted and never shown"


def check_reports(run: Run) -> None:
    """Counts of a job lie between its Running and what ends it, in later steps; others have no job."""
    states: dict[str, tuple[str, int, int]] = {}
    modes: dict[str, int] = defaultdict(lambda: 1)
    for output in run.outputs:
        if not isinstance(output, LedgerEntry):
            continue
        entry = output.fields
        if output.kind == "job":
            states[entry["target"]] = (entry["job"], entry["state"], output.step)
        elif output.kind == "mode":
            modes[entry["equipment"]] = entry["mode"]
        elif output.kind == "count" and entry["job"] is not None:
            job, state, since = states[output.lane]
            assert (job, state) == (entry["job"], 3)
            assert output.step > since
            assert entry["mode"] == modes[entry["equipment"]] == 1
        elif output.kind == "count":
            assert entry["mode"] != 1


def check_boards(run: Run) -> None:
    """Every panel has eight positions, and no board is made of nothing."""
    panels: dict[int, int] = defaultdict(int)
    for entry in run.entries("count"):
        if entry["equipment"] == "SMT-1-AOI" and entry["job"] is not None:
            panels[entry["cycle"]] += entry["n"]
    assert set(panels.values()) <= {8}


def check_stamps(run: Run) -> None:
    """At 400 times the speed, steps of a lane are still a millisecond apart and a tag's times rise."""
    stamps, last = Stamps(1_700_000_000_000_000, 400.0), {}
    steps: dict[str, tuple[int, int]] = {}
    for output in run.outputs:
        if isinstance(output, SignalChange):
            stamp = stamps.of_change(output.tag, output.lane, output.step, output.at_us)
            assert stamp > last.get(output.tag, 0)
            last[output.tag] = stamp
        else:
            stamp = stamps.of(output.lane, output.step, output.at_us)
        step, before = steps.get(output.lane, (output.step, stamp - 1000))
        assert not output.lane or step == output.step or stamp >= before + 1000
        steps[output.lane] = (output.step, stamp)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), deeds=DEEDS)
def test_reopened_factory_finishes_what_it_had_begun(seed: int, deeds: Sequence[Deed]) -> None:
    run = live(seed, deeds)
    taken = run.start("SMT-1", "LAST", 5, "W9") == "ok"
    run.later(150)
    ledger = [{"kind": "open"}]
    ledger += [{"kind": o.kind, **o.fields} for o in run.outputs if isinstance(o, LedgerEntry)]
    again = Run(Plant(CALM, restore(ledger)))
    for target in again.plant.targets.values():
        target.set_remote(True)
    known = {name: target.jobs.keys() for name, target in run.plant.targets.items()}
    assert {name: target.jobs.keys() for name, target in again.plant.targets.items()} == known
    again.later(3000)
    if taken:
        total = run.counted("LAST", "SMT-1-AOI") + again.counted("LAST", "SMT-1-AOI")
        assert total.total() == 40
        assert again.values("SMT-1.Job.State") == [4, 3, 5] or again.values("SMT-1.Job.State") == [3, 5]
    assert again.plant.cells["DEPANEL-1"].counters["GoodCount"] < 65500, "counters begin at 0"
