"""Lost connections and lost answers: a request is executed once, and its owner learns what became of it."""

import asyncio

import asyncpg
import pytest

from exchange.database import Database as ConnectionPool
from exchange.database import Patience
from exchange.errors import ExchangeUnavailable, OutcomeUnknown, RequestRejected
from exchange.exchange import Exchange
from exchange.models import Order, Outcome, Side, Size, Status
from tests.conftest import Database
from tests.exchange.wire import Wire
from tests.model.founding import Founded, found
from tests.model.invariants import discrepancies
from tests.sql.blocking import holding_exchange, wait_for_end, wait_for_waiting

IMPATIENT = Patience(statement_seconds=2.0, request_seconds=2.0)
"""A test waits for it to the end; but what is meant to be done in that time is done, on a slow machine too."""


def buy(founded: Founded, request_id: int, shares: int = 1) -> Order:
    return Order(request_id, founded.users[0], "22s1", Side.BUY, Size(shares), confirmed=True)


async def fills(owner: asyncpg.Connection, founded: Founded) -> int:
    query = "select count(*) from betjee.transactions where exchange_id = $1"
    count: int = await owner.fetchval(query, founded.exchange_id)
    return count


async def test_a_killed_connection_costs_nobody_an_order(
    exchange: Exchange, connection_owner: asyncpg.Connection, watcher: asyncpg.Connection
) -> None:
    founded = await found(connection_owner)
    async with asyncio.TaskGroup() as group, holding_exchange(connection_owner, founded.exchange_id):
        orders = [
            group.create_task(exchange.execute_order(founded.exchange_id, buy(founded, request_id)))
            for request_id in range(1, 21)
        ]
        for pid in await wait_for_waiting(watcher, "execute_orders"):
            await watcher.execute("select pg_terminate_backend($1)", pid)
    assert {order.result().status for order in orders} == {Status.FILLED}
    assert await fills(connection_owner, founded) == 20
    assert await discrepancies(connection_owner, founded.exchange_id) == []


async def test_an_answer_that_was_lost_is_given_again(
    database: Database, connection_owner: asyncpg.Connection
) -> None:
    founded = await found(connection_owner)
    async with Wire(database.service_url).stretched() as wire:
        exchange = Exchange(ConnectionPool(wire.url))
        await exchange.execute_order(founded.exchange_id, buy(founded, 1))  # Prepares the statement.
        wire.swallow()
        outcome = await exchange.execute_order(founded.exchange_id, buy(founded, 2))
        assert wire.swallowed == 1
        assert outcome.status is Status.FILLED
        assert outcome.position_shares == 2
        assert await fills(connection_owner, founded) == 2
        await exchange.close()


async def test_an_outcome_nobody_heard_is_unknown_until_asked_again(
    database: Database, exchange: Exchange, connection_owner: asyncpg.Connection
) -> None:
    founded = await found(connection_owner)
    async with Wire(database.service_url).stretched() as wire:
        impatient = Exchange(ConnectionPool(wire.url, patience=IMPATIENT))
        await impatient.execute_order(founded.exchange_id, buy(founded, 1))
        wire.swallow(1_000_000)
        with pytest.raises(OutcomeUnknown) as unknown:
            await impatient.execute_order(founded.exchange_id, buy(founded, 2))
        await impatient.close()
    assert unknown.value.request_id == 2
    assert await fills(connection_owner, founded) == 2
    outcome = await exchange.execute_order(founded.exchange_id, buy(founded, 2))
    assert outcome.status is Status.FILLED
    assert await fills(connection_owner, founded) == 2


@pytest.mark.parametrize("sqlstate", ["28P01", "3D000", "42501"])
async def test_after_a_lost_answer_no_other_answer_means_that_nothing_happened(
    database: Database, connection_owner: asyncpg.Connection, sqlstate: str
) -> None:
    founded = await found(connection_owner)
    async with Wire(database.service_url).stretched() as wire:
        exchange = Exchange(ConnectionPool(wire.url))
        await exchange.execute_order(founded.exchange_id, buy(founded, 1))
        wire.swallow()
        wire.refuse_entry(sqlstate)
        with pytest.raises(OutcomeUnknown) as unknown:
            await exchange.execute_order(founded.exchange_id, buy(founded, 2))
        await exchange.close()
    assert unknown.value.request_id == 2
    assert await fills(connection_owner, founded) == 2


