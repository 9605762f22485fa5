"""Webhooks on screen: a secret is seen once, a trial is answered, what was given up goes again, paused is not lost."""

from __future__ import annotations

import re
from itertools import count
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import text

from mes.access.service import create_principal
from mes.access.sign_in import set_pin_now
from mes.access.types import Role
from mes.exchange.webhooks.queries import get_webhook, list_deliveries, list_webhooks
from mes.exchange.webhooks.types import DeliveryState
from mes.kernel.uow import UnitOfWork
from mes.materials.service import put_materials
from mes.materials.types import MaterialSpec
from tests.web.site import PINS, Site

NUMBERS = count(1)
FORM = {"url": "http://127.0.0.1:9/hook", "event_types": "materials.*, quality.*", "private_addresses": "true"}


@pytest.fixture(autouse=True, scope="module")
def adam(site: Site) -> None:
    site.database.write_now(
        create_principal, actor=None, principal_id="ADAM", role=Role.administrator, display_name="Adam"
    )
    PINS["ADAM"] = "141421"
    set_pin_now(site.database, actor=None, principal_id="ADAM", pin=PINS["ADAM"])


def said(page: httpx.Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def version(page: httpx.Response) -> str:
    return re.findall(r'name="version" value="(\d+)"', page.text)[0]


def given_up(site: Site, hook: str) -> None:
    """An event that nobody took for five days."""

    def let_it_be(uow: UnitOfWork) -> None:
        uow.execute(text("UPDATE webhook_delivery SET state = 2, attempts = 9, status = 500, said = 'no such part'"))

    site.database.write_now(
        put_materials, actor=None, specs=[MaterialSpec(f"P-{next(NUMBERS)}", "pcs") for _ in range(2)]
    )
    wanted = {"webhook_id": hook, "state": None, "cursor": None, "limit": 10}
    for _ in range(400):
        if len(site.database.read_now(list_deliveries, **wanted).items) >= 2:
            site.database.write_now(let_it_be, actor=None)
            return
        httpx.get(f"{site.address}/healthz")
    pytest.fail("nothing was queued")


def test_the_life_of_a_webhook(site: Site) -> None:
    with site.client("ADAM") as adam:
        assert "Nobody is told" in said(adam.get("/webhooks"))
        made = adam.post("/webhooks", data={"webhook_id": "erp", **FORM})
        secret = re.findall(r"whsec_[A-Za-z0-9+/=]+", made.text)
        assert len(secret) == 1
        page = adam.get("/webhooks/erp")
        assert "whsec_" not in page.text
        twice = adam.post("/webhooks", data={"webhook_id": "erp", **FORM})
        assert twice.status_code == 409
        assert "There already is such a webhook" in said(twice)
        trial = said(adam.post("/webhooks/erp/test"))
        assert "The trial message did not arrive." in trial
        other = adam.post("/webhooks/erp/secret")
        assert re.findall(r"whsec_[A-Za-z0-9+/=]+", other.text) not in ([], secret)
        wrong = adam.post("/webhooks/erp", data={**FORM, "url": "ftp://x", "version": version(other)})
        assert wrong.status_code == 422
        assert "has to begin with https://" in said(wrong)
        changed = adam.post("/webhooks/erp", data={**FORM, "description": "ERP", "version": version(other)})
        assert changed.status_code == 303
        assert urlsplit(changed.headers["location"]).path == "/webhooks/erp"
        given_up(site, "erp")
        dead = adam.get("/webhooks/erp")
        assert "Answered 500" in said(dead)
        assert "no such part" in said(dead)
        assert "2 given up" in said(adam.get("/webhooks"))
        paused = adam.post("/webhooks/erp/active", data={"active": "false", "version": version(dead)})
        assert paused.status_code == 303
        stale = adam.post("/webhooks/erp/active", data={"active": "true", "version": version(dead)})
        assert stale.status_code == 409
        assert "Paused" in said(adam.get("/webhooks"))
        first = re.findall(r'name="delivery_id" value="(\d+)"', dead.text)[0]
        adam.post("/webhooks/erp/replay", data={"delivery_id": first})
        view = site.database.read_now(get_webhook, webhook_id="erp")
        assert (view.active, view.dead, view.description) == (False, 1, "ERP")
        adam.post("/webhooks/erp/replay")
        assert site.database.read_now(get_webhook, webhook_id="erp").dead == 0
        wanted = {"webhook_id": "erp", "state": DeliveryState.waiting, "cursor": None, "limit": 10}
        assert len(site.database.read_now(list_deliveries, **wanted).items) >= 2
        assert adam.post("/webhooks/erp/remove").status_code == 303
    assert site.database.read_now(list_webhooks) == ()
