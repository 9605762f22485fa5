"""Payloads of events: what is said of a wrong one, and that no verb of ours can tell one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from mes.kernel.uow import UnitOfWork
from standards.lineside.events_v1 import EVENTS, component_of, fault_of
from tests.support.told_events import VERBS, faults

NAMED = re.compile(r'"([a-z]+\.[a-z]+(?:-[a-z]+)*\.v[1-9])"')
SHOWN = {"orders.job-order-ended.v1"}
"""In words about types."""
PUT = b'{"tool_id": "ST-1", "equipment_id": "BENCH", "cycles": 4}'


def test_a_type_says_what_happened_and_of_what() -> None:
    for name, kind in EVENTS.items():
        assert re.fullmatch(r"[a-z]+\.[a-z]+(-[a-z]+)*\.v1", name)
        assert kind.__doc__, name
        assert kind.its_subject, name
    assert component_of("orders.job-ended.v1") == "OrdersJobEndedV1"


def test_every_type_that_a_verb_names_is_known() -> None:
    named = {name for path in Path(VERBS).rglob("*.py") for name in NAMED.findall(path.read_text("utf-8"))}
    assert len(named) > 100
    assert named - EVENTS.keys() - SHOWN == set()


@pytest.mark.parametrize(
    ("event_type", "payload", "fault"),
    [
        ("genealogy.tool-mounted.v1", PUT, ""),
        ("genealogy.tool-mounted.v2", PUT, "genealogy.tool-mounted.v2 is no type of event"),
        ("genealogy.tool-mounted.v1", b'{"tool_id": "ST-1", "cycles": 4}', "missing required field `equipment_id`"),
        ("genealogy.tool-mounted.v1", PUT.replace(b"4", b'"4"'), "Expected `int`, got `str`"),
        ("genealogy.tool-mounted.v1", PUT.replace(b"}", b', "by": "ada"}'), "nobody knows of by"),
        ("materials.lot-disposition-changed.v1", b'{"lot_id": "L", "from": "x", "to": "Closed"}', "Invalid enum value"),
        (
            "history.retention-set.v1",
            b'{"samples_days": 1, "rollups_days": 2, "before": {"samples_days": 1, "rollups_days": 2, "more": 1}}',
            "nobody knows of before.more",
        ),
    ],
)
def test_what_is_wrong_is_said(event_type: str, payload: bytes, fault: str) -> None:
    assert fault in fault_of(event_type, payload)
    assert bool(fault) == bool(fault_of(event_type, payload))


@pytest.mark.parametrize(
    ("event_type", "payload"), [("quality.lot-lost.v1", {}), ("quality.unit-scrapped.v1", {"unit_id": "U-1"})]
)
def test_a_verb_that_tells_something_else_fails_whatever_becomes_of_it(event_type: str, payload: object) -> None:
    """As if its source stood among the others; the fixture `events_as_promised` looks where it was caught, too."""
    with create_engine("sqlite://", poolclass=NullPool).connect() as connection:
        uow = UnitOfWork(connection, now=datetime(2026, 3, 2, tzinfo=UTC), actor=None)
        verb = compile("uow.emit(event_type, topics=(), subject='x', payload=payload)", VERBS + "verb.py", "exec")
        with pytest.raises(AssertionError, match=event_type):
            exec(verb, {"uow": uow, "event_type": event_type, "payload": payload})  # noqa: S102
    assert len(faults) == 1
    assert not uow.events
    faults.clear()
