"""`python -m benchmarks.relay`: kill the relay a hundred times with a thousand notices due, and count what arrived."""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path

from exchange.migrations import migrate
from runtime.servers import EmbeddedServers
from tests.bot.relay_trial import Verdict, run_trial


async def measure(servers: EmbeddedServers, notices: int, kills: int) -> Verdict:
    """Run the trial on these servers."""
    await migrate(servers.database_owner_url)
    return await run_trial(servers.database_owner_url, servers.database_url, notices, kills)


def main() -> int:
    """Exit code 0 if every notice arrived and only what was in hand at a kill arrived twice, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relay", description=__doc__)
    parser.add_argument("--notices", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=100)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="betjee-relay-"))
    started = time.monotonic()
    try:
        with EmbeddedServers(folder, valkey=False) as servers:
            verdict = asyncio.run(measure(servers, options.notices, options.kills))
    finally:
        shutil.rmtree(folder)
    print(f"{verdict.kills} kills, {verdict.due:,} notices due, {time.monotonic() - started:.0f} s.")
    print(f"Not delivered: {len(verdict.undelivered)}. Delivered and not marked: {verdict.unmarked}.")
    print(f"Arrived twice, killed between sending and marking: {len(verdict.repeated)}.")
    print(f"Arrived twice without such a reason: {len(verdict.unexplained)}.")
    return 0 if verdict.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
