"""The counts of one process alone, for as long as Redis is away.

They are stricter where it matters: of trades half as many places, since another process may count as many. The
windows are fixed ones, the only ones that the library keeps in memory without a thread for each key; two halves that
meet at the edge of a window are still no more than the whole.
"""

import math
import time
from typing import Final

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from runtime.limits.budgets import ADMITTED, SHORTEST_WAIT_SECONDS, Budget, Demand, Reason, Ruling, Window

MOST_COUNTS: Final = 10_000
"""About 5 MB, and 1 ms to look through at each action. Counts end with their windows, so it takes thousands of
members within a minute to reach it; then all are forgotten, rather than that anybody is kept from trading."""

Count = tuple[RateLimitItem, str]


class CountsAlone:
    """Counts in the memory of this process."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._windows = FixedWindowRateLimiter(self._storage)

    async def take(self, demand: Demand) -> Ruling:
        """Take a place in every window of a demand, or in none. Nothing in it waits, so no other comes between."""
        if len(self._storage.expirations) >= MOST_COUNTS:
            await self.forget()
        terms = demand.terms
        halved = terms.budget is Budget.TRADES
        owned = [_count(demand, demand.owner, window, halved=halved) for window in terms.own]
        kept = _count(demand, f"kept:{demand.owner}", terms.kept)
        wait = max([await self._wait(count) for count in owned])
        if demand.network is None:
            return await self._take(owned, wait, Reason.MEMBER)
        network = _count(demand, demand.network, terms.network, halved=halved)
        if wait > 0:
            return Ruling(Reason.MEMBER, wait)
        wait = min(await self._wait(network), await self._wait(kept))
        return await self._take([*owned, network, kept], wait, Reason.NETWORK)

    async def forget(self) -> None:
        """Begin anew, as after Redis has come back."""
        await self._storage.reset()

    async def _take(self, counts: list[Count], wait: float, reason: Reason) -> Ruling:
        if wait > 0:
            return Ruling(reason, wait)
        for item, whose in counts:
            await self._windows.hit(item, whose)
        return ADMITTED

    async def _wait(self, count: Count) -> float:
        item, whose = count
        if item.amount == 0:
            return math.inf
        if await self._windows.test(item, whose):
            return 0.0
        reset_time, _ = await self._windows.get_window_stats(item, whose)
        return max(reset_time - time.time(), SHORTEST_WAIT_SECONDS)


def _count(demand: Demand, whose: str, window: Window, *, halved: bool = False) -> Count:
    places = max(window.places // 2, 1) if halved else window.places
    namespace = f"{demand.exchange_id}:{demand.terms.budget}"
    return RateLimitItemPerSecond(places, window.seconds, namespace), whose
