"""The one object that front ends ask before they do what a member wants."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from redis.exceptions import RedisError

from exchange.limits import RateLimits
from runtime.limits.alone import CountsAlone
from runtime.limits.budgets import Budget, Caller, Demand, Reason, Ruling, demand_of
from runtime.limits.outages import RETRY_SECONDS, CountingState, Outages
from runtime.limits.shared import ANSWER_SECONDS, SharedCounts
from runtime.remembered import Remembered

SETTINGS_SECONDS: Final = 5.0
NETWORK_SECONDS: Final = 60.0
DEFAULTS: Final = RateLimits()
_EXCHANGES_REMEMBERED: Final = 10_000
_MEMBERS_REMEMBERED: Final = 50_000


@dataclass(frozen=True, slots=True)
class Network:
    """The network of a member: its keyed hash, and whether an account on it is marked as suspect."""

    key: bytes
    is_suspect: bool = False


async def network_unknown(_exchange_id: int, _user: str) -> Network | None:
    """Nobody's network is known: there are limits by member only."""
    return None


class Limits:
    """Says of each action of a member whether it comes too soon. It never raises, and never waits for the database.

    `settings_of` gives an exchange's limits, `network_of` a member's network by exchange and their id at the
    chat provider. Both are asked in the background and remembered, so a change counts some seconds later;
    until the first answer the defaults hold, and limits by member only. Nobody waits for Redis for longer
    than `answer_seconds`.
    """

    def __init__(
        self,
        redis_url: str,
        settings_of: Callable[[int], Awaitable[RateLimits]],
        network_of: Callable[[int, str], Awaitable[Network | None]] = network_unknown,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._answer_seconds = answer_seconds
        self._shared = SharedCounts(redis_url, answer_seconds)
        self._alone = CountsAlone()
        self._outages = Outages(self._shared.ping, self._alone.forget, clock)
        self._settings: Remembered[int, RateLimits] = Remembered(
            settings_of, seconds=SETTINGS_SECONDS, most=_EXCHANGES_REMEMBERED, clock=clock
        )

        async def network(member: tuple[int, str]) -> Network | None:
            return await network_of(*member)

        self._networks: Remembered[tuple[int, str], Network | None] = Remembered(
            network, seconds=NETWORK_SECONDS, most=_MEMBERS_REMEMBERED, clock=clock
        )

    @property
    def state(self) -> CountingState:
        """Where actions are counted now, as the last one found it."""
        return self._outages.state

    async def check_member(self, budget: Budget, exchange_id: int, user: str) -> Ruling:
        """As `check`, for a member by their id at the chat provider, on the network that is known of them.

        Who asks in the chat for a link to sign up is counted alone: the page counts by network those who come
        with one, and nobody shall take their places by typing a command.
        """
        network = None if budget is Budget.SIGN_UPS else self._networks.get((exchange_id, user))
        caller = Caller(user) if network is None else Caller(user, network.key, network.is_suspect)
        return await self.check(budget, exchange_id, caller)

    async def check(self, budget: Budget, exchange_id: int, caller: Caller) -> Ruling:
        """Take a place for an action if there is one, else say in how many seconds there will be.

        While Redis does not answer, this process counts alone; signing up and moderating wait.
        """
        limits = self._settings.get(exchange_id) or DEFAULTS
        demand = demand_of(budget, exchange_id, caller, limits)
        # Who would have to wait anyway waits to hear whether Redis is back.
        if await self._outages.is_trusted(self._answer_seconds if budget.waits else 0.0):
            ruling = await self._ask_redis(demand)
            if ruling is not None:
                return ruling
        return await self._rule_alone(demand)

    async def look(self) -> CountingState:
        """Ask Redis now, for a health check, and say where actions are counted."""
        return await self._outages.look()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._outages.close()
        await self._shared.close()

    async def _rule_alone(self, demand: Demand) -> Ruling:
        if demand.terms.budget.waits:
            return Ruling(Reason.AWAY, RETRY_SECONDS)
        return await self._alone.take(demand)

    async def _ask_redis(self, demand: Demand) -> Ruling | None:
        """Redis's ruling, or None where there is none in time."""
        try:
            return await self._shared.take(demand)
        except (RedisError, OSError) as error:
            self._outages.doubt(error)
            return None
