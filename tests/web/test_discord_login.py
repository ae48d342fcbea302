"""Proving at Discord who has opened the page, and what becomes of a link in another's hands."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from runtime.limits import Reason, Ruling
from runtime.settings import DISCORD_API_BASE
from tests.web.conftest import Serve
from tests.web.discord_oauth import DiscordOauth
from tests.web.page import PUBLIC_URL, Browser, Page
from web.discord_login import DiscordLogin
from web.limits import NoLimit

PROVEN = "select ownership_proven from betjee.accounts where exchange_id = $1 and provider_user_id = $2"
OUTCOMES = "select outcome from betjee.verification_attempts where exchange_id = $1 order by attempt_id"


@pytest.fixture
async def discord() -> AsyncIterator[DiscordOauth]:
    async with DiscordOauth().listening() as server:
        yield server


@pytest.fixture
async def page(serve: Serve, discord: DiscordOauth) -> AsyncIterator[Page]:
    async with serve(**discord.settings) as served:
        yield served


async def finish(browser: Browser, brought: object) -> dict[str, object]:
    await browser.open("/register/discord")
    answer: dict[str, object] = await (await browser.post("/api/sign-up/finish", brought)).json()
    return answer


async def test_whoever_proves_to_be_the_owner_gets_the_bonus(
    page: Page, discord: DiscordOauth, connection_owner: asyncpg.Connection
):
    token = await page.link()
    async with page.browser() as browser:
        assert (await browser.look(token))["asks_discord"] is True
        sent_to = (await browser.consent(token))["go"]
        assert token not in sent_to
        assert await page.granted_paise() is None, "the button alone proves nothing"
        brought = discord.confirms(sent_to, "77")
        assert discord.redirect_uri == f"{PUBLIC_URL}/register/discord"
        assert (await finish(browser, brought))["bonus"] == "₹20,000.00"
        assert "__Host-betjee-login" not in browser.cookies
        assert (await finish(browser, brought))["refused"] == "wrong_state"
    assert discord.asked == ["token", "me"]
    assert await page.granted_paise() == 2_000_000
    assert await connection_owner.fetchval(PROVEN, page.exchange_id, "77") is True


async def test_a_stolen_link_is_of_no_use_to_another_and_still_its_owners(
    page: Page, discord: DiscordOauth, connection_owner: asyncpg.Connection
):
    token = await page.link()
    async with page.browser() as thief:
        brought = discord.confirms((await thief.consent(token))["go"], "66")
        refused = await finish(thief, brought)
    assert refused == {
        "refused": "not_the_owner",
        "detail": "This link belongs to somebody else. Type /register in the chat as yourself.",
    }
    assert await page.granted_paise("66") is None
    async with page.browser() as browser:
        brought = discord.confirms((await browser.consent(token))["go"], "77")
        assert (await finish(browser, brought))["created"] is True
    outcomes = [row["outcome"] for row in await connection_owner.fetch(OUTCOMES, page.exchange_id)]
    assert outcomes == ["not_the_owner", "registered"]


async def test_what_discord_brought_back_is_of_no_use_in_another_browser(page: Page, discord: DiscordOauth):
    token = await page.link()
    async with page.browser() as victim, page.browser() as attacker:
        brought = discord.confirms((await victim.consent(token))["go"], "77")
        assert (await finish(attacker, brought))["refused"] == "wrong_state"
        # Nor with the victim's link in the attacker's own sign-up.
        await attacker.consent(token)
        assert (await finish(attacker, brought))["refused"] == "wrong_state"
        assert discord.asked == []
        assert (await finish(victim, brought))["created"] is True


async def test_an_attacker_cannot_finish_their_sign_up_in_anothers_browser(page: Page, discord: DiscordOauth):
    async with page.browser() as attacker, page.browser() as victim:
        await victim.consent(await page.link("77"))
        brought = discord.confirms((await attacker.consent(await page.link("66")))["go"], "66")
        assert (await finish(victim, brought))["refused"] == "wrong_state"
    assert await page.granted_paise("66") is None


async def test_a_state_fits_one_token(page: Page, discord: DiscordOauth):
    async with page.browser() as browser:
        brought = discord.confirms((await browser.consent(await page.link("66")))["go"], "77")
        await browser.consent(await page.link("77"))
        assert (await finish(browser, brought))["refused"] == "wrong_state"


@pytest.mark.parametrize("state", ["", ".", "x", "é", "a." + "0" * 64, 7, None, "x" * 300])
async def test_a_made_up_state_is_refused(page: Page, discord: DiscordOauth, state: object):
    async with page.browser() as browser:
        brought = discord.confirms((await browser.consent(await page.link()))["go"], "77")
        assert (await finish(browser, {**brought, "state": state}))["refused"] in ("wrong_state", "malformed")
    assert discord.asked == []


async def test_a_code_that_discord_does_not_know_proves_nothing(
    page: Page, discord: DiscordOauth, connection_owner: asyncpg.Connection
):
    async with page.browser() as browser:
        brought = discord.confirms((await browser.consent(await page.link()))["go"], "77")
        assert (await finish(browser, {**brought, "code": "made-up"}))["refused"] == "not_proven"
    assert await page.granted_paise() is None
    assert [row["outcome"] for row in await connection_owner.fetch(OUTCOMES, page.exchange_id)] == [
        "not_proven"
    ]


async def test_a_limiter_is_asked_before_discord_is(serve: Serve, discord: DiscordOauth):
    class Never(NoLimit):
        async def rule(self, *_):
            return Ruling(Reason.NETWORK, 60.0)

    async with serve(limiter=Never(), **discord.settings) as page, page.browser() as browser:
        brought = discord.confirms((await browser.consent(await page.link()))["go"], "77")
        assert (await finish(browser, brought))["refused"] == "too_many_attempts"
    assert discord.asked == []


async def test_nobody_is_sent_to_discord_with_a_link_that_cannot_be_used(page: Page):
    async with page.browser() as browser:
        made_up = f"{page.exchange_id}.{'A' * 43}"
        assert (await browser.consent(made_up))["refused"] == "token_unknown"


@pytest.mark.parametrize("fault", [302, 401, 429, 500])
async def test_a_discord_that_is_away_is_told_and_the_link_can_be_used_again(
    page: Page, discord: DiscordOauth, fault: int
):
    token = await page.link()
    async with page.browser() as browser:
        brought = discord.confirms((await browser.consent(token))["go"], "77")
        discord.fault = fault
        assert (await finish(browser, brought))["refused"] == "discord_away"
        discord.fault = None
        brought = discord.confirms((await browser.consent(token))["go"], "77")
        assert (await finish(browser, brought))["created"] is True


async def test_without_a_client_nothing_can_be_finished(serve: Serve):
    async with serve() as page, page.browser() as browser:
        assert (await finish(browser, {"code": "c", "state": "s"}))["refused"] == "wrong_state"


def test_people_are_sent_to_discord_itself():
    login = DiscordLogin("1", "s", DISCORD_API_BASE, f"{PUBLIC_URL}/register/discord")
    assert login.authorize_url("x").startswith("https://discord.com/oauth2/authorize?client_id=1&")
