"""People at their screens in Chromium: what they see, and what they tap."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from playwright.async_api import Browser, Locator, Page, expect

from mes.access.types import Role
from tests.journeys.factory_in_a_box import LONG_S, Box
from tests.web.screens import VIEWPORTS

LONG_MS: Final = LONG_S * 1000
ALWAYS_VISIBLE: Final = "Object.defineProperty(document, 'hidden', {get: () => false})"
NOT_REACHED: Final = "net::"
"""How Chromium's console says that a server is away."""


@dataclass
class Screen:
    """One tab of one person. It is loaded once; from then on it has to follow live."""

    page: Page
    errors: list[str] = field(default_factory=list)

    def at(self, selector: str, text: str | None = None) -> Locator:
        return self.page.locator(selector, has_text=text)

    async def tap(self, name: str, *, within: str = "main") -> None:
        await self.page.locator(within).get_by_role("button", name=name, exact=False).first.tap(timeout=LONG_MS)

    async def shows(self, selector: str, text: str) -> None:
        await expect(self.page.locator(selector).first).to_contain_text(text, timeout=LONG_MS)

    async def shows_counts(self, order_id: str, job: dict[str, Any]) -> None:
        """A board's step of an order says what the job has counted: `41 / 50`."""
        good, planned = (int(Decimal(job[name])) for name in ("quantity_good", "quantity"))
        step = self.at("article.order", order_id).locator(".step", has_text=job["equipment_id"])
        await expect(step.locator(".word")).to_contain_text(f"{good}\u202f/\u202f{planned}", timeout=LONG_MS)

    async def is_live_still(self) -> None:
        """Nobody has loaded the page again, and it follows."""
        assert await self.page.evaluate("window.loadedOnce === true")
        await expect(self.page.locator("html")).to_have_attribute("data-net", "live", timeout=LONG_MS)

    async def never_reloaded(self) -> None:
        """The document is the one that was loaded first, and its console had nothing to complain of."""
        assert await self.page.evaluate("window.loadedOnce === true")
        assert [error for error in self.errors if NOT_REACHED not in error] == []


@asynccontextmanager
async def signed_in(browser: Browser, box: Box, role: Role, path: str, device: str) -> AsyncIterator[Screen]:
    """Somebody signs in by name and PIN and comes to a page that is live."""
    context = await browser.new_context(**VIEWPORTS[device], base_url=box.address, locale="en-GB")
    await context.add_init_script(ALWAYS_VISIBLE)
    screen = Screen(await context.new_page())
    screen.page.on("console", lambda said: screen.errors.append(said.text) if said.type == "error" else None)
    screen.page.on("pageerror", lambda error: screen.errors.append(str(error)))
    try:
        await _sign_in(screen.page, *box.pin_of(role), path)
        await is_live(screen)
        yield screen
    finally:
        await context.close()


async def is_live(screen: Screen) -> None:
    await expect(screen.page.locator("html")).to_have_attribute("data-net", "live", timeout=LONG_MS)
    await screen.page.evaluate("window.loadedOnce = true")


async def _sign_in(page: Page, person: str, pin: str, path: str) -> None:
    await page.goto(f"/signin?next={path}", timeout=LONG_MS)
    await page.locator(f"[name=person][value='{person}']").check(force=True)
    for digit in pin:
        await page.locator(f"[data-key='{digit}']").click()
    await page.locator(".keypad button.primary").click()
    await page.wait_for_url(f"**{path}", timeout=LONG_MS)
