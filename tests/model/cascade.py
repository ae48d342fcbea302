"""How the model lets waiting orders fire: a plain queue of them, in the words of the rules."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.model.state import Ask, Figures, Holding, Waiting

if TYPE_CHECKING:
    from tests.model.reference import ReferenceExchange


class Cascade:
    """What follows from one order, or from the end of halts and cool-downs where there is none."""

    def __init__(
        self, exchange: ReferenceExchange, origin: Ask | None = None, sequence: int | None = None
    ) -> None:
        self.exchange = exchange
        self.origin = origin
        self.sequence = sequence
        self.queue: deque[Waiting] = deque()
        self.set_off_shares = 0

    def evaluate(self) -> None:
        """Give every stop that is crossed its turn, market by market, those that wait for a fall first."""
        for code, pool in self.exchange.pools.items():
            for sign in (-1, 1):
                if pool.status == "open":
                    self._enqueue(
                        stop for stop in self._armed(code) if stop.sign == sign and stop.is_crossed(pool.sold)
                    )
        self._drain()

    def moved(self, market: str, sold_before: int) -> None:
        """Give what the price has just crossed its turn."""
        self._cross(market, sold_before)
        self._drain()

    def _armed(self, market: str) -> list[Waiting]:
        return [stop for stop in self.exchange.stops if stop.market == market and stop.status == "armed"]

    def _enqueue(self, stops: object) -> None:
        self.queue.extend(sorted(stops, key=lambda stop: stop.turn))  # type: ignore[call-overload]  # any stops

    def _cross(self, market: str, sold_before: int) -> None:
        sold = self.exchange.pools[market].sold
        self._enqueue(
            stop for stop in self._armed(market) if stop.is_crossed(sold) and not stop.is_crossed(sold_before)
        )

    def _drain(self) -> None:
        while self.queue:
            stop = self.queue.popleft()
            pool = self.exchange.pools[stop.market]
            if pool.status == "open" and stop.status == "armed" and stop.is_crossed(pool.sold):
                self._turn(stop)

    def _turn(self, stop: Waiting) -> None:
        pool = self.exchange.pools[stop.market]
        held = self.exchange.members[stop.user_id].holdings.get(stop.market, Holding()).shares
        wanted = min(abs(stop.shares), abs(held))
        side = "sell" if stop.shares < 0 else "cover"
        ask = Ask(stop.request_id, stop.user_id, stop.market, side, wanted, confirmed=True)
        figures = self.exchange.judge(ask, pool)
        if figures.get("code") == "price_band" and figures["possible_shares"]:
            ask = replace(ask, shares=figures["possible_shares"])
            figures = self.exchange.judge(ask, pool)
        if figures["status"] == "filled":
            self._fill(stop, ask, figures, wanted)
        elif figures["code"] in ("user_frozen", "user_banned"):
            stop.status = "suspended"
        elif figures["code"] == "price_band":
            self._halt(stop.market)
        else:
            assert figures["code"] == "cooling_down", figures

    def _fill(self, stop: Waiting, ask: Ask, figures: Figures, wanted: int) -> None:
        sold_before = self.exchange.pools[stop.market].sold
        stop.status = "filled" if figures["shares"] == wanted else "armed"
        if stop.status == "armed":
            stop.shares = ask.sign * (wanted - figures["shares"])
        self.exchange.settle(ask, figures, stop, self.sequence)
        if stop.status == "armed":
            self._halt(stop.market)
        self._cross(stop.market, sold_before)
        self._blame(stop, figures["shares"])

    def _blame(self, stop: Waiting, shares: int) -> None:
        """Bar whoever has set off too many shares of others from trading the other way."""
        if self.origin is None or stop.user_id == self.origin.user_id:
            return
        self.set_off_shares += shares
        exchange, market = self.exchange, self.origin.market
        if (
            self.set_off_shares * 10_000
            > exchange.pools[market].terms.max_tradable_shares * exchange.rules.cooldown_share_bps
        ):
            exchange.members[self.origin.user_id].barred_signs[market] = -self.origin.sign

    def _halt(self, market: str) -> None:
        self.exchange.pools[market].status = "halted"
        self.exchange.sequence += 1
