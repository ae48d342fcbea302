"""Orders that wait for a price: the methods of `Exchange` by which they are armed, cancelled and listed."""

from __future__ import annotations

from exchange.calls import Calls
from exchange.models import Size
from exchange.stops import ArmedStop, Stop, StopKind, StopOrder, TriggerPrice


class Waiting(Calls):
    """Stop-losses and take-profits of members. The errors are those of `Exchange`."""

    async def arm_stop(self, exchange_id: int, request_id: int, user_id: int, order: StopOrder) -> ArmedStop:
        """Make an order wait for a price. Raises `RequestRejected` with what was asked and what is possible."""
        size = order.size or Size()
        document = await self._write(
            request_id,
            "select betjee.arm_stop($2, $1, $3, $4, $5, $6, $7, $8)",
            exchange_id,
            user_id,
            order.kind.value,
            order.market,
            order.trigger_price_paise,
            size.shares,
            size.portion_bps,
        )
        return ArmedStop.from_json(document)

    async def cancel_stop(self, exchange_id: int, request_id: int, user_id: int, stop_id: int) -> Stop:
        """Cancel an order that waits. Raises `RequestRejected` where it has ended, with its status."""
        document = await self._write(
            request_id, "select betjee.cancel_stop($2, $1, $3, $4)", exchange_id, user_id, stop_id
        )
        return Stop.from_json(document)

    async def cancel_stops(self, exchange_id: int, request_id: int, user_id: int) -> list[Stop]:
        """Cancel all orders of a member that wait; returns them."""
        document = await self._write(
            request_id, "select betjee.cancel_stops($2, $1, $3)", exchange_id, user_id
        )
        return [Stop.from_json(item) for item in document["stops"]]

    async def list_stops(self, exchange_id: int, user_id: int) -> list[Stop]:
        """A member's orders that wait, by market and age."""
        documents = await self._read_all("select betjee.list_stops($1, $2)", exchange_id, user_id)
        return [Stop.from_json(document) for document in documents]

    async def suggest_triggers(
        self,
        exchange_id: int,
        user_id: int,
        market: str,
        kind: StopKind,
        typed_price_paise: int | None = None,
    ) -> list[TriggerPrice]:
        """The typed price, if any, and the usual distances from the present one."""
        documents = await self._read_all(
            "select betjee.suggest_triggers($1, $2, $3, $4, $5)",
            exchange_id,
            user_id,
            market,
            kind.value,
            typed_price_paise,
        )
        return [TriggerPrice.from_json(document) for document in documents]
