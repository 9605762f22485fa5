"""Migrations lead to exactly the schema the code means, lose nothing, and never touch a newer plant."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from mes.access.queries import find_token
from mes.access.service import open_session
from mes.access.tokens import digest
from mes.access.types import Role
from mes.edge.queries import get_bridge
from mes.edge.service import put_bridge, put_tag_bindings
from mes.edge.types import TagBindingSpec
from mes.history.queries import list_samples, list_texts
from mes.history.types import NOT_KNOWN
from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import ConstraintConflict
from mes.kernel.uow import UnitOfWork
from mes.migrations.upgrade import SchemaTooNew, current_revision, differences, upgrade
from tests.support.plants import BRIDGE, CELL, build_plant
from tests.web.cast import hire

_BINDING = "tag, signal, equipment_pk, counts, reason_id, units_per_count_e6, retentive, state_map, what, unit"


def test_the_migrated_schema_is_the_schema_in_code(database: Database) -> None:
    assert differences(database) == []


def test_upgrading_again_changes_nothing(database: Database) -> None:
    database.write_now(build_plant, actor=None)
    before = current_revision(database)
    upgrade(database)

    def equipment(session: ReadSession) -> int:
        return int(session.execute(text("SELECT count(*) FROM equipment")).scalar_one())

    assert current_revision(database) == before
    assert database.read_now(equipment) == 9


def test_two_plants_are_brought_up_to_date_at_once(tmp_path: Path) -> None:
    """Two requests for two plants that rest: Alembic keeps its state in a module."""
    databases = [Database(f"sqlite:///{tmp_path / name}.sqlite") for name in ("north", "south", "east")]
    with ThreadPoolExecutor(len(databases)) as threads:
        list(threads.map(lambda database: upgrade(database, revision="0004"), databases))
    assert {current_revision(database) for database in databases} == {"0004"}
    for database in databases:
        database.close()


def test_people_and_tokens_survive_the_role_for_monitoring(tmp_path: Path) -> None:
    """0002 rebuilds the table of principals on SQLite."""
    database = Database(f"sqlite:///{tmp_path / 'plant.sqlite'}")
    upgrade(database, revision="0001")
    database.write_now(_hire_at_0001, actor=None, token="lst_default_ada")
    upgrade(database)
    found = database.read_now(find_token, token_sha256=digest("lst_default_ada"))
    assert found is not None
    assert (found.principal_id, found.role) == ("ada", Role.operator)
    assert found.scope is None
    assert hire(database, "prometheus", Role.monitor).principal_pk > found.principal_pk

    def no_such_role(uow: UnitOfWork) -> None:
        uow.execute(text("UPDATE principal SET role = 'king'"))

    with pytest.raises(ConstraintConflict):
        database.write_now(no_such_role, actor=None)
    database.close()


def test_the_number_of_a_session_that_was_erased_is_not_given_again(tmp_path: Path) -> None:
    """0033: sessions that are gone by then have left their numbers where acts came from."""
    database = Database(f"sqlite:///{tmp_path / 'plant.sqlite'}")
    upgrade(database, revision="0028")

    def sign_in(uow: UnitOfWork) -> None:
        uow.execute(
            text(
                "INSERT INTO principal (pk, id, kind, role, display_name, language, version) "
                "VALUES (7, 'ada', 'person', 'operator', 'Ada', 'en', 1)"
            )
        )
        uow.execute(
            text(
                "INSERT INTO session (pk, token_sha256, principal_pk, created_at_us, last_seen_at_us, idle_us, "
                "expires_at_us) VALUES (5, :key, 7, 1, 2, 3, 4)"
            ),
            {"key": b"k" * 32},
        )
        uow.execute(text("INSERT INTO act_origin VALUES ('x', 'session/9', '', NULL, NULL, 1)"))

    database.write_now(sign_in, actor=None)
    upgrade(database)
    assert differences(database) == []
    database.write_now(open_session, actor=None, principal_id="ada", session_sha256=b"l" * 32)
    found = database.read_now(
        lambda session: session.execute(text("SELECT pk FROM session ORDER BY pk")).scalars().all()
    )
    assert found == [5, 10]
    database.close()


@pytest.mark.parametrize(("connections", "left"), [(["tryton"], ["tryton", "@", "@"]), (["a", "b"], ["@", "@"])])
def test_a_view_that_a_connection_read_is_its_own(tmp_path: Path, connections: list[str], left: list[str]) -> None:
    """0034: where there are several nobody can say whose it was, and each reads again what it says."""
    database = Database(f"sqlite:///{tmp_path / 'plant.sqlite'}")
    upgrade(database, revision="0033")

    def keep(uow: UnitOfWork) -> None:
        for name in connections:
            columns = "id, kind, url, database_name, user_name, sealed_password, active, plain_http, place, places, "
            columns += "order_prefix, poll_s, seq, masters_at_us, remarks, next_at_us, busy_until_us, failures, said, "
            values = f"'{name}', 'tryton', 'u', 'd', 'n', 'x', 1, 0, '', '{{}}', '', 5, 0, 0, '[]', 0, 0, 0, '', "
            uow.execute(text(f"INSERT INTO erp_connection ({columns}version) VALUES ({values}1)"))
        for actor, complete in (("NULL", 0), ("NULL", 1), ("7", 0)):
            columns = "subject, taken_at_us, received_at_us, actor, complete, content"
            uow.execute(text(f"INSERT INTO erp_view ({columns}) VALUES ('lots', 0, 0, {actor}, {complete}, '[]')"))

    database.write_now(keep, actor=None)
    upgrade(database)
    sources, home = (
        text("SELECT source FROM erp_view ORDER BY pk"),
        text("SELECT private_addresses FROM erp_connection"),
    )
    assert database.read_now(lambda session: session.execute(sources).scalars().all()) == left
    assert database.read_now(lambda session: all(session.execute(home).scalars())), "what works goes on"
    database.close()


def test_a_view_that_was_handed_in_is_its_senders(tmp_path: Path) -> None:
    """0036: a program's is its own, people and files share one, a connection's stays."""
    database = Database(f"sqlite:///{tmp_path / 'plant.sqlite'}")
    upgrade(database, revision="0035")

    def keep(uow: UnitOfWork) -> None:
        for pk, name, kind, role in ((7, "ada", "person", "supervisor"), (8, "sap", "integration", "integration")):
            values = f"{pk}, '{name}', '{kind}', '{role}', '{name}', 'en', 1"
            columns = "pk, id, kind, role, display_name, language, version"
            uow.execute(text(f"INSERT INTO principal ({columns}) VALUES ({values})"))
        for actor, source in (("NULL", ""), ("7", ""), ("8", ""), ("NULL", "sap")):
            columns = "subject, source, taken_at_us, received_at_us, actor, complete, content"
            values = f"'lots', '{source}', 0, 0, {actor}, true, '[]'"
            uow.execute(text(f"INSERT INTO erp_view ({columns}) VALUES ({values})"))

    database.write_now(keep, actor=None)
    upgrade(database)
    sources = text("SELECT source FROM erp_view ORDER BY pk")
    assert database.read_now(lambda session: session.execute(sources).scalars().all()) == ["@", "@", "@sap", "sap"]
    assert differences(database) == []
    database.close()


def _hire_at_0001(uow: UnitOfWork, *, token: str) -> None:
    into = "INSERT INTO principal (pk, id, kind, role, display_name, language, version)"
    uow.execute(text(f"{into} VALUES (7, 'ada', 'person', 'operator', 'Ada', 'en', 1)"))
    into = "INSERT INTO api_token (principal_pk, token_sha256, label, created_at_us)"
    uow.execute(text(f"{into} VALUES (7, :key, 'x', 1)"), {"key": digest(token)})


def test_bindings_and_what_was_counted_by_them_survive(tmp_path: Path) -> None:
    """0005 rebuilds the table of bindings on SQLite; from then on no key is used twice."""
    database = Database(f"sqlite:///{tmp_path / 'plant.sqlite'}")
    upgrade(database, revision="0004")

    def build(uow: UnitOfWork) -> None:
        for name in (CELL, "PRESS"):
            row = {"id": name, "level": "WorkCell"}
            uow.execute(
                text("INSERT INTO equipment (id, level, description, version) VALUES (:id, :level, '', 1)"), row
            )
        put_bridge(uow, bridge_id=BRIDGE)
        uow.events.clear()  # the outbox of that time has no room for today's

    database.write_now(build, actor=None)

    def count(uow: UnitOfWork) -> None:
        columns = f"bridge_pk, {_BINDING}"
        told = "SELECT b.pk, e.id || '.Good', 'counter', e.pk, 'good', '', 8000000, true, '', '', ''"
        uow.execute(text(f"INSERT INTO tag_binding ({columns}) {told} FROM bridge b, equipment e"))
        into = "INSERT INTO counter_baseline (binding_pk, value, at_us, marker)"
        uow.execute(text(f"{into} SELECT pk, 7, 1, '' FROM tag_binding WHERE signal = 'counter'"))

    def rows(session: ReadSession) -> tuple[object, ...]:
        bindings = session.execute(text(f"SELECT pk, {_BINDING} FROM tag_binding ORDER BY pk")).all()
        return bindings, session.execute(text("SELECT * FROM counter_baseline ORDER BY binding_pk")).all()

    def add_instead_of_the_last(uow: UnitOfWork) -> int:
        last = uow.execute(text("SELECT max(pk) FROM tag_binding")).scalar_one()
        uow.execute(text("DELETE FROM counter_baseline"))
        uow.execute(text("DELETE FROM tag_binding WHERE pk = :last"), {"last": last})
        spec = TagBindingSpec("OTHER", "measurement", CELL)
        put_tag_bindings(uow, bridge_id=BRIDGE, bindings=[spec])
        new = uow.execute(text("SELECT pk FROM tag_binding WHERE tag = 'OTHER'")).scalar_one()
        return int(new) - int(last)

    database.write_now(count, actor=None)
    before = database.read_now(rows)
    upgrade(database)
    assert all(before)
    assert database.read_now(rows) == before
    assert differences(database) == []
    assert database.write_now(add_instead_of_the_last, actor=None) == 1
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def first_version(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A plant as the first migration left it."""
    url = f"sqlite:///{tmp_path / 'plant.sqlite'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").create_database(f"first_{uuid4().hex}")
    database = Database(url)
    upgrade(database, revision="0001")
    yield database
    database.close()


