"""A machine with a certificate nobody knows: seen on the screen, approved there, connected; and who may do that."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from mes.access.service import create_principal
from mes.access.sign_in import set_pin_now
from mes.access.types import Role
from mes.edge.service import record_bridge_health
from standards.lineside.health_v1 import BridgeHealth, CertificateNote, CertificateState
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.support import tag_map_text
from tests.opcua_bridge.test_security import secured
from tests.support.chromium import launch_options
from tests.support.plants import BRIDGE
from tests.web.cast import hire
from tests.web.screens import VIEWPORTS
from tests.web.site import PINS, Site

PIN = "161803"
WITHIN_MS = 30_000
MARK = "a1" * 32


@pytest.fixture(autouse=True, scope="module")
def engineer(site: Site) -> Iterator[None]:
    """Erin may decide."""
    site.database.write_now(
        create_principal, actor=None, principal_id="ERIN", role=Role.engineer, display_name="Erin Engström"
    )
    set_pin_now(site.database, actor=None, principal_id="ERIN", pin=PIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PINS, "ERIN", PIN)
        yield


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        yield browser
        await browser.close()


async def sign_in(page: Page, person: str, pin: str, path: str) -> None:
    await page.goto(f"/signin?next={path}")
    await page.locator(f"[name=person][value='{person}']").check(force=True)
    for digit in pin:
        await page.locator(f"[data-key='{digit}']").click()
    await page.get_by_role("button", name="Sign in").click()


@pytest.mark.browser
async def test_an_unknown_certificate_is_approved_on_the_screen_and_the_machine_connects(
    site: Site, browser: Browser, tmp_path: Path
) -> None:
    token = hire(site.database, BRIDGE, Role.bridge).token
    bridges = Bridges(tmp_path, SimpleNamespace(url=site.address))  # type: ignore[arg-type]
    context = await browser.new_context(**VIEWPORTS["desk"], base_url=site.address, locale="en-GB")
    await context.add_init_script("Object.defineProperty(document, 'hidden', {get: () => false})")
    page, errors = await context.new_page(), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    async with secured(tmp_path) as it:
        text = tag_map_text(it.url, {"Count": "counter"}).replace('security = "none"', "")
        await bridges.start(text, LINESIDE_BRIDGE_TOKEN=token)
        await sign_in(page, "ERIN", PIN, "/bridges")
        await page.get_by_role("link", name="nobody has approved its certificate").click(timeout=WITHIN_MS)
        await page.get_by_role("link", name="Look at its certificate").click()
        line = page.locator("#bridge-certificates a.cert")
        await expect(line).to_contain_text("Nobody has decided on it yet", timeout=WITHIN_MS)
        await line.click()
        [rejected] = (tmp_path / "trust" / "rejected").iterdir()
        shown = "".join(await page.locator(".fingerprint span").all_inner_texts())
        assert shown.lower() == rejected.stem
        await expect(page.locator("main")).to_contain_text("urn:test:secured")
        await page.get_by_role("button", name="approve").click()
        await expect(line.locator(".pill")).to_contain_text("Trusted", timeout=WITHIN_MS)
        await expect(line).to_contain_text("Approval by Erin Engström")
        await expect(line).to_contain_text("done")
        await page.goto(f"/bridges/{BRIDGE}/endpoint?name=machine")
        await expect(page.locator("#endpoint-detail .pill").first).to_contain_text("Connected", timeout=WITHIN_MS)
        await page.goto(f"/bridges/{BRIDGE}/certificates/{rejected.stem}")
        await page.get_by_role("button", name="Take trust back").click()
        await expect(line.locator(".pill")).to_contain_text("Revoked", timeout=WITHIN_MS)
        await page.goto(f"/bridges/{BRIDGE}/endpoint?name=machine")
        await expect(page.locator("#endpoint-detail .pill").first).to_contain_text("Not reached", timeout=WITHIN_MS)
        await bridges.close()
    assert errors == []
    await context.close()


def told(site: Site, state: CertificateState) -> None:
    note = CertificateNote(MARK, state, "CN=press")
    health = BridgeHealth(at_us=1, certificates=[note], certificates_total=1)
    site.database.write_now(record_bridge_health, actor=None, bridge_id=BRIDGE, health=health)


def test_a_supervisor_sees_it_but_does_not_decide(site: Site) -> None:
    told(site, CertificateState.waiting)
    address = f"/bridges/{BRIDGE}/certificates/{MARK}"
    with site.client("SVEN") as sven:
        assert "An engineer or an administrator decides" in sven.get(address).text
        assert 'name="action"' not in sven.get(address).text
        assert sven.post(address, data={"action": "approve"}).status_code == 403
        assert sven.get(f"/bridges/{BRIDGE}/certificates/{'0' * 64}").status_code == 404


def test_a_form_of_yesterday_is_told_so_in_words(site: Site) -> None:
    told(site, CertificateState.trusted)
    address = f"/bridges/{BRIDGE}/certificates/{MARK}"
    with site.client("ERIN") as erin:
        assert erin.post(address, data={"action": "approve"}).status_code == 409
        assert erin.post(address, data={"action": "list"}).status_code == 409
        assert erin.post(address, data={"action": "burn"}).status_code == 422
        answer = erin.post(address, data={"action": "revoke"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/bridges/{BRIDGE}/certificates")
        assert "on its way to the edge box" in erin.get(answer.headers["location"]).text
