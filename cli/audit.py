"""`betjee audit`: whether the ledger, the balances and the markets agree to the paisa."""

import argparse
import asyncio

from cli.reports import show
from exchange.audit import audit
from runtime.addresses import addresses_for
from runtime.exit_codes import ExitCode
from runtime.settings import Settings


def run(arguments: argparse.Namespace, settings: Settings) -> ExitCode:
    """Audit one exchange or all of them, as the application, while trading goes on."""
    with addresses_for(settings, redis=False) as addresses:
        report = asyncio.run(audit(addresses.service(), arguments.exchange))
    return show(report.figures, report.discrepancies)
