"""Signing in with a PIN, by honest people and by guessers, one at a time and all at once."""

from __future__ import annotations

import asyncio
import time

import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters

from mes.access import pins, queries, service
from mes.access.errors import PasswordUnacceptable, PermissionMissing, PinUnacceptable, SignInFailed, SignInLocked
from mes.access.permissions import Permission
from mes.access.rules import standing
from mes.access.sign_in import (
    device_at,
    set_password,
    set_pin,
    set_pin_now,
    sign_in_with_pin,
    sign_out_session,
    vouch_with_pin,
)
from mes.access.tokens import SESSION_PREFIX, digest, new_device_value, plant_of
from mes.access.types import (
    DEVICE_LOCK,
    KNOWN_DEVICES_MAX,
    PERSON_LOCK,
    Device,
    Role,
    SessionPolicy,
    SignedIn,
    Standing,
    Voucher,
)
from mes.kernel.db import Database
from mes.kernel.errors import Refusal, Unavailable
from mes.kernel.outbox import list_events
from mes.kernel.sqltypes import to_us
from tests.conftest import SettableClock

TABLET = device_at("10.0.0.7")
PIN = "4711"


def hire(database: Database, principal_id: str = "ada") -> None:
    database.write_now(
        service.create_principal,
        actor=None,
        principal_id=principal_id,
        role=Role.operator,
        display_name=principal_id.title(),
    )
    set_pin_now(database, actor=None, principal_id=principal_id, pin=PIN)


async def attempt(database: Database, pin: str, who: str = "ada", device: Device = TABLET) -> SignedIn:
    return await sign_in_with_pin(database, principal_id=who, pin=pin, device=device, work_unit_id="PACK-1")


async def outcomes(database: Database, pins_tried: list[str], device: Device = TABLET) -> list[type | None]:
    """What each of many simultaneous attempts ended with; None: signed in."""
    tried = [attempt(database, pin, device=device) for pin in pins_tried]
    found = await asyncio.gather(*tried, return_exceptions=True)
    return [type(one) if isinstance(one, BaseException) else None for one in found]


def events(database: Database, kind: str) -> int:
    found = database.read_now(list_events, after=0)
    return sum(event.type == f"access.{kind}.v1" for event in found)


async def test_the_right_pin_opens_a_session_at_the_station(database: Database, clock: SettableClock) -> None:
    hire(database)
    signed_in = await attempt(database, PIN)
    assert plant_of(signed_in.token, SESSION_PREFIX) == database.plant_id
    assert (signed_in.principal_id, signed_in.role, signed_in.work_unit_id) == ("ada", Role.operator, "PACK-1")
    found = database.read_now(queries.find_session, token_sha256=digest(signed_in.token))
    assert found is not None
    assert (found.work_unit_id, found.idle_us) == ("PACK-1", 300_000_000)
    assert found.expires_at_us == to_us(signed_in.expires_at) == to_us(clock()) + 12 * 3_600_000_000
    signed = [e for e in database.read_now(list_events, after=0) if e.type == "access.signed-in.v1"]
    assert [(e.subject, e.actor, e.payload["work_unit_id"]) for e in signed] == [
        ("ada", signed_in.principal_pk, "PACK-1")
    ]


async def test_a_policy_is_the_sessions_own(database: Database, clock: SettableClock) -> None:
    hire(database)
    policy = SessionPolicy(station_idle_s=60, lifetime_s=600)
    signed_in = await sign_in_with_pin(
        database, principal_id="ada", pin=PIN, device=TABLET, work_unit_id="PACK-1", policy=policy
    )
    found = database.read_now(queries.find_session, token_sha256=digest(signed_in.token))
    assert found is not None
    assert standing(found, to_us(clock.advance(seconds=59))) is Standing.good
    assert standing(found, to_us(clock.advance(seconds=1))) is Standing.idle


async def test_nobody_and_a_wrong_pin_get_the_same_answer(database: Database) -> None:
    hire(database)
    database.write_now(service.create_principal, actor=None, principal_id="bob", role=Role.operator, display_name="Bob")
    answers = []
    for who in ("ada", "nobody", "bob"):  # a wrong PIN, no such person, a person without PIN
        with pytest.raises(SignInFailed) as refusal:
            await attempt(database, "9999", who)
        answers.append((refusal.value.code, refusal.value.detail, refusal.value.extra))
    assert len({repr(answer) for answer in answers}) == 1