@pytest.mark.parametrize(
    ("sqlstate", "expected"), [("28P01", ExchangeUnavailable), ("42501", RequestRejected)]
)
async def test_a_read_is_never_left_unknown(
    database: Database, connection_owner: asyncpg.Connection, sqlstate: str, expected: type[Exception]
) -> None:
    founded = await found(connection_owner)
    async with Wire(database.service_url).stretched() as wire:
        exchange = Exchange(ConnectionPool(wire.url))
        await exchange.check()
        wire.swallow()
        wire.refuse_entry(sqlstate)
        with pytest.raises(expected):
            await exchange.list_markets(founded.exchange_id)
        await exchange.close()


async def test_nothing_is_asked_of_an_exchange_that_was_closed(
    database: Database, connection_owner: asyncpg.Connection
) -> None:
    founded = await found(connection_owner)
    exchange = Exchange(ConnectionPool(database.service_url))
    await exchange.check()
    await exchange.close()
    with pytest.raises(ExchangeUnavailable, match="shutting down"):
        await exchange.list_markets(founded.exchange_id)
    with pytest.raises(ExchangeUnavailable, match="shutting down"):
        await exchange.execute_order(founded.exchange_id, buy(founded, 1))


async def test_an_exchange_that_hangs_is_unknown_in_bounded_time(
    database: Database, connection_owner: asyncpg.Connection, watcher: asyncpg.Connection
) -> None:
    founded = await found(connection_owner)
    impatient = Exchange(ConnectionPool(database.service_url, patience=IMPATIENT))
    async with holding_exchange(connection_owner, founded.exchange_id):
        with pytest.raises(OutcomeUnknown):
            await impatient.execute_order(founded.exchange_id, buy(founded, 1))
    await impatient.close()


@pytest.mark.parametrize("method", ["execute_order", "quote_order"])
async def test_a_server_that_is_not_there_is_unavailable(
    database: Database, method: str, connection_owner: asyncpg.Connection
) -> None:
    founded = await found(connection_owner)
    nowhere = (
        database.service_url.replace("host=", "host=/nowhere") if "host=" in database.service_url else NOWHERE
    )
    exchange = Exchange(ConnectionPool(nowhere, patience=IMPATIENT))
    with pytest.raises(ExchangeUnavailable):
        await getattr(exchange, method)(founded.exchange_id, buy(founded, 1))
    await exchange.close()
    assert await fills(connection_owner, founded) == 0


NOWHERE = "postgresql://service_role@127.0.0.1:1/betjee"


async def test_the_same_request_asked_twenty_times_at_once_has_one_effect(
    exchange: Exchange, connection_owner: asyncpg.Connection
) -> None:
    founded = await found(connection_owner)
    asked = [exchange.execute_order(founded.exchange_id, buy(founded, 7)) for _ in range(20)]
    answers: list[Outcome] = await asyncio.gather(*asked)
    assert answers == [answers[0]] * 20
    assert await fills(connection_owner, founded) == 1


async def test_a_statement_that_nobody_waits_for_ends_in_the_server(
    database: Database, watcher: asyncpg.Connection
) -> None:
    pool = ConnectionPool(database.service_url, patience=IMPATIENT)
    with pytest.raises(OutcomeUnknown):
        await pool.write("select pg_sleep(600)")
    await pool.close()
    await wait_for_end(watcher, "select pg_sleep(600)")


async def test_an_exchange_that_is_stuck_keeps_no_other_from_reopening(
    database: Database, connection_owner: asyncpg.Connection
) -> None:
    stuck, free = await found(connection_owner), await found(connection_owner)
    halt = "update betjee.markets set status = 'halted', halted_until = clock_timestamp() where exchange_id = any ($1)"
    await connection_owner.execute(halt, [stuck.exchange_id, free.exchange_id])
    exchange = Exchange(ConnectionPool(database.service_url, patience=IMPATIENT))
    async with holding_exchange(connection_owner, stuck.exchange_id):
        with pytest.raises(ExchangeUnavailable):
            await exchange.reopen_markets()
        status = "select status from betjee.markets where exchange_id = $1"
        assert await connection_owner.fetchval(status, free.exchange_id) == "open"
        assert await connection_owner.fetchval(status, stuck.exchange_id) == "halted"
    await exchange.close()
