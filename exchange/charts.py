"""What charts are drawn from: the methods of `Exchange` by which a price is looked at closely."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from exchange.calls import Calls
from exchange.errors import RequestRejected
from exchange.models import Json
from exchange.prices import MarketDetail, Period, PriceHistory

STEP_FILLS: Final = 20_000
"""How many fills are counted at once: a wipe waits for it, and trades wait for the wipe."""

_CATCH_UP_SECONDS: Final = 10.0

_log = logging.getLogger(__name__)


class Charts(Calls):
    """One market's price over time, and its curve. The errors are those of `Exchange`."""

    async def get_price_history(
        self, exchange_id: int, market: str, period: Period, user_id: int | None = None
    ) -> PriceHistory:
        """How a price has moved, with what a member holds there. Raises `RequestRejected` for an unknown market."""
        document = await self._read(
            "select betjee.get_price_history($1, $2, $3, $4)", exchange_id, market, period.seconds, user_id
        )
        return PriceHistory.from_json(_known(document))

    async def get_market(self, exchange_id: int, market: str) -> MarketDetail:
        """A market with its limits and its curve. Raises `RequestRejected` for an unknown one."""
        document = await self._read("select betjee.get_market($1, $2)", exchange_id, market)
        return MarketDetail.from_json(_known(document))

    # Upkeep; any number of processes may do it at once

    async def count_candles(self, exchange_id: int, limit: int = STEP_FILLS) -> bool:
        """Count the fills that the candles of charts and boards lack, at most `limit`; whether there are more."""
        return bool(await self._read("select betjee.count_candles($1, $2)", exchange_id, limit))

    async def catch_up_candles(self) -> None:
        """Count the fills of all exchanges, step by step, each exchange at its turn; after ten seconds the rest waits for the next call.

        One that cannot be counted holds up no other.
        """
        end = time.monotonic() + _CATCH_UP_SECONDS
        exchange_ids = await self._read_all("select betjee.list_uncounted_exchanges()")
        while exchange_ids and time.monotonic() < end:
            exchange_ids = [number for number in exchange_ids if await self._take_count_step(number)]

    async def _take_count_step(self, exchange_id: int) -> bool:
        begin = time.monotonic()
        try:
            more = await self.count_candles(exchange_id)
        except RequestRejected:
            _log.exception("The candles of exchange %d could not be counted.", exchange_id)
            return False
        if more:
            # Trades have the database to themselves for as long as the step took.
            await asyncio.sleep(time.monotonic() - begin)
        return more


def _known(document: Json | None) -> Json:
    if document is None:
        raise RequestRejected(
            "unknown_market",
            "There is no such market. /markets lists them, and the market field suggests them as you type.",
        )
    return document
