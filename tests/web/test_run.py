"""`betjee web` as a whole: it serves, ends politely, and says in one sentence what it lacks."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import aiohttp
import asyncpg
import pytest

from runtime.limits import Limits
from runtime.settings import SettingError, Settings, settings_from
from tests.conftest import PATIENT_SECONDS, Database
from tests.sql.blocking import holding_exchange, wait_for_waiting
from tests.web.page import Browser, Page
from web import run as web_run

ANSWER_SECONDS = 20


@pytest.fixture
def settings() -> Settings:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    return settings_from(
        {
            "BETJEE_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "BETJEE_WEB_PORT": str(port),
            "BETJEE_HASH_KEY": "a key of the tests, long enough to be one",
        }
    )


@pytest.fixture(autouse=True)
async def process_state(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """What `run` sets for the whole process is set back. A busy machine is not told that Redis is away."""
    monkeypatch.setattr(web_run, "Limits", partial(Limits, answer_seconds=PATIENT_SECONDS))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        asyncio.get_running_loop().remove_signal_handler(number)
        signal.signal(number, handler)


async def opened(browser: Browser) -> None:
    """Wait until the page answers."""
    while True:
        try:
            await browser.open()
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.02)
        else:
            return


async def test_the_page_is_served_and_finishes_what_is_in_hand(
    settings: Settings,
    database: Database,
    page: Page,
    connection_owner: asyncpg.Connection,
    watcher: asyncpg.Connection,
):
    url = settings.require_public_url()
    token = await page.link()
    running = asyncio.create_task(web_run.run(settings, database.service_url, database.redis_url))
    try:
        async with (
            asyncio.timeout(ANSWER_SECONDS),
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
        ):
            browser = Browser(http, url, url)
            await opened(browser)
            async with holding_exchange(connection_owner, page.exchange_id):
                pressed = asyncio.create_task(browser.consent(token))
                await wait_for_waiting(watcher, "complete_verification")
                os.kill(os.getpid(), signal.SIGTERM)
                await refuses_connections(settings.web_port)
                assert not running.done()
            assert (await pressed)["created"] is True
            await running
    finally:
        running.cancel()


async def refuses_connections(port: int) -> None:
    """Wait until nobody new is served."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return
        writer.close()
        await asyncio.sleep(0.02)


async def test_a_running_page_tells_operators_how_it_does(settings: Settings, database: Database):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    watched = replace(settings, metrics_port=port)
    running = asyncio.create_task(web_run.run(watched, database.service_url, database.redis_url))
    try:
        async with (
            asyncio.timeout(ANSWER_SECONDS),
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
        ):
            browser = Browser(http, settings.require_public_url(), settings.require_public_url())
            await opened(browser)
            assert (await browser.look("1." + "A" * 43))["refused"] == "token_unknown"
            async with http.get(f"http://127.0.0.1:{port}/ready") as ready:
                assert (ready.status, await ready.json()) == (200, {"ready": True, "database": True})
            async with http.get(f"http://127.0.0.1:{port}/metrics") as metrics:
                figures = (await metrics.text()).splitlines()
            assert 'betjee_refusals_total{code="token_unknown"} 1.0' in figures
            assert 'betjee_limiter_state{state="shared"} 1.0' in figures
            exchanges = [line.split()[1] for line in figures if line.startswith("betjee_exchanges ")]
            assert exchanges
            assert exchanges != ["NaN"]
            os.kill(os.getpid(), signal.SIGTERM)
            await running
    finally:
        running.cancel()


async def test_a_port_that_is_taken_is_one_human_sentence(settings: Settings, database: Database):
    sentence = r"^The web page cannot listen on 127\.0\.0\.1, port \d+: set .*\.$"
    with socket.create_server(("127.0.0.1", settings.web_port)), pytest.raises(SettingError, match=sentence):
        await web_run.run(settings, database.service_url, database.redis_url)


async def test_a_page_without_an_address_is_not_served(database: Database):
    with pytest.raises(SettingError, match=r"^BETJEE_PUBLIC_URL is not set"):
        await web_run.run(settings_from({}), database.service_url, database.redis_url)


@pytest.mark.parametrize(
    ("environment", "warns"),
    [
        ({"BETJEE_PUBLIC_URL": "https://betjee.example"}, True),
        ({"BETJEE_PUBLIC_URL": "https://betjee.example", "BETJEE_WEB_PROXIES": "10.0.0.1"}, False),
        ({"BETJEE_PUBLIC_URL": "http://127.0.0.1:8000"}, False),
    ],
)
async def test_a_page_that_may_not_see_where_people_come_from_is_warned_of(
    settings: Settings,
    database: Database,
    caplog: pytest.LogCaptureFixture,
    environment: dict[str, str],
    warns: bool,
):
    told = settings_from(environment)
    settings = replace(settings, public_url=told.public_url, web_proxies=told.web_proxies)
    running = asyncio.create_task(web_run.run(settings, database.service_url, database.redis_url))
    try:
        async with asyncio.timeout(ANSWER_SECONDS), aiohttp.ClientSession() as http:
            await opened(
                Browser(http, f"http://127.0.0.1:{settings.web_port}", settings.require_public_url())
            )
            os.kill(os.getpid(), signal.SIGTERM)
            await running
    finally:
        running.cancel()
    assert ("BETJEE_WEB_PROXIES is empty" in caplog.text) is warns
