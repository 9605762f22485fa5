"""ERP connections on screen: a password is never seen again, what is wrong is said, paused is not lost."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mes.access.service import create_principal
from mes.access.sign_in import set_pin_now
from mes.access.types import Role
from mes.exchange.erp.queries import get_connection, get_sealed_password, list_connections
from mes.exchange.erp.service import note_masters
from mes.exchange.erp.taking import note_unfollowed
from mes.exchange.erp.types import ErpOrder, OrderWord
from tests.web.site import PINS, Site
from tests.web.webhooks.test_routes import said, version

SECRET = "a long password of the ERP"
FORM = {
    "kind": "tryton",
    "url": "http://127.0.0.1:9",
    "database": "factory",
    "user": "lineside",
    "places": "Press 1 = PRESS\n\nBench = 1 = BENCH",
    "plain_http": "true",
    "private_addresses": "true",
    "poll_s": "3600",
}


@pytest.fixture(autouse=True, scope="module")
def adam(site: Site) -> None:
    what = {"principal_id": "ADAM", "role": Role.administrator, "display_name": "Adam"}
    site.database.write_now(create_principal, actor=None, **what)
    PINS["ADAM"] = "141421"
    set_pin_now(site.database, actor=None, principal_id="ADAM", pin=PINS["ADAM"])


def a_round_with_trouble(site: Site) -> None:
    """What a turn leaves behind that found the ERP."""
    order = ErpOrder("17", "PO-17", OrderWord.open)
    what: dict[str, Any] = {"actor": None, "connection_pk": 1}
    site.database.write_now(note_unfollowed, **what, order=order, said="Nothing says how it is made.")
    site.database.write_now(note_masters, **what, remarks=["BOLT stands there twice."])


def test_the_life_of_a_connection(site: Site) -> None:
    with site.client("ADAM") as adam:
        assert "No ERP is connected" in said(adam.get("/erp"))
        wrong = adam.post("/erp", data={**FORM, "connection_id": "tryton", "password": SECRET, "places": "Press 1"})
        assert wrong.status_code == 422
        assert "a line says what the ERP calls a place" in said(wrong)
        assert 'value="factory"' in wrong.text
        assert SECRET not in wrong.text
        made = adam.post("/erp", data={**FORM, "connection_id": "tryton", "password": SECRET})
        assert (made.status_code, made.headers["location"]) == (303, "/erp/tryton")
        kept = site.database.read_now(get_connection, connection_id="tryton")
        assert kept.spec.places == {"Press 1": "PRESS", "Bench = 1": "BENCH"}
        sealed = site.database.read_now(get_sealed_password, connection_id="tryton")
        assert site.vault.open(sealed) == SECRET
        page = adam.get("/erp/tryton")
        assert SECRET not in page.text
        tried = adam.post("/erp/tryton/check")
        assert tried.status_code == 409
        assert "The ERP cannot be reached" in said(tried)
        twice = adam.post("/erp", data={**FORM, "connection_id": "tryton", "password": SECRET})
        assert twice.status_code == 409
        changed = adam.post("/erp/tryton", data={**FORM, "database": "other", "version": version(page)})
        assert changed.status_code == 303
        assert site.database.read_now(get_sealed_password, connection_id="tryton") == sealed
        refused = adam.post("/erp/tryton", data={**FORM, "places": "Press 1", "version": version(page)})
        assert refused.status_code == 422
        assert version(refused) == version(page), "what was changed meanwhile is not overwritten by the next save"
        stale = adam.post("/erp/tryton", data={**FORM, "version": version(page)})
        assert stale.status_code == 409
        a_round_with_trouble(site)
        page = adam.get("/erp/tryton")
        elsewhere = {**FORM, "database": "other", "url": "http://elsewhere.example", "version": version(page)}
        refused = adam.post("/erp/tryton", data=elsewhere)
        assert refused.status_code == 422
        assert "give it again" in said(refused)
        assert re.search(r"Not taken 17 Nothing says how it is made\.", said(page))
        assert "BOLT stands there twice." in said(page)
        assert "1 order waits for a person" in said(adam.get("/erp"))
        paused = adam.post("/erp/tryton/active", data={"active": "false", "version": version(page)})
        assert paused.status_code == 303
        view = site.database.read_now(get_connection, connection_id="tryton")
        assert (view.spec.active, view.spec.database, view.troubled) == (False, "other", 1)
        assert "Paused" in said(adam.get("/erp"))
        assert adam.post("/erp/tryton/remove").status_code == 303
    assert site.database.read_now(list_connections) == ()
