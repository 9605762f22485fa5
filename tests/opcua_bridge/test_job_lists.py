"""What a machine's JobOrderList says, as the words the server follows. Pure."""

from __future__ import annotations

import struct

from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from opcua_bridge.job_lists import NO_JOB, current, words
from opcua_bridge.job_receiver import MachineJob, state_of
from opcua_bridge.structures import from_raw
from opcua_bridge.values import content_of
from standards.isa95.job_control import JobState, refusal_of

ALLOWED, RUNNING, INTERRUPTED, ENDED = (
    MachineJob("A", 2, 3),
    MachineJob("A", 3),
    MachineJob("A", 4, 2),
    MachineJob("A", 5, 1),
)
OTHER = MachineJob("B", 3)
STATES = (1, 2, 3, 4, 5, 6)
LISTS = st.dictionaries(st.sampled_from("ABCD"), st.sampled_from(STATES)).map(
    lambda found: tuple(MachineJob(order_id, state) for order_id, state in found.items())
)


def test_one_job_is_told_step_by_step() -> None:
    told, before = [], None
    for now in ((), (ALLOWED,), (RUNNING,), (RUNNING,), (INTERRUPTED,), (RUNNING,), (ENDED,), ()):
        told += words(before, now)
        before = now
    assert told == [NO_JOB, ALLOWED, RUNNING, INTERRUPTED, RUNNING, ENDED, NO_JOB]


def test_the_end_of_one_job_is_told_before_the_next_one_runs() -> None:
    assert words((RUNNING,), (OTHER, ENDED)) == [ENDED, OTHER]


def test_after_a_silence_everything_is_told_and_the_current_job_last() -> None:
    assert words(None, (OTHER, ENDED)) == [ENDED, OTHER]
    assert words(None, (ENDED,)) == [ENDED, NO_JOB]


def test_a_job_that_vanishes_while_it_may_start_is_gone() -> None:
    assert words((ENDED, MachineJob("B", 2)), (ENDED,)) == [NO_JOB]
    assert words((OTHER, ALLOWED), (OTHER,)) == [OTHER], "Running again, so that the other one is forgotten"


@given(st.lists(LISTS, max_size=6))
def test_whoever_follows_the_words_knows_the_list(lists: list[tuple[MachineJob, ...]]) -> None:
    known: dict[str, MachineJob] = {}
    last, before = NO_JOB, None
    for now in lists:
        for word in words(before, now):
            known[word.order_id], last = word, word
        before = now
        here = current(now)
        assert all(known[job.order_id] == job for job in now)
        assert last == here if here is not None else last.state in (0, 5, 6)


def test_structures_travel_as_their_bytes_in_hex_and_what_is_none_is_bad() -> None:
    kind = ua.VariantType.ExtensionObject
    [text], status = content_of(ua.Variant([ua.Range(0, 10)], kind))
    assert from_raw(bytes.fromhex(text)).Body == struct.pack("<dd", 0, 10)
    assert (status, content_of(ua.Variant([], kind))) == (0, ([], 0))
    assert content_of(ua.Variant([3], kind)) == (None, 0x80070000)
    assert content_of(ua.Variant(ua.ExtensionObject(ua.NodeId(1, 2), bytes(40_000)), kind)) == (None, 0x803C0000)


def test_the_top_level_state_is_the_one_without_a_path() -> None:
    class Path:
        Elements = ("InterruptedSubstates",)

    below = {"BrowsePath": Path(), "StateText": None, "StateNumber": 2}
    top = {"BrowsePath": None, "StateText": None, "StateNumber": 4}
    assert state_of([below, top]) == state_of([top, below]) == (4, 2)


def test_a_state_without_the_standards_number_is_known_by_its_text() -> None:
    class Text:
        Text = "Not Allowed To Start"

    assert state_of([{"StateText": Text(), "StateNumber": 77}]) == (JobState.NotAllowedToStart, 0)
    assert state_of([{"StateNumber": 77}]) == (0, 0)
    assert state_of(None) == (0, 0)


def test_return_status_is_a_bit_map_with_success_in_bit_0() -> None:
    assert refusal_of(1) is None
    assert refusal_of(0) is None
    assert refusal_of(1 | 1 << 40) is None, "a remark beside the success"
    assert refusal_of(2) == ("unknown-job", "the machine does not know this job")
    assert refusal_of(8) == ("bad-state", "the machine's job state does not allow it")
    assert refusal_of(16) == ("unable-to-accept", "the machine is unable to accept it")
    assert refusal_of(2**32) == ("invalid-request", "the machine calls the request invalid")
    code, message = refusal_of(2**33 | 2**63) or ("", "")
    assert code == "machine-specific"
    assert message.endswith(f"(ReturnStatus {2**33 + 2**63}, bits 33, 63)")
