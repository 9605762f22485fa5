"""Old events go when an archive has them and nobody needs them; chain and followers know. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from mes.access.audit.files import PartUnreadable, archive_audit, check_part
from mes.access.audit.queries import verify_chain
from mes.access.privacy.service import put_privacy_policy
from mes.access.privacy.types import PerformanceByPerson, PrivacyPolicy
from mes.access.service import create_principal
from mes.access.types import Role
from mes.exchange.archive.errors import ArchiveDiffers, ArchiveLeavesGap, EventsStillNeeded
from mes.exchange.archive.service import remove_archived
from mes.exchange.feed.queries import read_feed
from mes.exchange.webhooks.service import create_webhook, remove_webhook, take_deliveries
from mes.kernel.chain import Fault, FaultKind
from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import EventsArchived
from mes.kernel.outbox import archived_to, head_seq, list_events
from mes.kernel.uow import UnitOfWork
from mes.orders.queries import get_order
from mes.orders.service import report_good
from mes.orders.types import OrderDetail
from mes.reporting.queries import list_operations_performance
from mes.reporting.service import publish_due_reports
from tests.conftest import SettableClock
from tests.mes.exchange.webhooks.test_service import SPEC, happen
from tests.mes.orders.acts import Acts, build_benches
from tests.support.ticks import tick

BULK, KEPT = "equipment.state-changed.v1", "orders.job-released.v1"
PATTERN = (BULK, BULK, KEPT, BULK, KEPT, KEPT, BULK, BULK, BULK, KEPT)


@pytest.fixture
def chained(database: Database, clock: SettableClock) -> Iterator[Database]:
    plant = Database(database.url, schema=database.schema, clock=clock, chained=True)
    yield plant
    plant.close()


def live(database: Database, clock: SettableClock) -> None:
    """Ten events, and then nothing for 40 days."""
    for event in PATTERN:
        happen(database, "t", event=event)
    clock.advance(days=40)


def archive(database: Database, folder: Path, clock: SettableClock, name: str = "a.jsonl") -> Path:
    path = folder / name
    with path.open("wb") as target:
        archive_audit(database, target, until=clock() - timedelta(days=30))
    return path


def seqs(database: Database) -> list[int]:
    def read(session: ReadSession) -> list[int]:
        return [event.seq for event in list_events(session, after=0)]

    return database.read_now(read)


def feed(database: Database, after: int) -> list[int]:
    page = database.read_now(read_feed, after=after, types=("*",), subject=None, limit=100)
    return [event.seq for event in page.events]


def cut(database: Database) -> int:
    return database.read_now(archived_to).seq


def change(database: Database, sql: str) -> None:
    def tamper(uow: UnitOfWork) -> None:
        uow.driver_execute(sql)

    database.write_now(tamper, actor=None)


def test_the_chain_holds_across_what_went_and_readers_before_it_are_told(
    chained: Database, clock: SettableClock, tmp_path: Path
) -> None:
    live(chained, clock)
    happen(chained, "t", event=KEPT)
    path = archive(chained, tmp_path, clock)
    removed = remove_archived(chained, path, at_once=100)
    assert (removed.count, removed.archived_to) == (6, 10)
    assert seqs(chained) == [3, 5, 6, 10, 11, 12]
    head = check_part(path).head
    verdict = verify_chain(chained, noted={head.seq: head.link})
    assert (verdict.is_whole, verdict.count, verdict.removed, verdict.begun_at) == (True, 6, 6, 2)
    for before in (0, 9):
        with pytest.raises(EventsArchived) as refused:
            feed(chained, before)
        assert refused.value.extra == {"archived_to": 10}
    assert feed(chained, 10) == [11, 12]
    change(chained, "DELETE FROM outbox_event WHERE seq = 5")
    assert verify_chain(chained).faults == (Fault(FaultKind.removed, 5, 5),)


def test_killed_anywhere_it_goes_on_and_every_step_is_whole(
    chained: Database, clock: SettableClock, tmp_path: Path
) -> None:
    live(chained, clock)
    happen(chained, "t", event=KEPT)
    path = archive(chained, tmp_path, clock)

    def killed(_: int) -> None:
        if cut(chained) == reached:
            raise KeyboardInterrupt

    for reached in (3, 6, 9):
        with pytest.raises(KeyboardInterrupt):
            remove_archived(chained, path, at_once=3, tell=killed)
        assert cut(chained) == reached
        verdict = verify_chain(chained)
        assert (verdict.is_whole, verdict.removed) == (True, sum(event == BULK for event in PATTERN[:reached]))
    assert remove_archived(chained, path, at_once=3).archived_to == 10
    assert remove_archived(chained, path).count == 0
    assert verify_chain(chained).removed == 6


def test_nothing_goes_that_somebody_needs(database: Database, clock: SettableClock, tmp_path: Path) -> None:
    database.write_now(create_webhook, actor=None, spec=SPEC, sealed_secret=b"s")
    live(database, clock)
    path = archive(database, tmp_path, clock)
    with pytest.raises(EventsStillNeeded, match="webhook erp"):
        remove_archived(database, path)
    database.write_now(take_deliveries, actor=None, in_hand={})
    with pytest.raises(EventsStillNeeded, match="webhook erp"):  # deliveries that are on their way
        remove_archived(database, path)
    database.write_now(remove_webhook, actor=None, webhook_id="erp")
    happen(database, "t", "t", event=KEPT)
    young = tmp_path / "young.jsonl"
    with young.open("wb") as target:
        archive_audit(database, target, until=clock() + timedelta(days=1))
    with pytest.raises(EventsStillNeeded, match="of the last 30 days"):
        remove_archived(database, young)
    assert cut(database) == 0
    assert remove_archived(database, path).count == 6


def test_what_the_archive_has_not_or_otherwise_stays(database: Database, clock: SettableClock, tmp_path: Path) -> None:
    live(database, clock)
    happen(database, "t", event=KEPT)
    path = archive(database, tmp_path, clock)
    lines = path.read_text("utf-8").splitlines(keepends=True)
    for damaged, why in ((lines[:-1], "no end"), ([*lines[:4], *lines[5:]], "event 4"), (lines[2:], "no export")):
        path.write_text("".join(damaged), "utf-8")
        with pytest.raises(PartUnreadable, match=why):
            remove_archived(database, path)
    path.write_text("".join(lines), "utf-8")
    change(database, "UPDATE outbox_event SET subject = 'else' WHERE seq = 7")
    with pytest.raises(ArchiveDiffers, match="Event 7"):
        remove_archived(database, path)
    assert len(seqs(database)) == 11
    change(database, "UPDATE outbox_event SET subject = 't' WHERE seq = 7")
    assert remove_archived(database, path).count == 6
    live(database, clock)
    live(database, clock)
    later = archive(database, tmp_path, clock, "b.jsonl")
    change(database, "UPDATE consumer_cursor SET seq = 5 WHERE consumer = 'archived'")
    with pytest.raises(ArchiveLeavesGap):
        remove_archived(database, later)


def test_the_newest_event_stays_so_that_no_number_is_given_twice(
    database: Database, clock: SettableClock, tmp_path: Path
) -> None:
    happen(database, "t", *["u"] * 3, event=BULK)
    clock.advance(days=40)
    assert remove_archived(database, archive(database, tmp_path, clock)).count == 3
    assert seqs(database) == [4, 5]
    assert database.read_now(head_seq) == 5
    verdict = verify_chain(database)
    assert (verdict.is_whole, verdict.begun_at) == (True, 0)


def test_orders_and_reports_say_the_same_without_them(plant: Database, clock: SettableClock, tmp_path: Path) -> None:
    acts = Acts(plant)
    acts.do(build_benches)
    acts.do(put_privacy_policy, policy=PrivacyPolicy(PerformanceByPerson.ids), version=0)
    ada = acts.do(create_principal, principal_id="ada", role=Role.operator, display_name="Ada")
    job = acts.submit(quantity=4)[0]
    acts.release(job)
    acts.start(job)
    plant.write_now(report_good, actor=ada, job_id=job, quantity=Decimal(4), request_id="by-ada")
    clock.advance(days=40)
    acts.complete(job)
    clock.advance(days=40)
    counted = order_of(plant, clock)
    assert remove_archived(plant, archive(plant, tmp_path, clock)).count > 0
    assert order_of(plant, clock) == counted
    tick(plant, publish_due_reports)
    (report,) = plant.read_now(list_operations_performance, after=0, limit=9)
    assert {"person_id": "ada"} in report.content["job_response"]["personnel_actual"]


def order_of(plant: Database, clock: SettableClock) -> OrderDetail:
    return plant.read_now(get_order, operations_request_id="LO-1", now=clock())
