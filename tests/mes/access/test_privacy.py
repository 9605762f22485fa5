"""What is kept and told of people: pseudonyms, forgetting in time, erasing one person for good. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

import mes.access.tables
from mes.access.audit.queries import list_acts, verify_chain
from mes.access.audit.types import ActFilter
from mes.access.errors import LastAdministrator, PrincipalNotFound, RoleKindMismatch
from mes.access.oidc.service import put_identity_provider, record_sign_on
from mes.access.oidc.types import IdentityProvider, Told
from mes.access.privacy.queries import get_privacy_policy
from mes.access.privacy.rules import named, pseudonym
from mes.access.privacy.service import erase_principal, forget_old_personal_data, put_privacy_policy
from mes.access.privacy.types import PerformanceByPerson, PrivacyPolicy
from mes.access.queries import find_known_device, find_session, get_principal
from mes.access.service import (
    create_principal,
    create_token,
    give_badge,
    open_session,
    record_pin_attempt,
    set_login_name,
    set_role,
    store_pin,
)
from mes.access.sign_in import device_at
from mes.access.tokens import digest, new_device_value, new_session_value
from mes.access.types import Device, Role
from mes.kernel.db import Database
from mes.kernel.errors import VersionConflict
from mes.kernel.origins import Origin, acting_from
from mes.kernel.properties import Property
from mes.migrations.transfer import digests_of
from mes.personnel.errors import PersonNotFound
from mes.personnel.queries import get_person
from mes.personnel.service import create_person, create_personnel_class, erase_person, put_person
from mes.personnel.types import Qualification
from tests.conftest import SettableClock

WORDS = ("Ada Lovelace", "10.0.0.77", "Ada's script", "a hash", "sub-of-ada")
KEYS = st.binary(min_size=32, max_size=32).map(bytes.hex)


@pytest.fixture
def chained(database: Database, clock: SettableClock) -> Iterator[Database]:
    plant = Database(database.url, schema=database.schema, clock=clock, chained=True)
    yield plant
    plant.close()


def texts(database: Database) -> str:
    """Everything the plant knows, as one text."""

    def read(session: Any) -> str:
        names = [name.removeprefix("tables/") for name in digests_of(database) if name.startswith("tables/")]
        return " ".join(str(row) for name in names for row in session.execute(text(f"SELECT * FROM {name}")))

    return database.read_now(read)


@given(KEYS, KEYS, st.sets(st.integers(1, 10_000), min_size=1, max_size=20))
def test_a_pseudonym_is_one_for_each_person_and_another_in_each_plant(one: str, other: str, pks: set[int]) -> None:
    names = {pseudonym(one, pk) for pk in pks}
    assert len(names) == len(pks)
    assert one == other or not names & {pseudonym(other, pk) for pk in pks}


def test_performance_names_people_only_as_the_plant_says() -> None:
    persons = {7: "sven", 3: "ada"}
    assert named(PrivacyPolicy(), persons) == ()
    assert named(PrivacyPolicy(PerformanceByPerson.ids), persons) == ("ada", "sven")
    hidden = named(PrivacyPolicy(PerformanceByPerson.pseudonyms, pseudonym_key="00"), persons)
    assert len(hidden) == 2
    assert all(name.startswith("P-") for name in hidden)


def test_a_policy_keeps_its_key_and_its_version(database: Database) -> None:
    wanted = PrivacyPolicy(PerformanceByPerson.pseudonyms, 30)
    database.write_now(put_privacy_policy, actor=None, policy=wanted, version=0)
    first = database.read_now(get_privacy_policy)
    database.write_now(put_privacy_policy, actor=None, policy=wanted, version=1)
    database.write_now(put_privacy_policy, actor=None, policy=PrivacyPolicy(), version=1)
    second = database.read_now(get_privacy_policy)
    assert (len(first.pseudonym_key), second.pseudonym_key, second.version) == (64, first.pseudonym_key, 2)
    with pytest.raises(VersionConflict):
        database.write_now(put_privacy_policy, actor=None, policy=wanted, version=1)
    assert first.pseudonym_key not in str(database.read_now(list_acts, wanted=ActFilter()))


def test_somebody_is_erased_and_what_they_did_stays(chained: Database) -> None:
    chained.write_now(create_personnel_class, actor=None, personnel_class_id="solder")
    qualified = (Qualification("solder"),)
    ada_is = {"person_id": "p17", "name": "Ada Lovelace", "role": Role.operator, "qualifications": qualified}
    chained.write_now(create_person, actor=None, **ada_is)
    ada = chained.read_now(get_principal, principal_id="p17")
    assert ada is not None
    chained.write_now(store_pin, actor=None, principal_id="p17", pin_hash="a hash")
    chained.write_now(give_badge, actor=None, principal_id="p17", badge_hmacs=[b"x" * 32])
    chained.write_now(create_token, actor=None, principal_id="p17", plant_id="default", label="Ada's script")
    for size in ("41 narrow", "42 narrow"):
        said = [Property("Shoe size", value=size)]
        chained.write_now(put_person, actor=None, **ada_is, properties=said)
    assert "42 narrow" in texts(chained)
    provider = IdentityProvider("https://id.example", "mes", "Company")
    chained.write_now(put_identity_provider, actor=None, provider=provider, sealed_secret=b"sealed", version=0)
    told = Told(provider.issuer, "sub-of-ada", "p17", "Ada Lovelace", frozenset(), showed_factor=False)
    key = digest(new_session_value("default"))
    chained.write_now(record_sign_on, actor=None, told=told, session_sha256=key)
    session = chained.read_now(find_session, token_sha256=key)
    assert session is not None
    here = acting_from.set(Origin(f"session/{session.credential_pk}", "PRESS", "10.0.0.77"))
    try:
        chained.write_now(create_personnel_class, actor=ada.pk, personnel_class_id="glue")
    finally:
        acting_from.reset(here)
    assert {"Ada Lovelace", "10.0.0.77", "Ada's script", "sub-of-ada"} <= {w for w in WORDS if w in texts(chained)}
    name = chained.write_now(erase_person, actor=None, person_id="p17", reason="request 4")
    assert name == f"erased-{ada.pk}"
    assert not [word for word in (*WORDS, "41 narrow", "42 narrow") if word in texts(chained)]
    assert chained.read_now(find_session, token_sha256=key) is None
    person = chained.read_now(get_person, person_id=name)
    assert person is not None
    assert (person.name, [q.personnel_class_id for q in person.qualifications]) == (name, ["solder"])
    (act,) = chained.read_now(list_acts, wanted=ActFilter(principal_id=name)).items
    assert (act.type, act.display_name, act.place, act.address) == (
        *("personnel.personnel-class-created.v1", name),
        *("PRESS", None),
    )
    verdict = verify_chain(chained)
    assert (verdict.is_whole, verdict.begun_at) == (True, 1)


def signed_in_from(database: Database, principal_id: str, address: str) -> int:
    """The number of a session that somebody opened with a PIN, after they got it wrong once."""
    key = digest(new_session_value("default"))
    asked: dict[str, Any] = {
        "principal_id": principal_id,
        "checked_hash": "a hash",
        "device": device_at(address),
        "actor": None,
    }
    here = acting_from.set(Origin("", "", address))
    try:
        database.write_now(record_pin_attempt, **asked, matches=False, session_sha256=None)
        database.write_now(record_pin_attempt, **asked, matches=True, session_sha256=key)
    finally:
        acting_from.reset(here)
    session = database.read_now(find_session, token_sha256=key)
    assert session is not None
    return session.credential_pk


def test_from_where_somebody_signed_in_goes_and_who_came_from_there_too_stays(database: Database) -> None:
    for principal_id in ("ada", "bob"):
        hired = {"principal_id": principal_id, "role": Role.operator, "display_name": principal_id}
        database.write_now(create_principal, actor=None, **hired)
        database.write_now(store_pin, actor=None, principal_id=principal_id, pin_hash="a hash")
    call = {"principal_id": "ada", "login_name": "ada@plant.example"}
    database.write_now(set_login_name, actor=None, **call)
    old = acting_from.set(Origin("", "", "10.0.0.1"))  # as it was written before sign-ins had origins of their own
    database.write_now(set_role, actor=None, principal_id="ada", role=Role.supervisor)
    acting_from.reset(old)
    sessions = [signed_in_from(database, one, "10.0.0.77") for one in ("ada", "bob")]
    name = database.write_now(erase_principal, actor=None, principal_id="bob", reason="4")
    sessions.append(signed_in_from(database, "ada", "10.0.0.77"))
    assert len(set(sessions)) == 3, "the number of a session is given once"
    acts = database.read_now(list_acts, wanted=ActFilter()).items
    known = [
        (act.subject, act.address) for act in acts if act.type in ("access.signed-in.v1", "access.sign-in-failed.v1")
    ]
    assert sorted(known, key=str) == [("ada", "10.0.0.77")] * 4 + [("bob", None)] * 2
    assert name.startswith("erased-")
    database.write_now(erase_principal, actor=None, principal_id="ada", reason="5")
    kept = texts(database)
    assert [word for word in ("10.0.0.1", "10.0.0.77", "plant.example") if word in kept] == []


def test_who_is_no_person_or_the_last_administrator_stays(database: Database) -> None:
    for name, role in (("erp", Role.integration), ("adam", Role.administrator)):
        database.write_now(create_principal, actor=None, principal_id=name, role=role, display_name=name)
    for name, error in (("erp", RoleKindMismatch), ("adam", LastAdministrator), ("nobody", PrincipalNotFound)):
        with pytest.raises(error):
            database.write_now(erase_principal, actor=None, principal_id=name, reason="asked for")
    with pytest.raises(PersonNotFound):
        database.write_now(erase_person, actor=None, person_id="nobody", reason="asked for")
    database.write_now(create_person, actor=None, person_id="visitor", name="A visitor")
    name = database.write_now(erase_person, actor=None, person_id="visitor", reason="asked for")
    assert name.startswith("erased-person-")


def test_sign_ins_and_addresses_are_forgotten_in_time(database: Database, clock: SettableClock) -> None:
    database.write_now(create_principal, actor=None, principal_id="ada", role=Role.operator, display_name="Ada")
    old = act_from(database, clock, "10.0.0.1")
    database.write_now(forget_old_personal_data, actor=None)
    policy = PrivacyPolicy(keep_days=30)
    database.write_now(put_privacy_policy, actor=None, policy=policy, version=0)
    clock.advance(days=20)
    young = act_from(database, clock, "10.0.0.2")
    clock.advance(days=11)
    database.write_now(forget_old_personal_data, actor=None)
    assert database.read_now(find_session, token_sha256=old) is None
    assert database.read_now(find_session, token_sha256=young) is not None
    addresses = [act.address for act in database.read_now(list_acts, wanted=ActFilter(type="access.role-set.v1")).items]
    assert addresses == ["10.0.0.2", None]
    assert verify_chain(database).origins_changed == ()


def test_a_device_that_knows_somebody_forgets_them(database: Database, clock: SettableClock) -> None:
    policy = PrivacyPolicy(keep_days=30)
    database.write_now(put_privacy_policy, actor=None, policy=policy, version=0)
    create = {"role": Role.operator, "display_name": "Somebody"}
    ada, bo = (database.write_now(create_principal, actor=None, principal_id=name, **create) for name in ("ada", "bo"))
    old, young = device_at("10.0.0.1", new_device_value()), device_at("10.0.0.1", new_device_value())
    checked = {"checked_hash": "a hash", "matches": True, "session_sha256": None}
    for name, device in (("ada", old), ("ada", young), ("bo", young)):
        database.write_now(store_pin, actor=None, principal_id=name, pin_hash="a hash")
        database.write_now(record_pin_attempt, actor=None, principal_id=name, device=device, **checked)
        clock.advance(days=14)
    database.write_now(forget_old_personal_data, actor=None)
    assert [knows(database, *one) for one in ((old, ada), (young, ada), (young, bo))] == [False, True, True]
    database.write_now(erase_principal, actor=None, principal_id="bo", reason="asked for")
    assert [knows(database, *one) for one in ((young, ada), (young, bo))] == [True, False]


def knows(database: Database, device: Device, pk: int) -> bool:
    return database.read_now(find_known_device, principal_pk=pk, device=device) is not None


def test_an_address_that_is_used_for_long_is_as_old_as_its_acts(database: Database, clock: SettableClock) -> None:
    database.write_now(create_principal, actor=None, principal_id="ada", role=Role.operator, display_name="Ada")
    database.write_now(put_privacy_policy, actor=None, policy=PrivacyPolicy(keep_days=30), version=0)
    for _ in range(3):
        act_from(database, clock, "10.0.0.1")
        clock.advance(days=25)
    database.write_now(forget_old_personal_data, actor=None)
    found = database.read_now(list_acts, wanted=ActFilter(type="access.role-set.v1")).items
    assert [act.address for act in found] == ["10.0.0.1", None, None]


def act_from(database: Database, clock: SettableClock, address: str) -> bytes:
    """Somebody signs in, and is given another role from that address."""
    key = digest(new_session_value("default"))
    here = acting_from.set(Origin("", "", address))
    try:
        database.write_now(open_session, actor=None, principal_id="ada", session_sha256=key)
        ada = database.read_now(get_principal, principal_id="ada")
        assert ada is not None
        role = Role.supervisor if ada.role is Role.operator else Role.operator
        database.write_now(set_role, actor=None, principal_id="ada", role=role)
    finally:
        acting_from.reset(here)
    return key


RECORD = {"signature"}
"""Tables of access that say what a principal did, by number: they stay."""
ERASED = {
    "api_token",
    "badge",
    "identity_link",
    "known_device",
    "pin_credential",
    "recovery_code",
    "second_factor",
    "session",
}


def test_whatever_access_keeps_of_somebody_is_erased_or_part_of_the_record() -> None:
    """A new table has to be put with one or the other, and `erase_principal` told."""
    tables = [one.__table__ for one in vars(mes.access.tables).values() if hasattr(one, "__table__")]
    keeping = {table.name for table in tables for key in table.foreign_keys if key.target_fullname == "principal.pk"}
    assert keeping == RECORD | ERASED
