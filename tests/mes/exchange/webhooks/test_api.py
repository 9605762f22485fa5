"""Webhooks over HTTP: the secret is shown once, a trial tells what came of it, dead deliveries are sent again."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from mes.access.types import Role
from mes.kernel.db import Database
from tests.mes.exchange.webhooks.receiver import receiving
from tests.mes.exchange.webhooks.test_service import NO, done, happen, take
from tests.web.cast import Member, as_, hire_cast

HOOKS = "/api/v1/webhooks"
HOOK = {"id": "erp", "url": "https://hooks.example/a", "event_types": ["orders.*"]}


@pytest.fixture
def adam(plant: Database) -> Member:
    return hire_cast(plant)[Role.administrator]


async def made(http: httpx.AsyncClient, adam: Member, **more: Any) -> dict[str, Any]:
    answer = await http.post(HOOKS, json={**HOOK, **more}, headers=as_(adam))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_its_secret_is_shown_once(http: httpx.AsyncClient, adam: Member) -> None:
    new = await made(http, adam)
    assert new["secret"].startswith("whsec_")
    shown = await http.get(f"{HOOKS}/erp", headers=as_(adam))
    assert shown.headers["etag"] == '"1"'
    assert "secret" not in shown.text
    assert (await http.get(HOOKS, headers=as_(adam))).json()["items"] == [shown.json()]
    again = (await http.post(f"{HOOKS}/erp/secret", headers=as_(adam))).json()
    assert again["secret"] not in ("", new["secret"])


async def test_it_is_changed_and_removed(http: httpx.AsyncClient, adam: Member) -> None:
    await made(http, adam)
    change = {"url": "https://hooks.example/b", "event_types": ["*"], "active": False}
    stale = await http.put(f"{HOOKS}/erp", json=change, headers={**as_(adam), "If-Match": '"9"'})
    assert stale.status_code == 409
    changed = await http.put(f"{HOOKS}/erp", json=change, headers={**as_(adam), "If-Match": '"1"'})
    assert (changed.json()["active"], changed.json()["version"]) == (False, 2)
    assert (await http.delete(f"{HOOKS}/erp", headers=as_(adam))).status_code == 204
    gone = await http.get(f"{HOOKS}/erp", headers=as_(adam))
    assert (gone.status_code, gone.json()["code"]) == (404, "webhook-not-found")


async def test_a_trial_tells_what_came_of_it(http: httpx.AsyncClient, adam: Member) -> None:
    async with receiving() as receiver:
        new = await made(http, adam, url=receiver.url, private_addresses=True)
        well = (await http.post(f"{HOOKS}/erp/test", headers=as_(adam))).json()
        assert well == {"delivered": True, "status": 204, "said": ""}
        receiver.answer = lambda _: "401 Who\n\nnobody I know"
        ill = (await http.post(f"{HOOKS}/erp/test", headers=as_(adam))).json()
        assert ill == {"delivered": False, "status": 401, "said": "nobody I know"}
        assert len(receiver.came) == 2
        assert receiver.came[0].headers["webhook-signature"].startswith("v1,")
        assert new["secret"].startswith("whsec_")
        assert Webhook(new["secret"])  # a secret the library takes


async def test_what_was_given_up_is_listed_and_sent_again(
    http: httpx.AsyncClient, adam: Member, plant: Database, clock: Any
) -> None:
    await made(http, adam)
    happen(plant, "job/1")
    done(plant, take(plant), NO)
    clock.advance(days=6)
    done(plant, take(plant), NO)
    page = (await http.get(f"{HOOKS}/erp/deliveries?state=dead", headers=as_(adam))).json()
    (dead,) = page["items"]
    assert (dead["subject"], dead["state"], dead["status"], dead["said"]) == ("job/1", "dead", 500, "not today")
    body = {"delivery_ids": [dead["delivery_id"]]}
    replayed = await http.post(f"{HOOKS}/erp/replay", json=body, headers=as_(adam))
    assert replayed.json() == {"replayed": 1}
    assert [message.subject for message in take(plant)] == ["job/1"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "a b"},
        {"id": ""},
        {"event_types": []},
        {"event_types": ["orders"]},
        {"url": "http://hooks.example/"},
        {"url": "https://10.0.0.1/"},
        {"surprise": 1},
        {"description": "x" * 501},
    ],
)
async def test_bad_input_is_refused(http: httpx.AsyncClient, adam: Member, wrong: dict[str, Any]) -> None:
    answer = await http.post(HOOKS, json={**HOOK, **wrong}, headers=as_(adam))
    assert answer.status_code == 422
    assert answer.json()["code"] in ("invalid", "webhook-invalid")
