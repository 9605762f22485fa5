"""The second factor: RFC 6238's own vectors, set up, asked for at desks, used once, removed."""

from __future__ import annotations

import base64
from collections.abc import Coroutine
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from mes.access import queries, service
from mes.access.codes import matching_step, new_recovery_codes, new_secret, recovery_digest
from mes.access.errors import CodeWrong, SecondFactorExists, SecondFactorNotFound, SignInFailed, SignInLocked
from mes.access.permissions import AT_STATIONS, ROLE_PERMISSIONS, Permission, granted
from mes.access.second_factor import begin_setting_up, finish_setting_up, remove_second_factor
from mes.access.sign_in import device_at, prove_again, set_pin_now, sign_in_with_pin, vouch_with_pin
from mes.access.tokens import digest
from mes.access.types import PERSON_LOCK, AccessPolicy, BadgeUse, Role, SignedIn
from mes.kernel.db import Database
from mes.kernel.outbox import list_events
from mes.kernel.sqltypes import to_us
from mes.kernel.vault import Vault
from tests.conftest import SettableClock

DESK = device_at("10.0.0.9")
VAULT = Vault([Fernet.generate_key()])
PIN = "4711"
RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
RFC_6238 = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}
"""Appendix B, SHA-1, the last six of its eight digits: both are the same number modulo a power of ten."""


