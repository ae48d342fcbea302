"""Orders that arrive while a batch commits go together as the next, and none of them can fail a stranger."""

import asyncio
from collections import Counter
from dataclasses import asdict

import asyncpg
import pytest

from exchange.batching import OrderQueue
from exchange.database import Database as ConnectionPool
from exchange.errors import ExchangeBusy, OutcomeUnknown, RequestRejected
from exchange.exchange import Exchange
from exchange.models import Order, Outcome, Refusal, Side, Size, Status
from tests.conftest import Database
from tests.model.curve import Terms
from tests.model.founding import WIDE, Founded, found
from tests.sql.blocking import PATIENCE_SECONDS, holding_exchange, wait_for_waiting


def buy(founded: Founded, request_id: int, market: str = "22s1", user: int = 0) -> Order:
    return Order(request_id, founded.users[user], market, Side.BUY, Size(1), confirmed=True)


async def submit_together(
    exchange: Exchange,
    founded: Founded,
    owner: asyncpg.Connection,
    watcher: asyncpg.Connection,
    orders: list[Order],
) -> list[Outcome | BaseException]:
    """Send a first order, and the others while it waits, so that they make one batch."""
    async with holding_exchange(owner, founded.exchange_id):
        tasks = [asyncio.create_task(exchange.execute_order(founded.exchange_id, orders[0]))]
        await wait_for_waiting(watcher, "execute_orders")
        tasks += [
            asyncio.create_task(exchange.execute_order(founded.exchange_id, order)) for order in orders[1:]
        ]
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await asyncio.gather(*tasks, return_exceptions=True)


async def batches(owner: asyncpg.Connection, founded: Founded) -> list[int]:
    """How many fills each batch had; those of one batch have one time."""
    rows = await owner.fetch(
        "select count(*) from betjee.transactions where exchange_id = $1 group by executed_at order by executed_at",
        founded.exchange_id,
    )
    return [row["count"] for row in rows]


async def test_orders_that_arrive_meanwhile_are_one_batch(
    exchange: Exchange, connection_owner: asyncpg.Connection, watcher: asyncpg.Connection
) -> None:
    founded = await found(connection_owner)
    orders = [buy(founded, request_id) for request_id in range(1, 51)]
    outcomes = await submit_together(exchange, founded, connection_owner, watcher, orders)
    assert [outcome.request_id for outcome in outcomes if isinstance(outcome, Outcome)] == list(range(1, 51))
    assert await batches(connection_owner, founded) == [1, 49]


async def test_a_batch_has_at_most_two_hundred_orders(
    exchange: Exchange, connection_owner: asyncpg.Connection, watcher: asyncpg.Connection
) -> None:
    founded = await found(connection_owner, [10**10] * 451)
    orders = [buy(founded, number + 1, user=number) for number in range(451)]
    await submit_together(exchange, founded, connection_owner, watcher, orders)
    assert await batches(connection_owner, founded) == [1, 200, 200, 50]


async def test_a_second_batch_is_sent_while_the_first_executes(
    exchange: Exchange, connection_owner: asyncpg.Connection, watcher: asyncpg.Connection
) -> None:
    founded = await found(connection_owner, [10**10] * 100)
    async with holding_exchange(connection_owner, founded.exchange_id):
        first = asyncio.create_task(exchange.execute_order(founded.exchange_id, buy(founded, 1)))
        await wait_for_waiting(watcher, "execute_orders")
        others = [
            asyncio.create_task(
                exchange.execute_order(founded.exchange_id, buy(founded, number + 1, user=number))
            )
            for number in range(1, 100)
        ]
        await wait_for_waiting(watcher, "execute_orders", sessions=2)
    await asyncio.gather(first, *others)
    assert await batches(connection_owner, founded) == [1, 99]


async def test_orders_of_one_member_never_overtake_each_other(
    database: Database, connection_owner: asyncpg.Connection, watcher: asyncpg.Connection
) -> None:
    founded = await found(connection_owner, [10**10] * 2)
    pool = ConnectionPool(database.service_url)
    queue = OrderQueue(pool, smallest_second_batch=1)
    # Two connections are open, so that a second batch would not be held up by opening one.
    await asyncio.gather(pool.read("select 1"), pool.read("select 1"))
    async with holding_exchange(connection_owner, founded.exchange_id):
        tasks = [asyncio.create_task(queue.execute(founded.exchange_id, buy(founded, 1, user=0)))]
        await wait_for_waiting(watcher, "execute_orders")
        # The second would be sent at once, alone, did it not belong to the member of the first.
        tasks += [asyncio.create_task(queue.execute(founded.exchange_id, buy(founded, 2, user=0)))]
        await wait_for_waiting(watcher, "execute_orders")
        tasks += [
            asyncio.create_task(queue.execute(founded.exchange_id, buy(founded, number, user=1)))
            for number in (3, 4)
        ]
        # They have the second turn only where they wait for it before the first is over.
        await wait_for_waiting(watcher, "execute_orders", sessions=2)
    assert [(await task).position_shares for task in tasks] == [1, 2, 1, 2]
    assert await batches(connection_owner, founded) == [1, 2, 1]
    await queue.close()
    await pool.close()


POISONS = {
    "a request id that no request may have": {"request_id": 0},
    "a user beyond all numbers": {"user_id": 2**70},
    "a market that is no text": {"market": "22\0s1"},
    "a market of a broken surrogate": {"market": "\ud800"},
    "a user that is no number": {"user_id": [1]},
    "a side that is only its name": {"side": "buy"},
    "a size that is only a number": {"size": 1},
    "a limit that is text": {"limit_paise": "1"},
}


@pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS)
async def test_one_poisoned_order_fails_no_stranger(
    exchange: Exchange,
    connection_owner: asyncpg.Connection,
    watcher: asyncpg.Connection,
    poison: dict[str, object],
) -> None:
    founded = await found(connection_owner)
    orders = [buy(founded, request_id) for request_id in range(1, 10)]
    poisoned = asdict(buy(founded, 99)) | {"size": Size(1)} | poison
    orders.insert(5, Order(**poisoned))
    outcomes = await submit_together(exchange, founded, connection_owner, watcher, orders)
    assert isinstance(outcomes.pop(5), RequestRejected)
    assert [outcome.status for outcome in outcomes if isinstance(outcome, Outcome)] == [Status.FILLED] * 9


async def test_an_answer_that_only_a_newer_version_could_read_fails_its_own_caller_alone(
    exchange: Exchange, connection_owner: asyncpg.Connection, watcher: asyncpg.Connection
) -> None:
    founded = await found(connection_owner)
    await exchange.execute_order(founded.exchange_id, buy(founded, 1))
    await connection_owner.execute(
        "update betjee.requests set order_outcome.status = 'refused', order_outcome.code = 'of_tomorrow'"
        " where exchange_id = $1",
        founded.exchange_id,
    )
    orders = [buy(founded, request_id) for request_id in (2, 3, 1, 4)]
    outcomes = await submit_together(exchange, founded, connection_owner, watcher, orders)
    assert isinstance(outcomes.pop(2), OutcomeUnknown)
    assert [outcome.status for outcome in outcomes if isinstance(outcome, Outcome)] == [Status.FILLED] * 3


async def test_two_hundred_callers_at_once_share_the_last_ten_shares(
    exchange: Exchange, connection_owner: asyncpg.Connection
) -> None:
    nearly_dry = Terms(total_shares_cap=110, max_tradable_shares=100, min_market_shares=100)
    founded = await found(connection_owner, [10**10] * 200, {"22s1": nearly_dry}, WIDE)
    orders = [buy(founded, number + 1, user=number) for number in range(200)]
    outcomes = await asyncio.gather(*(exchange.execute_order(founded.exchange_id, order) for order in orders))
    assert Counter(outcome.code for outcome in outcomes) == {None: 10, Refusal.MARKET_DRY: 190}


async def test_exchanges_do_not_wait_for_each_other(
    exchange: Exchange, connection_owner: asyncpg.Connection
) -> None:
    held, free = await found(connection_owner), await found(connection_owner)
    async with asyncio.TaskGroup() as group, holding_exchange(connection_owner, held.exchange_id):
        waiting = group.create_task(exchange.execute_order(held.exchange_id, buy(held, 1)))
        outcome = await exchange.execute_order(free.exchange_id, buy(free, 1))
        assert outcome.status is Status.FILLED
        assert not waiting.done()


async def test_a_caller_who_gives_up_takes_nothing_back_and_disturbs_nobody(
    exchange: Exchange, connection_owner: asyncpg.Connection, watcher: asyncpg.Connection
) -> None:
    founded = await found(connection_owner)
    async with holding_exchange(connection_owner, founded.exchange_id):
        impatient = asyncio.create_task(exchange.execute_order(founded.exchange_id, buy(founded, 1)))
        await wait_for_waiting(watcher, "execute_orders")
        other = asyncio.create_task(exchange.execute_order(founded.exchange_id, buy(founded, 2)))
        await asyncio.sleep(0)
        impatient.cancel()
    assert (await other).position_shares == 2
    repeated = await exchange.execute_order(founded.exchange_id, buy(founded, 1))
    assert repeated.position_shares == 1


async def test_closing_finishes_the_orders_that_wait(
    exchange: Exchange, connection_owner: asyncpg.Connection, watcher: asyncpg.Connection
) -> None:
    founded = await found(connection_owner)
    async with holding_exchange(connection_owner, founded.exchange_id):
        orders = [
            asyncio.create_task(exchange.execute_order(founded.exchange_id, buy(founded, number)))
            for number in (1, 2)
        ]
        await wait_for_waiting(watcher, "execute_orders")
        closing = asyncio.create_task(exchange.close())
        await asyncio.sleep(0)
        with pytest.raises(Exception, match="shutting down"):
            await exchange.execute_order(founded.exchange_id, buy(founded, 3))
    await closing
    assert [order.result().status for order in orders] == [Status.FILLED] * 2


async def test_a_queue_that_is_full_says_so_at_once(
    database: Database, connection_owner: asyncpg.Connection, watcher: asyncpg.Connection
) -> None:
    founded = await found(connection_owner)
    pool = ConnectionPool(database.service_url)
    queue = OrderQueue(pool, most_waiting=2)
    async with holding_exchange(connection_owner, founded.exchange_id):
        orders = [asyncio.create_task(queue.execute(founded.exchange_id, buy(founded, 1)))]
        await wait_for_waiting(watcher, "execute_orders")
        orders += [
            asyncio.create_task(queue.execute(founded.exchange_id, buy(founded, number))) for number in (2, 3)
        ]
        await asyncio.sleep(0)
        with pytest.raises(ExchangeBusy):
            await queue.execute(founded.exchange_id, buy(founded, 4))
    assert [(await order).status for order in orders] == [Status.FILLED] * 3
    await queue.close()
    await pool.close()
