"""Gathering the orders that arrive while a batch is committing, so that one commit serves many."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import asyncpg

from exchange.database import Database, rejection
from exchange.errors import ExchangeBusy, ExchangeError, ExchangeUnavailable, OutcomeUnknown, RequestRejected
from exchange.health import Meter, NoMeter
from exchange.models import Order, Outcome

_EXECUTE = "select * from betjee.execute_orders($1, $2::betjee.order_request[])"

_BATCHES_AT_ONCE: Final = 2


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

    def tell(self, row: asyncpg.Record) -> None:
        """Answer with what the database answered, or with what is known where that cannot be read."""
        try:
            self.answer(Outcome.from_values(row.values()))
        except (TypeError, ValueError) as error:
            # Such as a refusal that only a newer version knows. The order may have been filled.
            self.fail(OutcomeUnknown(self.order.request_id, str(error)))

    def fail(self, error: Exception) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)


@dataclass(slots=True)
class _Lane:
    """The orders of one exchange: those that wait, and the batches that were sent."""

    waiting: deque[_Waiting] = field(default_factory=deque)
    sent: dict[asyncio.Task[None], list[_Waiting]] = field(default_factory=dict)
    is_dispatching: bool = False


class OrderQueue:
    """Sends the orders of each exchange in batches.

    More connections for an exchange would not be faster, since its row is locked by every batch until
    the commit is on disk. But where enough orders wait for two batches that are worth their commits,
    the second is sent while the first executes: the database goes from one to the next without
    waiting for this process, which meanwhile answers the callers of the last one.
    """

    def __init__(
        self,
        database: Database,
        *,
        largest_batch: int = 200,
        smallest_second_batch: int = 64,
        most_waiting: int = 10_000,
        meter: Meter | None = None,
    ) -> None:
        self._database = database
        self._meter = meter or NoMeter()
        self._largest_batch = largest_batch
        self._smallest_second_batch = smallest_second_batch
        self._most_waiting = most_waiting
        self._lanes: dict[int, _Lane] = {}
        self._closing = False

    async def execute(self, exchange_id: int, order: Order) -> Outcome:
        """The outcome of an order. Raises `ExchangeBusy`, `ExchangeUnavailable`, `OutcomeUnknown`
        or `RequestRejected`; a caller who is cancelled does not take the order back.
        """
        if self._closing:
            raise ExchangeUnavailable("The exchange is shutting down.")
        if not isinstance(order.user_id, int):
            raise RequestRejected("malformed", "The user of an order is a number.")  # Lanes look at it.
        lane = self._lanes.setdefault(exchange_id, _Lane())
        if len(lane.waiting) >= self._most_waiting:
            raise ExchangeBusy
        waiting = _Waiting(order, asyncio.get_running_loop().create_future())
        lane.waiting.append(waiting)
        self._dispatch_soon(exchange_id, lane)
        return await waiting.outcome

    async def close(self) -> None:
        """Take no new orders and finish those that wait."""
        self._closing = True
        while self._lanes:
            # A task that broke has told its callers; the others must be waited for all the same.
            if tasks := [task for lane in self._lanes.values() for task in lane.sent]:
                await asyncio.wait(tasks)
            await asyncio.sleep(0)

    def _dispatch_soon(self, exchange_id: int, lane: _Lane) -> None:
        # Whoever is ready at this moment, such as the callers just answered, comes into the same batch.
        if not lane.is_dispatching and len(lane.sent) < _BATCHES_AT_ONCE:
            lane.is_dispatching = True
            asyncio.get_running_loop().call_soon(self._dispatch, exchange_id, lane)

    def _dispatch(self, exchange_id: int, lane: _Lane) -> None:
        """Send what may be sent now, and forget a lane that has become quiet."""
        lane.is_dispatching = False
        while len(lane.sent) < _BATCHES_AT_ONCE and (batch := self._next_batch(lane)):
            task = asyncio.create_task(self._send(exchange_id, batch))
            lane.sent[task] = batch
            task.add_done_callback(partial(self._sent, exchange_id, lane))
        if not lane.sent and not lane.waiting:
            self._lanes.pop(exchange_id, None)

    def _next_batch(self, lane: _Lane) -> list[_Waiting]:
        """The orders that waited longest, up to half of them where that makes two batches worth sending."""
        size = len(lane.waiting)
        if lane.sent:
            if size < self._smallest_second_batch:
                return []
        elif size >= 2 * self._smallest_second_batch:
            size = (size + 1) // 2
        # Two batches may overtake each other on their way, two orders of one member may not.
        busy = {waiting.order.user_id for batch in lane.sent.values() for waiting in batch}
        batch: list[_Waiting] = []
        while len(batch) < min(size, self._largest_batch) and lane.waiting[0].order.user_id not in busy:
            batch.append(lane.waiting.popleft())
        return batch

    def _sent(self, exchange_id: int, lane: _Lane, task: asyncio.Task[None]) -> None:
        del lane.sent[task]
        if task.cancelled() or task.exception() is not None:
            # The event loop is ending, or this is a bug: nobody may wait for ever.
            while lane.waiting:
                lane.waiting.popleft().fail(ExchangeUnavailable("The queue of orders was interrupted."))
        self._dispatch_soon(exchange_id, lane)

    async def _send(self, exchange_id: int, batch: list[_Waiting]) -> None:
        try:
            await self._answer(exchange_id, self._encodable(batch))
        except BaseException:
            # Cancelled, or a bug: nobody may wait for ever for an outcome that will not come. Whoever
            # has been answered already keeps that.
            for waiting in batch:
                waiting.fail(OutcomeUnknown(waiting.order.request_id))
            raise

    def _encodable(self, batch: list[_Waiting]) -> list[tuple[_Waiting, tuple[object, ...]]]:
        """The orders that can be sent, each with its request; whoever gave another one is told."""
        requests = []
        for waiting in batch:
            try:
                requests.append((waiting, order_request(waiting.order)))
            except (AttributeError, TypeError, ValueError) as error:
                waiting.fail(RequestRejected("malformed", str(error)))
        return requests

    async def _answer(self, exchange_id: int, requests: list[tuple[_Waiting, tuple[object, ...]]]) -> None:
        """Execute the orders and tell everyone who waits what became of theirs."""
        if not requests:
            return
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            rows = await self._database.write(_EXECUTE, exchange_id, [request for _, request in requests])
        except (asyncpg.PostgresError, asyncpg.DataError, ValueError) as error:
            if len(requests) > 1:
                # One order spoils the batch, of which nothing was executed: it must not fail strangers.
                for request in requests:
                    await self._answer(exchange_id, [request])
            else:
                requests[0][0].fail(rejection(error))
        except ExchangeError as error:
            for waiting, _ in requests:
                waiting.fail(_own_error(error, waiting.order))
        else:
            self._meter.batch(len(rows), clock() - began)
            for (waiting, _), row in zip(requests, rows, strict=True):
                if row["code"] is not None:
                    self._meter.refusal(row["code"])
                waiting.tell(row)


def _own_error(error: ExchangeError, order: Order) -> ExchangeError:
    """The same error for one of a batch, so that no two callers share one exception."""
    if isinstance(error, OutcomeUnknown):
        return OutcomeUnknown(order.request_id)
    return type(error)()
