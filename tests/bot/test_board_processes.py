"""Two processes and one board, on a server of Discord's protocol over real sockets, one of them killed."""

import asyncio
import itertools
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg

from bot.communities import PROVIDER
from exchange.database import Database as Connections
from exchange.exchange import Exchange
from exchange.models import Identity, Order, Side, Size
from tests.bot.discord_server import CHANNEL_ID, GUILD_ID, MESSAGE, OWNER_ID, DiscordServer
from tests.conftest import HASHES, Database

PATIENCE_SECONDS = 60
CHANGES = 6
ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def keeper(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that keeps boards, which is killed at the end of the block at the latest."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bot.board_process", *arguments, cwd=ROOT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def looked(owner: asyncpg.Connection) -> None:
    """Wait until the board has been looked at since the last change, and nobody has it in hand."""
    query = (
        "select looked_sequence = sequence and holder is null"
        " from betjee.live_boards join betjee.exchanges using (exchange_id)"
    )
    while not await owner.fetchval(query):  # noqa: ASYNC110  # the database has no event for it
        await asyncio.sleep(0.02)


def sent(server: DiscordServer) -> list[tuple[str, str]]:
    """What has been done to messages since the last time."""
    requests = [server.requests.get_nowait() for _ in range(server.requests.qsize())]
    return [(method, path) for method, path, _ in requests if "/messages" in path]


async def test_two_processes_keep_one_board_and_one_goes_on_alone(database: Database):
    exchange = Exchange(Connections(database.service_url), hash_identity=HASHES.identity)
    owner = await asyncpg.connect(database.owner_url)
    numbers = itertools.count(1)
    meera = Identity(PROVIDER, OWNER_ID, "Meera")
    exchange_id = await exchange.open_exchange(next(numbers), PROVIDER, GUILD_ID, "JEE 2026", meera)
    member = await exchange.register_user(exchange_id, next(numbers), meera)
    # Who put it has died before it was posted.
    await exchange.put_board(
        exchange_id,
        next(numbers),
        member.user_id,
        PROVIDER,
        channel_id=CHANNEL_ID,
        holder="dead",
        lease_seconds=1,
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    arguments = (database.service_url, f"http://127.0.0.1:{port}/api")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(owner.close)
        stack.push_async_callback(exchange.close)
        await stack.enter_async_context(asyncio.timeout(PATIENCE_SECONDS))
        server = await stack.enter_async_context(DiscordServer().listening(port))
        first = await stack.enter_async_context(keeper(*arguments))
        await stack.enter_async_context(keeper(*arguments))
        await looked(owner)
        message = f"channels/{CHANNEL_ID}/messages"
        pin = f"{message}/pins/{MESSAGE['id']}"
        assert sent(server) == [("POST", message), ("PUT", pin)], "one board, posted once"
        for change in range(CHANGES):
            order = Order(next(numbers), member.user_id, "22s1", Side.BUY, Size(shares=5))
            await exchange.execute_order(exchange_id, order)
            await owner.execute("update betjee.live_boards set next_look_at = clock_timestamp()")
            await looked(owner)
            assert sent(server) == [("PATCH", f"{message}/{MESSAGE['id']}")], "one editor, whichever it is"
            if change == CHANGES // 2:
                first.kill()
