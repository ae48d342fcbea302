"""`betjee sandbox`: the whole exchange on one machine, with a simulated Discord in the browser."""

import argparse
import asyncio

from exchange.migrations import migrate
from runtime.addresses import addresses_for
from runtime.exit_codes import ExitCode
from runtime.settings import Settings
from sandbox.run import run as run_sandbox


def run(_arguments: argparse.Namespace, settings: Settings) -> ExitCode:
    """Migrate, then run the sandbox until it is told to stop."""
    with addresses_for(settings) as addresses:
        database_url, redis_url = addresses.service(), addresses.redis()
        asyncio.run(migrate(addresses.owner()))
        asyncio.run(run_sandbox(settings, database_url, redis_url))
    return ExitCode.DONE
