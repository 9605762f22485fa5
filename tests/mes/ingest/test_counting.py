"""Counts of machines end up with the job that ran at their source time: once, exactly, or as an interval."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import text

from mes.edge.service import put_tag_bindings
from mes.edge.types import PIECE_E6, TagBindingSpec
from mes.ingest.errors import IngestSequenceGap
from mes.kernel.db import Database, ReadSession
from mes.orders.queries import get_job, list_unassigned_counts
from mes.orders.service import release_jobs, submit_operations_request
from mes.orders.types import JobView
from standards.isa95.job_control import DispatchStatus, JobState
from standards.opcua.status import Quality
from tests.conftest import SettableClock
from tests.support.plants import BRIDGE, CELL, LINE, PRESS, Box

SECOND = 1_000_000


def submit(plant: Database, id: str = "PO-1", quantity: int = 50) -> list[str]:
    done = plant.write_now(
        submit_operations_request, actor=None, id=id, quantity=Decimal(quantity), material_id="BOARD"
    )
    return list(done.job_order_ids)


def job(plant: Database, job_id: str) -> JobView:
    return plant.read_now(get_job, job_id=job_id, now=plant.clock())


@pytest.fixture
def running(plant: Database, box: Box, clock: SettableClock) -> Box:
    """PO-1's line job runs, counters stand at 100 good and 5 rejected."""
    submit(plant)
    box.ready()
    box.say(box.sample(f"{CELL}.Good", 100), box.sample(f"{CELL}.Reject", 5))
    plant.write_now(release_jobs, actor=None, versions={"PO-1-LINE": 1})
    box.job(LINE, "PO-1-LINE", 2)
    clock.advance(seconds=1)
    box.job(LINE, "PO-1-LINE", 3)
    clock.advance(seconds=1)
    return box


