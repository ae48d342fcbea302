"""The real bot on a simulated Discord, over the real exchange and the real Redis."""

from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from pathlib import Path

import discord
import pytest
import simcord
from redis.asyncio import Redis
from simcord.builders import ChannelHandle

from bot.client import BetJee
from bot.run import redis_client
from exchange.database import Database as Connections
from exchange.database import Patience
from exchange.exchange import Exchange
from tests.bot.payloads import Payloads
from tests.bot.world import World
from tests.conftest import Database

OPENAPI = Path(__file__).parents[3] / "shared" / "discord" / "openapi.json"

IMPATIENT = Patience(statement_seconds=1.0, request_seconds=0.0)
"""A test that takes the database away does not wait for its return.

Nor could it: to the simulated Discord, a command that waits for a worker that sleeps never settles.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The bot asks Discord how many shards it should have; the simulated one wants to be told."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.simcord(shard_count=1))


@pytest.fixture(scope="session")
def payloads() -> Payloads | None:
    """Discord's own description of its HTTP API, or None where it is absent."""
    return Payloads.read(OPENAPI) if OPENAPI.exists() else None


@pytest.fixture
async def exchange(database: Database) -> AsyncIterator[Exchange]:
    exchange = Exchange(
        Connections(database.service_url, patience=IMPATIENT),
        hash_identity=lambda provider, number: sha256(f"{provider} {number}".encode()).digest(),
    )
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


@pytest.fixture
def new_bot(exchange: Exchange, redis: Redis) -> Callable[[], BetJee]:
    return lambda: BetJee(exchange, redis)


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
