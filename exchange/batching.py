"""Gathering the orders that arrive while a batch is committing, so that one commit serves many."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

import asyncpg

from exchange.database import Database, rejection
from exchange.errors import ExchangeBusy, ExchangeError, ExchangeUnavailable, OutcomeUnknown
from exchange.models import Order, Outcome

_EXECUTE = "select * from betjee.execute_orders($1, $2::betjee.order_request[])"


def order_request(order: Order) -> tuple[object, ...]:
    """An order as the composite type `betjee.order_request`."""
    return (
        order.request_id,
        order.user_id,
        order.market,
        order.side.value,
        order.size.shares,
        order.size.portion_bps,
        order.limit_paise,
        order.confirmed,
    )


@dataclass(slots=True)
class _Waiting:
    """An order, and the caller who waits for its outcome."""

    order: Order
    outcome: asyncio.Future[Outcome]

    def answer(self, outcome: Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    def fail(self, error: Exception) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)


@dataclass(slots=True)
class _Lane:
    """The orders of one exchange that wait for the batch in hand."""

    waiting: deque[_Waiting] = field(default_factory=deque)
    worker: asyncio.Task[None] | None = None


class OrderQueue:
    """Sends the orders of each exchange in batches, one batch at a time.

    One connection for an exchange is faster than many, since its row is locked by every batch
    until the commit is on disk.
    """

    def __init__(self, database: Database, *, largest_batch: int = 200, most_waiting: int = 10_000) -> None:
        self._database = database
        self._largest_batch = largest_batch
        self._most_waiting = most_waiting
        self._lanes: dict[int, _Lane] = {}
        self._closing = False

    async def execute(self, exchange_id: int, order: Order) -> Outcome:
        """The outcome of an order. Raises `ExchangeBusy`, `ExchangeUnavailable`, `OutcomeUnknown`
        or `RequestRejected`; a caller who is cancelled does not take the order back.
        """
        if self._closing:
            raise ExchangeUnavailable("The exchange is shutting down.")
        lane = self._lanes.setdefault(exchange_id, _Lane())
        if len(lane.waiting) >= self._most_waiting:
            raise ExchangeBusy
        waiting = _Waiting(order, asyncio.get_running_loop().create_future())
        lane.waiting.append(waiting)
        if lane.worker is None:
            lane.worker = asyncio.create_task(self._work(exchange_id, lane))
        return await waiting.outcome

    async def close(self) -> None:
        """Take no new orders and finish those that wait."""
        self._closing = True
        workers = [lane.worker for lane in self._lanes.values() if lane.worker is not None]
        # A worker that broke has told its callers; the others must be waited for all the same.
        await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, exchange_id: int, lane: _Lane) -> None:
        try:
            while lane.waiting:
                size = min(len(lane.waiting), self._largest_batch)
                await self._send(exchange_id, [lane.waiting.popleft() for _ in range(size)])
        finally:
            # An exchange that is quiet keeps nothing; orders that a broken worker left learn of it.
            self._lanes.pop(exchange_id, None)
            for waiting in lane.waiting:
                waiting.fail(ExchangeUnavailable("The queue of orders was interrupted."))

    async def _send(self, exchange_id: int, batch: list[_Waiting]) -> None:
        requests = [order_request(waiting.order) for waiting in batch]
        try:
            rows = await self._database.write(_EXECUTE, exchange_id, requests)
        except (asyncpg.PostgresError, asyncpg.DataError, ValueError) as error:
            if len(batch) > 1:
                # One order spoils the batch, of which nothing was executed: it must not fail strangers.
                for waiting in batch:
                    await self._send(exchange_id, [waiting])
            else:
                batch[0].fail(rejection(error))
        except ExchangeError as error:
            for waiting in batch:
                waiting.fail(_own_error(error, waiting.order))
        except BaseException:
            # Cancelled, or a bug: nobody may wait for ever for an outcome that will not come.
            for waiting in batch:
                waiting.fail(OutcomeUnknown(waiting.order.request_id))
            raise
        else:
            for waiting, row in zip(batch, rows, strict=True):
                waiting.answer(Outcome.from_values(row.values()))


def _own_error(error: ExchangeError, order: Order) -> ExchangeError:
    """The same error for one of a batch, so that no two callers share one exception."""
    if isinstance(error, OutcomeUnknown):
        return OutcomeUnknown(order.request_id)
    return type(error)()
