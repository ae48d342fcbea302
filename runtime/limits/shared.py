"""The counts that all processes share, in Redis.

The library's strategies ask for one window at a time, and each asking takes as long as a tenth of a command. That is
right for what is rare: signing up and moderating. A trade needs a place in up to four windows at once, of two lists:
one after the other would be several round trips, and a trade that the last window refuses would have used up places
in the first. So trades are judged by one script, on lists of the library's form; and trades, reads and quotes that
arrive while the last ones are being judged are sent together. Whatever one script touches lies in one slot of a
cluster, since the exchange is the keys' hash tag.
"""

import asyncio
import time
from importlib.resources import files
from typing import Final

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from runtime.limits.budgets import ADMITTED, SHORTEST_WAIT_SECONDS, Demand, Reason, Ruling
from runtime.limits.script_calls import ScriptCalls

PREFIX: Final = "betjee:limits"

ANSWER_SECONDS: Final = 0.09
"""How long a member waits for Redis, a hundred times what it needs; with the rest, no action loses 100 ms."""

_PLACE_IN_ALL: Final = (files("runtime.limits") / "place_in_all.lua").read_text()


class SharedCounts:
    """Counts in the Redis of an address. It raises what the client raises, and TimeoutError where an answer is late."""

    def __init__(self, url: str, answer_seconds: float = ANSWER_SECONDS) -> None:
        # Time-outs on each read and write would cost a third of the whole; there is one around all of it.
        pool = ConnectionPool.from_url(url, retry=Retry(NoBackoff(), 0))
        self._redis = Redis.from_pool(pool)
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=PREFIX,
            connection_pool=pool,  # type: ignore[arg-type]  # the library's docs name it, its types do not
        )
        self._windows = MovingWindowRateLimiter(storage)
        self._answer_seconds = answer_seconds
        self._script = ScriptCalls(_PLACE_IN_ALL, pool.make_connection, answer_seconds)

    async def take(self, demand: Demand) -> Ruling:
        """Take a place in every window of a demand, or in none."""
        if demand.terms.budget.waits:
            async with asyncio.timeout(self._answer_seconds):
                return await self._take_in_one(demand)
        wait_milliseconds = await self._script.call(keys_of(demand), demand.terms.figures)
        if wait_milliseconds == 0:
            return ADMITTED
        reason = Reason.MEMBER if wait_milliseconds > 0 else Reason.NETWORK
        return Ruling(reason, abs(wait_milliseconds) / 1_000)

    async def ping(self) -> None:
        """Ask whether Redis answers and can be written to, however long it takes, and teach it the script."""
        await self._redis.script_load(_PLACE_IN_ALL)
        await self._redis.set(f"{PREFIX}:probe", "", px=1)

    async def close(self) -> None:
        """Close the connections."""
        await self._script.close()
        await self._redis.aclose(close_connection_pool=True)

    async def _take_in_one(self, demand: Demand) -> Ruling:
        (window,) = demand.terms.own
        item = RateLimitItemPerSecond(window.places, window.seconds, hash_tag(demand.exchange_id))
        whose = (demand.terms.budget.value, demand.owner)
        if await self._windows.hit(item, *whose):
            return ADMITTED
        reset_time, _ = await self._windows.get_window_stats(item, *whose)
        return Ruling(Reason.MEMBER, max(reset_time - time.time(), SHORTEST_WAIT_SECONDS))


def hash_tag(exchange_id: int) -> str:
    """What makes all keys of an exchange fall into one slot of a cluster, and those of different ones into many."""
    return f"{{{exchange_id}}}"


def keys_of(demand: Demand) -> tuple[bytes, ...]:
    """The lists of places in which a demand with several windows is judged."""
    prefix = f"{PREFIX}:{hash_tag(demand.exchange_id)}/{demand.terms.budget}"
    if demand.network is None:
        return (f"{prefix}/{demand.owner}".encode(),)
    return f"{prefix}/{demand.owner}".encode(), f"{prefix}/{demand.network}".encode()
