"""`python -m benchmarks.kill`: kill PostgreSQL fifty times under load and say what became of the trades."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from runtime.servers import EmbeddedServers
from tests.exchange.crash_trial import run_trial


def main() -> int:
    """Exit code 0 if no trade was lost or doubled and the audit is clean, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="betjee-kill-"))
    try:
        with EmbeddedServers(folder, valkey=False) as servers:
            verdict = asyncio.run(run_trial(servers, options.kills))
    finally:
        shutil.rmtree(folder)
    print(f"{verdict.kills} kills, {verdict.acknowledged:,} acknowledged trades.")
    print(f"Lost: {len(verdict.lost)}. Executed twice: {len(verdict.executed_twice)}.")
    print(f"Executed but never acknowledged: {len(verdict.executed_unheard)}.")
    print(f"Told differently from the ledger: {len(verdict.told_differently)}.")
    print("\n".join(verdict.discrepancies) or "The audit is clean.")
    return 0 if verdict.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