@pytest.mark.parametrize(("at_s", "code"), RFC_6238.items())
def test_codes_are_those_of_the_standard(at_s: int, code: str) -> None:
    assert matching_step(RFC_SECRET, code, now_s=at_s, last_step=0) == at_s // 30
    assert matching_step(RFC_SECRET, f"{code[:3]} {code[3:]}", now_s=at_s, last_step=0) == at_s // 30
    assert matching_step(RFC_SECRET, code, now_s=at_s, last_step=at_s // 30) is None


@given(at_s=st.integers(0, 2**33), off=st.integers(-4, 4))
def test_a_code_is_good_for_its_step_and_one_beside_it(at_s: int, off: int) -> None:
    now = at_s // 30 * 30 + 120
    code = pyotp.TOTP(RFC_SECRET).generate_otp(now // 30 + off)
    near = {pyotp.TOTP(RFC_SECRET).generate_otp(now // 30 + step) for step in (-1, 0, 1)}
    assert (matching_step(RFC_SECRET, code, now_s=now, last_step=0) is not None) == (code in near)


@given(st.text(max_size=30))
def test_whatever_is_typed_is_no_fault(text: str) -> None:
    found = matching_step(RFC_SECRET, text, now_s=59, last_step=0)
    assert found is None or len(text.replace(" ", "")) == 6
    assert recovery_digest(text) is None or len(text) >= 16


def test_secrets_and_recovery_codes_are_long_and_different() -> None:
    assert len(base64.b32decode(new_secret())) == 20
    codes = new_recovery_codes()
    assert len(set(codes)) == 10
    assert len({recovery_digest(code) for code in codes}) == 10
    assert recovery_digest(codes[0].lower().replace("-", " ")) == recovery_digest(codes[0])


class Adam:
    """An administrator with a telephone."""

    def __init__(self, database: Database, clock: SettableClock) -> None:
        self.database = database
        self.clock = clock
        self.pk = database.write_now(
            service.create_principal, actor=None, principal_id="adam", role=Role.administrator, display_name="Adam"
        )
        set_pin_now(database, actor=None, principal_id="adam", pin=PIN)
        self.secret = ""

    async def begin(self) -> None:
        uri = await begin_setting_up(self.database, VAULT, principal_pk=self.pk, principal_id="adam")
        (self.secret,) = parse_qs(urlsplit(uri).query)["secret"]

    async def finish(self, code: str, session: bytes = b"") -> tuple[str, ...]:
        return await finish_setting_up(
            self.database, VAULT, principal_pk=self.pk, principal_id="adam", code=code, session_sha256=session
        )

    def code(self) -> str:
        """The next one: the telephone shows another every 30 seconds."""
        self.clock.advance(seconds=30)
        return pyotp.TOTP(self.secret).generate_otp(to_us(self.clock()) // 30_000_000)

    async def sign_in(self, code: str = "", station: str | None = None, vault: Vault = VAULT) -> SignedIn:
        return await sign_in_with_pin(
            self.database, principal_id="adam", pin=PIN, device=DESK, work_unit_id=station, code=code, vault=vault
        )

    def may(self, signed_in: SignedIn) -> frozenset[Permission]:
        found = self.database.read_now(queries.find_session, token_sha256=digest(signed_in.token))
        assert found is not None
        return granted(found.role, found.scope)


@pytest.fixture
def adam(database: Database, clock: SettableClock) -> Adam:
    return Adam(database, clock)


def want(database: Database, *roles: Role) -> None:
    policy = AccessPolicy(BadgeUse.off, frozenset(roles))
    database.write_now(service.put_access_policy, actor=None, policy=policy, version=0)


async def test_a_desk_asks_for_a_code_once_it_is_set_up_and_takes_each_once(adam: Adam) -> None:
    everything = ROLE_PERMISSIONS[Role.administrator]
    await adam.begin()
    assert adam.may(await adam.sign_in()) == everything
    with pytest.raises(CodeWrong):
        await adam.finish("000000" if adam.code() != "000000" else "000001")
    await adam.finish(adam.code())
    with pytest.raises(SecondFactorExists):
        await adam.begin()
    code = adam.code()
    assert adam.may(await adam.sign_in(code)) == everything
    for wrong in (code, "", "nonsense"):
        with pytest.raises(SignInFailed):
            await adam.sign_in(wrong)
    with pytest.raises(SignInFailed):
        await adam.sign_in(adam.code(), vault=Vault([Fernet.generate_key()]))
    assert adam.may(await adam.sign_in(adam.code())) == everything
    assert adam.may(await adam.sign_in(station="PACK-1")) == AT_STATIONS
    voucher = await vouch_with_pin(
        adam.database, principal_id="adam", pin=PIN, device=DESK, permission=Permission.operate
    )
    assert voucher.principal_id == "adam"
    assert adam.secret not in repr(adam.database.read_now(list_events, after=0))
    assert (
        adam.secret.encode()
        not in adam.database.read_now(queries.find_second_factor, principal_pk=adam.pk).sealed_secret
    )  # type: ignore[union-attr]


async def test_recovery_codes_are_good_once_each_and_for_nobody_else(adam: Adam) -> None:
    await adam.begin()
    first, second, *_ = await adam.finish(adam.code())
    await adam.sign_in(first.lower())
    with pytest.raises(SignInFailed):
        await adam.sign_in(first)
    await adam.sign_in(second, vault=Vault([Fernet.generate_key()]))
    assert adam.database.read_now(queries.count_recovery_codes, principal_pk=adam.pk) == 8


async def test_where_the_plant_wants_it_nothing_else_is_opened_before(adam: Adam) -> None:
    want(adam.database, Role.administrator)
    assert adam.may(await adam.sign_in(station="PACK-1")) == AT_STATIONS
    signed_in = await adam.sign_in()
    assert signed_in.must_set_up
    assert adam.may(signed_in) == frozenset()
    await adam.begin()
    await adam.finish(adam.code(), digest(signed_in.token))
    assert adam.may(signed_in) == ROLE_PERMISSIONS[Role.administrator]
    assert not (await adam.sign_in(adam.code())).must_set_up


async def test_it_is_removed_and_set_up_anew(adam: Adam) -> None:
    me = {"principal_pk": adam.pk, "principal_id": "adam"}
    with pytest.raises(SecondFactorNotFound):
        adam.database.write_now(remove_second_factor, actor=None, **me)
    for _ in range(2):
        await adam.begin()
        await adam.finish(adam.code())
        adam.database.write_now(remove_second_factor, actor=None, **me)
        assert adam.database.read_now(queries.count_recovery_codes, principal_pk=adam.pk) == 0
        await adam.sign_in()
    kinds = [event.type for event in adam.database.read_now(list_events, after=0)]
    assert kinds.count("access.second-factor-set-up.v1") == kinds.count("access.second-factor-removed.v1") == 2


async def test_what_matters_is_proven_again_and_guesses_are_counted(adam: Adam) -> None:
    def prove(pin: str, code: str = "") -> Coroutine[Any, Any, None]:
        return prove_again(adam.database, VAULT, principal_id="adam", pin=pin, code=code, device=DESK)

    await prove(PIN)
    await adam.begin()
    await adam.finish(adam.code())
    await prove(PIN, adam.code())
    right = adam.code()
    for _ in range(PERSON_LOCK.free_failures):
        with pytest.raises((SignInFailed, SignInLocked)):
            await prove(PIN, "nonsense")
    with pytest.raises(SignInLocked):
        await prove(PIN, right)
