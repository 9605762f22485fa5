"""Queued once, in order per subject, in one hand at a time, given up after days; on both databases."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mes.exchange.webhooks.errors import WebhookExists, WebhookInvalid, WebhookNotFound
from mes.exchange.webhooks.queries import get_webhook, has_news, list_deliveries
from mes.exchange.webhooks.rules import GIVE_UP_AFTER_US
from mes.exchange.webhooks.service import (
    IN_HAND_OF_PLANT_MAX,
    change_webhook,
    create_webhook,
    forget_old_deliveries,
    record_outcome,
    remove_webhook,
    replace_secret,
    replay_deliveries,
    take_deliveries,
)
from mes.exchange.webhooks.types import DeliveryState, Message, Outcome, OutcomeKind, WebhookSpec, WebhookView
from mes.kernel.db import Database
from mes.kernel.errors import VersionConflict
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork
from tests.conftest import SettableClock

SPEC = WebhookSpec("erp", "https://hooks.example/a", ("orders.*",))
WELL = Outcome(OutcomeKind.delivered, 200)
NO = Outcome(OutcomeKind.refused, 500, "not today")
AWAY = Outcome(OutcomeKind.unreachable, 0, "nobody there")


def happen(database: Database, *subjects: str, event: str = "orders.something.v1") -> None:
    def verb(uow: UnitOfWork) -> None:
        for subject in subjects:
            uow.emit(event, topics=["t"], subject=subject, payload={"n": 1})

    database.write_now(verb, actor=None)


def take(database: Database, **in_hand: int) -> tuple[Message, ...]:
    return database.write_now(take_deliveries, actor=None, in_hand={int(k[1:]): v for k, v in in_hand.items()})


def done(database: Database, messages: Sequence[Message], outcome: Outcome = WELL) -> None:
    for message in messages:
        database.write_now(record_outcome, actor=None, delivery_pk=message.delivery_pk, outcome=outcome)


def hook(database: Database) -> WebhookView:
    return database.read_now(get_webhook, webhook_id="erp")


def change(database: Database, **changes: object) -> None:
    values = {"webhook_id": "erp", "url": SPEC.url, "event_types": SPEC.event_types, **changes}
    database.write_now(change_webhook, actor=None, spec=WebhookSpec(**values), version=hook(database).version)  # type: ignore[arg-type]


@pytest.fixture
def hooked(database: Database) -> Database:
    happen(database, "before")
    database.write_now(create_webhook, actor=None, spec=SPEC, sealed_secret=b"one")
    return database


def test_it_hears_what_it_wants_from_now_on_once_and_in_order(hooked: Database) -> None:
    happen(hooked, "job/1", "job/2")
    happen(hooked, "job/3", event="quality.something.v1")
    messages = take(hooked)
    assert [message.subject for message in messages] == ["job/1", "job/2"]
    assert messages[0].sealed_secrets == (b"one",)
    assert messages[0].payload == '{"n":1}'
    assert take(hooked) == ()
    done(hooked, messages)
    assert take(hooked) == ()
    assert (hook(hooked).waiting, hook(hooked).dead) == (0, 0)


def test_a_plant_has_so_many_attempts_at_a_time(hooked: Database) -> None:
    happen(hooked, "job/1", "job/2")
    assert take(hooked, w99=IN_HAND_OF_PLANT_MAX) == ()
    assert [message.subject for message in take(hooked, w99=IN_HAND_OF_PLANT_MAX - 1)] == ["job/1"]


def test_of_one_subject_the_next_goes_when_the_one_before_is_through(hooked: Database, clock: SettableClock) -> None:
    happen(hooked, "job/1", "job/1", "job/2", "job/1")
    first = take(hooked)
    assert [m.subject for m in first] == ["job/1", "job/2"]
    done(hooked, first[:1], NO)
    done(hooked, first[1:])
    assert take(hooked) == ()
    clock.advance(seconds=5)
    (again,) = take(hooked)
    assert again.event_id == first[0].event_id
    done(hooked, [again])
    (second,) = take(hooked)
    assert second.seq > again.seq
    done(hooked, [second])
    (third,) = take(hooked)
    assert third.seq > second.seq


def test_what_a_killed_process_had_in_hand_is_taken_again_after_a_minute(
    hooked: Database, clock: SettableClock
) -> None:
    happen(hooked, "job/1")
    (first,) = take(hooked)
    clock.advance(seconds=59)
    assert take(hooked) == ()
    clock.advance(seconds=1)
    assert take(hooked) == (first,)


def test_four_at_a_time_and_one_while_nobody_answers(hooked: Database, clock: SettableClock) -> None:
    happen(hooked, *(f"job/{n}" for n in range(9)))
    messages = take(hooked)
    assert len(messages) == 4
    pk = messages[0].webhook_pk
    assert take(hooked, **{f"_{pk}": 4}) == ()
    done(hooked, messages[:1], AWAY)
    assert hook(hooked).failing_since == clock()
    assert take(hooked) == ()
    assert not hooked.read_now(has_news, now_us=to_us(clock()))
    clock.advance(seconds=5)
    assert hooked.read_now(has_news, now_us=to_us(clock()))
    (probe,) = take(hooked)
    done(hooked, [probe])
    assert hook(hooked).failing_since is None
    assert len(take(hooked)) == 4


def test_given_up_after_five_days_and_sent_again_by_hand(hooked: Database, clock: SettableClock) -> None:
    happen(hooked, "job/1", "job/1")
    began, attempts = to_us(clock()), 0
    while hook(hooked).dead == 0:
        messages = take(hooked)
        attempts += len(messages)
        done(hooked, messages, NO)
        clock.advance(minutes=30)
    assert to_us(clock()) - began >= GIVE_UP_AFTER_US
    assert 10 <= attempts <= 20
    (dead,) = hooked.read_now(list_deliveries, webhook_id="erp", state=DeliveryState.dead, cursor=None, limit=10).items
    assert (dead.status, dead.said, dead.attempts) == (500, "not today", attempts)
    (later,) = take(hooked)
    done(hooked, [later])
    assert hooked.write_now(replay_deliveries, actor=None, webhook_id="erp", delivery_ids=[10**6]) == 0
    assert hooked.write_now(replay_deliveries, actor=None, webhook_id="erp", delivery_ids=None) == 1
    (again,) = take(hooked)
    assert again.event_id == dead.event_id
    done(hooked, [again])
    assert (hook(hooked).waiting, hook(hooked).dead) == (0, 0)


def test_switched_off_it_loses_nothing(hooked: Database) -> None:
    change(hooked, active=False)
    happen(hooked, "job/1")
    assert take(hooked) == ()
    assert hook(hooked).behind > 0
    change(hooked, active=True)
    assert [m.subject for m in take(hooked)] == ["job/1"]


def test_the_receiver_may_switch_it_off(hooked: Database) -> None:
    happen(hooked, "job/1")
    done(hooked, take(hooked), Outcome(OutcomeKind.gone, 410))
    assert (hook(hooked).active, "410" in hook(hooked).note) == (False, True)
    change(hooked, active=True)
    assert hook(hooked).note == ""


def test_what_waits_is_bounded_and_the_rest_stays_in_the_outbox(
    hooked: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mes.exchange.webhooks.service.WAITING_MAX", 3)
    monkeypatch.setattr("mes.exchange.webhooks.queries.EVENTS_A_LOOK", 3)
    happen(hooked, *(f"job/{n}" for n in range(10)))
    told: list[int] = []
    while messages := take(hooked):
        assert hook(hooked).waiting <= 2 * 3
        told += [message.seq for message in messages]
        done(hooked, messages)
    assert len(told) == len(set(told)) == 10
    assert told == sorted(told)


def test_for_a_day_both_secrets_sign(hooked: Database, clock: SettableClock) -> None:
    hooked.write_now(replace_secret, actor=None, webhook_id="erp", sealed_secret=b"two")
    happen(hooked, "job/1", "job/2")
    assert take(hooked)[0].sealed_secrets == (b"two", b"one")
    clock.advance(hours=24)
    assert take(hooked)[0].sealed_secrets == (b"two",)


def test_what_was_delivered_is_forgotten_after_a_week_and_nothing_else(hooked: Database, clock: SettableClock) -> None:
    happen(hooked, "job/1", "job/2")
    done(hooked, take(hooked)[:1])
    clock.advance(days=8)
    hooked.write_now(forget_old_deliveries, actor=None)
    page = hooked.read_now(list_deliveries, webhook_id="erp", state=None, cursor=None, limit=10)
    assert [(one.subject, one.state) for one in page.items] == [("job/2", DeliveryState.waiting)]


def test_refusals(hooked: Database) -> None:
    with pytest.raises(WebhookExists):
        hooked.write_now(create_webhook, actor=None, spec=SPEC, sealed_secret=b"")
    with pytest.raises(WebhookInvalid):
        change(hooked, url="http://hooks.example/")
    with pytest.raises(VersionConflict):
        hooked.write_now(change_webhook, actor=None, spec=SPEC, version=7)
    hooked.write_now(remove_webhook, actor=None, webhook_id="erp")
    for verb in (remove_webhook, replay_deliveries):
        with pytest.raises(WebhookNotFound):
            hooked.write_now(verb, actor=None, webhook_id="erp")


def test_an_attempt_that_ends_after_the_webhook_was_removed_changes_nothing(hooked: Database) -> None:
    happen(hooked, "job/1")
    messages = take(hooked)
    hooked.write_now(remove_webhook, actor=None, webhook_id="erp")
    done(hooked, messages)
    assert take(hooked) == ()
