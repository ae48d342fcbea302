"""Guessing: links that nobody was given are nobody's, and that somebody tries them is seen all the same."""

import secrets
from contextlib import aclosing

import pytest

from exchange.exchange import Exchange
from exchange.limits import RateLimits
from runtime.limits import Limits
from runtime.metrics import Metrics
from runtime.sign_up_links import SignUpToken
from tests.conftest import HASHES, PATIENT_SECONDS, Database
from tests.web.conftest import Serve
from tests.web.discord_oauth import DiscordOauth
from tests.web.page import Browser
from web import watch
from web.limits import CountedSignUps
from web.watch import MANY_GUESSES

TRIES_A_MINUTE = RateLimits().user_reads_per_minute


def made_up(exchange_id: int) -> str:
    return SignUpToken(exchange_id, secrets.token_urlsafe(32)).text


def figure(metrics: Metrics, code: str) -> float:
    """How often the page has refused with a code."""
    beginning = f'betjee_refusals_total{{code="{code}"}} '
    lines = [line for line in metrics.page().decode().splitlines() if line.startswith(beginning)]
    return float(lines[0].split()[1]) if lines else 0.0


async def guess(browser: Browser, exchange_id: int, times: int, **headers: str | None) -> None:
    """Look at made-up links and press their button by turns, and send what is no link at all."""
    for number in range(times):
        token = "nonsense" if number % 3 == 2 else made_up(exchange_id)
        press = browser.look if number % 2 else browser.consent
        assert (await press(token, **headers))["refused"] == "token_unknown"


async def test_guesses_are_counted_and_told_in_the_log_without_an_address(
    serve: Serve, caplog: pytest.LogCaptureFixture
):
    metrics = Metrics()
    async with serve(metrics=metrics, BETJEE_WEB_PROXIES="127.0.0.1") as page, page.browser() as browser:
        await guess(browser, page.exchange_id, MANY_GUESSES - 1, X_Forwarded_For="198.51.100.7")
        await guess(browser, page.exchange_id, MANY_GUESSES - 1, X_Forwarded_For="198.51.100.8")
        assert caplog.text == "", "people mistype"
        await guess(browser, page.exchange_id, 2 * MANY_GUESSES, X_Forwarded_For="198.51.100.8")
    (record,) = caplog.records
    network = HASHES.networks("198.51.100.8").exact.hex()
    assert f"hash begins with {network[:8]}," in record.getMessage()
    assert network[:10] not in caplog.text
    assert "198.51.100" not in caplog.text
    assert figure(metrics, "token_unknown") == 4 * MANY_GUESSES - 2


async def test_what_becomes_of_given_links_is_no_guess(serve: Serve, caplog: pytest.LogCaptureFixture):
    metrics = Metrics()
    async with serve(metrics=metrics) as page, page.browser() as browser:
        token = await page.link()
        assert (await browser.consent(token))["created"] is True
        for _ in range(2 * MANY_GUESSES):
            assert (await browser.consent(token))["refused"] == "token_used"
    assert caplog.text == ""
    assert figure(metrics, "token_used") == 2 * MANY_GUESSES
    assert figure(metrics, "token_unknown") == 0


async def test_each_minute_is_counted_anew_and_for_a_bounded_number_of_networks(
    serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(watch, "_MOST_NETWORKS", 3)
    monkeypatch.setattr(watch, "_MINUTE_SECONDS", 0.0)
    async with serve(BETJEE_WEB_PROXIES="127.0.0.1") as page, page.browser() as browser:
        await guess(browser, page.exchange_id, 2 * MANY_GUESSES)
        assert caplog.text == ""
        monkeypatch.setattr(watch, "_MINUTE_SECONDS", 60.0)
        for number in range(5):
            await guess(browser, page.exchange_id, MANY_GUESSES, X_Forwarded_For=f"198.51.100.{number}")
    assert len(caplog.records) == 3


@pytest.mark.parametrize("asks_discord", [False, True])
async def test_who_names_another_exchange_in_each_guess_is_too_fast_all_the_same(
    serve: Serve, database: Database, exchange: Exchange, asks_discord: bool
):
    # A network of its own, since Redis is all tests'.
    whence = {"X_Forwarded_For": f"203.0.113.{100 + asks_discord}"}
    async with (
        aclosing(
            Limits(database.redis_url, exchange.get_rate_limits, answer_seconds=PATIENT_SECONDS)
        ) as limits,
        DiscordOauth().listening() as discord,
        serve(
            limiter=CountedSignUps(limits),
            BETJEE_WEB_PROXIES="127.0.0.1",
            **(discord.settings if asks_discord else {}),
        ) as page,
        page.browser() as browser,
    ):
        await limits.look()
        guesses = [made_up(10**6 + number) for number in range(TRIES_A_MINUTE + 5)]
        said = [(await browser.consent(guess, **whence))["refused"] for guess in guesses]
        assert said == ["token_unknown"] * TRIES_A_MINUTE + ["too_many_attempts"] * 5
        token = await page.link()
        refused = await browser.consent(token, **whence)
        assert refused["refused"] == "too_many_attempts", "whatever they try next"
        assert "exchange" in await browser.look(token, **whence), (
            "that is counted apart, and the link stays good"
        )
