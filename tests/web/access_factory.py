"""Made-up sign-ins and tokens for the screens of access."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import segno

from mes.access.audit.types import Act
from mes.access.codes import enrolment_uri
from mes.access.oidc.types import IdentityProvider
from mes.access.privacy.types import PerformanceByPerson, PrivacyPolicy
from mes.access.types import (
    AccessPolicy,
    BadgeUse,
    BadgeView,
    FactorRecord,
    PlacedRole,
    PrincipalKind,
    PrincipalView,
    Role,
    SessionView,
    SignedAct,
    TokenView,
)
from mes.kernel.paging import Page
from tests.web.factory import NOW
from web.access.views import (
    AccountPage,
    BadgesPage,
    ElsewherePage,
    NewTokenPage,
    Owner,
    PlacesPage,
    PolicyPage,
    SignInsPage,
    TokensPage,
    account_page,
    badge_lines,
    elsewhere_page,
    new_token_page,
    places_page,
    policy_page,
    sign_in_lines,
    token_line,
)
from web.audit.views import Asked, AuditPage, audit_page
from web.problems import SignatureView

ZONE: Final = ZoneInfo("Europe/Berlin")
LONG: Final = "Anna-Katharina Schmidt-Hohenlohe-Langenburg"


def _session(number: int, name: str, role: Role, place: str = "", *, is_this: bool = False) -> SessionView:
    since = NOW - timedelta(minutes=17 * number)
    return SessionView(
        number, name.split()[0], name, role, place, since, NOW - timedelta(minutes=number), since, is_this
    )


def account(*, factor: bool = False) -> AccountPage:
    mine = [
        _session(3, "Sven Lindqvist", Role.supervisor, "SMT-1"),
        _session(2, "Sven Lindqvist", Role.supervisor, is_this=True),
        _session(1, "Sven Lindqvist", Role.supervisor, "ASSEMBLY-BENCH-NORTH-07"),
    ]
    return account_page(mine, FactorRecord(b"", True, 0) if factor else None, 9, ZONE, NOW)


def setting_up() -> AccountPage:
    """The secret is shown, and a first code was wrong."""
    secret = "GEZDGNBVGY3TQOJQ" * 2
    uri = enrolment_uri(secret, principal_id="sven", plant_id="default")
    qr = segno.make(uri).svg_data_uri(scale=5, light="#fff")
    return replace(account(), wanted=True, qr=qr, secret=secret)


def recovery_codes() -> AccountPage:
    return replace(account(), codes=tuple(f"ABCD-EFGH-IJKL-MNO{letter}" for letter in "ABCDEFGHIJ"))


def policy() -> PolicyPage:
    wanted = AccessPolicy(BadgeUse.with_pin, frozenset({Role.administrator, Role.engineer}), 3)
    return policy_page(wanted, PrivacyPolicy(PerformanceByPerson.pseudonyms, 400, 2))


def sign_ins() -> SignInsPage:
    found = [
        _session(4, "Priya Raman", Role.administrator, is_this=True),
        _session(3, LONG, Role.operator, "ASSEMBLY-BENCH-NORTH-07"),
        _session(2, "Ada Okafor", Role.operator, "SMT-1"),
    ]
    return SignInsPage(sign_in_lines(found, ZONE, NOW), "next")


def _token(number: int, label: str, *, over: str = "", scope: str | None = None) -> TokenView:
    ended = NOW - timedelta(days=1)
    return TokenView(
        number,
        "erp",
        label,
        NOW - timedelta(days=90),
        ended if over == "expired" else NOW + timedelta(days=30) if number % 2 else None,
        None if number == 1 else NOW - timedelta(minutes=20),
        ended if over == "revoked" else None,
        scope,
    )


def tokens(*, shown: str = "", empty: bool = False) -> TokensPage:
    if empty:
        return TokensPage((), (), "")
    found = [
        _token(4, "ERP, nightly export", scope="read-events read-performance"),
        _token(3, "Warehouse"),
        _token(2, "Tester of the line in hall 4, south side, second floor", over="revoked"),
        _token(1, "Old", over="expired"),
    ]
    owners = (Owner("erp", "ERP", "integration"), Owner("edge-1", "Edge box 1", "bridge"))
    return TokensPage(tuple(token_line(one, ZONE, NOW) for one in found), owners, "", shown, "erp" if shown else "")


def new_token() -> NewTokenPage:
    who = PrincipalView(1, "erp", PrincipalKind.integration, Role.integration, "ERP", "en", None, False, 1)
    return new_token_page(who)


def badges(*, empty: bool = False) -> BadgesPage:
    if empty:
        return BadgesPage("off", (), (), "")
    given = [BadgeView(2, "ada", "Ada Okafor", NOW), BadgeView(1, "anna-katharina", LONG, NOW - timedelta(days=3))]
    people = (Owner("ada", "Ada Okafor", "operator"), Owner("anna-katharina", LONG, "operator"))
    return BadgesPage("alone", badge_lines(given, ZONE), people, "next")


def signature() -> SignatureView:
    what = (("definition_id", "BOARD-ROUTE"), ("version_label", "3"), ("version", "7"))
    act, why = SignedAct.release_definition, "wrong"
    fields = (("state", "Released"), ("version", "7"))
    return SignatureView("/routings/BOARD-ROUTE/3/state", fields, act, LONG, what, "0" * 64, why, "reviewed")


def places(*, empty: bool = False) -> PlacesPage:
    placed = (
        () if empty else (PlacedRole("LINE-1", Role.supervisor), PlacedRole("A-PLACE-WITH-A-LONG-ID", Role.operator))
    )
    ada = PrincipalView(1, "ada", PrincipalKind.person, Role.operator, "Ada Okafor", "en", None, True, 1, placed)
    long = PrincipalView(2, "anna-katharina", PrincipalKind.person, Role.operator, LONG, "en", None, True, 1, placed)
    return places_page((ada, long), (("LINE-1", "SMT line in hall 4"), ("A-PLACE-WITH-A-LONG-ID", "")))


def elsewhere(*, empty: bool = False) -> ElsewherePage:
    back = "https://mes.plant.example/signin/elsewhere/back"
    if empty:
        return elsewhere_page(IdentityProvider("", "", ""), back)
    roles = {"floor": Role.operator, "night shift of hall 4, south side": Role.operator, "leads": Role.supervisor}
    issuer = "https://id.example/realms/a-realm-with-a-rather-long-name"
    plain = PrincipalView(1, "ada", PrincipalKind.person, Role.operator, "Ada Okafor", "en", None, True, 1)
    other = replace(
        plain, pk=2, id="p-17", display_name=LONG, login_name="anna-katharina.with-a-long-name@plant.example"
    )
    provider = IdentityProvider(issuer, "lineside", "Company ID", roles=roles, version=3)
    return elsewhere_page(provider, back, (plain, other))


def audit(*, empty: bool = False) -> AuditPage:
    """An act of each kind of origin; one with long words."""
    at = {"recorded_at": NOW, "occurred_at": NOW, "correlation_id": "7F3A91C2", "link": None}
    changed = {"principal/ada": {"role": ["operator", "supervisor"], "language": [None, "de"]}, "more": 3}
    acts = (
        Act(
            *(4711, "e", "access.role-set.v1", "ada"),
            **at,
            **_from("sven", "Sven Svensson", "session/7", "SMT-1-OVEN", "10.0.0.9"),
            data={"principal_id": "ada", "quantity_e6": [1, 2], "seen": None},
            changes=changed,
        ),
        Act(
            *(4710, "e", "materials.material-put.v1", "material/" + "LONG-NAME-" * 12),
            **at,
            **_from(None, None, "command-line", "root@server", None),
            data={},
            changes={},
        ),
        Act(
            *(4709, "e", "orders.job-ended.v1", "job/PACK-1"),
            **at,
            **_from("erp", None, "token/3", "", None),
            data={},
            changes={},
        ),
        Act(
            *(4708, "e", "equipment.bridge-silent.v1", "bridge/box"),
            **at,
            **_from(None, None, "", "", None),
            data={"x": 1},
            changes={},
        ),
    )
    found = Page(() if empty else acts, "abc" if empty else "def")
    people = (PrincipalView(1, "sven", PrincipalKind.person, Role.supervisor, LONG, "en", None, False, 1),)
    return audit_page(Asked(subject="job/PACK-1", since="2026-11-01"), found, people, ZONE)


def _from(
    principal_id: str | None, name: str | None, credential: str, place: str, address: str | None
) -> dict[str, str | None]:
    return {
        "principal_id": principal_id,
        "display_name": name,
        "credential": credential,
        "place": place,
        "address": address,
    }
