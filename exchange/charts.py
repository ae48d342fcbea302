"""What charts are drawn from: the methods of `Exchange` by which a price is looked at closely."""

from __future__ import annotations

from exchange.calls import Calls
from exchange.errors import RequestRejected
from exchange.models import Json
from exchange.prices import MarketDetail, Period, PriceHistory


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


def _known(document: Json | None) -> Json:
    if document is None:
        raise RequestRejected(
            "unknown_market",
            "There is no such market. /markets lists them, and the market field suggests them as you type.",
        )
    return document
