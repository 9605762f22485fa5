"""Badges: given and taken, alone or with a PIN, and what they do not open."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from mes.access import queries, service
from mes.access.errors import (
    BadgeNotFound,
    BadgesNotUsed,
    BadgeTaken,
    BadgeUnacceptable,
    PinNotForMachines,
    SignInFailed,
    SignInLocked,
)
from mes.access.permissions import AT_STATIONS, Permission, granted
from mes.access.rules import is_badge, standing
from mes.access.sign_in import (
    device_at,
    new_badge_hmacs,
    owner_of_badge,
    set_password_now,
    set_pin_now,
    sign_in_with_badge,
    sign_in_with_pin,
    vouch_with_pin,
)
from mes.access.tokens import digest
from mes.access.types import DEVICE_LOCK, PERSON_LOCK, AccessPolicy, BadgeUse, Role, SignedIn, Standing
from mes.kernel.db import Database
from mes.kernel.errors import VersionConflict
from mes.kernel.outbox import list_events
from mes.kernel.sqltypes import to_us
from mes.kernel.vault import Vault

TABLET = device_at("10.0.0.7")
VAULT = Vault([Fernet.generate_key()])
BADGE, PIN = "04A2B3C4D5", "4711"


def hire(database: Database, name: str, role: Role = Role.operator) -> None:
    database.write_now(service.create_principal, actor=None, principal_id=name, role=role, display_name=name.title())


def allow(database: Database, use: BadgeUse) -> None:
    version = database.read_now(queries.get_access_policy).version
    database.write_now(service.put_access_policy, actor=None, policy=AccessPolicy(use), version=version)


def give(database: Database, name: str = "ada", badge: str = BADGE, vault: Vault = VAULT) -> int:
    hmacs = new_badge_hmacs(vault, database.plant_id, badge)
    return database.write_now(service.give_badge, actor=None, principal_id=name, badge_hmacs=hmacs)


async def scan(database: Database, badge: str = BADGE, pin: str = "", vault: Vault = VAULT) -> SignedIn:
    return await sign_in_with_badge(database, vault, badge=badge, pin=pin, device=TABLET, work_unit_id="PACK-1")


def scope_of(database: Database, signed_in: SignedIn) -> frozenset[Permission]:
    found = database.read_now(queries.find_session, token_sha256=digest(signed_in.token))
    assert found is not None
    return granted(found.role, found.scope)


async def test_a_badge_alone_opens_what_is_done_at_stations(database: Database) -> None:
    hire(database, "adam", Role.administrator)
    give(database, "adam")
    with pytest.raises(BadgesNotUsed):
        await scan(database)
    assert await owner_of_badge(database, VAULT, scan=BADGE) is None
    allow(database, BadgeUse.alone)
    signed_in = await scan(database)
    assert (signed_in.principal_id, signed_in.work_unit_id) == ("adam", "PACK-1")
    assert scope_of(database, signed_in) == AT_STATIONS
    found = await owner_of_badge(database, VAULT, scan=BADGE)
    assert found is not None
    assert (found[0].principal_id, found[1]) == ("adam", BadgeUse.alone)
    events = database.read_now(list_events, after=0)
    assert [e.payload["by"] for e in events if e.type == "access.signed-in.v1"] == ["badge"]
    assert BADGE not in repr(events)


async def test_whoever_has_a_badge_is_not_kept_away_by_anothers_wrong_pins(database: Database) -> None:
    hire(database, "ada")
    set_pin_now(database, actor=None, principal_id="ada", pin=PIN)
    give(database)
    allow(database, BadgeUse.alone)
    elsewhere = device_at("10.0.0.8")
    for _ in range(PERSON_LOCK.free_failures):
        with pytest.raises((SignInFailed, SignInLocked)):
            await sign_in_with_pin(database, principal_id="ada", pin="9999", device=elsewhere)
    with pytest.raises(SignInLocked):
        await sign_in_with_pin(database, principal_id="ada", pin=PIN, device=TABLET)
    signed_in = await scan(database)
    assert (signed_in.principal_id, signed_in.device) == ("ada", "")  # a number on plastic makes no device known


async def test_guessing_badges_locks_the_device(database: Database) -> None:
    hire(database, "ada")
    give(database)
    allow(database, BadgeUse.alone)
    for number in range(DEVICE_LOCK.free_failures):
        with pytest.raises((SignInFailed, SignInLocked)):
            await scan(database, f"guess-{number}")
    with pytest.raises(SignInLocked):
        await scan(database)


async def test_with_a_pin_neither_suffices_alone(database: Database) -> None:
    for name in ("ada", "bo", "cy"):
        hire(database, name)
        set_pin_now(database, actor=None, principal_id=name, pin=PIN)
    set_password_now(database, actor=None, principal_id="cy", password="four words said at a desk")
    give(database)
    give(database, "cy", "04FFFFFFFF")
    allow(database, BadgeUse.with_pin)
    for badge, pin in ((BADGE, ""), (BADGE, "9999"), ("04NOBODYS0", PIN)):
        with pytest.raises(SignInFailed):
            await scan(database, badge, pin)
    signed_in = await scan(database, pin=PIN)
    assert scope_of(database, signed_in) == granted(Role.operator, None)
    with pytest.raises(SignInFailed):
        await sign_in_with_pin(database, principal_id="ada", pin=PIN, device=TABLET)
    for name, secret in (("bo", PIN), ("cy", "four words said at a desk")):
        assert (await sign_in_with_pin(database, principal_id=name, pin=secret, device=TABLET)).principal_id == name
    voucher = await vouch_with_pin(database, principal_id="ada", pin=PIN, device=TABLET, permission=Permission.operate)
    assert voucher.principal_id == "ada"
    ways = [e.payload["by"] for e in database.read_now(list_events, after=0) if e.type == "access.signed-in.v1"]
    assert ways == ["badge-and-pin", "pin", "password"]


async def test_a_badge_is_one_persons_at_a_time(database: Database) -> None:
    for name in ("ada", "bo"):
        hire(database, name)
    allow(database, BadgeUse.alone)
    number = give(database)
    assert give(database) == number
    with pytest.raises(BadgeTaken):
        give(database, "bo")
    signed_in = await scan(database)
    database.write_now(service.take_badge, actor=None, badge_id=number)
    found = database.read_now(queries.find_session, token_sha256=digest(signed_in.token))
    assert found is not None
    assert standing(found, to_us(database.clock())) is Standing.ended
    with pytest.raises(SignInFailed):
        await scan(database)
    with pytest.raises(BadgeNotFound):
        database.write_now(service.take_badge, actor=None, badge_id=number)
    give(database, "bo")
    assert (await scan(database)).principal_id == "bo"
    (listed,) = database.read_now(queries.list_badges).items
    assert (listed.principal_id, listed.display_name) == ("bo", "Bo")
    database.write_now(service.disable_principal, actor=None, principal_id="bo")
    with pytest.raises(SignInFailed):
        await scan(database)


async def test_what_cannot_be_a_badge_and_who_can_have_none(database: Database) -> None:
    hire(database, "edge-1", Role.bridge)
    with pytest.raises(PinNotForMachines):
        give(database, "edge-1")
    for text in ("", "123", "x" * 65, "04\x1dA2B3", " 04A2"):
        assert not is_badge(text)
        with pytest.raises(BadgeUnacceptable):
            give(database, "edge-1", text)


def test_a_policy_is_changed_from_what_was_seen(database: Database) -> None:
    allow(database, BadgeUse.alone)
    allow(database, BadgeUse.alone)
    assert database.read_now(queries.get_access_policy) == AccessPolicy(BadgeUse.alone, version=1)
    with pytest.raises(VersionConflict):
        database.write_now(service.put_access_policy, actor=None, policy=AccessPolicy(BadgeUse.off), version=0)
    events = [e for e in database.read_now(list_events, after=0) if e.type == "access.access-policy-put.v1"]
    assert [e.payload for e in events] == [{"badge": "alone", "second_factor_roles": "", "signed_acts": ""}]


async def test_badges_are_found_by_an_older_key_too_and_by_no_other(database: Database) -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    hire(database, "ada")
    allow(database, BadgeUse.alone)
    give(database, vault=Vault([old]))
    assert (await scan(database, vault=Vault([new, old]))).principal_id == "ada"
    with pytest.raises(SignInFailed):
        await scan(database, vault=Vault([new]))
