"""`make bench`: trades a second and latencies, beside pgbench and the naive way, on one embedded PostgreSQL."""

import argparse
import asyncio
import shutil
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

import asyncpg

from benchmarks.figures import Result, median
from benchmarks.naive import Naive
from benchmarks.ours import Ours
from benchmarks.report import GOAL_CALLERS, HOT, SPREAD, Measured, report
from benchmarks.stops import Stops
from benchmarks.tpcb import CLIENTS, Pgbench, find_pgbench
from exchange.database import Database
from exchange.exchange import Exchange
from exchange.migrations import migrate
from runtime.servers import EmbeddedServers

CALLERS = (1, 32, GOAL_CALLERS, 1_000)


async def measure(servers: EmbeddedServers, rounds: int, seconds: float) -> Measured:
    """Measure everything once a round, so that whatever disturbs this machine disturbs all alike."""
    await migrate(servers.database_owner_url)
    owner = await asyncpg.connect(servers.database_owner_url)
    exchange = Exchange(Database(servers.database_url))
    ours = await Ours.prepare(owner, exchange, max(CALLERS))
    naive = await Naive.prepare(servers.superuser_url)
    stops = await Stops.prepare(owner, exchange)
    pgbench = await prepare_pgbench(servers)

    through_exchange: dict[tuple[int, int], list[Result]] = defaultdict(list)
    naively: dict[int, list[Result]] = defaultdict(list)
    tpcb: dict[int, list[float]] = defaultdict(list)
    for number in range(1, rounds + 1):
        print(f"Round {number} of {rounds} ...", flush=True)
        for callers in CALLERS:
            for markets in (HOT, SPREAD):
                through_exchange[callers, markets].append(await ours.measure(callers, markets, seconds))
        for markets in (HOT, SPREAD):
            naively[markets].append(await naive.measure(markets, seconds))
        if pgbench is not None:
            for clients in CLIENTS:
                tpcb[clients].append(await asyncio.to_thread(pgbench.measure, clients, seconds))
        await stops.measure(seconds)

    discrepancies = await owner.fetch(
        "select audit_exchange from betjee.exchanges e, betjee.audit_exchange(e.exchange_id)"
    )
    for part in (naive, exchange, owner):
        await part.close()
    return Measured(
        through_exchange={key: median(results) for key, results in through_exchange.items()},
        hot_to_spread=statistics.median(
            hot.per_second / spread.per_second
            for hot, spread in zip(
                through_exchange[GOAL_CALLERS, HOT], through_exchange[GOAL_CALLERS, SPREAD], strict=True
            )
        ),
        naive={markets: median(results) for markets, results in naively.items()},
        tpcb={clients: statistics.median(rates) for clients, rates in tpcb.items()},
        stops=stops.measured,
        discrepancies=[row[0] for row in discrepancies],
    )


async def prepare_pgbench(servers: EmbeddedServers) -> Pgbench | None:
    """Pgbench with its tables filled, or None where it is not installed."""
    program = find_pgbench()
    if program is None:
        return None
    administrator = await asyncpg.connect(servers.superuser_url)
    await administrator.execute("create database pgbench")
    await administrator.close()
    pgbench = Pgbench(program, servers.superuser_url)
    await asyncio.to_thread(pgbench.prepare, "pgbench")
    return pgbench


def main() -> None:
    """Start a PostgreSQL for the purpose, measure, print, and throw it away."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often each figure is measured; medians are shown"
    )
    parser.add_argument("--seconds", type=float, default=3, help="how long each measurement takes")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="betjee-bench-"))
    try:
        with EmbeddedServers(folder, valkey=False) as servers:
            measured = asyncio.run(measure(servers, options.rounds, options.seconds))
    finally:
        shutil.rmtree(folder)
    print(report(measured))


if __name__ == "__main__":
    main()
