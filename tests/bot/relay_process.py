"""A process that does nothing but relay, on a server of Discord's protocol, until it is killed."""

import asyncio
import sys

import discord

from bot.postman import Postman
from bot.relay import Relay
from exchange.database import Database
from exchange.exchange import Exchange
from runtime.event_loop import run
from tests.bot.discord_server import TOKEN

LEASE_SECONDS = 1
"""Whoever follows a killed relay waits for this long."""


async def relay(database_url: str, api_base: str) -> None:
    """Log in and sweep for ever."""
    discord.http.Route.BASE = api_base
    client = discord.Client(intents=discord.Intents.none())
    await client.login(TOKEN)
    exchange = Exchange(Database(database_url))
    relaying = Relay(exchange, Postman(client), lease_seconds=LEASE_SECONDS, pause_seconds=0)
    while True:
        await relaying.sweep()
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    run(relay(*sys.argv[1:]))
