"""Simulated members who trade now and then, so that there is a market to trade on.

They use the exchange as the bot does, and know no more of it than any member: they look at the
markets and at what they hold, and give an order. What it costs, and whether it may be, is ruled
there.
"""

import random
from collections.abc import Callable, Sequence
from typing import Final

from exchange.exchange import Exchange
from exchange.models import Identity, Market, Order, Outcome, Position, Side, Size, Status
from sandbox.routine import repeat

LONGEST_PAUSE_SECONDS: Final = 60.0
CLOSING_CHANCE: Final = 0.45
SHORTING_CHANCE: Final = 0.3
BUY_SHARES: Final = (5, 80)
SHORT_SHARES: Final = (1, 8)
"""Fewer than for a buy, because a short reserves the highest price of each share."""
CLOSED_PORTIONS_BPS: Final = (2_500, 5_000, 10_000)
FAVOURITES: Final = 4

OnFill = Callable[[str, Outcome], None]


def request_id_of_a_trader(chance: random.Random) -> int:
    """A new request id, above all that Discord will give before the year 2049, so the two never meet."""
    return 2**62 + chance.getrandbits(62)


class Trader:
    """One simulated member, who looks at the markets every `pause_seconds` on average.

    `on_fill` is told the trader's name and the outcome of each order that filled.
    """

    def __init__(
        self, exchange: Exchange, exchange_id: int, identity: Identity, pause_seconds: float, on_fill: OnFill
    ) -> None:
        self._exchange = exchange
        self._exchange_id = exchange_id
        self._identity = identity
        self._pause_seconds = pause_seconds
        self._on_fill = on_fill
        self._chance = random.Random()
        self._user_id: int | None = None
        self._favourites: list[str] = []

    async def trade(self) -> None:
        """Trade for ever, whatever becomes of each order."""
        await repeat(f"{self._identity.display_name}'s trading", self._trade_once, self._pause)

    def _pause(self) -> float:
        return min(self._chance.expovariate(1 / self._pause_seconds), LONGEST_PAUSE_SECONDS)

    async def _trade_once(self) -> None:
        user_id = await self._register()
        markets = [
            market
            for market in await self._exchange.list_markets(self._exchange_id)
            if market.status == "open"
        ]
        portfolio = await self._exchange.get_portfolio(self._exchange_id, user_id)
        held = {position.market: position for position in portfolio.positions if position.shares}
        order = self._closing_order(user_id, list(held.values())) or self._opening_order(
            user_id, markets, held
        )
        if order is None:
            return
        outcome = await self._exchange.execute_order(self._exchange_id, order)
        if outcome.status is Status.FILLED:
            self._on_fill(self._identity.display_name, outcome)

    async def _register(self) -> int:
        """The exchange's id of this member, who signs up once and is known again after a restart."""
        if self._user_id is None:
            registration = await self._exchange.register_user(
                self._exchange_id, request_id_of_a_trader(self._chance), self._identity
            )
            self._user_id = registration.user_id
        return self._user_id

    def _closing_order(self, user_id: int, held: Sequence[Position]) -> Order | None:
        if not held or self._chance.random() > CLOSING_CHANCE:
            return None
        position = self._chance.choice(held)
        side = Side.SELL if position.shares > 0 else Side.COVER
        return self._order(
            user_id, position.market, side, Size(portion_bps=self._chance.choice(CLOSED_PORTIONS_BPS))
        )

    def _opening_order(
        self, user_id: int, markets: Sequence[Market], held: dict[str, Position]
    ) -> Order | None:
        """More of what the trader believes, in a market that they like: tastes differ, so prices part."""
        names = [market.market for market in markets]
        if not self._favourites:
            self._favourites = self._chance.sample(names, min(FAVOURITES, len(names)))
        liked = [name for name in self._favourites if name in names]
        if not liked:
            return None
        name = self._chance.choice(liked)
        position = held.get(name)
        shorts = position.shares < 0 if position else self._chance.random() < SHORTING_CHANCE
        shares = self._chance.randint(*(SHORT_SHARES if shorts else BUY_SHARES))
        return self._order(user_id, name, Side.SHORT if shorts else Side.BUY, Size(shares=shares))

    def _order(self, user_id: int, market: str, side: Side, size: Size) -> Order:
        return Order(request_id_of_a_trader(self._chance), user_id, market, side, size, confirmed=True)
