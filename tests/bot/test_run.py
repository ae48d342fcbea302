"""The running bot as a whole, on a server of Discord's protocol over real sockets."""

import asyncio
import json
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import aiohttp
import asyncpg
import discord
import psutil
import pytest
from discord.gateway import DiscordWebSocket

from bot import run as bot_run
from runtime.limits import Limits
from runtime.settings import SettingError, Settings, settings_from
from tests.bot.discord_server import CHANNEL_ID, TOKEN, DiscordServer
from tests.bot.telling import DETAILS
from tests.bot.wire import Wire
from tests.conftest import PATIENT_SECONDS, Database

RUN_SECONDS = 3 * PATIENT_SECONDS
"""How long a test waits for all that its bot does: it starts, is connected twice, and draws a picture."""


@pytest.fixture
def port() -> int:
    """A port that nobody listens on yet."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        number: int = listener.getsockname()[1]
        return number


@pytest.fixture
def settings(port: int) -> Settings:
    return settings_from(
        {
            "DISCORD_TOKEN": TOKEN,
            "DISCORD_API_BASE": f"http://127.0.0.1:{port}/api",
            "DISCORD_GATEWAY": f"ws://127.0.0.1:{port}/gateway",
            "BETJEE_HASH_KEY": "a key of the tests, long enough to be one",
        }
    )


@pytest.fixture(autouse=True)
async def process_state(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """What `run` sets for the whole process is set back."""
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    # Nothing else of it is changed: a machine on which this is too much shall not be told that Redis is away.
    monkeypatch.setattr(bot_run, "Limits", partial(Limits, answer_seconds=PATIENT_SECONDS))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        asyncio.get_running_loop().remove_signal_handler(number)
        signal.signal(number, handler)


@pytest.fixture
async def wire(database: Database) -> AsyncIterator[Wire]:
    async with Wire(database.service_url) as wire:
        yield wire


@contextmanager
def heard(logger: str, words: str) -> Iterator[asyncio.Event]:
    """An event for a line in the log."""
    event = asyncio.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if words in record.getMessage():
                event.set()

    listener = Listener()
    logging.getLogger(logger).addHandler(listener)
    try:
        yield event
    finally:
        logging.getLogger(logger).removeHandler(listener)


def drawing_processes() -> set[psutil.Process]:
    """The processes that draw pictures for this one."""
    family = psutil.Process().children()
    return {process for process in family if "bot.pictures.worker" in process.cmdline()}


async def test_the_bot_waits_for_discord_serves_and_ends_politely(
    settings: Settings, port: int, wire: Wire, database: Database, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    running = asyncio.create_task(bot_run.run(settings, wire.url, database.redis_url))
    try:
        with heard("bot.run", "Discord cannot be reached") as late:
            await asyncio.wait_for(late.wait(), PATIENT_SECONDS)
        async with DiscordServer().listening(port) as server, asyncio.timeout(RUN_SECONDS):
            await server.identified.wait()
            server.identified.clear()
            await server.sends_nonsense()
            await server.identified.wait()
            await server.sends_command(7001, "register")
            assert (await server.next_card(7001))["title"] == "Welcome to the exchange"
            drawing = drawing_processes()
            await server.sends_command(7004, "chart", market="22s1")
            assert (await server.next_card(7004))["image"]["url"] == "attachment://picture.png"
            drawing = drawing_processes() - drawing
            assert len(drawing) == 1

            # An order is in hand, because the database is slow, when the bot is told to end.
            wire.hold()
            await server.sends_command(7002, "buy", market="22s1", shares="10")
            while "7002/token-7002/callback" not in (await server.requests.get())[1]:
                pass
            with heard("bot.intake", "Finishing 1 interactions in hand") as closing:
                os.kill(os.getpid(), signal.SIGTERM)
                await closing.wait()
            await server.sends_command(7003, "buy", market="22s1", shares="10")
            assert (await server.next_card(7003))["title"] == "Restarting"
            assert not running.done()
            wire.mend()
            assert (await server.next_card(7002))["title"] == "Bought 10 × 22s1"
            await running
            assert not drawing & drawing_processes()
    finally:
        running.cancel()


async def test_a_running_bot_relays_what_is_due(settings: Settings, port: int, database: Database):
    owner = await asyncpg.connect(database.owner_url)
    async with DiscordServer().listening(port) as server, asyncio.timeout(RUN_SECONDS):
        running = asyncio.create_task(bot_run.run(settings, database.service_url, database.redis_url))
        try:
            await server.identified.wait()
            await server.sends_command(7001, "register")
            await server.next_card(7001)
            await owner.execute(
                "select betjee.queue_notices(e, array[(null, 'market_reopened', $1)::betjee.notice])"
                " from betjee.exchanges e",
                json.dumps(DETAILS["market_reopened"]),
            )
            _, path, body = await server.requests.get()
            while not path.endswith("/messages"):
                _, path, body = await server.requests.get()
            assert path == f"channels/{CHANNEL_ID}/messages"
            assert body["content"].startswith("**22s1 is open again**")
            assert body["enforce_nonce"] is True
            os.kill(os.getpid(), signal.SIGTERM)
            await running
            assert await owner.fetchval("select state from betjee.outbox") == "delivered"
        finally:
            running.cancel()
            await owner.close()


async def test_a_wrong_token_is_one_human_sentence(settings: Settings, port: int, database: Database):
    wrong = replace(settings, discord_token="wrong")  # noqa: S106  # it opens nothing
    async with DiscordServer().listening(port), asyncio.timeout(RUN_SECONDS):
        with pytest.raises(SettingError, match=r"^DISCORD_TOKEN is not accepted by Discord"):
            await bot_run.run(wrong, database.service_url, database.redis_url)


async def test_the_bot_can_be_told_to_end_before_it_was_online(settings: Settings, database: Database):
    running = asyncio.create_task(bot_run.run(settings, database.service_url, database.redis_url))
    try:
        async with asyncio.timeout(RUN_SECONDS):
            with heard("bot.run", "Discord cannot be reached") as late:
                await late.wait()
            os.kill(os.getpid(), signal.SIGINT)
            await running
    finally:
        running.cancel()


async def test_a_running_bot_tells_operators_how_it_does(settings: Settings, port: int, database: Database):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        page = listener.getsockname()[1]
    watched = replace(settings, metrics_port=page)
    running = asyncio.create_task(bot_run.run(watched, database.service_url, database.redis_url))
    try:
        with heard("bot.run", "Discord cannot be reached") as late:
            await asyncio.wait_for(late.wait(), PATIENT_SECONDS)
        status, words = await ask(page, "/ready")
        assert (status, json.loads(words)) == (503, {"ready": False, "database": True, "discord": False})
        async with DiscordServer().listening(port) as server, asyncio.timeout(RUN_SECONDS):
            await server.identified.wait()
            await server.sends_command(7001, "register")
            await server.next_card(7001)
            await server.sends_command(7002, "buy", market="22s1", shares="10")
            await server.next_card(7002)
            await server.sends_command(7003, "buy", market="22s1", shares="2000")
            await server.next_card(7003)
            while (await ask(page, "/ready"))[0] != 200:  # noqa: ASYNC110  # the library has no event for it
                await asyncio.sleep(0.05)
            _, figures = await ask(page, "/metrics")
            for line in (
                'betjee_commands_total{command="register",outcome="done"} 1.0',
                "betjee_batch_orders_count 2.0",
                'betjee_refusals_total{code="order_too_large"} 1.0',
                "betjee_exchanges 1.0",
                "betjee_outbox_lag_seconds 0.0",
            ):
                assert line in figures.splitlines()
            os.kill(os.getpid(), signal.SIGTERM)
            await running
    finally:
        running.cancel()


async def ask(port: int, path: str) -> tuple[int, str]:
    """What the operators' page answers."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()
