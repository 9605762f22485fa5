"""Verbs of access on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from mes.access import queries, service
from mes.access.errors import (
    IdInvalid,
    LastAdministrator,
    PinNotForMachines,
    PrincipalDisabled,
    PrincipalExists,
    PrincipalNotFound,
    RoleKindMismatch,
    SessionNotFound,
    TokenExpiryInvalid,
    TokenNotFound,
    TokenScopeInvalid,
)
from mes.access.permissions import Permission, granted
from mes.access.pins import hash_pin
from mes.access.rules import standing
from mes.access.tokens import digest, new_session_value
from mes.access.types import NewToken, PrincipalKind, Role, Standing
from mes.kernel.db import Database
from mes.kernel.errors import VersionConflict
from mes.kernel.outbox import list_events
from mes.kernel.sqltypes import to_us
from tests.conftest import SettableClock


def add(database: Database, principal_id: str, role: Role) -> int:
    return database.write_now(
        service.create_principal,
        actor=None,
        principal_id=principal_id,
        role=role,
        display_name=principal_id.title(),
        language="de",
    )


def session_of(database: Database, principal_id: str) -> bytes:
    key = digest(new_session_value("default"))
    database.write_now(service.open_session, actor=None, principal_id=principal_id, session_sha256=key)
    return key


def standing_of(database: Database, key: bytes, *, session: bool) -> Standing:
    query = queries.find_session if session else queries.find_token
    found = database.read_now(query, token_sha256=key)
    assert found is not None
    return standing(found, to_us(database.clock()))


def types(database: Database) -> list[str]:
    return [event.type for event in database.read_now(list_events, after=0)]


def test_a_principal_has_the_kind_of_its_role(database: Database) -> None:
    pk = add(database, "edge-1", Role.bridge)
    view = database.read_now(queries.get_principal, principal_id="edge-1")
    assert view is not None
    assert (view.pk, view.kind, view.role, view.version) == (pk, PrincipalKind.bridge, Role.bridge, 1)
    assert (view.disabled_at, view.has_pin, view.language) == (None, False, "de")


def test_ids_are_taken_once_and_must_be_plain(database: Database) -> None:
    add(database, "ada", Role.operator)
    with pytest.raises(PrincipalExists):
        add(database, "ada", Role.supervisor)
    with pytest.raises(IdInvalid):
        add(database, "a/b", Role.operator)


def test_a_token_is_found_by_its_digest_only(database: Database) -> None:
    add(database, "erp", Role.integration)
    new = database.write_now(service.create_token, actor=None, plant_id="default", principal_id="erp", label="ERP")
    found = database.read_now(queries.find_token, token_sha256=digest(new.token))
    assert found is not None
    assert (found.principal_id, found.role, found.idle_us) == ("erp", Role.integration, None)
    assert database.read_now(queries.find_session, token_sha256=digest(new.token)) is None
    assert new.token not in repr(database.read_now(list_events, after=0))


def test_a_revoked_token_stays_listed_and_is_over(database: Database, clock: SettableClock) -> None:
    add(database, "erp", Role.integration)
    expires_at = clock() + timedelta(days=1)
    new = database.write_now(
        service.create_token,
        actor=None,
        plant_id="default",
        principal_id="erp",
        label="ERP",
        expires_at=expires_at,
    )
    database.write_now(service.revoke_token, actor=None, token_id=new.token_id)
    database.write_now(service.revoke_token, actor=None, token_id=new.token_id)
    assert standing_of(database, digest(new.token), session=False) is Standing.ended
    (view,) = database.read_now(queries.list_tokens, principal_id="erp").items
    assert (view.label, view.revoked_at, view.expires_at) == ("ERP", clock(), expires_at)
    assert types(database).count("access.token-revoked.v1") == 1
    with pytest.raises(TokenNotFound):
        database.write_now(service.revoke_token, actor=None, token_id=99)


def test_disabling_ends_sessions_and_suspends_tokens(database: Database) -> None:
    pk = add(database, "ada", Role.operator)
    session = session_of(database, "ada")
    token = database.write_now(service.create_token, actor=pk, plant_id="default", principal_id="ada", label="script")
    database.write_now(service.disable_principal, actor=None, principal_id="ada", version=1)
    database.write_now(service.disable_principal, actor=None, principal_id="ada")
    assert standing_of(database, session, session=True) is Standing.ended
    assert standing_of(database, digest(token.token), session=False) is Standing.disabled
    with pytest.raises(PrincipalDisabled):
        database.write_now(service.create_token, actor=None, plant_id="default", principal_id="ada", label="another")
    database.write_now(service.enable_principal, actor=None, principal_id="ada")
    assert standing_of(database, session, session=True) is Standing.ended
    assert standing_of(database, digest(token.token), session=False) is Standing.good
    assert types(database).count("access.principal-disabled.v1") == 1


def test_a_new_role_signs_out(database: Database) -> None:
    add(database, "ada", Role.operator)
    session = session_of(database, "ada")
    database.write_now(service.set_role, actor=None, principal_id="ada", role=Role.operator)
    assert standing_of(database, session, session=True) is Standing.good
    database.write_now(service.set_role, actor=None, principal_id="ada", role=Role.supervisor, version=1)
    assert standing_of(database, session, session=True) is Standing.ended
    with pytest.raises(VersionConflict):
        database.write_now(service.set_role, actor=None, principal_id="ada", role=Role.engineer, version=1)


def test_a_person_cannot_become_a_machine(database: Database) -> None:
    add(database, "ada", Role.operator)
    with pytest.raises(RoleKindMismatch):
        database.write_now(service.set_role, actor=None, principal_id="ada", role=Role.bridge)
    add(database, "edge-1", Role.bridge)
    with pytest.raises(PinNotForMachines):
        session_of(database, "edge-1")
    with pytest.raises(PinNotForMachines):
        database.write_now(service.store_pin, actor=None, principal_id="edge-1", pin_hash="x")
    with pytest.raises(PrincipalNotFound):
        database.write_now(service.store_pin, actor=None, principal_id="nobody", pin_hash="x")


def test_the_last_administrator_stays(database: Database) -> None:
    add(database, "adam", Role.administrator)
    add(database, "eve", Role.administrator)
    database.write_now(service.disable_principal, actor=None, principal_id="eve")
    with pytest.raises(LastAdministrator):
        database.write_now(service.disable_principal, actor=None, principal_id="adam")
    with pytest.raises(LastAdministrator):
        database.write_now(service.set_role, actor=None, principal_id="adam", role=Role.operator)
    database.write_now(service.enable_principal, actor=None, principal_id="eve")
    database.write_now(service.set_role, actor=None, principal_id="adam", role=Role.operator)


def test_a_new_pin_signs_out(database: Database) -> None:
    add(database, "ada", Role.operator)
    session = session_of(database, "ada")
    database.write_now(service.store_pin, actor=None, principal_id="ada", pin_hash=hash_pin("4711"))
    assert standing_of(database, session, session=True) is Standing.ended
    view = database.read_now(queries.get_principal, principal_id="ada")
    assert view is not None
    assert view.has_pin


def test_signing_out_twice_is_signing_out(database: Database) -> None:
    add(database, "ada", Role.operator)
    session = session_of(database, "ada")
    for key in (session, session, digest("ls_default_unknown")):
        database.write_now(service.sign_out, actor=None, session_sha256=key)
    assert types(database).count("access.signed-out.v1") == 1


def test_lists_are_paged_and_filtered(database: Database) -> None:
    for number in range(5):
        add(database, f"op-{number}", Role.operator)
    add(database, "edge-1", Role.bridge)
    first = database.read_now(queries.list_principals, kind=PrincipalKind.person, limit=3)
    rest = database.read_now(queries.list_principals, kind=PrincipalKind.person, limit=3, cursor=first.next_cursor)
    assert [p.id for p in first.items + rest.items] == [f"op-{n}" for n in range(5)]
    assert rest.next_cursor is None
    assert [p.id for p in database.read_now(queries.list_principals, role=Role.bridge).items] == ["edge-1"]


def test_token_lists_are_paged(database: Database) -> None:
    add(database, "erp", Role.integration)
    for number in range(3):
        database.write_now(service.create_token, actor=None, plant_id="default", principal_id="erp", label=str(number))
    first = database.read_now(queries.list_tokens, limit=2)
    rest = database.read_now(queries.list_tokens, limit=2, cursor=first.next_cursor)
    assert [t.label for t in first.items + rest.items] == ["0", "1", "2"]


def test_a_token_is_limited_to_a_part_of_its_role(database: Database, clock: SettableClock) -> None:
    add(database, "erp", Role.integration)

    def make(*permissions: Permission, expires_at: datetime | None = None) -> NewToken:
        wanted = {"plant_id": "default", "principal_id": "erp", "label": "ERP", "expires_at": expires_at}
        return database.write_now(service.create_token, actor=None, permissions=permissions, **wanted)

    new = make(Permission.read_events, Permission.read_performance)
    found = database.read_now(queries.find_token, token_sha256=digest(new.token))
    assert found is not None
    assert granted(found.role, found.scope) == {Permission.read_events, Permission.read_performance}
    assert granted(Role.monitor, found.scope) == frozenset()
    (view,) = database.read_now(queries.list_tokens).items
    assert view.scope == "read-events read-performance"
    for beyond in ((Permission.manage_access,), (Permission.read_events, Permission.operate), ()):
        with pytest.raises(TokenScopeInvalid):
            make(*beyond)
    with pytest.raises(TokenExpiryInvalid):
        make(Permission.read_events, expires_at=clock())
    assert types(database).count("access.token-created.v1") == 1


def test_open_sessions_are_listed_and_ended_one_by_one_or_together(database: Database, clock: SettableClock) -> None:
    for name in ("ada", "eve"):
        add(database, name, Role.operator)
    old = session_of(database, "ada")
    clock.advance(minutes=61)
    first, second, third, hers = [session_of(database, name) for name in ("ada", "ada", "ada", "eve")]

    def listed(who: str | None = None) -> list[tuple[str, bool]]:
        page = database.read_now(
            queries.list_sessions, now_us=to_us(clock()), principal_id=who, this_sha256=third, limit=2
        )
        rest = database.read_now(
            queries.list_sessions, now_us=to_us(clock()), principal_id=who, this_sha256=third, cursor=page.next_cursor
        )
        return [(one.principal_id, one.is_this) for one in (*page.items, *(rest.items if page.next_cursor else ()))]

    assert standing_of(database, old, session=True) is Standing.idle
    assert listed() == [("eve", False), ("ada", True), ("ada", False), ("ada", False)]
    number = database.read_now(queries.list_sessions, now_us=to_us(clock()), principal_id="eve").items[0].session_id
    database.write_now(service.end_own_session, actor=None, session_id=number, principal_id="ada")
    assert standing_of(database, hers, session=True) is Standing.good
    with pytest.raises(SessionNotFound):
        database.write_now(service.end_session, actor=None, session_id=99)
    for _ in range(2):
        database.write_now(service.end_session, actor=None, session_id=number)
    assert standing_of(database, hers, session=True) is Standing.ended
    assert types(database).count("access.session-ended.v1") == 1
    for _ in range(2):
        database.write_now(service.end_sessions_of, actor=None, principal_id="ada", but_sha256=third)
    assert listed() == listed("ada") == [("ada", True)]
    assert [standing_of(database, key, session=True) for key in (first, second)] == [Standing.ended] * 2
    assert types(database).count("access.sessions-ended.v1") == 1


def test_touching_moves_last_use(database: Database, clock: SettableClock) -> None:
    add(database, "ada", Role.operator)
    session = session_of(database, "ada")
    token = database.write_now(service.create_token, actor=None, plant_id="default", principal_id="ada", label="script")
    before = len(types(database))
    later = to_us(clock.advance(minutes=2))
    database.write_now(service.touch_session, actor=None, session_sha256=session)
    database.write_now(service.touch_token, actor=None, token_sha256=digest(token.token))
    for query, key in ((queries.find_session, session), (queries.find_token, digest(token.token))):
        found = database.read_now(query, token_sha256=key)
        assert found is not None
        assert found.last_used_at_us == later
    assert len(types(database)) == before


def test_every_look_up_is_one_indexed_query(sqlite_database: Database) -> None:
    statements = {
        "api_token": "SELECT * FROM api_token JOIN principal ON principal.pk = principal_pk WHERE token_sha256 = x'00'",
        "session": "SELECT * FROM session JOIN principal ON principal.pk = principal_pk WHERE token_sha256 = x'00'",
    }
    for table, statement in statements.items():
        plan = sqlite_database.read_now(_plan, statement=statement)
        assert any(f"SEARCH {table} USING INDEX" in line for line in plan)
        assert not any("SCAN" in line for line in plan)


def _plan(session: object, *, statement: str) -> list[str]:
    from sqlalchemy import text

    rows = session.execute(text(f"EXPLAIN QUERY PLAN {statement}"))  # type: ignore[attr-defined]
    return [row[3] for row in rows]
