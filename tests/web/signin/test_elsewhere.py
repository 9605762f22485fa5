"""Signing in at a certified identity provider of another make (npm oidc-provider), out and back, cookies and all."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from mes.access.oidc.queries import find_identity_provider
from mes.access.oidc.service import put_identity_provider, remove_identity_provider
from mes.access.oidc.sign_on import begin_sign_on
from mes.access.oidc.types import IdentityProvider
from mes.access.queries import list_sessions
from mes.access.service import create_principal
from mes.access.sign_in import set_pin_now
from mes.access.types import Role
from mes.kernel.addresses import resolve
from mes.kernel.outbox import list_events
from mes.kernel.sqltypes import to_us
from tests.support.node_peer import Peer
from tests.web.site import PINS, Site, trusted

SECRET: Final = "s+/e cret" * 4
BACK: Final = "/signin/elsewhere/back"
GROUPS: Final = {"floor": Role.operator, "leads": Role.supervisor}


@pytest.fixture
async def issuer(site: Site, tmp_path: Path) -> AsyncIterator[str]:
    """A provider that knows three people, and a plant that has named it."""
    client = {
        "client_id": "lineside",
        "client_secret": SECRET,
        "redirect_uris": [site.address + BACK],
        "post_logout_redirect_uris": [site.address + "/signin"],
    }
    people = {
        "u1": {"preferred_username": "ADA", "name": "Ada", "groups": ["floor"]},
        "u2": {"preferred_username": "NEO", "name": "Neo New", "groups": ["leads"]},
        "u3": {"preferred_username": "EVE", "name": "Eve", "groups": ["canteen"]},
    }
    async with Peer("provider.js", tmp_path / "provider") as peer:
        at = (await peer.ask("start", clients=[client], people=people))["issuer"]
        provider = IdentityProvider(
            issuer=at, client_id="lineside", label="Company ID", roles=GROUPS, makes_people=True, private_addresses=True
        )
        name(site, provider, site.vault.seal(SECRET))
        yield at
        site.database.write_now(remove_identity_provider, actor=None)


def name(site: Site, provider: IdentityProvider, sealed: bytes | None) -> None:
    kept = site.database.read_now(find_identity_provider)
    at = 0 if kept is None else kept.provider.version
    site.database.write_now(put_identity_provider, actor=None, provider=provider, sealed_secret=sealed, version=at)


def site_provider(site: Site) -> IdentityProvider:
    kept = site.database.read_now(find_identity_provider)
    assert kept is not None
    return kept.provider


class Browser:
    """Somebody's browser, which goes wherever it is sent; at the provider they are `person`."""

    def __init__(self, site: Site, issuer: str, person: str) -> None:
        self.site, self.issuer, self.person = site, issuer, person
        self.http = httpx.AsyncClient(verify=trusted(), headers={"Accept-Language": "en"})

    async def __aenter__(self) -> Browser:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(self.site.address + path)

    async def brought_back(self, start: str = "/signin/elsewhere") -> str:
        """From the sign-in page to the address the provider sends back to, which is not opened yet."""
        answer = await self.get(start)
        for _ in range(10):
            to = str(httpx.URL(str(answer.url)).join(answer.headers["location"]))
            if to.startswith(self.site.address):
                return to
            answer = await self.http.get(f"{to}/as/{self.person}" if "/interaction/" in to else to)
        raise AssertionError(answer.text)


async def test_somebody_signs_in_elsewhere_and_out_again(site: Site, issuer: str) -> None:
    async with Browser(site, issuer, "u1") as ada:
        assert "Sign in with Company ID" in (await ada.get("/signin?next=/account")).text
        assert "Company ID" not in (await ada.get("/signin?station=BENCH")).text
        back = await ada.brought_back("/signin/elsewhere?next=/account")
        assert parse_qs(urlsplit(back).query).keys() == {"code", "state", "iss"}
        answer = await ada.http.get(back)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account"), answer.text
        assert "Ada" in (await ada.get("/account")).text
        assert (await ada.get("/access")).status_code == 403
        again = await ada.http.get(back)
        assert again.status_code == 401
        assert "did not work" in again.text
        headers = {"Origin": site.address}
        left = await ada.http.post(site.address + "/signout", headers=headers)
        assert left.headers["location"] == "/signin?left=1"
        assert "not at Company ID" in (await ada.get("/signin?left=1")).text
        assert (await ada.get("/account")).headers["location"].startswith("/signin")
        leaving = await ada.get("/signout/elsewhere")
        page = await ada.http.get(leaving.headers["location"])
        assert page.status_code == 200
        form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text)) | {"logout": "yes"}
        action = re.findall(r'action="([^"]+)"', page.text)[0]
        out = await ada.http.post(action, data=form)
        assert out.headers["location"] == site.address + "/signin"


