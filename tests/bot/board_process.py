"""A process that does nothing but keep live boards, on a server of Discord's protocol, until it is killed."""

import asyncio
import sys

import discord

from bot.board_editor import BoardEditor
from exchange.database import Database
from exchange.exchange import Exchange
from runtime.event_loop import run
from tests.bot.discord_server import TOKEN

LEASE_SECONDS = 2
"""Whoever follows a killed editor waits for this long."""


async def keep_boards(database_url: str, api_base: str) -> None:
    """Log in and sweep for ever."""
    discord.http.Route.BASE = api_base
    client = discord.Client(intents=discord.Intents.none())
    await client.login(TOKEN)
    editor = BoardEditor(Exchange(Database(database_url)), client, lease_seconds=LEASE_SECONDS)
    while True:
        await editor.sweep()
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    run(keep_boards(*sys.argv[1:]))