class TestAttribution:
    def test_a_job_runs_only_when_the_machine_says_so(self, plant: Database, box: Box) -> None:
        submit(plant)
        box.ready()
        plant.write_now(release_jobs, actor=None, versions={"PO-1-LINE": 1})
        assert job(plant, "PO-1-LINE").dispatch_status is DispatchStatus.Dispatched
        assert job(plant, "PO-1-LINE").state is JobState.AllowedToStart
        box.job(LINE, "PO-1-LINE", 3)
        assert job(plant, "PO-1-LINE").state is JobState.Running

    @pytest.mark.parametrize("together", [True, False])
    def test_the_state_beside_a_new_name_is_the_job_befores(
        self, plant: Database, running: Box, clock: SettableClock, together: bool
    ) -> None:
        submit(plant, id="PO-2")
        running.job(LINE, "PO-1-LINE", 5, substate=1)
        clock.advance(seconds=1)
        plant.write_now(release_jobs, actor=None, versions={"PO-2-LINE": 1})
        words = [
            running.sample(f"{LINE}.Job.OrderId", "PO-2-LINE"),
            running.sample(f"{LINE}.Job.Substate", 3),
            running.sample(f"{LINE}.Job.State", 2),
        ]
        if together:
            running.say(*words)
        else:
            for word in words:
                running.say(word)
                assert job(plant, "PO-2-LINE").state is JobState.AllowedToStart
        assert job(plant, "PO-2-LINE").dispatch_status is DispatchStatus.Ready
        assert job(plant, "PO-2-LINE").started_at is None

    def test_deltas_go_to_the_job_and_rejects_are_scrap(self, plant: Database, running: Box) -> None:
        running.say(running.sample(f"{CELL}.Good", 107), running.sample(f"{CELL}.Reject", 6))
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.good_high) == (7, 7)
        assert (found.scrap_low, found.scrap_high) == (1, 1)

    def test_the_last_piece_counts_though_the_end_comes_in_the_same_batch(self, plant: Database, running: Box) -> None:
        at = running.at_us()
        running.say(
            running.sample(f"{LINE}.Job.State", 5, at + SECOND),
            running.sample(f"{CELL}.Good", 103, at + SECOND),
            running.sample(f"{CELL}.Good", 104, at + 2 * SECOND),
        )
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.state) == (3, JobState.Ended)
        (loose,) = plant.read_now(list_unassigned_counts).items
        assert (loose.quantity, loose.reason) == (1, "no-job")

    def test_a_count_before_the_start_is_not_the_jobs(self, plant: Database, box: Box) -> None:
        submit(plant)
        box.ready()
        at = box.at_us()
        box.say(box.sample(f"{CELL}.Good", 10, at))
        box.say(
            box.sample(f"{LINE}.Job.OrderId", "PO-1-LINE", at + SECOND),
            box.sample(f"{LINE}.Job.State", 3, at + 3 * SECOND),
            box.sample(f"{CELL}.Good", 12, at + 2 * SECOND),
            box.sample(f"{CELL}.Good", 15, at + 4 * SECOND),
        )
        assert job(plant, "PO-1-LINE").good_low == 3
        assert [c.quantity for c in plant.read_now(list_unassigned_counts).items] == [2]

    def test_a_count_beyond_all_measure_is_kept_as_at_least_so_many(
        self, plant: Database, running: Box, clock: SettableClock
    ) -> None:
        """No batch is refused for its content: 64 bits of pieces do not fit where millionths of pieces are kept."""
        for value in (2**63 + 1, 2**63 + 2, 2**64 - 3):
            clock.advance(seconds=1)
            assert running.say(running.sample(f"{CELL}.Good", value)).accepted_through == running.seq
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.good_high) == (10**11, None)

    @pytest.mark.parametrize("tag", [f"{CELL}.Mode", f"{LINE}.Job.State", f"{LINE}.Job.Substate"])
    def test_a_mode_or_a_job_state_beyond_all_measure_is_no_value(self, running: Box, tag: str) -> None:
        assert running.say(running.sample(tag, 2**40)).quarantined == 1

    def test_a_marker_and_a_type_may_hold_what_no_database_keeps(
        self, plant: Database, running: Box, clock: SettableClock
    ) -> None:
        clock.advance(seconds=1)
        running.say(running.sample(f"{CELL}.StartedAt", "boot-\x00"))
        clock.advance(seconds=1)
        running.say(running.sample(f"{CELL}.Good", 2, data_type="UInt\x00"))
        clock.advance(seconds=1)
        assert running.say(running.sample(f"{CELL}.Good", 5, data_type="UInt\x00")).quarantined == 0
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.good_high) == (5, 5)

    def test_setup_pieces_and_dry_cycles_are_nobodys(self, plant: Database, running: Box, clock: SettableClock) -> None:
        running.say(running.sample(f"{CELL}.Mode", 3))
        clock.advance(seconds=1)
        running.say(running.sample(f"{CELL}.Good", 102))
        clock.advance(seconds=1)
        running.say(running.sample(f"{CELL}.Mode", 2))
        clock.advance(seconds=1)
        running.say(running.sample(f"{CELL}.Good", 103))
        assert job(plant, "PO-1-LINE").good_low == 0
        found = {c.reason: c.quantity for c in plant.read_now(list_unassigned_counts).items}
        assert found == {"setup": 2, "dry-cycle": 1}

    def test_one_count_may_be_two_pieces_and_wraps(self, plant: Database, box: Box, clock: SettableClock) -> None:
        submit(plant)
        box.ready()
        box.say(box.sample(f"{PRESS}.Good", 998))
        box.job(PRESS, "PO-1-PRESS", 3)
        clock.advance(seconds=1)
        box.say(box.sample(f"{PRESS}.Good", 1))
        assert job(plant, "PO-1-PRESS").good_low == 6

    def test_uncertain_and_bad_readings_never_count(self, plant: Database, running: Box) -> None:
        from standards.opcua.status import Quality

        running.say(
            running.sample(f"{CELL}.Good", 900, quality=Quality.uncertain),
            running.bad(f"{CELL}.Good"),
            running.sample(f"{CELL}.Good", 101),
        )
        assert job(plant, "PO-1-LINE").good_low == 1


