"""Two weeks of past in a moment, in order, and true to their own ledger."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from opcua_bridge.simulator.catalog import BY_NAME, COUNTING_POINTS, LINE
from opcua_bridge.simulator.history import (
    HistoryCommand,
    HistoryItem,
    HistoryOrder,
    HistoryPacking,
    HistorySample,
    generate_history,
    plan_orders,
)
from opcua_bridge.simulator.ledger import Ledger, read_entries, read_job_totals, read_totals
from opcua_bridge.simulator.plant import Plant, PlantSettings
from opcua_bridge.simulator.restored import restore

END = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)
START = END - timedelta(days=14)
"""Over the end of daylight saving time."""
MODULI = {f"{m.name}.{c.name}": c.modulus for m in BY_NAME.values() for c in m.counters}


def job_id(order: str, target: str) -> str:
    return f"{order}/{target}"


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[HistoryItem], Path]:
    path = tmp_path_factory.mktemp("history") / "ledger"
    with Ledger(path) as ledger:
        return list(generate_history(42, START, END, job_id_of=job_id, ledger=ledger)), path


def at_us(item: HistoryItem) -> int:
    return item.released_at_us if isinstance(item, HistoryOrder) else item.at_us


def test_in_order_inside_its_time_and_not_too_much(past: tuple[list[HistoryItem], Path]) -> None:
    times = [at_us(item) for item in past[0]]
    assert times == sorted(times)
    assert times[0] >= START.timestamp() * 1e6
    assert times[-1] <= END.timestamp() * 1e6 + 10_000
    assert 5_000 < len(times) < 40_000
    assert [item for item in past[0] if isinstance(item, HistoryOrder)] == list(plan_orders(42, START, END))


def test_jobs_run_in_turn_and_all_end(past: tuple[list[HistoryItem], Path]) -> None:
    states: dict[str, int] = {}
    current: dict[str, str] = {}
    for item in past[0]:
        if isinstance(item, HistorySample) and item.tag.endswith(".Job.OrderId"):
            current[item.tag.partition(".")[0]] = item.value
        if isinstance(item, HistorySample) and item.tag.endswith(".Job.State") and item.value:
            states[current[item.tag.partition(".")[0]]] = item.value
    assert len(states) > 100
    assert set(states.values()) == {5}


def test_order_is_told_before_its_job_is_asked_for() -> None:
    told: set[str] = set()

    def ask(order: str, target: str) -> str:
        assert order in told
        return job_id(order, target)

    for item in generate_history(7, START, START + timedelta(days=2), job_id_of=ask):
        if isinstance(item, HistoryOrder):
            told.add(item.id)
    assert told


def test_commands_are_given_on_shift_only(past: tuple[list[HistoryItem], Path]) -> None:
    zone = ZoneInfo("Europe/Berlin")
    for item in past[0]:
        if isinstance(item, HistoryCommand) and item.action == "store-and-start":
            local = datetime.fromtimestamp(item.at_us / 1e6, zone)
            assert local.weekday() < 6
            assert 6 <= local.hour < 22


def test_counter_samples_add_up_to_the_ledger(past: tuple[list[HistoryItem], Path]) -> None:
    shown = moved_by_counters(past[0])
    totals = read_totals(past[1])
    true: Counter[str] = Counter()
    for (_, equipment, counter), n in totals.jobs.items():
        true[f"{equipment}.{counter}"] += n
    for (equipment, counter), n in totals.unassigned.items():
        true[f"{equipment}.{counter}"] += n
    assert shown == true
    assert totals.unassigned


def moved_by_counters(items: Iterable[HistoryItem]) -> Counter[str]:
    moved: Counter[str] = Counter()
    before: dict[str, int] = {}
    for item in items:
        if isinstance(item, HistorySample) and item.tag in MODULI:
            moved[item.tag] += (item.value - before.get(item.tag, item.value)) % MODULI[item.tag]
            before[item.tag] = item.value
    return +moved


def test_counts_of_a_job_lie_between_running_and_ended(past: tuple[list[HistoryItem], Path]) -> None:
    """What the line's counting point showed while a job ran is what the ledger says of it."""
    point, made = COUNTING_POINTS[LINE], defaultdict(int)
    job, running, before = "", False, None
    for item in past[0]:
        if not isinstance(item, HistorySample):
            continue
        if item.tag == f"{LINE}.Job.OrderId":
            job = item.value
        elif item.tag == f"{LINE}.Job.State":
            running = item.value == 3
        elif item.tag == f"{point}.GoodCount":
            if running and before is not None:
                made[job] += item.value - before
            before = item.value
    truth = read_job_totals(past[1])
    assert made
    assert all(truth[job].good == good for job, good in made.items())


def test_packing_never_packs_more_than_passed(past: tuple[list[HistoryItem], Path]) -> None:
    truth = read_job_totals(past[1])
    packings = [item for item in past[0] if isinstance(item, HistoryPacking)]
    assert len(packings) > 20
    assert all(0 < p.good <= truth[job_id(p.operations_request_id, "TEST-1")].good for p in packings)
    assert all(p.started_at_us < p.at_us for p in packings)


def test_live_factory_opens_after_its_history(past: tuple[list[HistoryItem], Path]) -> None:
    known = restore(read_entries(past[1]))
    assert known.run == 1
    assert not known.panels
    live = Plant(PlantSettings(42), known)
    assert all(not target.active for target in live.targets.values())
    assert live.targets[LINE].job is not None


def test_same_seed_same_past_and_naive_times_are_refused() -> None:
    def tell(seed: int) -> list[HistoryItem]:
        return list(generate_history(seed, START, START + timedelta(days=1), job_id_of=job_id))

    assert tell(1) == tell(1)
    assert tell(1) != tell(2)
    with pytest.raises(ValueError, match="aware"):
        generate_history(1, START.replace(tzinfo=None), END, job_id_of=job_id)
