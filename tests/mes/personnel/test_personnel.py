"""Persons, qualifications and the sign-in screen's names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.access import queries as access_queries
from mes.access.errors import IdInvalid, PrincipalExists, RoleKindMismatch
from mes.access.pins import hash_pin
from mes.access.service import create_principal, disable_principal, open_session, store_pin
from mes.access.tokens import digest, new_session_value
from mes.access.types import Role
from mes.kernel.db import Database
from mes.kernel.errors import VersionConflict
from mes.kernel.outbox import list_events
from mes.personnel import queries, rules, service
from mes.personnel.errors import (
    PersonExists,
    PersonnelClassExists,
    PersonnelClassNotFound,
    PersonnelClassUnknown,
    PersonNotFound,
    QualificationInvalid,
)
from mes.personnel.types import PersonnelClassView, PersonView, Qualification
from tests.conftest import SettableClock

T0 = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SOLDER = Qualification("SOLDERING", T0, T0 + 365 * DAY)
FORKLIFT = Qualification("FORKLIFT")


@pytest.fixture
def plant(database: Database) -> Database:
    for class_id in ("SOLDERING", "FORKLIFT"):
        database.write_now(service.put_personnel_class, actor=None, personnel_class_id=class_id)
    return database


def person(database: Database, person_id: str = "ada") -> PersonView:
    found = database.read_now(queries.get_person, person_id=person_id)
    assert found is not None
    return found


def create(database: Database, person_id: str = "ada", **kwargs: object) -> None:
    values: dict[str, object] = {"name": person_id.title(), "language": "de", **kwargs}
    database.write_now(service.create_person, actor=None, person_id=person_id, **values)


def put(database: Database, **kwargs: object) -> PersonView:
    values: dict[str, object] = {"name": "Ada", "language": "de", **kwargs}
    database.write_now(service.put_person, actor=None, person_id="ada", **values)
    return person(database)


def events(database: Database) -> list[str]:
    return [event.type for event in database.read_now(list_events, after=0)]


# --- rules


@given(st.integers(-400, 800).map(lambda hours: T0 + hours * timedelta(hours=12)))
def test_a_qualification_holds_from_its_beginning_up_to_its_end(at: datetime) -> None:
    assert SOLDER.valid_from is not None and SOLDER.valid_until is not None  # noqa: PT018
    assert rules.is_valid_at(SOLDER, at) is (SOLDER.valid_from <= at < SOLDER.valid_until)
    assert rules.is_valid_at(FORKLIFT, at)
    assert rules.is_qualified([SOLDER], "SOLDERING", at) is rules.is_valid_at(SOLDER, at)
    assert not rules.is_qualified([SOLDER], "FORKLIFT", at)


@pytest.mark.parametrize(
    ("qualifications", "faults"),
    [
        ([], []),
        ([SOLDER, FORKLIFT], []),
        ([SOLDER, replace(SOLDER, valid_from=SOLDER.valid_until, valid_until=None)], []),
        ([SOLDER, replace(SOLDER, valid_from=T0 + 364 * DAY, valid_until=None)], [("qualifications.1", "overlap")]),
        ([FORKLIFT, FORKLIFT], [("qualifications.1", "overlap")]),
        ([replace(SOLDER, valid_until=T0)], [("qualifications.0", "backwards")]),
    ],
)
def test_what_is_wrong_with_qualifications(qualifications: list[Qualification], faults: list[tuple[str, str]]) -> None:
    found = rules.qualification_faults(qualifications)
    assert [(fault.where, fault.code) for fault in found] == faults


# --- persons


def test_a_person_is_read_as_written(plant: Database) -> None:
    create(plant, qualifications=[SOLDER, FORKLIFT])
    assert person(plant) == PersonView("ada", "Ada", "de", None, (FORKLIFT, SOLDER), 1)


def test_a_person_with_a_role_can_be_given_a_pin(plant: Database) -> None:
    create(plant, role=Role.supervisor)
    assert (person(plant).principal_id, person(plant).version) == ("ada", 1)
    principal = plant.read_now(access_queries.get_principal, principal_id="ada")
    assert principal is not None
    assert (principal.role, principal.display_name, principal.language) == (Role.supervisor, "Ada", "de")


def test_a_person_takes_the_principal_of_the_same_id(plant: Database) -> None:
    plant.write_now(create_principal, actor=None, principal_id="ada", role=Role.operator, display_name="A.")
    create(plant, role=Role.supervisor)
    principal = plant.read_now(access_queries.get_principal, principal_id="ada")
    assert principal is not None
    assert (person(plant).principal_id, principal.role) == ("ada", Role.supervisor)
    plant.write_now(create_principal, actor=None, principal_id="edge", role=Role.bridge, display_name="E")
    with pytest.raises(RoleKindMismatch):
        create(plant, "edge", role=Role.operator)
    with pytest.raises(PrincipalExists):
        plant.write_now(create_principal, actor=None, principal_id="ada", role=Role.operator, display_name="A")


def test_what_cannot_be_created(plant: Database) -> None:
    create(plant)
    with pytest.raises(PersonExists):
        create(plant)
    with pytest.raises(IdInvalid):
        create(plant, "a/b")
    with pytest.raises(PersonnelClassUnknown):
        create(plant, "bob", qualifications=[Qualification("WELDING")])
    with pytest.raises(QualificationInvalid) as refusal:
        create(plant, "bob", qualifications=[FORKLIFT, FORKLIFT])
    assert [fault.where for fault in refusal.value.errors] == ["qualifications.1"]
    assert plant.read_now(queries.get_person, person_id="bob") is None


def test_every_change_is_one_version_and_one_event(plant: Database) -> None:
    assert put(plant).version == 1
    assert put(plant).version == 1
    assert put(plant, qualifications=[SOLDER]).version == 2
    assert put(plant, qualifications=[SOLDER]).version == 2
    changed = put(plant, name="Ada L.", qualifications=[FORKLIFT], role=Role.operator)
    assert (changed.version, changed.name, changed.qualifications) == (3, "Ada L.", (FORKLIFT,))
    assert put(plant, name="Ada L.", qualifications=[FORKLIFT]) == changed
    assert events(plant).count("personnel.person-changed.v1") == 2


def test_a_new_name_reaches_the_principal(plant: Database) -> None:
    put(plant, role=Role.operator)
    put(plant, name="Ada King", language="en")
    principal = plant.read_now(access_queries.get_principal, principal_id="ada")
    assert principal is not None
    assert (principal.display_name, principal.language, principal.role) == ("Ada King", "en", Role.operator)


def test_an_update_needs_the_version_it_was_made_from(plant: Database) -> None:
    create(plant)
    update = {"name": "Ada K.", "language": "de", "qualifications": [FORKLIFT]}
    plant.write_now(service.update_person, actor=None, person_id="ada", version=1, **update)
    with pytest.raises(VersionConflict):
        plant.write_now(service.update_person, actor=None, person_id="ada", version=1, **update)
    with pytest.raises(PersonNotFound):
        plant.write_now(service.update_person, actor=None, person_id="bob", version=1, **update)
    assert person(plant).version == 2


def test_no_event_names_a_person_by_name(plant: Database) -> None:
    create(plant, name="Ada Lovelace", role=Role.operator)
    assert "Lovelace" not in repr(plant.read_now(list_events, after=0))


def test_lists(plant: Database) -> None:
    create(plant, "ada", name="Ada 100%", qualifications=[SOLDER])
    create(plant, "bob", name="Bob", qualifications=[FORKLIFT])
    create(plant, "cid", name="Cid Adams")

    def ids(**kwargs: object) -> list[str]:
        return [one.id for one in plant.read_now(queries.list_persons, **kwargs).items]

    assert ids() == ["ada", "bob", "cid"]
    assert ids(name="ADA") == ["ada", "cid"]
    assert ids(name="0%") == ["ada"]
    assert ids(name="%") == ["ada"]
    assert ids(personnel_class_id="SOLDERING") == ["ada"]
    assert ids(personnel_class_id="SOLDERING", qualified_at=T0 + 364 * DAY) == ["ada"]
    assert ids(personnel_class_id="SOLDERING", qualified_at=T0 + 365 * DAY) == []
    assert ids(personnel_class_id="SOLDERING", qualified_at=T0 - DAY) == []
    assert ids(personnel_class_id="FORKLIFT", qualified_at=T0) == ["bob"]
    first = plant.read_now(queries.list_persons, limit=2)
    assert [one.id for one in first.items] == ["ada", "bob"]
    assert ids(cursor=first.next_cursor) == ["cid"]


# --- personnel classes


def test_personnel_classes(database: Database) -> None:
    def write(verb: object, **kwargs: object) -> None:
        database.write_now(verb, actor=None, personnel_class_id="SOLDERING", **kwargs)  # type: ignore[arg-type]

    write(service.create_personnel_class, description="IPC-A-610")
    with pytest.raises(PersonnelClassExists):
        write(service.create_personnel_class)
    write(service.update_personnel_class, version=1, description="IPC-A-610J")
    with pytest.raises(VersionConflict):
        write(service.update_personnel_class, version=1, description="x")
    write(service.put_personnel_class, description="IPC-A-610J")
    with pytest.raises(PersonnelClassNotFound):
        database.write_now(
            service.update_personnel_class, actor=None, personnel_class_id="X", version=1, description=""
        )
    found = database.read_now(queries.list_personnel_classes)
    assert found.items == (PersonnelClassView("SOLDERING", "IPC-A-610J", 2),)


# --- sign-in names


def test_who_was_here_last_comes_first(plant: Database, clock: SettableClock) -> None:
    for name in ("cid", "bob", "ada", "dan", "eve"):
        create(plant, name, role=Role.operator)
    create(plant, "fay")  # no role
    for name in ("cid", "bob", "ada", "dan"):  # eve has no PIN
        plant.write_now(store_pin, actor=None, principal_id=name, pin_hash=hash_pin("4711"))
    plant.write_now(disable_principal, actor=None, principal_id="dan")
    for name, place in (("bob", "PACK-1"), ("cid", "PACK-1"), ("ada", "TEST-1")):
        clock.advance(minutes=1)
        key = digest(new_session_value("default"))
        plant.write_now(open_session, actor=None, principal_id=name, session_sha256=key, work_unit_id=place)
    names = plant.read_now(queries.list_sign_in_names, work_unit_id="PACK-1")
    assert [one.principal_id for one in names] == ["cid", "bob", "ada"]
    assert [one.last_signed_in_at is None for one in names] == [False, False, True]
    assert [one.principal_id for one in plant.read_now(queries.list_sign_in_names)] == ["ada", "bob", "cid"]
