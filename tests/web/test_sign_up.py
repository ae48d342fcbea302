"""Signing up on the page, as its script does it."""

from contextlib import aclosing
from typing import Any

import asyncpg
import pytest

from exchange.errors import ExchangeBusy, ExchangeUnavailable, OutcomeUnknown
from exchange.exchange import Exchange
from runtime.limits import Limits, Reason, Ruling
from tests.conftest import HASHES, PATIENT_SECONDS, Database
from tests.web.conftest import Serve
from tests.web.page import Page
from web.limits import CountedSignUps, NoLimit

ACCOUNT = """
select a.*, u.registered_at from betjee.accounts a join betjee.users u using (exchange_id, user_id)
where exchange_id = $1 and provider_user_id = $2
"""


async def test_a_link_leads_to_consent_and_the_bonus(page: Page, connection_owner: asyncpg.Connection):
    token = await page.link()
    assert await page.granted_paise() is None, "who has not consented is unknown"
    async with page.browser() as browser:
        shown = await browser.look(token)
        assert shown == {
            "exchange": "JEE 2026",
            "name": "Member 77",
            "bonus": "₹20,000.00",
            "retention_days": 90,
            "asks_discord": False,
        }
        done = await browser.consent(token)
    assert done == {
        "exchange": "JEE 2026",
        "name": "Member 77",
        "created": True,
        "bonus": "₹20,000.00",
        "had_bonus_before": False,
        "is_withheld": False,
    }
    assert await page.granted_paise() == 2_000_000

    account = await connection_owner.fetchrow(ACCOUNT, page.exchange_id, "77")
    assert account is not None
    networks = HASHES.networks("127.0.0.1")
    assert (account["network_key"], account["network_key_56"], account["network_key_48"]) == (
        networks.exact,
        None,
        None,
    )
    assert account["verified_at"] == account["seen_at"] == account["registered_at"]
    assert account["ownership_proven"] is False


@pytest.mark.parametrize("consent", [None, False, "true", 1, "absent"])
async def test_without_consent_nothing_happens(page: Page, consent: object):
    token = await page.link()
    document = {"token": token, "agrees": consent}
    if consent == "absent":
        del document["agrees"]
    async with page.browser() as browser:
        response = await browser.post("/api/sign-up/consent", document)
        assert (response.status, (await response.json())["refused"]) == (400, "no_consent")
        assert (await browser.consent(token))["created"] is True


async def test_a_member_who_signs_up_again_is_told_so(page: Page):
    token = await page.link()
    async with page.browser() as browser:
        await browser.consent(token)
        registered = await page.exchange.register_user(
            page.exchange_id, next(page.numbers), page.identity("77")
        )
    assert (registered.created, registered.cash_paise) == (False, 2_000_000)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ExchangeUnavailable(), "unavailable"),
        (OutcomeUnknown(1), "outcome_unknown"),
        (ExchangeBusy(), "busy"),
    ],
)
async def test_an_exchange_that_is_away_is_told_in_a_sentence(
    page: Page, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
):
    async def away(*_: Any):
        raise error

    token = await page.link()
    async with page.browser() as browser:
        monkeypatch.setattr(page.exchange, "complete_verification", away)
        response = await browser.post("/api/sign-up/consent", {"token": token, "agrees": True})
        answer = await response.json()
        assert (response.status, answer["refused"]) == (503, code)
        assert answer["detail"].endswith(".")
        monkeypatch.undo()
        assert (await browser.consent(token))["created"] is True


async def test_a_limiter_has_its_say_and_what_it_refuses_is_recorded(
    serve: Serve, connection_owner: asyncpg.Connection
):
    class TwoAtMost(NoLimit):
        def __init__(self):
            self.asked = []

        async def rule(self, exchange_id, networks):
            self.asked.append((exchange_id, networks))
            return Ruling(Reason.NETWORK, 6.5) if len(self.asked) > 2 else Ruling()

    limiter = TwoAtMost()
    async with serve(limiter=limiter) as page, page.browser() as browser:
        tokens = [await page.link(str(number)) for number in range(71, 74)]
        for token in tokens[:2]:
            assert (await browser.consent(token))["created"] is True
        response = await browser.post("/api/sign-up/consent", {"token": tokens[2], "agrees": True})
        assert limiter.asked == [(page.exchange_id, HASHES.networks("127.0.0.1"))] * 3
        assert (response.status, response.headers["Retry-After"]) == (429, "7")
        assert "Try again in 7 seconds" in (await response.json())["detail"]
        assert "exchange" in await browser.look(tokens[2]), "the link can be used later"
    outcomes = await connection_owner.fetch(
        "select outcome from betjee.verification_attempts where exchange_id = $1 order by attempt_id",
        page.exchange_id,
    )
    assert [row["outcome"] for row in outcomes] == ["registered", "registered", "too_many_attempts"]


async def test_a_network_may_try_ten_times_a_minute(serve: Serve, database: Database, exchange: Exchange):
    async with (
        aclosing(
            Limits(database.redis_url, exchange.get_rate_limits, answer_seconds=PATIENT_SECONDS)
        ) as limits,
        serve(limiter=CountedSignUps(limits)) as page,
        page.browser() as browser,
    ):
        answers = [await browser.consent(await page.link(str(number))) for number in range(300, 311)]
    assert [answer.get("created") for answer in answers] == [True] * 10 + [None]
    assert answers[-1]["refused"] == "too_many_attempts"


async def test_a_network_may_look_sixty_times_a_minute_whichever_exchange_it_names(
    serve: Serve, database: Database, exchange: Exchange
):
    async with (
        aclosing(
            Limits(database.redis_url, exchange.get_rate_limits, answer_seconds=PATIENT_SECONDS)
        ) as limits,
        serve(limiter=CountedSignUps(limits)) as page,
        page.browser() as browser,
    ):
        token = await page.link("300")
        others = [f"{number}.{token.partition('.')[2]}" for number in range(10**6, 10**6 + 59)]
        assert {(await browser.look(other))["refused"] for other in others} == {"token_unknown"}
        assert "exchange" in await browser.look(token)
        response = await browser.post("/api/sign-up/look", {"token": token})
        assert response.status == 429
        assert int(response.headers["Retry-After"]) > 0
        assert (await browser.consent(token))["created"] is True, "that is counted apart"


async def test_without_redis_signing_up_waits_and_the_link_stays_good(serve: Serve, exchange: Exchange):
    async with (
        aclosing(Limits("redis://127.0.0.1:9/0", exchange.get_rate_limits)) as limits,
        serve(limiter=CountedSignUps(limits)) as page,
        page.browser() as browser,
    ):
        token = await page.link("400")
        response = await browser.post("/api/sign-up/consent", {"token": token, "agrees": True})
        assert response.status == 503
        assert "Nobody can sign up at this moment" in (await response.json())["detail"]
        assert "exchange" in await browser.look(token)


async def test_the_address_alone_leads_to_the_page(page: Page):
    async with page.browser() as browser:
        response = await browser.request("GET", "/")
        assert (response.status, response.headers["Location"]) == (302, "/register")
