"""One's own sign-ins, everybody's, and the tokens of programs: forms without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pyotp
import pytest

from mes.access.queries import get_access_policy, list_tokens
from mes.access.service import create_principal, put_access_policy
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