class TestOnceAndInOrder:
    def test_the_same_batch_again_changes_nothing(self, plant: Database, running: Box) -> None:
        items = [running.sample(f"{CELL}.Good", 104)]
        running.say(*items)
        answer = running.hand_in(running.seq, items)
        assert (answer.accepted_through, answer.duplicates) == (running.seq, 1)
        assert job(plant, "PO-1-LINE").good_low == 4

    def test_a_batch_that_overlaps_is_taken_from_where_it_is_new(self, plant: Database, running: Box) -> None:
        old = running.said[-1]
        running.hand_in(running.seq, [old, running.sample(f"{CELL}.Good", 102)])
        assert job(plant, "PO-1-LINE").good_low == 2

    def test_a_hole_is_refused_with_what_is_expected(self, plant: Database, running: Box) -> None:
        with pytest.raises(IngestSequenceGap) as refusal:
            running.hand_in(running.seq + 2, [running.sample(f"{CELL}.Good", 102)])
        assert refusal.value.extra == {"expected_seq": running.seq + 1}

    def test_what_nobody_can_use_is_quarantined_and_acknowledged(self, plant: Database, running: Box) -> None:
        answer = running.say(
            running.sample("nobody.knows", 1),
            running.sample(f"{CELL}.Good", "many"),
            running.sample(f"{CELL}.Good", 2**80),
            running.sample(f"{CELL}.Good", -1),
            running.sample("x\x00y", "a\x00b"),
            running.sample(f"{PRESS}.Temperature", "a\x00b"),
            running.sample(f"{CELL}.Good", 105, at_us=2**62),
        )
        assert answer.quarantined == 6
        running.say(running.sample(f"{CELL}.Good", 101))
        assert job(plant, "PO-1-LINE").good_low == 1


class TestGaps:
    def test_a_gap_inside_one_job_stays_exact(self, plant: Database, running: Box, clock: SettableClock) -> None:
        since = running.at_us()
        clock.advance(seconds=30)
        running.say(running.gap(since, running.at_us()), running.sample(f"{CELL}.Good", 110))
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.good_high) == (10, 10)

    def test_a_gap_over_the_jobs_end_is_exact_if_the_last_count_came_before_it(
        self, plant: Database, running: Box, clock: SettableClock
    ) -> None:
        since = running.at_us()
        clock.advance(seconds=30)
        running.say(
            running.gap(since, running.at_us()),
            running.sample(f"{CELL}.Good", 110, since + 10 * SECOND),
            running.sample(f"{LINE}.Job.State", 5, since + 11 * SECOND),
        )
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.good_high, found.state) == (10, 10, JobState.Ended)

    def test_a_gap_over_a_boundary_that_cannot_be_placed_is_an_interval(
        self, plant: Database, running: Box, clock: SettableClock
    ) -> None:
        since = running.at_us()
        clock.advance(seconds=30)
        running.say(
            running.gap(since, running.at_us()),
            running.sample(f"{LINE}.Job.State", 5, since + 10 * SECOND),
            running.sample(f"{CELL}.Good", 110, since + 20 * SECOND),
        )
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.good_high) == (0, 10)
        (loose,) = plant.read_now(list_unassigned_counts).items
        assert (loose.quantity, loose.quantity_high, loose.reason) == (0, 10, "ambiguous")

    def test_a_job_that_ended_just_before_a_gap_may_have_made_what_came_out_of_it(
        self, plant: Database, running: Box, clock: SettableClock
    ) -> None:
        """A gap begins when the last message was published; what that had was sampled before."""
        since = running.at_us()
        clock.advance(seconds=30)
        running.say(
            running.sample(f"{LINE}.Job.State", 5, since + 10 * SECOND),
            running.gap(since + 10 * SECOND + SECOND // 2, running.at_us()),
            running.sample(f"{CELL}.Good", 110, since + 20 * SECOND),
        )
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.good_high) == (0, 10)

    def test_a_restart_seen_all_along_is_exact(self, plant: Database, running: Box, clock: SettableClock) -> None:
        running.say(running.sample(f"{CELL}.Good", 104))
        clock.advance(seconds=2)
        running.say(running.sample(f"{CELL}.StartedAt", "boot-2"), running.sample(f"{CELL}.Good", 0))
        clock.advance(seconds=2)
        running.say(running.sample(f"{CELL}.Good", 3))
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.good_high) == (7, 7)

    def test_a_restart_behind_a_gap_is_an_interval_that_contains_the_truth(
        self, plant: Database, running: Box, clock: SettableClock
    ) -> None:
        since = running.at_us()
        clock.advance(seconds=5)
        running.say(
            running.gap(since, running.at_us()),
            running.sample(f"{CELL}.StartedAt", "boot-2"),
            running.sample(f"{CELL}.Good", 30),
        )
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.good_high) == (30, 61)

    def test_no_bound_is_claimed_where_the_reading_breaks_it(
        self, plant: Database, running: Box, clock: SettableClock
    ) -> None:
        since = running.at_us()
        clock.advance(seconds=5)
        running.say(
            running.gap(since, running.at_us()),
            running.sample(f"{CELL}.StartedAt", "boot-2"),
            running.sample(f"{CELL}.Good", 130),
        )
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.good_high) == (30, None), "100 may have been read after the restart already"

    def test_a_gap_waits_for_its_first_value_in_a_later_batch(
        self, plant: Database, running: Box, clock: SettableClock
    ) -> None:
        since = running.at_us()
        clock.advance(seconds=5)
        running.say(running.gap(since, running.at_us()))
        running.say(running.sample(f"{CELL}.StartedAt", "boot-2"))
        running.say(running.sample(f"{CELL}.Good", 3))
        found = job(plant, "PO-1-LINE")
        assert found.good_low == 3
        assert found.good_high is not None
        assert found.good_high > 3

    def test_values_lost_in_the_machines_queue_reach_back_to_the_last_reading(
        self, plant: Database, running: Box, clock: SettableClock
    ) -> None:
        running.say(running.sample(f"{CELL}.Good", 104, overflow=True))
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.good_high) == (0, 4)
        clock.advance(seconds=1)
        running.say(running.sample(f"{CELL}.Good", 106, overflow=True))
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.good_high) == (2, 6)


