"""How the model lets waiting orders fire: a plain queue of them, in the words of the rules."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.model.state import Ask, Figures, Holding, Origin, Waiting

if TYPE_CHECKING:
    from tests.model.reference import ReferenceExchange


class Cascade:
    """What follows from one order, or from the end of halts and cool-downs where there is none."""

    def __init__(self, exchange: ReferenceExchange, order: Origin | None = None) -> None:
        self.exchange = exchange
        self.order = order
        self.queue: deque[Waiting] = deque()

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
            if pool.status != "open" or stop.sign in pool.waiting_signs:
                continue
            if stop.status == "armed" and stop.is_crossed(pool.sold):
                self._turn(stop)

    def _origin(self, market: str) -> Origin | None:
        """The order behind a stop's turn: the one of the moment, or that of a halt which is not long ago."""
        pool = self.exchange.pools[market]
        if self.order or not pool.has_just_reopened or not pool.halted_by:
            return self.order
        # Of a member who was wiped nothing is left that could be named.
        return pool.halted_by if pool.halted_by.user_id in self.exchange.members else None

    def _turn(self, stop: Waiting) -> None:
        pool = self.exchange.pools[stop.market]
        held = self.exchange.members[stop.user_id].holdings.get(stop.market, Holding()).shares
        wanted = min(abs(stop.shares), abs(held))
        side = "sell" if stop.shares < 0 else "cover"
        ask = Ask(stop.request_id, stop.user_id, stop.market, side, wanted, confirmed=True)
        since = self.exchange.members[stop.user_id].barred_by.get(stop.market, 0)
        cools = stop.kind != "stop_loss" or stop.stop_id >= since
        figures = self.exchange.judge(ask, pool, cools=cools)
        if figures.get("code") == "price_band" and figures["possible_shares"]:
            ask = replace(ask, shares=figures["possible_shares"])
            figures = self.exchange.judge(ask, pool, cools=cools)
        if figures["status"] == "filled":
            self._fill(stop, ask, figures, wanted)
        elif figures["code"] in ("user_frozen", "user_banned"):
            stop.status = "suspended"
        elif figures["code"] == "price_band":
            self._meet_band(stop)
        else:
            assert figures["code"] == "cooling_down", figures

    def _fill(self, stop: Waiting, ask: Ask, figures: Figures, wanted: int) -> None:
        sold_before = self.exchange.pools[stop.market].sold
        stop.status = "filled" if figures["shares"] == wanted else "armed"
        if stop.status == "armed":
            stop.shares = ask.sign * (wanted - figures["shares"])
        origin = self._origin(stop.market)
        self.exchange.settle(ask, figures, stop, origin.sequence if origin else None)
        self._cross(stop.market, sold_before)
        if origin and origin.user_id != stop.user_id and origin.sign == ask.sign:
            self._blame(origin, stop.market, figures["shares"])
        if stop.status == "armed":
            self._meet_band(stop)

    def _blame(self, origin: Origin, market: str, shares: int) -> None:
        """Bar whoever has set off too many shares of others from trading the other way."""
        rules, member = self.exchange.rules, self.exchange.members[origin.user_id]
        sign, before = member.set_off.get(market, (origin.sign, 0))
        total = shares + (before if sign == origin.sign else 0)
        member.set_off[market] = origin.sign, total
        most = self.exchange.pools[market].terms.max_tradable_shares * rules.cooldown_share_bps
        if total * 10_000 > most and member.barred_signs.get(market) != origin.sign:
            member.barred_signs[market] = -origin.sign
            member.barred_by.setdefault(market, origin.sequence)

    def _meet_band(self, stop: Waiting) -> None:
        """Halt the market, unless it was halted not long ago: then what is left waits for the band."""
        pool = self.exchange.pools[stop.market]
        if pool.has_just_reopened:
            pool.waiting_signs.add(stop.sign)
            return
        pool.status = "halted"
        pool.halted_by = self._origin(stop.market)
        self.exchange.sequence += 1
