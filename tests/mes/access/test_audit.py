"""Who did what, before and after, from where; and whether anybody changed the record of it. On both databases."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from mes.access.audit.files import PartUnreadable, check_part, export_audit
from mes.access.audit.queries import list_acts, verify_chain
from mes.access.audit.types import Act, ActFilter, ExportFormat
from mes.access.errors import PrincipalNotFound
from mes.access.privacy.service import put_privacy_policy
from mes.access.privacy.types import PrivacyPolicy
from mes.access.service import create_principal, set_role
from mes.access.types import Role
from mes.kernel.chain import Fault, FaultKind
from mes.kernel.db import Database
from mes.kernel.origins import Origin, acting_from
from mes.kernel.uow import UnitOfWork
from mes.migrations.transfer import export_plant, import_plant
from mes.personnel.service import create_person, put_person
from mes.ticks import HOURLY, TICKS
from tests.conftest import SettableClock

HANDBOOK = Path(__file__).parents[3] / "docs" / "operate" / "audit.md"


@pytest.fixture
def chained(database: Database, clock: SettableClock) -> Iterator[Database]:
    plant = Database(database.url, schema=database.schema, clock=clock, chained=True)
    yield plant
    plant.close()


def hire(database: Database, principal_id: str, actor: int | None = None) -> int:
    return database.write_now(
        create_principal, actor=actor, principal_id=principal_id, role=Role.operator, display_name="A name"
    )


def change(database: Database, sql: str) -> None:
    """As somebody would who can write to the database."""

    def tamper(uow: UnitOfWork) -> None:
        uow.execute(text(sql))

    database.write_now(tamper, actor=None)


def acts(database: Database, **wanted: Any) -> list[Act]:
    return list(database.read_now(list_acts, wanted=ActFilter(**wanted)).items)


def test_no_time_takes_an_event_away(chained: Database, clock: SettableClock) -> None:
    """Everything that is forgotten in time, thirty years later, where the plant keeps people's data for a day."""
    for name in ("ada", "bo"):
        hire(chained, name)
    policy = PrivacyPolicy(keep_days=1)
    chained.write_now(put_privacy_policy, actor=None, policy=policy, version=0)
    kept = [act.seq for act in acts(chained)]
    clock.advance(days=30 * 365)
    for verb in (*TICKS, *HOURLY):
        chained.write_now(verb, actor=None)
    assert [act.seq for act in acts(chained) if act.seq <= max(kept)] == kept
    verdict = verify_chain(chained)
    assert (verdict.is_whole, verdict.begun_at) == (True, 1)


def test_an_act_says_who_before_and_after_and_from_where(database: Database) -> None:
    sven = hire(database, "sven")
    hire(database, "ada")
    token = acting_from.set(Origin("session/7", "PRESS", "10.0.0.9"))
    try:
        database.write_now(set_role, actor=sven, correlation_id="7F3A", principal_id="ada", role=Role.supervisor)
    finally:
        acting_from.reset(token)
    act = acts(database)[0]
    assert (act.type, act.subject, act.principal_id, act.correlation_id) == (
        *("access.role-set.v1", "ada", "sven"),
        "7F3A",
    )
    assert (act.credential, act.place, act.address) == ("session/7", "PRESS", "10.0.0.9")
    assert act.changes == {"principal/ada": {"role": ["operator", "supervisor"]}}
    assert [(a.credential, a.address) for a in acts(database)[1:]] == [("", None)] * 2


def test_a_name_is_told_as_changed_never_as_what(database: Database) -> None:
    database.write_now(create_person, actor=None, person_id="p1", name="Ada", role=Role.operator)
    database.write_now(put_person, actor=None, person_id="p1", name="Ada Lovelace", language="de")
    told = json.dumps([[dict(act.data), dict(act.changes)] for act in acts(database)])
    assert acts(database)[0].changes["person/p1"] == {"name": ["…", "…"], "language": ["en", "de"]}
    assert "Lovelace" not in told


