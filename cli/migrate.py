"""`betjee migrate`: the database's shapes and functions, brought to this version."""

import argparse
import asyncio

from exchange.migrations import migrate
from runtime.addresses import addresses_for
from runtime.exit_codes import ExitCode
from runtime.settings import Settings


def run(_arguments: argparse.Namespace, settings: Settings) -> ExitCode:
    """Migrate as the owner, and name what was applied."""
    with addresses_for(settings, redis=False) as addresses:
        applied = asyncio.run(migrate(addresses.owner()))
    for name in applied:
        print(f"applied {name}")
    if not applied:
        print("The database is up to date.")
    return ExitCode.DONE
