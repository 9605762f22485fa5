"""Single sign-on: what makes a token good, who somebody is, what role they get; the provider is met on screen."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Final

import orjson
import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from mes.access.errors import IdentityProviderInvalid, SingleSignOnFailed, SingleSignOnOff, SingleSignOnRefused
from mes.access.oidc import rules
from mes.access.oidc.provider import OF_PLANT_AT_A_TIME, _verified, asking
from mes.access.oidc.queries import find_identity_provider
from mes.access.oidc.service import put_identity_provider, record_sign_on, remove_identity_provider, unlink_identity
from mes.access.oidc.sign_on import begin_sign_on, finish_sign_on
from mes.access.oidc.types import IdentityProvider, Told
from mes.access.permissions import AT_STATIONS, scope_of
from mes.access.queries import find_session, get_principal
from mes.access.service import create_principal, disable_principal, put_access_policy
from mes.access.types import AccessPolicy, Role
from mes.kernel.addresses import resolve
from mes.kernel.db import Database
from mes.kernel.errors import Unavailable, VersionConflict
from mes.kernel.outbox import list_events
from mes.kernel.plants import serving_plant
from mes.kernel.vault import Vault

ISSUER: Final = "https://id.example"
PROVIDER: Final = IdentityProvider(issuer=ISSUER, client_id="mes", label="Company")
ROLES: Final = {"floor": Role.operator, "leads": Role.supervisor}
TOLD: Final = Told(ISSUER, "s-1", "ada", "Ada", frozenset({"floor"}), showed_factor=False)
NOW_S: Final = 1_800_000_000
CLAIMS: Final = {"iss": ISSUER, "aud": "mes", "sub": "s-1", "exp": NOW_S + 300, "iat": NOW_S - 1, "nonce": "n"}
VAULT: Final = Vault([Fernet.generate_key()])


def fault(claims: Mapping[str, Any]) -> str:
    return rules.fault_of_claims(claims, issuer=ISSUER, client_id="mes", nonce="n", now_s=NOW_S)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ""),
        ({"aud": ["mes"]}, ""),
        ({"aud": ["mes", "other"], "azp": "mes"}, ""),
        ({"exp": NOW_S - 59}, ""),
        ({"iss": ISSUER + "/"}, "iss"),
        ({"aud": "other"}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": {"mes": 1}}, "aud"),
        ({"aud": ["mes", "other"]}, "azp"),
        ({"azp": "other"}, "azp"),
        ({"exp": NOW_S - 60}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"exp": True}, "exp"),
        ({"iat": NOW_S + 61}, "iat"),
        ({"iat": NOW_S - 600}, "iat"),
        ({"nbf": NOW_S + 61}, "nbf"),
        ({"nonce": "m"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"sub": ""}, "sub"),
        ({"sub": "x" * 256}, "sub"),
        ({"sub": 7}, "sub"),
    ],
)
def test_an_id_token_is_good_only_as_the_standard_says(change: Mapping[str, Any], expected: str) -> None:
    assert fault({**CLAIMS, **change}) == expected


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "exp", "iat", "nonce"])
def test_nothing_may_be_missing(name: str) -> None:
    assert fault({key: value for key, value in CLAIMS.items() if key != name}) in (name, "azp")


@given(
    st.dictionaries(st.text(max_size=9), st.recursive(st.none() | st.booleans() | st.text(), st.lists, max_leaves=5))
)
def test_whatever_a_provider_tells_is_no_fault_of_ours(more: dict[str, Any]) -> None:
    for claim in ("groups", "preferred_username", "name", "amr", "email"):
        told = rules.told_by({**CLAIMS, claim: more.get("x", [more])}, PROVIDER)
        assert all(isinstance(group, str) for group in told.groups)
        assert told.subject == "s-1"
    fault(more)


def test_an_address_counts_only_if_it_was_verified() -> None:
    by_email = replace(PROVIDER, person_claim="email")
    claims = {**CLAIMS, "email": "ada@plant.example"}
    assert rules.told_by(claims, by_email).person_id == ""
    assert rules.told_by({**claims, "email_verified": "true"}, by_email).person_id == ""
    assert rules.told_by({**claims, "email_verified": True}, by_email).person_id == "ada@plant.example"
    assert rules.told_by({**CLAIMS, "amr": ["pwd", "otp"]}, PROVIDER).showed_factor
    assert not rules.told_by({**CLAIMS, "amr": ["pwd"]}, PROVIDER).showed_factor


def test_the_challenge_is_that_of_rfc_7636_appendix_b() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert rules.challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert len(base64.urlsafe_b64decode(rules.challenge_of("x") + "=")) == hashlib.sha256().digest_size


def test_only_a_key_of_the_provider_signs() -> None:
    key, other = (RSAKey.generate_key(2048, {"kid": "a"}) for _ in range(2))
    curve = ECKey.generate_key("P-256", {"kid": "c"})
    published = {"keys": [key.as_dict(private=False), curve.as_dict(private=False)]}
    assert _verified(jwt.encode({"alg": "RS256", "kid": key.kid}, dict(CLAIMS), key), published) == CLAIMS
    assert _verified(jwt.encode({"alg": "ES256", "kid": curve.kid}, dict(CLAIMS), curve), published) == CLAIMS
    parts = jwt.encode({"alg": "RS256", "kid": key.kid}, dict(CLAIMS), key).split(".")
    more = base64.urlsafe_b64encode(orjson.dumps({**CLAIMS, "sub": "s-2"})).rstrip(b"=").decode()
    plain = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    hmac_key = OctKey.import_key(orjson.dumps(key.as_dict(private=False)))
    for forged in (
        jwt.encode({"alg": "RS256", "kid": key.kid}, dict(CLAIMS), other),
        jwt.encode({"alg": "HS256", "kid": key.kid}, dict(CLAIMS), hmac_key, algorithms=["HS256"]),
        f"{parts[0]}.{more}.{parts[2]}",
        f"{plain}.{parts[1]}.",
        "no token",
        "",
    ):
        with pytest.raises(SingleSignOnFailed):
            _verified(forged, published)
    for keys in ({}, {"keys": "x"}, {"keys": [1]}, {"keys": []}):
        with pytest.raises(SingleSignOnFailed):
            _verified(".".join(parts), keys)


@pytest.mark.parametrize(
    "unreadable",
    [
        {"kty": "EC", "crv": "P-999", "kid": "b", "x": "AA", "y": "AA"},
        {"kty": "RSA", "kid": "b", "n": "AA", "e": "AA"},
        {"kty": []},
        None,
    ],
)
def test_a_key_that_cannot_be_read_is_passed_over(unreadable: object) -> None:
    key = RSAKey.generate_key(2048, {"kid": "a"})
    published = {"keys": [unreadable, key.as_dict(private=False)]}
    assert _verified(jwt.encode({"alg": "RS256", "kid": "a"}, dict(CLAIMS), key), published) == CLAIMS


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "http://id.example"},
        {"issuer": "https://id..example"},
        {"issuer": "https://10.0.0.1"},
        {"issuer": "https://id.example?x=1"},
        {"issuer": ""},
        {"roles": {"all": Role.administrator}},
        {"roles": {"all": Role.bridge}},
        {"makes_people": True},
    ],
)
def test_what_cannot_be_a_provider(database: Database, change: dict[str, Any]) -> None:
    with pytest.raises(IdentityProviderInvalid):
        name(database, replace(PROVIDER, **change))


def name(database: Database, provider: IdentityProvider, secret: bytes | None = b"sealed") -> None:
    kept = database.read_now(find_identity_provider)
    version = 0 if kept is None else kept.provider.version
    database.write_now(put_identity_provider, actor=None, provider=provider, sealed_secret=secret, version=version)


def hire(database: Database, principal_id: str, role: Role = Role.operator) -> None:
    database.write_now(create_principal, actor=None, principal_id=principal_id, role=role, display_name=principal_id)


def sign_on(database: Database, told: Told, key: bytes = b"k" * 32) -> str:
    return database.write_now(record_sign_on, actor=None, told=told, session_sha256=key).principal_id


def role_of(database: Database, principal_id: str) -> Role:
    found = database.read_now(get_principal, principal_id=principal_id)
    assert found is not None
    return found.role


def test_somebody_is_met_once_and_then_known_by_their_subject(database: Database) -> None:
    with pytest.raises(SingleSignOnOff):
        sign_on(database, TOLD)
    name(database, PROVIDER)
    with pytest.raises(SingleSignOnRefused):
        sign_on(database, TOLD)
    hire(database, "ada")
    assert sign_on(database, TOLD) == "ada"
    assert sign_on(database, replace(TOLD, person_id="sven"), b"l" * 32) == "ada"
    with pytest.raises(SingleSignOnRefused, match="somebody else"):
        sign_on(database, replace(TOLD, subject="s-2"))
    database.write_now(unlink_identity, actor=None, principal_id="ada")
    gone = database.read_now(find_session, token_sha256=b"k" * 32)
    assert gone is not None
    assert gone.ended_at_us is not None
    assert sign_on(database, replace(TOLD, subject="s-2"), b"m" * 32) == "ada"
    database.write_now(disable_principal, actor=None, principal_id="ada")
    with pytest.raises(SingleSignOnRefused):
        sign_on(database, replace(TOLD, subject="s-2"), b"n" * 32)


def test_groups_give_the_role_and_never_an_administrators_unasked(database: Database) -> None:
    hire(database, "ada")
    hire(database, "adam", Role.administrator)
    hire(database, "eve", Role.administrator)
    name(database, replace(PROVIDER, roles=ROLES))
    assert sign_on(database, replace(TOLD, groups=frozenset({"floor", "leads"}))) == "ada"
    assert role_of(database, "ada") is Role.supervisor
    with pytest.raises(SingleSignOnRefused, match="No group"):
        sign_on(database, replace(TOLD, groups=frozenset()), b"l" * 32)
    adam = replace(TOLD, subject="s-3", person_id="adam", groups=frozenset({"leads"}))
    with pytest.raises(SingleSignOnRefused, match="Administrators"):
        sign_on(database, adam)
    new = replace(TOLD, subject="s-4", person_id="neo")
    with pytest.raises(SingleSignOnRefused):
        sign_on(database, new)
    more = {**ROLES, "it": Role.administrator}
    name(database, replace(PROVIDER, roles=more, makes_people=True, administrators=True), None)
    assert sign_on(database, new, b"o" * 32) == "neo"
    assert (role_of(database, "neo"), role_of(database, "adam")) == (Role.operator, Role.administrator)
    assert sign_on(database, replace(adam, groups=frozenset({"it"})), b"p" * 32) == "adam"
    kinds = [event.type for event in database.read_now(list_events, after=0)]
    assert kinds.count("access.identity-linked.v1") == 3
    assert "access.identity-provider-put.v1" in kinds


def test_who_should_show_a_second_factor_shows_it_there(database: Database) -> None:
    hire(database, "ada")
    name(database, PROVIDER)
    policy = AccessPolicy(second_factor_roles=frozenset({Role.operator}))
    database.write_now(put_access_policy, actor=None, policy=policy, version=0)
    sign_on(database, TOLD)
    sign_on(database, replace(TOLD, showed_factor=True), b"l" * 32)
    scopes = [database.read_now(find_session, token_sha256=key) for key in (b"k" * 32, b"l" * 32)]
    assert [one.scope for one in scopes if one] == [scope_of(AT_STATIONS), None]


def test_a_provider_is_changed_by_whoever_saw_it_and_removed(database: Database) -> None:
    name(database, PROVIDER)
    with pytest.raises(VersionConflict):
        database.write_now(put_identity_provider, actor=None, provider=PROVIDER, sealed_secret=None, version=0)
    name(database, replace(PROVIDER, label="Other"), None)
    kept = database.read_now(find_identity_provider)
    assert kept is not None
    assert (kept.provider.label, kept.provider.version, kept.sealed_secret) == ("Other", 2, b"sealed")
    database.write_now(remove_identity_provider, actor=None)
    assert database.read_now(find_identity_provider) is None
    with pytest.raises(IdentityProviderInvalid, match="secret"):
        name(database, PROVIDER, None)


async def test_it_never_asks_inside_unless_the_plant_says_so() -> None:
    asked: list[str] = []

    async def inside(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34", "127.0.0.1"]

    async with asking(PROVIDER, resolve=inside) as ask:
        with pytest.raises(Unavailable, match="private"):
            await ask.discover()
    assert asked == ["id.example"]


async def test_a_plant_whose_provider_does_not_answer_leaves_room_for_others() -> None:
    before = serving_plant.set("north")
    async with AsyncExitStack() as asked:
        for _ in range(OF_PLANT_AT_A_TIME):
            await asked.enter_async_context(asking(PROVIDER))
        with pytest.raises(Unavailable) as refused:
            await asked.enter_async_context(asking(PROVIDER))
        assert refused.value.code == "sign-in-busy"
        serving_plant.set("south")
        await asked.enter_async_context(asking(PROVIDER))
    serving_plant.set("north")
    async with asking(PROVIDER):
        pass
    serving_plant.reset(before)


async def test_what_was_not_begun_here_is_not_finished(database: Database) -> None:
    name(database, PROVIDER, VAULT.seal("secret"))
    for sealed in ("", "x" * 10, VAULT.seal("{}").decode(), Vault([Fernet.generate_key()]).seal("{}").decode()):
        with pytest.raises(SingleSignOnFailed):
            await finish_sign_on(database, VAULT, sealed=sealed, state="s", code="c", redirect_uri="http://h/back")

    async def nowhere(host: str, port: int) -> list[str]:
        raise OSError

    with pytest.raises(Unavailable):
        await begin_sign_on(database, VAULT, redirect_uri="http://h/back", following="", resolve=nowhere)


@pytest.mark.parametrize("host", ["id..example", "a" * 64 + ".example"])
async def test_what_is_no_name_leads_nowhere(host: str) -> None:
    with pytest.raises(OSError, match="no name"):
        await resolve(host, 443)
