"""Several people at one station: who works is chosen by badge or PIN, and shown."""

from __future__ import annotations

import re

import httpx
import pytest

from mes.access.queries import get_access_policy
from mes.access.service import give_badge, put_access_policy
from mes.access.sign_in import new_badge_hmacs
from mes.access.types import AccessPolicy, BadgeUse
from tests.support.plants import BENCH
from tests.web.site import HTMX, PINS, Site

BADGES = {"ADA": "04ADA00001", "SVEN": "04SVEN0001"}


@pytest.fixture(autouse=True, scope="module")
def badges(site: Site) -> None:
    for person, badge in BADGES.items():
        hmacs = new_badge_hmacs(site.vault, site.database.plant_id, badge)
        site.database.write_now(give_badge, actor=None, principal_id=person, badge_hmacs=hmacs)


def allow(site: Site, use: BadgeUse) -> None:
    version = site.database.read_now(get_access_policy).version
    site.database.write_now(put_access_policy, actor=None, policy=AccessPolicy(use), version=version)


def who_of(page: httpx.Response) -> str:
    found = re.search(r'class="btn quiet who"[^>]*>(.*?)</a>', page.text, re.DOTALL)
    return "" if found is None else re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[1])).strip()


def test_a_scanned_badge_is_who_works_from_now_on(site: Site) -> None:
    allow(site, BadgeUse.alone)
    station = f"/s/{BENCH}"
    with site.client(None) as tablet:
        assert "Scan your badge" in tablet.get("/signin", params={"station": BENCH}).text
        form = {"station": BENCH, "badge": BADGES["ADA"]}
        assert tablet.post("/signin/badge", data=form).headers["location"] == station
        assert who_of(tablet.get(station)) == "Ada Operator Somebody else signs in"
        changed = tablet.post(f"{station}/scan", data={"request_id": "r" * 12, "scan": BADGES["SVEN"]})
        assert (changed.status_code, changed.headers["location"]) == (303, f"{station}/scan")
        assert who_of(tablet.get(station)) == "Sven with Ada Somebody else signs in"
        assert who_of(tablet.get(f"{station}/scan")) == "Sven with Ada Somebody else signs in"
        assert "here now" in tablet.get("/signin", params={"station": BENCH}).text
        held = {"held": "lot", "held_id": "R-1", "request_id": "s" * 12, "scan": BADGES["ADA"]}
        changed = tablet.post(f"{station}/scan", data=held, headers=HTMX)
        assert changed.headers["HX-Redirect"] == f"{station}/scan?held=lot&held_id=R-1&held_part="
        assert who_of(tablet.get(station)).startswith("Ada with Sven")
        assert tablet.get("/access").status_code == 403
        wrong = tablet.post("/signin/badge", data=form | {"badge": "04NOBODYS0"})
        assert wrong.status_code == 401
        assert "This badge, or its PIN, is not known." in wrong.text
        assert "04NOBODYS0" not in wrong.text


def test_where_the_pin_is_wanted_a_badge_only_says_who(site: Site) -> None:
    allow(site, BadgeUse.with_pin)
    with site.client(None) as tablet:
        form = {"station": BENCH, "badge": BADGES["ADA"]}
        assert tablet.post("/signin/badge", data=form).status_code == 401
        assert tablet.post("/signin/badge", data=form | {"pin": PINS["ADA"]}).status_code == 303
        told = tablet.post(f"/s/{BENCH}/scan", data={"request_id": "r" * 12, "scan": BADGES["SVEN"]})
        assert "A badge: Sven" in told.text
        assert BADGES["SVEN"] not in told.text
        assert who_of(tablet.get(f"/s/{BENCH}")).startswith("Ada")
    allow(site, BadgeUse.off)