def test_an_origin_is_written_once_and_after_a_refusal_again(database: Database) -> None:
    def refused(uow: UnitOfWork) -> None:
        uow.emit("tally.moved.v1", topics=(), subject="a", payload={})
        uow.execute(text("INSERT INTO act_origin (id) VALUES ('half')"))

    token = acting_from.set(Origin("token/3", "", "10.0.0.9"))
    try:
        with pytest.raises(Exception, match="constraint"):
            database.write_now(refused, actor=None)
        for n in range(3):
            hire(database, f"p{n}")
    finally:
        acting_from.reset(token)
    assert {(act.credential, act.address) for act in acts(database)} == {("token/3", "10.0.0.9")}
    count = database.read_now(lambda session: session.execute(text("SELECT count(*) FROM act_origin")).scalar())
    assert count == 1


def test_acts_are_found_by_person_subject_type_and_time(database: Database, clock: SettableClock) -> None:
    sven = hire(database, "sven")
    for hour in range(4):
        clock.advance(hours=1)
        hire(database, f"p{hour}", actor=sven)
    at = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    assert [act.subject for act in acts(database, principal_id="sven")] == ["p3", "p2", "p1", "p0"]
    assert [act.subject for act in acts(database, subject="p1")] == ["p1"]
    assert len(acts(database, type="access.*")) == len(acts(database, type="access.principal-created.v1")) == 5
    assert acts(database, type="orders.*") == []
    hours = {"since": at + timedelta(hours=2), "until": at + timedelta(hours=4)}
    assert [act.subject for act in acts(database, **hours)] == ["p2", "p1"]
    with pytest.raises(PrincipalNotFound):
        acts(database, principal_id="nobody")


def test_pages_follow_one_another_also_where_nothing_is_found_in_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mes.access.audit.queries.LOOK_MAX", 3)
    sven = hire(database, "sven")
    hire(database, "by-sven", actor=sven)
    for n in range(8):
        hire(database, f"p{n}")
    found: list[str] = []
    cursor, pages = None, 0
    while cursor is not None or not pages:
        page = database.read_now(list_acts, wanted=ActFilter(principal_id="sven"), cursor=cursor)
        found += [act.subject for act in page.items]
        cursor, pages = page.next_cursor, pages + 1
    assert (found, pages) == (["by-sven"], 4)
    first = database.read_now(list_acts, wanted=ActFilter(), limit=2)
    second = database.read_now(list_acts, wanted=ActFilter(), limit=2, cursor=first.next_cursor)
    assert [act.seq for act in (*first.items, *second.items)] == [10, 9, 8, 7]


def test_a_chain_goes_on_whoever_writes_and_holds(chained: Database, database: Database) -> None:
    hire(chained, "a")
    other = Database(database.url, schema=database.schema)
    hire(other, "b")
    other.close()
    verdict = verify_chain(chained)
    assert (verdict.is_whole, verdict.count, verdict.begun_at, verdict.head.seq) == (True, 2, 1, 2)


def test_tampering_shows_where(chained: Database) -> None:
    token = acting_from.set(Origin("token/3", "", "10.0.0.9"))
    try:
        for n in range(6):
            hire(chained, f"p{n}")
    finally:
        acting_from.reset(token)
    noted = verify_chain(chained).head
    change(chained, "UPDATE outbox_event SET actor = 99 WHERE seq = 2")
    change(chained, "DELETE FROM outbox_event WHERE seq = 4")
    change(chained, "UPDATE act_origin SET address = '10.0.0.10'")
    verdict = verify_chain(chained, noted={noted.seq: noted.link})
    assert verdict.faults == (Fault(FaultKind.changed, 2), Fault(FaultKind.removed, 4, 4))
    assert (len(verdict.origins_changed), verdict.origins_missing) == (1, ())
    change(chained, "DELETE FROM outbox_event WHERE seq > 4")
    change(chained, "DELETE FROM act_origin")
    verdict = verify_chain(chained, noted={noted.seq: noted.link})
    assert verdict.faults[1:] == (Fault(FaultKind.removed, 4, 6),)
    assert verdict.origins_missing == (1, 2, 3)


