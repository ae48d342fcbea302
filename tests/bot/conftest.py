"""The real bot on a simulated Discord, over the real exchange and the real Redis."""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import discord
import pytest
import simcord
from redis.asyncio import Redis
from redis.exceptions import RedisError
from simcord.builders import ChannelHandle

from bot.client import BetJee
from bot.pictures.studio import Studio
from bot.run import redis_client
from exchange.database import Database as Connections
from exchange.database import Patience
from exchange.exchange import Exchange
from exchange.limits import RateLimits
from runtime.limits import Limits
from runtime.limits.shared import PREFIX
from tests.bot.boarding import Boarding
from tests.bot.payloads import Payloads
from tests.bot.world import World
from tests.conftest import HASHES, PATIENT_SECONDS, Database

OPENAPI = Path(__file__).parents[3] / "shared" / "discord" / "openapi.json"

IMPATIENT = Patience(statement_seconds=10.0, request_seconds=0.0)
"""A test that takes the database away does not wait for its return.

Nor could it: to the simulated Discord, a command that waits for a worker that sleeps never settles.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The bot asks Discord how many shards it should have; the simulated one wants to be told.

    And it waits for the bot until it has done everything, on a slow machine too.
    """
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.simcord(shard_count=1, settle_timeout=3 * PATIENT_SECONDS))


@pytest.fixture(scope="session")
def payloads() -> Payloads | None:
    """Discord's own description of its HTTP API, or None where it is absent."""
    return Payloads.read(OPENAPI) if OPENAPI.exists() else None


@pytest.fixture
async def exchange(database: Database) -> AsyncIterator[Exchange]:
    exchange = Exchange(Connections(database.service_url, patience=IMPATIENT), hash_identity=HASHES.identity)
    # The first question opens the connections, which must not belong to the bot: whatever it starts,
    # the simulated Discord waits for.
    await exchange.find_exchange("discord", "0")
    try:
        yield exchange
    finally:
        await exchange.close()


@pytest.fixture
async def redis(database: Database) -> AsyncIterator[Redis]:
    client = redis_client(database.redis_url)
    try:
        yield client
    finally:
        await client.aclose()


@pytest.fixture(scope="session")
async def studio() -> AsyncIterator[Studio]:
    """Where the session's pictures are drawn. It is open before any bot is, for the same reason as the connections."""
    studio = Studio()
    await studio.open()
    try:
        yield studio
    finally:
        await studio.close()


async def forget_counts(redis: Redis) -> None:
    """Begin with nobody having done anything: people and exchanges have the same numbers in each test."""
    with contextlib.suppress(RedisError):
        async for key in redis.scan_iter(f"{PREFIX}:*"):
            await redis.delete(key)


@pytest.fixture
async def limits(database: Database, exchange: Exchange, redis: Redis) -> AsyncIterator[Limits]:
    await forget_counts(redis)
    limits = Limits(database.redis_url, exchange.get_rate_limits, answer_seconds=PATIENT_SECONDS)
    async with contextlib.aclosing(limits):
        await limits.look()
        yield limits


@pytest.fixture
def unhurried(limits: Limits, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test of something else, in which people do more than they could within a minute."""
    wide = RateLimits(user_trades_per_minute=600, user_trade_burst=600, user_reads_per_minute=600)
    monkeypatch.setattr(limits._settings, "get", lambda _: wide)


@pytest.fixture
def new_bot(exchange: Exchange, redis: Redis, limits: Limits, studio: Studio) -> Callable[[], BetJee]:
    return lambda: BetJee(exchange, redis, limits=limits, studio=studio)


@pytest.fixture
def simcord_bot(new_bot: Callable[[], BetJee]) -> BetJee:
    """The bot that the library's own fixture `simcord_env` runs."""
    return new_bot()


@pytest.fixture
async def world(
    simcord_env: simcord.Env, simcord_bot: BetJee, exchange: Exchange, payloads: Payloads | None
) -> AsyncIterator[World]:
    env = simcord_env
    owner = env.create_user("meera", global_name="Meera")
    guild = env.create_guild("JEE 2026", owner=owner)
    channel = guild.create_text_channel("betjee")
    asha = guild.add_member(env.create_user("asha", global_name="Asha"))
    ravi = guild.add_member(env.create_user("ravi", global_name="Ravi"))
    await env.settle()
    yield World(
        env, simcord_bot, exchange, guild, channel, asha, ravi, simcord.MemberActor(env, guild, owner)
    )
    if payloads is not None:
        payloads.check(env.http_requests)


@pytest.fixture
def mute(world: World) -> Callable[[str], ChannelHandle]:
    """Makes channels in which the bot may not speak."""

    def make(name: str) -> ChannelHandle:
        silence = discord.PermissionOverwrite(send_messages=False)
        return world.guild.create_text_channel(name, overwrites={world.guild.default_role: silence})

    return make


@pytest.fixture
def boarding(connection_owner: asyncpg.Connection, world: World) -> Boarding:
    """A live board, which Meera may put."""
    return Boarding(world, connection_owner)