async def test_nobody_costs_as_much_as_somebody(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash of the same parameters is checked, whether there is such a person or not."""
    hire(database)
    costs: dict[str, list[Parameters]] = {"ada": [], "nobody": []}
    check = PasswordHasher.verify

    def verify(hasher: PasswordHasher, stored: str, given: str) -> bool:
        costs[who].append(extract_parameters(stored))
        return check(hasher, stored, given)

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    for who in costs:
        with pytest.raises(SignInFailed):
            await attempt(database, "9999", who, device_at(who))
    assert len(costs["ada"]) == 1
    assert costs["nobody"] == costs["ada"]


async def test_a_disabled_person_cannot_sign_in(database: Database) -> None:
    hire(database)
    database.write_now(service.disable_principal, actor=None, principal_id="ada")
    with pytest.raises(SignInFailed):
        await attempt(database, PIN)


async def test_failures_lock_the_person_everywhere_and_the_delay_grows(
    database: Database, clock: SettableClock
) -> None:
    hire(database)
    for number in range(PERSON_LOCK.free_failures - 1):
        with pytest.raises(SignInFailed):
            await attempt(database, "9999", device=device_at(f"10.0.0.{number}"))
    with pytest.raises(SignInLocked) as locked:
        await attempt(database, "9999")
    assert locked.value.extra["retry_after_s"] == 30
    with pytest.raises(SignInLocked):
        await attempt(database, PIN, device=device_at("10.9.9.9"))
    clock.advance(seconds=30)
    with pytest.raises(SignInLocked) as locked:
        await attempt(database, "9999")
    assert locked.value.extra["retry_after_s"] == 60
    clock.advance(seconds=60)
    assert (await attempt(database, PIN)).principal_id == "ada"
    with pytest.raises(SignInFailed):  # a success wipes the slate
        await attempt(database, "9999")
    assert events(database, "sign-in-locked") == 2


async def test_a_new_pin_lifts_the_lock(database: Database) -> None:
    hire(database)
    await outcomes(database, ["9999"] * 10)
    with pytest.raises(SignInLocked):
        await attempt(database, PIN)
    await set_pin(database, actor=None, principal_id="ada", pin="8642")
    assert (await attempt(database, "8642")).principal_id == "ada"


async def test_failures_lock_the_device_for_everybody(database: Database, clock: SettableClock) -> None:
    hire(database)
    for number in range(DEVICE_LOCK.free_failures):
        with pytest.raises((SignInFailed, SignInLocked)):
            await attempt(database, "9999", f"guess-{number}")
    with pytest.raises(SignInLocked):
        await attempt(database, PIN)
    assert (await attempt(database, PIN, device=device_at("10.0.0.8"))).principal_id == "ada"
    clock.advance(seconds=DEVICE_LOCK.first_delay_s)
    assert (await attempt(database, PIN)).principal_id == "ada"


async def guess(database: Database, device: Device, count: int, who: str = "ada") -> None:
    for _ in range(count):
        with pytest.raises((SignInFailed, SignInLocked)):
            await attempt(database, "9999", who, device)


async def test_a_device_that_knows_somebody_has_guesses_of_its_own(database: Database, clock: SettableClock) -> None:
    """Guessing in ADA's name keeps her out of where she has never been, and of no place where she has."""
    hire(database)
    hire(database, "bo")
    tablet = device_at("10.0.0.7", (await attempt(database, PIN)).device)
    assert (await attempt(database, PIN, device=tablet)).device == tablet.cookie
    await guess(database, TABLET, PERSON_LOCK.free_failures)
    await guess(database, TABLET, DEVICE_LOCK.free_failures - PERSON_LOCK.free_failures + 1, "nobody")
    for elsewhere in (TABLET, device_at("10.0.0.8"), device_at("10.0.0.7", new_device_value())):
        with pytest.raises(SignInLocked):
            await attempt(database, PIN, device=elsewhere)
    assert (await attempt(database, PIN, device=tablet)).principal_id == "ada"
    with pytest.raises(SignInLocked):  # what she does where she is known lifts nothing for strangers
        await attempt(database, PIN, device=device_at("10.0.0.8"))

    bos = device_at("10.0.0.9", (await attempt(database, PIN, "bo", device_at("10.0.0.9"))).device)
    with pytest.raises(SignInLocked):  # known to him, not to her
        await attempt(database, PIN, device=bos)
    await guess(database, tablet, PERSON_LOCK.free_failures)
    with pytest.raises(SignInLocked):
        await attempt(database, PIN, device=tablet)
    clock.advance(seconds=PERSON_LOCK.first_delay_s)
    await guess(database, tablet, 1)
    with pytest.raises(SignInLocked):  # twice as long there, while the strangers' lock is over
        await attempt(database, PIN, device=tablet)
    assert (await attempt(database, PIN, device=device_at("10.0.0.8"))).principal_id == "ada"

    failures = [e for e in database.read_now(list_events, after=0) if e.type == "access.sign-in-failed.v1"]
    told = {(e.payload["device"], e.payload["known_device"]) for e in failures}
    assert told == {(TABLET.address_key[:16], False), (tablet.cookie_key[:16], True)}
    assert tablet.cookie not in repr(database.read_now(list_events, after=0))


async def test_a_new_pin_lifts_the_lock_of_known_devices(database: Database) -> None:
    hire(database)
    tablet = device_at("10.0.0.7", (await attempt(database, PIN)).device)
    await guess(database, tablet, PERSON_LOCK.free_failures)
    await set_pin(database, actor=None, principal_id="ada", pin="8642")
    assert (await attempt(database, "8642", device=tablet)).principal_id == "ada"


def said(database: Database, who: str, device: Device, *, matches: bool) -> bool:
    """Whether somebody gets in with a PIN that was checked elsewhere."""
    record, _ = database.read_now(queries.find_pin, principal_id=who, device=device)
    assert record is not None
    outcome = database.write_now(
        service.record_pin_attempt,
        actor=None,
        principal_id=who,
        checked_hash=record.pin_hash,
        matches=matches,
        session_sha256=None,
        device=device,
    )
    return outcome.signed_in


def test_a_known_device_that_tries_everybody_is_locked_for_all(database: Database) -> None:
    """PINs that are sprayed over many people from a tablet: the tablet waits, as an address does."""
    people = [f"op-{n}" for n in range(DEVICE_LOCK.free_failures // (PERSON_LOCK.free_failures - 1) + 1)]
    tablet = device_at("10.0.0.7", new_device_value())
    for person in people:
        hire(database, person)
        assert said(database, person, tablet, matches=True)
    for person in people[:-1]:
        for _ in range(PERSON_LOCK.free_failures - 1):
            assert not said(database, person, tablet, matches=False)
    assert not said(database, people[-1], tablet, matches=True)
    assert said(database, people[-1], TABLET, matches=True)


def test_so_many_devices_know_somebody(database: Database, clock: SettableClock) -> None:
    hire(database)
    tablets = [device_at(f"10.0.1.{n}", new_device_value()) for n in range(KNOWN_DEVICES_MAX + 1)]
    for tablet in [*tablets[:-1], tablets[0], tablets[-1], tablets[-1]]:
        clock.advance(seconds=1)
        assert said(database, "ada", tablet, matches=True)
    principal = database.read_now(queries.get_principal, principal_id="ada")
    assert principal is not None
    found = [database.read_now(queries.find_known_device, principal_pk=principal.pk, device=one) for one in tablets]
    assert [n for n, lock in enumerate(found) if lock is None] == [1]
    assert events(database, "device-known") == KNOWN_DEVICES_MAX + 1


async def test_guessing_in_parallel_gains_nothing(database: Database) -> None:
    """As many guesses at once as a plant may have, each from another device: only the free ones are looked at."""
    hire(database)
    guesses = [attempt(database, "9999", device=device_at(str(n))) for n in range(pins.HASHING_WAITING_OF_PLANT_MAX)]
    found = await asyncio.gather(*guesses, return_exceptions=True)
    assert all(isinstance(one, SignInFailed | SignInLocked) for one in found)
    assert sum(isinstance(one, SignInFailed) for one in found) == PERSON_LOCK.free_failures - 1
    assert events(database, "sign-in-failed") == PERSON_LOCK.free_failures
    _, locks = database.read_now(queries.find_pin, principal_id="ada", device=TABLET)
    assert locks.person.failed_count == PERSON_LOCK.free_failures


async def test_a_right_guess_among_many_after_the_lock_is_refused(database: Database) -> None:
    """The right PIN was checked before the lock fell, and counted after it: its answer must not give it away."""
    hire(database)
    record, _ = database.read_now(queries.find_pin, principal_id="ada", device=TABLET)
    assert record is not None
    late = {
        "principal_id": "ada",
        "checked_hash": record.pin_hash,
        "matches": True,
        "session_sha256": digest("ls_default_late"),
        "device": TABLET,
    }
    await outcomes(database, ["9999"] * PERSON_LOCK.free_failures)
    outcome = await database.write(service.record_pin_attempt, actor=None, **late)
    assert not outcome.signed_in
    assert outcome.locked_until_us > to_us(database.clock())
    assert database.read_now(queries.find_session, token_sha256=digest("ls_default_late")) is None


async def test_a_pin_checked_against_an_old_hash_does_not_count_as_right(database: Database) -> None:
    hire(database)
    record, _ = database.read_now(queries.find_pin, principal_id="ada", device=TABLET)
    assert record is not None
    await set_pin(database, actor=None, principal_id="ada", pin="8642")
    outcome = await database.write(
        service.record_pin_attempt,
        actor=None,
        principal_id="ada",
        checked_hash=record.pin_hash,
        matches=True,
        session_sha256=digest("ls_default_old"),
        device=TABLET,
    )
    assert not outcome.signed_in


async def test_many_people_sign_in_at_once(database: Database) -> None:
    people = [f"op-{number}" for number in range(6)]
    for person in people:
        hire(database, person)
    found = await asyncio.gather(*(attempt(database, PIN, person) for person in people))
    assert [one.principal_id for one in found] == people


async def test_the_loop_stays_free_while_pins_are_checked() -> None:
    pin_hash, longest_s, done = pins.hash_pin(PIN), 0.0, asyncio.Event()

    async def watch() -> None:
        nonlocal longest_s
        last = time.perf_counter()
        while not done.is_set():
            await asyncio.sleep(0.001)
            last, before = time.perf_counter(), last
            longest_s = max(longest_s, last - before)

    async with asyncio.TaskGroup() as group:
        group.create_task(watch())
        started = time.perf_counter()
        found = await asyncio.gather(
            *(pins.verify_pin_aside(pin_hash, PIN) for _ in range(pins.HASHING_WAITING_OF_PLANT_MAX))
        )
        took_s = time.perf_counter() - started
        done.set()
    assert all(found)
    assert longest_s < took_s / 2


async def test_too_many_at_once_is_weather(sqlite_database: Database) -> None:
    hire(sqlite_database)
    found = await outcomes(sqlite_database, ["9999"] * (pins.HASHING_WAITING_MAX + 40))
    assert found.count(Unavailable) > 0
    assert set(found) <= {Unavailable, SignInFailed, SignInLocked}


async def test_signing_out_ends_the_session(database: Database) -> None:
    hire(database)
    signed_in = await attempt(database, PIN)
    await sign_out_session(database, session_value="nonsense")
    await sign_out_session(database, session_value=signed_in.token)
    found = database.read_now(queries.find_session, token_sha256=digest(signed_in.token))
    assert found is not None
    assert found.ended_at_us is not None


@pytest.mark.parametrize("pin", ["1234", "", "47 11", "471147114711"])
async def test_a_trivial_pin_is_refused_without_being_repeated(sqlite_database: Database, pin: str) -> None:
    hire(sqlite_database)
    with pytest.raises(PinUnacceptable) as refusal:
        await set_pin(sqlite_database, actor=None, principal_id="ada", pin=pin)
    assert isinstance(refusal.value, Refusal)
    assert refusal.value.detail == ""


@pytest.mark.parametrize(
    "password", ["", "864209", "fourteen chars", "aaaaaaaaaaaaaaaaaaaa", "x" * 65, "Lineside-Admin-2026!"]
)
async def test_a_weak_password_is_refused_without_being_repeated(sqlite_database: Database, password: str) -> None:
    hire(sqlite_database)
    with pytest.raises(PasswordUnacceptable) as refusal:
        await set_password(sqlite_database, actor=None, principal_id="ada", password=password)
    assert refusal.value.detail == ""


async def test_a_password_takes_the_place_of_the_pin(database: Database) -> None:
    hire(database)
    await set_password(database, actor=None, principal_id="ada", password="correct horse battery")
    with pytest.raises(SignInFailed):
        await attempt(database, PIN)
    assert (await attempt(database, "correct horse battery")).principal_id == "ada"


async def vouch(database: Database, pin: str, permission: Permission = Permission.operate) -> Voucher:
    return await vouch_with_pin(database, principal_id="ada", pin=pin, device=TABLET, permission=permission)


async def test_a_word_is_given_with_a_pin_and_opens_no_session(database: Database) -> None:
    hire(database)
    found = await vouch(database, PIN)
    assert found == database.read_now(queries.list_vouchers, permission=Permission.operate)[0]
    assert (events(database, "vouched"), events(database, "signed-in")) == (1, 0)
    assert database.read_now(queries.list_vouchers, permission=Permission.override_refusals) == ()
    with pytest.raises(PermissionMissing):
        await vouch(database, PIN, Permission.override_refusals)


async def test_a_word_with_a_wrong_pin_is_counted_as_signing_in_is(database: Database) -> None:
    hire(database)
    for _ in range(PERSON_LOCK.free_failures - 1):
        with pytest.raises(SignInFailed):
            await vouch(database, "9999")
    with pytest.raises(SignInLocked):
        await vouch(database, "9999")
    with pytest.raises(SignInLocked):
        await attempt(database, PIN)


def test_hashes_are_argon2id_and_salted() -> None:
    one, two = pins.hash_pin(PIN), pins.hash_pin(PIN)
    assert one != two
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert pins.verify_pin(one, PIN)
    assert not pins.verify_pin(one, "4712")
    assert not pins.verify_pin(pins.NOBODYS_HASH, PIN)
    assert not pins.verify_pin("garbage", PIN)
