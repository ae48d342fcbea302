"""`betjee bot`: the bot on Discord."""

import argparse
import asyncio

from bot.run import run as run_bot
from exchange.migrations import migrate
from runtime.addresses import addresses_for
from runtime.event_loop import run as run_on_loop
from runtime.exit_codes import ExitCode
from runtime.settings import Settings


def run(_arguments: argparse.Namespace, settings: Settings) -> ExitCode:
    """Migrate where we may, then run the bot until it is told to stop."""
    settings.require_discord_token()
    with addresses_for(settings) as addresses:
        database_url, redis_url = addresses.service(), addresses.redis()
        if addresses.database_owner_url is not None:
            asyncio.run(migrate(addresses.owner()))
        run_on_loop(run_bot(settings, database_url, redis_url))
    return ExitCode.DONE
