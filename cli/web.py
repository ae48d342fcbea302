"""`betjee web`: the page on which members sign up."""

import argparse
import asyncio

from exchange.migrations import migrate
from runtime.addresses import addresses_for
from runtime.exit_codes import ExitCode
from runtime.settings import Settings
from web.run import run as run_web


def run(_arguments: argparse.Namespace, settings: Settings) -> ExitCode:
    """Migrate where we may, then serve the page until told to stop."""
    settings.require_public_url()
    with addresses_for(settings) as addresses:
        database_url, redis_url = addresses.service(), addresses.redis()
        if addresses.database_owner_url is not None:
            asyncio.run(migrate(addresses.owner()))
        asyncio.run(run_web(settings, database_url, redis_url))
    return ExitCode.DONE