async def test_what_a_provider_says_of_itself_is_asked_once_a_minute(site: Site, issuer: str) -> None:
    asked: list[str] = []

    async def counted(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return await resolve(host, port)

    for _ in range(2):
        away, _ = await begin_sign_on(
            site.database, site.vault, redirect_uri=site.address + BACK, following="", resolve=counted
        )
        assert away.startswith(issuer)
    assert len(asked) == 1


async def test_who_is_let_in_and_whose_answer_counts(site: Site, issuer: str) -> None:
    provider = site_provider(site)
    async with (
        Browser(site, issuer, "u2") as neo,
        Browser(site, issuer, "u3") as eve,
        Browser(site, issuer, "nobody") as n,
    ):
        assert (await neo.http.get(await neo.brought_back())).status_code == 303
        now_us = to_us(site.database.clock())
        open_ones = site.database.read_now(list_sessions, now_us=now_us, principal_id="NEO").items
        assert [(one.role, one.work_unit_id) for one in open_ones] == [(Role.supervisor, "")]
        refused = await eve.http.get(await eve.brought_back())
        assert refused.status_code == 403
        assert "not let in here" in refused.text
        assert "session" not in str(refused.headers.get("set-cookie"))
        denied = await n.http.get(await n.brought_back())
        assert denied.status_code == 401
    kinds = [event.type for event in site.database.read_now(list_events, after=0, limit=1_000)]
    assert "access.sign-on-refused.v1" in kinds

    async with Browser(site, issuer, "u1") as ada, Browser(site, issuer, "u1") as mallory:
        theirs = await mallory.brought_back()
        assert (await ada.http.get(theirs)).status_code == 401
        mine = await ada.brought_back()
        assert (await ada.http.get(theirs)).status_code == 401
        mine = await ada.brought_back()
        assert (await ada.http.get(mine.replace("iss=", "iss=x"))).status_code == 401
        mine = await ada.brought_back()
        name(site, provider, site.vault.seal("another secret, which the provider does not know"))
        assert (await ada.http.get(mine)).status_code == 401
    name(site, provider, site.vault.seal(SECRET))
    async with Browser(site, issuer, "u1") as ada:
        back = await ada.brought_back()
        name(site, IdentityProvider("http://127.0.0.1:9", "lineside", "Away", private_addresses=True), None)
        assert (await ada.get("/signin/elsewhere")).status_code == 503
        assert (await ada.http.get(back)).status_code == 401
        name(site, provider, None)
        site.database.write_now(remove_identity_provider, actor=None)
        assert (await ada.get("/signin/elsewhere")).status_code == 409
        assert "Company ID" not in (await ada.get("/signin")).text


def test_an_administrator_names_it_on_screen(site: Site) -> None:
    site.database.write_now(
        create_principal, actor=None, principal_id="ADI", role=Role.administrator, display_name="Adi"
    )
    set_pin_now(site.database, actor=None, principal_id="ADI", pin="594827")
    PINS["ADI"] = "594827"
    with site.client("ADI") as adi:
        assert BACK in adi.get("/access/elsewhere").text
        form = {
            "label": "Works ID",
            "issuer": "https://id.example",
            "client_id": "mes",
            "client_secret": "s",
            "version": 0,
        }
        form |= {
            "person_claim": "email",
            "groups_claim": "roles",
            "groups_operator": "floor, night",
            "makes_people": "true",
        }
        assert adi.post("/access/elsewhere", data=form).status_code == 303
        provider = site_provider(site)
        assert provider.roles == {"floor": Role.operator, "night": Role.operator}
        assert (provider.makes_people, provider.administrators) == (True, False)
        assert 'value="floor, night"' in adi.get("/access/elsewhere").text
        assert adi.post("/access/elsewhere", data=form | {"issuer": "http://id.example"}).status_code == 409
        assert adi.post("/access/elsewhere/remove").status_code == 303
    del PINS["ADI"]
