"""`betjee rebuild`: what the ledger says that everything else must be."""

import argparse
import asyncio

from cli.reports import show
from exchange.rebuild import rebuild
from runtime.addresses import addresses_for
from runtime.exit_codes import ExitCode
from runtime.settings import Settings


def run(arguments: argparse.Namespace, settings: Settings) -> ExitCode:
    """Compare, now or as of a moment of the past; with `--apply` repair as the owner."""
    with addresses_for(settings, redis=False) as addresses:
        address = addresses.owner() if arguments.apply else addresses.service()
        report = asyncio.run(
            rebuild(address, exchange_id=arguments.exchange, at=arguments.at, apply=arguments.apply)
        )
    return show(report.figures, report.discrepancies)
