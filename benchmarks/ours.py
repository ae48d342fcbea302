"""Trades through `Exchange`: many callers, each a member who buys a share and sells it again."""

import asyncio
import itertools
import math
import time
from collections.abc import Awaitable, Callable
from functools import partial

import asyncpg

from benchmarks.figures import Result, Stopwatch
from exchange.exchange import Exchange
from exchange.models import Order, Side, Size, Status
from tests.model.curve import Terms
from tests.model.founding import WIDE, Founded, found

MARKETS = tuple(f"m{number}" for number in range(10))
RICH_PAISE = 10**10


class Ours:
    """An exchange with ten markets, and as many members as there will ever be callers."""

    def __init__(self, exchange: Exchange, founded: Founded) -> None:
        self._exchange = exchange
        self._founded = founded
        self._request_ids = itertools.count(1)

    @classmethod
    async def prepare(cls, owner: asyncpg.Connection, exchange: Exchange, members: int) -> "Ours":
        """Found it. The band around the price is wide, since a thousand buyers at once would meet it."""
        markets = dict.fromkeys(MARKETS, Terms())
        return cls(exchange, await found(owner, [RICH_PAISE] * members, markets, WIDE))

    @property
    def exchange_id(self) -> int:
        """The exchange's number."""
        return self._founded.exchange_id

    @property
    def users(self) -> tuple[int, ...]:
        """The members, of whom the first are the callers."""
        return self._founded.users

    async def measure(self, callers: int, markets: int, seconds: float) -> Result:
        """Let so many callers trade at once on so many markets."""
        stopwatch = Stopwatch(seconds)
        await self._call_all(stopwatch, callers, markets)
        return stopwatch.result()

    async def measure_during(self, callers: int, markets: int, act: Callable[[], Awaitable[object]]) -> float:
        """Let them trade, and do something once they are warm; trades a second for precisely as long as that takes."""
        stopwatch = Stopwatch(math.inf)
        calls = asyncio.create_task(self._call_all(stopwatch, callers, markets))
        try:
            # The stopwatch counts from the end of its warm-up; by twice as long every caller has traded.
            await asyncio.sleep(2 * stopwatch.warm_up_seconds)
            before, begin = len(stopwatch.latencies), time.perf_counter()
            await act()
            return (len(stopwatch.latencies) - before) / (time.perf_counter() - begin)
        finally:
            stopwatch.seconds = 0
            await calls

    async def _call_all(self, stopwatch: Stopwatch, callers: int, markets: int) -> None:
        async with asyncio.TaskGroup() as group:
            for number, user_id in enumerate(self._founded.users[:callers]):
                group.create_task(self._call(stopwatch, user_id, MARKETS[number % markets]))

    async def _call(self, stopwatch: Stopwatch, user_id: int, market: str) -> None:
        while stopwatch.is_running:
            for side in (Side.BUY, Side.SELL):
                await stopwatch.time(partial(self._trade, user_id, market, side))

    async def _trade(self, user_id: int, market: str, side: Side) -> None:
        order = Order(next(self._request_ids), user_id, market, side, Size(1), confirmed=True)
        outcome = await self._exchange.execute_order(self._founded.exchange_id, order)
        if outcome.status is not Status.FILLED:
            raise RuntimeError(f"A trade of the benchmark was not filled: {outcome}.")