class TestClocksAndTypes:
    @pytest.mark.parametrize("together", [True, False])
    def test_a_machine_that_restarts_without_its_clock_is_not_counted_twice(
        self, plant: Database, running: Box, clock: SettableClock, together: bool
    ) -> None:
        """Its battery is empty: the new run's times lie before the old one's."""
        at, long_ago = running.at_us(), running.at_us() - 10**9 * 3600
        words = [
            running.sample(f"{CELL}.Good", 105, at + SECOND),
            running.gap(at + SECOND, at + 2 * SECOND),
            running.sample(f"{CELL}.StartedAt", "boot-2", long_ago),
            running.sample(f"{CELL}.Good", 2, long_ago + SECOND),
            running.sample(f"{CELL}.Good", 4, long_ago + 2 * SECOND),
        ]
        clock.advance(seconds=5)
        if together:
            running.say(*words)
        else:
            for word in words:
                running.say(word)
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.good_high) == (5, None), "by which clock the job had the rest, nobody knows"

    @pytest.mark.parametrize("together", [True, False])
    def test_a_clock_set_back_in_sight_of_a_restart_changes_no_number(
        self, plant: Database, running: Box, clock: SettableClock, together: bool
    ) -> None:
        at = running.at_us()
        words = [
            running.sample(f"{CELL}.Good", 105, at + SECOND),
            running.sample(f"{CELL}.StartedAt", "boot-2", at - 60 * SECOND),
            running.sample(f"{CELL}.Good", 0, at - 60 * SECOND),
            running.sample(f"{CELL}.Good", 3, at - 58 * SECOND),
        ]
        clock.advance(seconds=5)
        if together:
            running.say(*words)
        else:
            for word in words:
                running.say(word)
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.good_high) == (5, 8)

    def test_a_count_by_a_clock_set_back_is_not_taken_from_its_job(
        self, plant: Database, running: Box, clock: SettableClock
    ) -> None:
        """By the new time the job has not begun; that it did no work then is not known."""
        at = running.at_us()
        running.say(running.sample(f"{CELL}.Good", 105, at + SECOND))
        running.say(running.sample(f"{CELL}.Good", 107, at - 3600 * SECOND))
        running.say(running.sample(f"{CELL}.Good", 110, at - 3590 * SECOND))
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.good_high) == (5, 10)
        running.say(running.sample(f"{CELL}.Good", 111, at + 2 * SECOND))
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.good_high) == (6, 11)

    def test_another_type_is_another_counter(self, plant: Database, running: Box, clock: SettableClock) -> None:
        """What 16 bits show of a counter that had 32 looks like a restart, and is none."""
        running.say(running.sample(f"{CELL}.Good", 105, data_type="UInt32"))
        clock.advance(seconds=1)
        running.say(running.sample(f"{CELL}.Good", 3, data_type="UInt16"))
        clock.advance(seconds=1)
        running.say(running.sample(f"{CELL}.Good", 5, data_type="UInt16"))
        assert claimed(plant) == (7, 7 + 11)

    @pytest.mark.parametrize(
        ("data_type", "last"),
        [("UInt16", 2**16 - 1), ("UInt32", 2**32 - 1), ("UInt64", 2**64 - 1), ("Int16", 2**15 - 1)],
    )
    def test_a_counter_wraps_where_its_type_ends(
        self, plant: Database, box: Box, clock: SettableClock, data_type: str, last: int
    ) -> None:
        box.ready()
        for value in (last - 1, last, 1, 4):
            box.say(box.sample(f"{CELL}.Good", value, data_type=data_type))
            clock.advance(seconds=1)
        assert claimed(plant) == (6, 6)

    def test_a_zero_where_the_counter_might_wrap_is_a_lie_all_the_same(
        self, plant: Database, box: Box, clock: SettableClock
    ) -> None:
        box.ready()
        for value in (65_530, 0, 65_532):
            box.say(box.sample(f"{CELL}.Good", value, data_type="UInt16"))
            clock.advance(seconds=1)
        assert claimed(plant) == (2, 2)

    def test_a_reading_that_was_there_before_proves_nothing_new(
        self, plant: Database, running: Box, clock: SettableClock
    ) -> None:
        """A zero that is read again after an outage is the same zero."""
        at = running.at_us()
        running.say(running.sample(f"{CELL}.Good", 105, at))
        zero = running.sample(f"{CELL}.Good", 0, at + SECOND)
        running.say(zero)
        running.say(running.bad(f"{CELL}.Good"))
        running.say(zero)
        running.say(running.sample(f"{CELL}.Good", 107, at + 2 * SECOND))
        assert claimed(plant) == (7, 7)

    @pytest.mark.parametrize("hidden", ["bad", "uncertain", "text"])
    def test_what_a_machine_did_while_its_counter_was_no_number_is_not_known(
        self, plant: Database, box: Box, clock: SettableClock, hidden: str
    ) -> None:
        """A controller may restart behind a gateway that stays connected."""
        words = {
            "bad": box.sample(f"{PRESS}.Good", None, quality=Quality.bad, status=0x80310000),
            "uncertain": box.sample(f"{PRESS}.Good", 4, quality=Quality.uncertain, status=0x40900000),
            "text": box.sample(f"{PRESS}.Good", "four"),
        }
        plain = TagBindingSpec(f"{PRESS}.Good", "counter", PRESS, "good", counting_point_of=PRESS, max_per_s=10.0)
        plant.write_now(put_tag_bindings, actor=None, bridge_id=BRIDGE, bindings=[plain])
        box.say(box.sample(f"{PRESS}.Good", 3))
        clock.advance(seconds=1)
        box.say(words[hidden])
        clock.advance(seconds=2)
        box.say(box.sample(f"{PRESS}.Good", 5))
        low, high = claimed(plant, f"{PRESS}.Good")
        assert low == 2
        assert high is not None
        assert high > 5

    def test_a_new_journal_begins_with_what_the_old_one_may_have_held(
        self, plant: Database, box: Box, clock: SettableClock
    ) -> None:
        """The edge box got another disk; whatever the old one held is gone."""
        plain = TagBindingSpec(f"{PRESS}.Good", "counter", PRESS, "good", counting_point_of=PRESS, max_per_s=10.0)
        plant.write_now(put_tag_bindings, actor=None, bridge_id=BRIDGE, bindings=[plain])
        box.say(box.sample(f"{PRESS}.Good", 3))
        clock.advance(seconds=2)
        other = Box(plant, journal_id="journal-2")
        other.say(other.sample(f"{PRESS}.Good", 5))
        other.say(other.sample(f"{PRESS}.Good", 6))
        assert claimed(plant, f"{PRESS}.Good") == (3, 22)

    def test_a_weekend_changes_nothing(self, plant: Database, running: Box, clock: SettableClock) -> None:
        """Baselines do not expire, and a counter that has not moved has not moved, whatever was missed."""
        at = running.at_us()
        running.say(running.sample(f"{CELL}.Good", 105, at))
        clock.advance(days=3)
        running.say(running.gap(at, running.at_us()), running.sample(f"{CELL}.Good", 105, at))
        clock.advance(seconds=1)
        running.say(running.sample(f"{CELL}.Good", 106))
        assert claimed(plant) == (6, 6)


def claimed(plant: Database, tag: str = f"{CELL}.Good") -> tuple[int, int | None]:
    """All that a tag's readings are said to prove, whosever it is, where it is one job's or nobody's."""

    def total(session: ReadSession) -> tuple[int, int | None]:
        facts = session.execute(text("SELECT low_e6, high_e6 FROM count_fact WHERE tag = :tag"), {"tag": tag}).all()
        high = None if any(fact[1] is None for fact in facts) else sum(fact[1] for fact in facts) // PIECE_E6
        return sum(fact[0] for fact in facts) // PIECE_E6, high

    return plant.read_now(total)
