"""`betjee bot` and `betjee web` as in production: processes of their own, on the event loop that each is run on there."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from runtime.exit_codes import ExitCode
from tests.bot.discord_server import TOKEN, DiscordServer
from tests.conftest import Database
from tests.system.conftest import environment

DONE_SECONDS = 60


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        number: int = listener.getsockname()[1]
        return number


@asynccontextmanager
async def running(
    command: str, data_folder: Path, database: Database, **settings: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command that serves; it is ended with the test."""
    addresses = {"DATABASE_URL": database.service_url, "REDIS_URL": database.redis_url}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "cli.main", command),
        env=environment(data_folder, addresses | settings),
    )
    try:
        async with asyncio.timeout(DONE_SECONDS):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_the_bot_trades_draws_and_ends_politely(data_folder: Path, database: Database):
    port, operators_port = free_port(), free_port()
    settings = {
        "BETJEE_METRICS_PORT": str(operators_port),
        "DISCORD_TOKEN": TOKEN,
        "DISCORD_API_BASE": f"http://127.0.0.1:{port}/api",
        "DISCORD_GATEWAY": f"ws://127.0.0.1:{port}/gateway",
    }
    async with (
        DiscordServer().listening(port) as server,
        running("bot", data_folder, database, **settings) as process,
        aiohttp.ClientSession() as http,
    ):
        await server.identified.wait()
        await server.sends_command(7001, "register")
        assert (await server.next_card(7001))["title"] == "Welcome to the exchange"
        await server.sends_command(7002, "buy", market="22s1", shares="10")
        assert (await server.next_card(7002))["title"] == "Bought 10 × 22s1"
        await server.sends_command(7003, "chart", market="22s1")
        assert (await server.next_card(7003))["image"]["url"] == "attachment://picture.png"
        async with http.get(f"http://127.0.0.1:{operators_port}/metrics") as answer:
            assert 'betjee_commands_total{command="buy",outcome="done"} 1.0' in await answer.text()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == ExitCode.DONE


async def test_the_page_is_served_and_ends_politely(data_folder: Path, database: Database):
    port = free_port()
    settings = {"BETJEE_PUBLIC_URL": f"http://127.0.0.1:{port}", "BETJEE_WEB_PORT": str(port)}
    async with (
        running("web", data_folder, database, **settings) as process,
        aiohttp.ClientSession() as http,
    ):
        page = ""
        while not page:
            try:
                async with http.get(settings["BETJEE_PUBLIC_URL"]) as answer:
                    assert answer.status == 200
                    page = await answer.text()
            except aiohttp.ClientConnectionError:
                assert process.returncode is None
                # Nothing tells from outside when it listens; how long that may take, `running` bounds.
                await asyncio.sleep(0.02)
        assert "csrf-token" in page
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == ExitCode.DONE
