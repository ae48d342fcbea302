"""Proving who one is at Discord, in a real browser: to Discord and back, by the page's own script."""

import shutil
from collections.abc import AsyncIterator

import pytest

from tests.web.conftest import Serve
from tests.web.discord_oauth import DiscordOauth
from tests.web.page import Page

pytest.importorskip("playwright.async_api", reason="playwright is not installed")
from playwright.async_api import Browser, async_playwright, expect  # only where it is installed
from playwright.async_api import Page as Tab

ANSWER_MILLISECONDS = 30_000
expect.set_options(timeout=ANSWER_MILLISECONDS)
BROWSER_OPTIONS = [
    "--no-sandbox",  # a container's root may not use the browser's own
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed (on Debian: apt-get install chromium)")
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium, args=BROWSER_OPTIONS)
        yield browser
        await browser.close()


async def agree(tab: Tab, page: Page, token: str) -> None:
    """Open a link, tick the box and go to Discord, which sends the browser back."""
    await tab.goto(f"{page.public_url}/register#{token}")
    button = tab.get_by_role("button", name="Continue with Discord")
    await expect(button).to_be_visible(timeout=ANSWER_MILLISECONDS)
    await expect(tab.get_by_text("Discord will be asked to confirm that it is you.")).to_be_visible()
    await tab.get_by_label("I agree").check()
    await button.click()


async def test_to_discord_and_back(serve: Serve, browser: Browser):
    async with DiscordOauth().listening() as discord, serve(None, **discord.settings) as page:
        token = await page.link()
        tab = await browser.new_page()
        failure = tab.get_by_role("heading", name="That did not work")
        way_on = tab.locator("#failed p:visible", has_text="/register")

        await agree(tab, page, token)
        await expect(failure).to_be_visible(timeout=ANSWER_MILLISECONDS)
        await expect(tab.get_by_text("Discord was not allowed to confirm who you are.")).to_be_visible()
        await expect(way_on).to_have_text("In the chat, /register tells how things stand, at any time.")

        discord.visitor = "66"
        await agree(tab, page, token)
        await expect(tab.get_by_text("This link belongs to somebody else.")).to_be_visible(
            timeout=ANSWER_MILLISECONDS
        )
        await expect(way_on).to_have_count(1)

        discord.visitor = "77"
        await agree(tab, page, token)
        await expect(tab.get_by_role("heading", name="Welcome, Member 77")).to_be_visible(
            timeout=ANSWER_MILLISECONDS
        )
        assert tab.url == f"{page.public_url}/register/discord", "neither code nor state stay in the address"
        assert await page.granted_paise() == 2_000_000
