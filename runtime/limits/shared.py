"""The counts that all processes share, in Redis.

A window that stands alone is the library's moving window. A trade needs a place in up to four windows at once, of
two lists: the library's strategies judge one window at a time, so that a trade that the last of them refuses would
have used up places in the first, and each would be a round trip of its own. So those are judged together by one
script on lists of the library's form. Whatever one script touches lies in one slot of a cluster, since the exchange
is the keys' hash tag.
"""

import time
from importlib.resources import files
from typing import Final

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from runtime.limits.budgets import SHORTEST_WAIT_SECONDS, Demand, Reason, Ruling, Window

PREFIX: Final = "betjee:limits"

_PLACE_IN_ALL: Final = (files("runtime.limits") / "place_in_all.lua").read_text()
_REASONS: Final = (Reason.ADMITTED, Reason.MEMBER, Reason.NETWORK)


class SharedCounts:
    """Counts in the Redis of an address. How long to wait and how many may ask at once is for the caller to say."""

    def __init__(self, url: str) -> None:
        # Time-outs on each read and write would cost a third of the whole; the caller has one around it all.
        pool = ConnectionPool.from_url(url, retry=Retry(NoBackoff(), 0))
        self._redis = Redis.from_pool(pool)
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=PREFIX,
            connection_pool=pool,  # type: ignore[arg-type]  # the library's docs name it, its types do not
        )
        self._windows = MovingWindowRateLimiter(storage)
        self._place_in_all = self._redis.register_script(_PLACE_IN_ALL)

    async def take(self, demand: Demand) -> Ruling:
        """Take a place in every window of a demand, or in none. Raises what the client raises."""
        if demand.network is None and len(demand.windows) == 1:
            return await self._take_in_one(demand, demand.windows[0])
        keys = keys_of(demand)
        windows = [figure for window in demand.windows for figure in (window.places, window.seconds)]
        figures = [demand.network_window.places, demand.network_window.seconds]
        figures += [demand.kept.places, demand.kept.seconds, *windows]
        reason, wait_milliseconds = await self._place_in_all(keys, figures)
        return Ruling(_REASONS[reason], wait_milliseconds / 1_000)

    async def ping(self) -> None:
        """Ask whether Redis answers. Raises what the client raises."""
        await self._redis.get(PREFIX)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose(close_connection_pool=True)

    async def _take_in_one(self, demand: Demand, window: Window) -> Ruling:
        item = RateLimitItemPerSecond(window.places, window.seconds, hash_tag(demand.exchange_id))
        whose = (demand.budget.value, demand.owner)
        if await self._windows.hit(item, *whose):
            return Ruling()
        reset_time, _ = await self._windows.get_window_stats(item, *whose)
        return Ruling(Reason.MEMBER, max(reset_time - time.time(), SHORTEST_WAIT_SECONDS))


def hash_tag(exchange_id: int) -> str:
    """What makes all keys of an exchange fall into one slot of a cluster, and those of different ones into many."""
    return f"{{{exchange_id}}}"


def keys_of(demand: Demand) -> list[str]:
    """The lists of places in which a demand with several windows is judged."""
    prefix = f"{PREFIX}:{hash_tag(demand.exchange_id)}/{demand.budget}"
    owners = [demand.owner] if demand.network is None else [demand.owner, demand.network]
    return [f"{prefix}/{owner}" for owner in owners]
