"""Values handed in as columns mean what they mean one by one; numbers are per value."""

from __future__ import annotations

from decimal import Decimal

import httpx
import msgspec
import pytest

from mes.access.types import Role
from mes.ingest.errors import IngestSequenceGap
from mes.kernel.db import Database
from mes.orders.queries import get_job
from mes.orders.service import release_jobs, submit_operations_request
from standards.lineside.ingest_v1 import MSGPACK, Batch, Samples, pack
from tests.conftest import SettableClock
from tests.support.plants import BRIDGE, CELL, PRESS, Box
from tests.web.cast import Member, as_, hire

SECOND = 1_000_000
BAD = 0x80310000


@pytest.fixture
def running(plant: Database, box: Box, clock: SettableClock) -> Box:
    """PO-1's line job runs; the counter stands at 100."""
    plant.write_now(submit_operations_request, actor=None, id="PO-1", quantity=Decimal(50), material_id="BOARD")
    box.ready()
    box.say(box.sample(f"{CELL}.Good", 100))
    plant.write_now(release_jobs, actor=None, versions={"PO-1-LINE": 1})
    box.job("LINE", "PO-1-LINE", 3)
    clock.advance(seconds=10)
    return box


def good(plant: Database) -> tuple[Decimal, Decimal | None]:
    job = plant.read_now(get_job, job_id="PO-1-LINE", now=plant.clock())
    return job.good_low, job.good_high


def block(box: Box, *readings: int) -> Samples:
    """Readings of the counter, one a second up to now, between temperatures of the press."""
    count = len(readings)
    values = [value for reading in readings for value in (reading, 20.5)]
    ages = [age * SECOND for place in range(count) for age in (count - 1 - place,) * 2]
    return Samples([f"{CELL}.Good", f"{PRESS}.Temperature"], [0, 1] * count, values, box.at_us(), ages)


def test_readings_in_a_block_are_counted_and_each_has_its_number(plant: Database, running: Box) -> None:
    answer = running.hand_in(running.seq + 1, [block(running, 101, 103)])
    assert (answer.accepted_through, answer.duplicates, answer.quarantined) == (running.seq + 4, 0, 0)
    assert good(plant) == (3, 3)


def test_of_a_block_that_is_here_in_part_only_the_rest_is_taken(
    plant: Database, running: Box, clock: SettableClock
) -> None:
    running.hand_in(running.seq + 1, [block(running, 101, 103)])
    clock.advance(seconds=1)
    longer = block(running, 101, 103, 106)
    answer = running.hand_in(running.seq + 1, [longer])
    assert (answer.accepted_through, answer.duplicates) == (running.seq + 6, 4)
    assert good(plant) == (6, 6)
    assert running.hand_in(running.seq + 1, [longer]).duplicates == 6
    assert good(plant) == (6, 6)


def test_a_block_beyond_a_hole_is_refused_with_what_is_expected(running: Box) -> None:
    with pytest.raises(IngestSequenceGap) as refused:
        running.hand_in(running.seq + 3, [block(running, 101)])
    assert refused.value.extra["expected_seq"] == running.seq + 1


def test_bad_values_unknown_tags_and_nonsense_in_a_block_are_told_apart(plant: Database, running: Box) -> None:
    at = running.at_us()
    mixed = Samples(
        [f"{CELL}.Good", "NOBODY.KNOWS", f"{PRESS}.State"],
        [0, 1, 2, 0],
        [101, 1, 6, "twelve"],
        at,
        [],
        [0, 0, BAD, 0],
    )
    answer = running.hand_in(running.seq + 1, [mixed])
    assert (answer.accepted_through, answer.quarantined) == (running.seq + 4, 2)
    assert good(plant) == (1, 1)


class TestDoor:
    @pytest.fixture
    def bridge(self, plant: Database) -> Member:
        return hire(plant, BRIDGE, Role.bridge)

    async def test_messagepack_is_the_same_document(
        self, http: httpx.AsyncClient, bridge: Member, running: Box, plant: Database
    ) -> None:
        batch = Batch("journal-1", running.seq + 1, [block(running, 102), running.sample(f"{CELL}.Good", 103)])
        headers = as_(bridge) | {"Content-Type": MSGPACK}
        taken = await http.post("/api/v1/bridge/ingest", content=pack(batch), headers=headers)
        assert taken.json() == {"accepted_through": running.seq + 3, "duplicates": 0, "quarantined": 0}
        assert good(plant) == (3, 3)
        as_json = msgspec.json.encode(batch)
        again = await http.post("/api/v1/bridge/ingest", content=as_json, headers=as_(bridge))
        assert again.json()["duplicates"] == 3

    @pytest.mark.parametrize(
        "body", [b"", b"\xdd\xff\xff\xff\xff", b"\x81" * 5_000, b"{}", bytes(100), b"\x81\xaajournal_id\xa1\x80"]
    )
    async def test_what_is_no_messagepack_batch_is_refused_whole(
        self, http: httpx.AsyncClient, bridge: Member, body: bytes
    ) -> None:
        headers = as_(bridge) | {"Content-Type": MSGPACK}
        answer = await http.post("/api/v1/bridge/ingest", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "ingest-unreadable")

    async def test_columns_of_different_lengths_are_refused_whole(
        self, http: httpx.AsyncClient, bridge: Member, running: Box
    ) -> None:
        item = msgspec.to_builtins(block(running, 101)) | {"tag": [0]}
        body = {"journal_id": "j", "first_seq": 1, "items": [item]}
        answer = await http.post("/api/v1/bridge/ingest", json=body, headers=as_(bridge))
        assert (answer.status_code, answer.json()["code"]) == (400, "ingest-unreadable")

    async def test_a_batch_is_bounded_by_values_not_by_blocks(
        self, http: httpx.AsyncClient, bridge: Member, running: Box
    ) -> None:
        large = block(running, *range(1_300))
        body = pack(Batch("j", 1, [large, large]))
        answer = await http.post("/api/v1/bridge/ingest", content=body, headers=as_(bridge) | {"Content-Type": MSGPACK})
        assert (answer.status_code, answer.json()["code"]) == (413, "ingest-too-large")


def test_no_number_is_no_value(plant: Database, running: Box) -> None:
    """MessagePack can say NaN, which JSON cannot."""
    odd = replace_value(block(running, 101), 1, float("nan"))
    assert running.hand_in(running.seq + 1, [odd]).quarantined == 1


def replace_value(block: Samples, place: int, value: float) -> Samples:
    values = list(block.value)
    values[place] = value
    return msgspec.structs.replace(block, value=values)