def as_the_handbook_does(path: Path) -> str:
    """What the lines of Python in docs/operate/audit.md complain about."""
    (code,) = re.findall(r"```python\n(.*?)```", HANDBOOK.read_text("utf-8"), re.DOTALL)
    return subprocess.run([sys.executable, "-I", "-c", code, path], capture_output=True, text=True).stderr


def test_an_export_is_checked_without_lineside(chained: Database, clock: SettableClock, tmp_path: Path) -> None:
    at = clock()
    for n in range(4):
        hire(chained, f"p{n}")
        clock.advance(hours=1)
    path = tmp_path / "audit.jsonl"
    with path.open("wb") as target:
        made = export_audit(
            chained,
            target,
            format=ExportFormat.jsonl,
            since=at + timedelta(hours=1),
            until=at + timedelta(hours=3),
        )
    assert (made.count, made.after.seq, made.head.seq) == (2, 1, 3)
    whole = path.read_text("utf-8")
    assert as_the_handbook_does(path) == ""
    path.write_text(whole.replace("p2", "p9"), "utf-8")
    assert "event 3 is not what was recorded" in as_the_handbook_does(path)
    path.write_text(whole, "utf-8")
    assert check_part(path).faults == []


def test_an_export_that_was_changed_or_cut_shows(chained: Database, tmp_path: Path) -> None:
    for n in range(3):
        hire(chained, f"p{n}")
    path = tmp_path / "audit.jsonl"
    with path.open("wb") as target:
        export_audit(chained, target, format=ExportFormat.jsonl)
    whole = path.read_text("utf-8")
    path.write_text(whole.replace('"p1"', '"p9"'), "utf-8")
    assert check_part(path).faults == [Fault(FaultKind.changed, 2)]
    lines = whole.splitlines(keepends=True)
    path.write_text("".join([*lines[:3], lines[-1]]), "utf-8")
    assert check_part(path).faults == [Fault(FaultKind.removed, 3, 3)]
    path.write_text("".join(lines[:3]), "utf-8")
    with pytest.raises(PartUnreadable, match="no end"):
        check_part(path)
    path.write_text("seq,type\n1,a\n", "utf-8")
    with pytest.raises(PartUnreadable, match="line 1: not JSON"):
        check_part(path)


def test_a_table_has_who_and_where_and_no_formulas(database: Database) -> None:
    sven = hire(database, "sven")

    def note(uow: UnitOfWork) -> None:
        uow.emit("tally.moved.v1", topics=(), subject="=1+1", payload={})

    database.write_now(note, actor=sven)
    target = io.BytesIO()
    export_audit(database, target, format=ExportFormat.csv)
    rows = list(csv.DictReader(io.StringIO(target.getvalue().decode())))
    assert [(row["subject"], row["principal_id"], row["link"]) for row in rows] == [
        ("sven", "", ""),
        ("'=1+1", "sven", ""),
    ]


def test_a_plant_that_was_moved_keeps_its_chain(chained: Database, tmp_path: Path, clock: SettableClock) -> None:
    token = acting_from.set(Origin("session/1", "PRESS", "10.0.0.9"))
    try:
        for n in range(3):
            hire(chained, f"p{n}")
    finally:
        acting_from.reset(token)
    head = verify_chain(chained).head
    export_plant(chained, tmp_path / "north.plant", now=clock(), version="1")
    other = Database(f"sqlite:///{tmp_path / 'other.sqlite'}", clock=clock)
    import_plant(other, tmp_path / "north.plant")
    hire(other, "later")
    verdict = verify_chain(other, noted={head.seq: head.link})
    other.close()
    assert (verdict.is_whole, verdict.count, verdict.begun_at) == (True, 4, 1)