def lots_of_before(uow: UnitOfWork) -> None:
    """A panel of which half was used and a link was ended, a reel whose total is kept already, a unit in nothing."""
    uow.execute(
        text("INSERT INTO material_definition (pk, id, description, unit, version) VALUES (1, 'M', '', 'x', 1)")
    )
    lots = [(1, "PANEL", 2, 0), (2, "REEL", 1, 300_000), (3, "UNIT", 2, 0)]
    uow.driver_executemany(
        "INSERT INTO material_lot (pk, id, material_pk, quantity, unit, disposition, version, kind, consumed_e6) "
        "VALUES (?, ?, (SELECT pk FROM material_definition), 1000000, 'x', 'UnRestricted', 1, ?, ?)",
        lots,
    )
    links = [(3, 1, 1, 250_000, None), (3, 1, 2, 250_000, None), (3, 1, 3, 400_000, 4), (3, 2, 1, 300_000, None)]
    uow.driver_executemany(
        "INSERT INTO genealogy_link (child_pk, parent_pk, act_pk, quantity_e6, ended_by_pk, kind) "
        "VALUES (?, ?, ?, ?, ?, 1)",
        links,
    )


def test_what_was_kept_otherwise_is_there_afterwards(first_version: Database) -> None:
    """History: more than one row of the log takes, a text, and a value that was not known. What links took of lots."""
    start_us, count = 1_790_000_000_000_000, 12_000
    samples = [{"tag": 1 + n % 2, "at": start_us + n, "value": n / 4, "text": None} for n in range(count)]
    samples += [
        {"tag": 1, "at": start_us + count, "value": None, "text": None},
        {"tag": 3, "at": start_us, "value": None, "text": "SN-1"},
    ]

    def insert(uow: UnitOfWork) -> None:
        uow.execute(
            text("INSERT INTO history_sample (tag_pk, at_us, value, text) VALUES (:tag, :at, :value, :text)"), samples
        )
        uow.execute(text("INSERT INTO bridge (id, description) VALUES ('edge', '')"))

    def taken(session: ReadSession) -> list[tuple[str, int]]:
        return session.driver_query("SELECT id, consumed_e6 FROM material_lot ORDER BY pk")

    first_version.write_now(insert, actor=None)
    upgrade(first_version, revision="0017")
    first_version.write_now(lots_of_before, actor=None)
    upgrade(first_version)
    assert differences(first_version) == []
    assert first_version.read_now(taken) == [("PANEL", 500_000), ("REEL", 300_000), ("UNIT", 0)]
    for tag in (1, 2):
        window = {"tag_pk": tag, "from_us": start_us, "to_us": start_us + count + 1}
        found, following = first_version.read_now(list_samples, **window)
        assert following is None
        expected = [(s["at"], s["value"]) for s in samples if s["tag"] == tag]
        assert [
            (at, None if quality == NOT_KNOWN else value)
            for at, value, quality in zip(found.at_us.tolist(), found.value.tolist(), found.quality, strict=True)
        ] == expected
    [serial] = first_version.read_now(list_texts, tag_pk=3, from_us=start_us, to_us=start_us + 1)
    assert serial.text == "SN-1"
    assert first_version.read_now(get_bridge, bridge_id="edge").bindings_mark == ""


def test_a_plant_of_a_newer_version_is_left_alone(database: Database) -> None:
    def from_the_future(uow: UnitOfWork) -> None:
        uow.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    database.write_now(from_the_future, actor=None)
    with pytest.raises(SchemaTooNew, match="9999"):
        upgrade(database)


def test_an_interrupted_upgrade_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(f"sqlite:///{tmp_path / 'plant.sqlite'}")

    def torn(_connection: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mes.migrations.upgrade._check_foreign_keys", torn)
    with pytest.raises(KeyboardInterrupt):
        upgrade(database)
    assert current_revision(database) is None
    database.close()


def test_hot_tables_keep_their_shape_on_sqlite(sqlite_database: Database) -> None:
    def sql(session: ReadSession, *, name: str) -> str:
        found = session.execute(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": name})
        return str(found.scalar_one())

    assert "WITHOUT ROWID" in sqlite_database.read_now(sql, name="history_text")
    assert "WHERE job_pk IS NULL" in sqlite_database.read_now(sql, name="ix_count_fact_unassigned")
