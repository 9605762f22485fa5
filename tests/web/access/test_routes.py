"""One's own sign-ins, everybody's, and the tokens of programs: forms without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pyotp
import pytest

from mes.access.queries import get_access_policy, list_tokens
from mes.access.service import create_principal, create_token, put_access_policy
from mes.access.sign_in import set_pin_now
from mes.access.types import AccessPolicy, Role
from tests.web.site import PINS, Site

PIN = "594827"


@pytest.fixture(autouse=True, scope="module")
def people(site: Site) -> Iterator[None]:
    for name, role in (("ADAM", Role.administrator), ("erp", Role.integration)):
        site.database.write_now(create_principal, actor=None, principal_id=name, role=role, display_name=name.title())
    set_pin_now(site.database, actor=None, principal_id="ADAM", pin=PIN)
    PINS["ADAM"] = PIN
    yield
    del PINS["ADAM"]


def said(page: httpx.Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_one_ends_ones_other_sign_ins_and_keeps_this_one(site: Site) -> None:
    with site.client("ADA") as here, site.client("ADA") as there, site.client("ADA") as elsewhere:
        page = here.get("/account")
        assert said(page).count("This one") == 1
        number = re.findall(r'name="session_id" value="(\d+)"', page.text)[0]
        assert here.post("/account/sessions/end", data={"session_id": number}).status_code == 303
        gone = [one for one in (there, elsewhere) if "/signin" in one.get("/").headers.get("location", "")]
        assert len(gone) == 1
        assert here.post("/account/sessions/end", data={}).status_code == 303
        assert all("/signin" in one.get("/").headers["location"] for one in (there, elsewhere))
        assert here.get("/").status_code == 200


def test_a_role_at_a_place_is_given_counts_there_and_is_taken(site: Site) -> None:
    site.order("PO-PLACE")
    good = {"job_id": "PO-PLACE-BENCH", "quantity": "1", "request_id": "p" * 12}
    with site.client("ADAM") as adam:
        form = {"principal_id": "SVEN", "role": "supervisor", "equipment_id": "LINE"}
        assert adam.post("/access/places", data=form).status_code == 303
        assert "Sven" in adam.get("/access/places").text
        with site.client("SVEN") as sven:
            page = sven.get("/s/BENCH")
            assert page.status_code == 200
            assert " operate" not in re.findall(r'data-may="([^"]*)"', page.text)[0]
            for act, data in (("good", good), ("undo", good | {"what": "count"}), ("start", good | {"version": "1"})):
                assert sven.post(f"/s/BENCH/{act}", data=data).status_code == 403
            mount = {"request_id": "q" * 12, "lot_id": "R-1", "slot_id": "S"}
            assert sven.post("/s/BENCH/scan/mount", data=mount).status_code == 403
            assert sven.post("/s/LINE/scan/mount", data=mount).status_code != 403
            there = good | {"job_id": "PO-PLACE-LINE"}
            assert sven.post("/s/LINE/good", data=there).status_code == 409
        assert adam.post("/access/places/take", data=form).status_code == 303
        assert "Every role counts in the whole plant." in adam.get("/access/places").text


def test_nobody_ends_somebody_elses(site: Site) -> None:
    with site.client("MIA") as mia, site.client("SVEN") as sven, site.client("ADAM") as adam:
        number = re.findall(r"/access/sessions/(\d+)/end[^/]*aria-label=\"Sign out: Mia", adam.get("/access").text)[0]
        assert sven.post("/account/sessions/end", data={"session_id": number}).status_code == 303
        assert mia.get("/").status_code == 200
        assert adam.post(f"/access/sessions/{number}/end").status_code == 303
        assert "/signin" in mia.get("/").headers["location"]


def test_a_token_is_shown_once_limited_and_revoked(site: Site) -> None:
    with site.client("ADAM") as adam:
        asked = adam.get("/access/tokens/new", params={"principal_id": "erp"})
        assert 'value="read-events" checked' in asked.text
        assert 'value="manage-access"' not in asked.text
        form = {"principal_id": "erp", "label": "Warehouse", "days": "90", "permission": ["read-events"]}
        made = adam.post("/access/tokens", data=form)
        (token,) = re.findall(r'value="(lst_default_[^"]+)"', made.text)
        assert made.headers["cache-control"] == "no-store"
        (listed,) = site.database.read_now(list_tokens, principal_id="erp").items
        assert (listed.label, listed.scope) == ("Warehouse", "read-events")
        assert listed.expires_at is not None
        bearer = {"Authorization": f"Bearer {token}"}
        assert adam.get("/api/v1/events", headers=bearer).status_code == 200
        assert adam.get("/api/v1/operations-performance", headers=bearer).status_code == 403
        page = adam.get("/access/tokens")
        assert token not in page.text
        assert "Warehouse erp Good until" in said(page)
        assert adam.post(f"/access/tokens/{listed.token_id}/revoke").status_code == 303
        assert adam.get("/api/v1/events", headers=bearer).json()["code"] == "token-revoked"
        assert "Revoked" in said(adam.get("/access/tokens"))
        assert adam.post("/access/tokens", data=form | {"permission": ["operate"]}).status_code == 422


def test_an_authenticator_app_is_set_up_and_asked_for_from_then_on(site: Site) -> None:
    base = "/account/second-factor"
    with site.client("MIA") as mia:
        assert mia.post(base, data={"pin": "0000"}).status_code == 422
        shown = mia.post(base, data={"pin": PINS["MIA"]})
        assert 'src="data:image/svg+xml' in shown.text
        (secret,) = re.findall(r'<span class="print">([A-Z2-7]{32})</span>', shown.text)
        assert mia.post(f"{base}/confirm", data={"code": "nonsense"}).status_code == 422
        done = mia.post(f"{base}/confirm", data={"code": pyotp.TOTP(secret).now()})
        codes = re.findall(r'<li class="print">([A-Z2-7-]{19})</li>', done.text)
        assert len(codes) == 10
        assert codes[0] not in mia.get("/account").text
        form = {"person": "MIA", "pin": PINS["MIA"], "by": "password"}
        assert mia.post("/signin", data=form).status_code == 401
        assert mia.post("/signin", data=form | {"code": codes[0]}).status_code == 303
        again = {"pin": PINS["MIA"]}
        assert mia.post(f"{base}/remove", data=again | {"code": codes[0]}).status_code == 422
        assert mia.post(f"{base}/remove", data=again | {"code": codes[1]}).status_code == 303
    with site.client("MIA") as mia:
        assert "Set up" in said(mia.get("/account"))


def test_whoever_needs_one_gets_no_further_before(site: Site) -> None:
    def want(*roles: Role) -> None:
        version = site.database.read_now(get_access_policy).version
        policy = AccessPolicy(second_factor_roles=frozenset(roles))
        site.database.write_now(put_access_policy, actor=None, policy=policy, version=version)

    want(Role.engineer)
    try:
        with site.client("MIA") as mia:
            refused = mia.get("/routings")
            assert refused.status_code == 403
            assert "Set up your second factor first" in said(refused)
            assert "This plant wants one of your role" in said(mia.get("/account"))
    finally:
        want()


def test_a_change_is_answered_for(site: Site) -> None:
    with site.client("ADAM") as adam:
        site.database.write_now(
            create_principal, actor=None, principal_id="wms", role=Role.integration, display_name="WMS"
        )
        form = {"principal_id": "wms", "label": "Audited", "days": "90", "permission": ["read-events"]}
        assert adam.post("/access/tokens", data=form).status_code == 200
    with site.client("SVEN") as sven:
        page = sven.get("/audit", params={"kind": "access", "person": "ADAM", "subject": "wms"})
        text = said(page)
        assert "wms access.token-created.v1" in text
        assert "label Audited" in text
        assert re.search(r"Adam – Sign-in \d+ – 127\.0\.0\.1", text)
        assert "Nothing was found" in said(sven.get("/audit", params={"until": "2020-01-01"}))
        assert "There is nobody of that id" in said(sven.get("/audit", params={"person": "nobody"}))
        assert sven.get("/audit", params={"since": "yesterday"}).status_code == 422


def test_a_token_is_named_by_its_number_never_by_its_text(site: Site) -> None:
    site.database.write_now(
        create_principal, actor=None, principal_id="boss", role=Role.supervisor, display_name="Boss"
    )
    made = site.database.write_now(create_token, actor=None, principal_id="boss", plant_id="default", label="Script")
    bearer = {"Authorization": f"Bearer {made.token}"}
    with site.client("ADAM") as adam:
        found = adam.get("/api/v1/acts", params={"subject": "boss", "limit": 2}, headers=bearer).json()
        assert [act["type"] for act in found["items"]] == ["access.token-created.v1", "access.principal-created.v1"]
        assert found["items"][0]["principal_id"] is None
        assert adam.get("/api/v1/acts", params={"type": "nonsense"}, headers=bearer).status_code == 422
        assert adam.get("/api/v1/acts", params={"principal_id": "nobody"}, headers=bearer).status_code == 404
        refused = adam.get("/api/v1/acts", headers={"Authorization": "Bearer lst_default_x"})
        assert refused.status_code == 401


def test_somebody_changes_their_own_password(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.database.write_now(create_principal, actor=None, principal_id="EVE", role=Role.operator, display_name="Eve")
    set_pin_now(site.database, actor=None, principal_id="EVE", pin=PIN)
    PINS["EVE"] = PIN
    new = "four words said aloud"
    try:
        with site.client("EVE") as eve:
            assert eve.post("/account/password", data={"pin": "000000", "new": new}).status_code == 422
            refused = eve.post("/account/password", data={"pin": PIN, "new": "Lineside-Admin-2026!"})
            assert "too short or too easy to guess" in said(refused)
            assert eve.post("/account/password", data={"pin": PIN, "new": new}).status_code == 303
            assert "/signin" in eve.get("/").headers["location"]
            assert eve.get("/access").status_code == 303
            form = {"person": "EVE", "pin": new, "by": "password"}
            assert eve.post("/signin", data=form).status_code == 303
            assert eve.get("/access").status_code == 403
            assert eve.post("/signout").headers["clear-site-data"] == '"cache"'
    finally:
        del PINS["EVE"]
    assert [r.getMessage().split(",")[0] for r in caplog.records if "refused: permission-missing" in r.getMessage()]
