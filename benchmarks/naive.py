"""The same trade done the naive way, as a reference: begin, select for update, compute in Python, write, commit.

It has tables of its own, as simple as can be, on the same server; eight connections, each a caller.
"""

import asyncio
import math
from functools import partial

import asyncpg

from benchmarks.figures import Result, Stopwatch

CONNECTIONS = 8
MARKETS = 10

TABLES = """
create schema naive;
create table naive.markets (market_id int primary key, sold bigint not null);
create table naive.users (user_id int primary key, cash_paise bigint not null);
create table naive.positions (user_id int, market_id int, shares bigint not null, primary key (user_id, market_id));
create table naive.trades (
  trade_id bigint generated always as identity primary key, user_id int not null, market_id int not null,
  shares bigint not null, gross_paise bigint not null, tax_paise bigint not null,
  traded_at timestamptz not null default clock_timestamp());
insert into naive.markets select number, 0 from generate_series(0, 9) number;
insert into naive.users select number, 10000000000 from generate_series(0, 7) number;
"""


class Naive:
    """Eight traders with a connection each."""

    def __init__(self, connections: list[asyncpg.Connection]) -> None:
        self._connections = connections

    @classmethod
    async def prepare(cls, database_url: str) -> "Naive":
        """Make the tables and connect."""
        connections = [await asyncpg.connect(database_url) for _ in range(CONNECTIONS)]
        await connections[0].execute(TABLES)
        return cls(connections)

    async def close(self) -> None:
        """Close the connections."""
        for connection in self._connections:
            await connection.close()

    async def measure(self, markets: int, seconds: float) -> Result:
        """Trade on so many markets."""
        stopwatch = Stopwatch(seconds)
        async with asyncio.TaskGroup() as group:
            for number, connection in enumerate(self._connections):
                group.create_task(self._call(stopwatch, connection, number, number % markets))
        return stopwatch.result()

    async def _call(
        self, stopwatch: Stopwatch, connection: asyncpg.Connection, user_id: int, market_id: int
    ) -> None:
        while stopwatch.is_running:
            for shares in (1, -1):
                await stopwatch.time(partial(trade, connection, user_id, market_id, shares))


async def trade(connection: asyncpg.Connection, user_id: int, market_id: int, shares: int) -> None:
    """Buy (or, negative, sell) shares."""
    async with connection.transaction():
        sold = await connection.fetchval(
            "select sold from naive.markets where market_id = $1 for update", market_id
        )
        cash = await connection.fetchval(
            "select cash_paise from naive.users where user_id = $1 for update", user_id
        )
        gross = round(value(sold + shares) - value(sold))
        tax = math.ceil(abs(gross) * 167 / 10_000)
        if cash < gross + tax:
            raise RuntimeError("A trader of the benchmark ran out of cash.")
        await connection.execute(
            "update naive.markets set sold = sold + $2 where market_id = $1", market_id, shares
        )
        await connection.execute(
            "update naive.users set cash_paise = cash_paise - $2 where user_id = $1", user_id, gross + tax
        )
        await connection.execute(
            "insert into naive.positions as p values ($1, $2, $3)"
            " on conflict (user_id, market_id) do update set shares = p.shares + $3",
            user_id,
            market_id,
            shares,
        )
        await connection.execute(
            "insert into naive.trades (user_id, market_id, shares, gross_paise, tax_paise) values ($1, $2, $3, $4, $5)",
            user_id,
            market_id,
            shares,
            gross,
            tax,
        )


def value(sold: int) -> float:
    """The integral of the default curve in floating point, as a front end would have it."""
    return 1_000 * sold + 99_000 * 1_000 * math.log1p(math.exp(10 * (sold / 10_000 - 0.5)))
