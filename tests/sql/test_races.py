"""What happens at once: the last shares, the same request, opposite lock orders."""

import asyncio
from collections import Counter

import asyncpg
import pytest

from tests.model.curve import Terms
from tests.model.founding import WIDE, Founded, execute, found
from tests.model.invariants import discrepancies
from tests.model.state import Ask
from tests.sql.blocking import holding, holding_exchange, wait_for_waiting

NEARLY_DRY = Terms(total_shares_cap=110, max_tradable_shares=100, min_market_shares=100)
RICH = 10**10


def buy(request_id: int, user_id: int, market: str = "22s1", shares: int = 1) -> Ask:
    return Ask(request_id, user_id, market, "buy", shares, confirmed=True)


async def fills(owner: asyncpg.Connection, founded: Founded) -> int:
    query = "select count(*) from betjee.transactions where exchange_id = $1"
    count: int = await owner.fetchval(query, founded.exchange_id)
    return count


async def test_of_two_hundred_buyers_ten_get_the_last_ten_shares(
    connection_owner: asyncpg.Connection, watcher: asyncpg.Connection, sessions: list[asyncpg.Connection]
) -> None:
    rounds = [f"round{number}" for number in range(50)]
    founded = await found(connection_owner, [RICH] * 200, dict.fromkeys(rounds, NEARLY_DRY), WIDE)

    for number, market in enumerate(rounds):
        asks = [buy(number * 200 + place, user, market) for place, user in enumerate(founded.users, start=1)]
        async with asyncio.TaskGroup() as group, holding_exchange(connection_owner, founded.exchange_id):
            turns = [
                group.create_task(execute(session, founded.exchange_id, asks[first :: len(sessions)]))
                for first, session in enumerate(sessions)
            ]
            await wait_for_waiting(watcher, "execute_orders", len(sessions))
        outcomes = [outcome for turn in turns for outcome in turn.result()]
        assert Counter(outcome.get("code", "filled") for outcome in outcomes) == {
            "filled": 10,
            "market_dry": 190,
        }
    assert await discrepancies(connection_owner, founded.exchange_id) == []


async def test_one_request_sent_twenty_times_at_once_has_one_effect(
    connection_owner: asyncpg.Connection, watcher: asyncpg.Connection, sessions: list[asyncpg.Connection]
) -> None:
    founded = await found(connection_owner)
    ask = buy(7, founded.users[0], shares=3)
    async with asyncio.TaskGroup() as group, holding_exchange(connection_owner, founded.exchange_id):
        answers = [
            group.create_task(execute(session, founded.exchange_id, [ask])) for session in sessions[:20]
        ]
        await wait_for_waiting(watcher, "execute_orders", 20)
    assert [answer.result() for answer in answers] == [[founded.model.execute(ask)]] * 20
    assert await fills(connection_owner, founded) == 1
    assert await discrepancies(connection_owner, founded.exchange_id) == []


async def test_one_request_twenty_times_in_one_batch_has_one_effect(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    founded = await found(connection_owner)
    ask = buy(7, founded.users[0], shares=3)
    answers = await execute(connection_service, founded.exchange_id, [ask] * 20)
    assert answers == [founded.model.execute(ask)] * 20
    assert await fills(connection_owner, founded) == 1


async def test_one_request_with_two_meanings_at_once_keeps_the_first(
    connection_owner: asyncpg.Connection, watcher: asyncpg.Connection, sessions: list[asyncpg.Connection]
) -> None:
    founded = await found(connection_owner)
    asks = [buy(7, founded.users[0], shares=shares) for shares in range(1, 21)]
    async with asyncio.TaskGroup() as group, holding_exchange(connection_owner, founded.exchange_id):
        answers = [
            group.create_task(execute(session, founded.exchange_id, [ask]))
            for session, ask in zip(sessions, asks, strict=False)
        ]
        await wait_for_waiting(watcher, "execute_orders", 20)
    codes = Counter(answer.result()[0].get("code", "filled") for answer in answers)
    assert codes == {"filled": 1, "request_reused": 19}
    assert await fills(connection_owner, founded) == 1


async def test_a_writer_locks_its_exchange_and_then_markets_in_the_order_of_their_numbers(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    watcher: asyncpg.Connection,
) -> None:
    founded = await found(connection_owner, markets=dict.fromkeys(["z9", "m5", "a1"], Terms()))
    user = founded.users[0]
    second = "select from betjee.markets where exchange_id = $1 and shift_id = 2 for update"
    async with asyncio.TaskGroup() as group, holding(connection_owner, second, founded.exchange_id):
        asks = [buy(1, user, "a1"), buy(2, user, "m5"), buy(3, user, "z9")]
        answer = group.create_task(execute(connection_service, founded.exchange_id, asks))
        await wait_for_waiting(watcher, "execute_orders")
        assert await is_locked(watcher, "exchanges", founded.exchange_id)
        assert await is_locked(watcher, "markets", founded.exchange_id, shift_id=1)
        assert not await is_locked(watcher, "markets", founded.exchange_id, shift_id=3)
    assert {outcome["status"] for outcome in answer.result()} == {"filled"}


async def is_locked(watcher: asyncpg.Connection, table: str, exchange_id: int, shift_id: int = 0) -> bool:
    """Whether somebody else has locked that row."""
    market = f"and shift_id = {shift_id}" if shift_id else ""
    try:
        await watcher.execute(
            f"select from betjee.{table} where exchange_id = {exchange_id} {market} for no key update nowait"
        )
    except asyncpg.LockNotAvailableError:
        return True
    return False


async def test_writers_of_opposite_orders_never_deadlock(
    connection_owner: asyncpg.Connection, watcher: asyncpg.Connection, sessions: list[asyncpg.Connection]
) -> None:
    markets = [f"m{number}" for number in range(10)]
    founded = await found(connection_owner, [RICH] * 2, dict.fromkeys(markets, Terms()))
    async with asyncio.TaskGroup() as group, holding_exchange(connection_owner, founded.exchange_id):
        answers = []
        for number, session in enumerate(sessions):
            order = markets if number % 2 else markets[::-1]
            user = founded.users[number % 2]
            asks = [buy(number * 10 + place, user, market) for place, market in enumerate(order, start=1)]
            answers.append(group.create_task(execute(session, founded.exchange_id, asks)))
        await wait_for_waiting(watcher, "execute_orders", len(sessions))
    assert all(outcome["status"] == "filled" for answer in answers for outcome in answer.result())
    assert await discrepancies(connection_owner, founded.exchange_id) == []


@pytest.mark.parametrize(
    "query",
    [
        "select betjee.list_markets($1)",
        "select betjee.get_portfolio($1, 1)",
        "select betjee.get_leaderboard($1, 'net_worth', 'all', 1, 10)",
        "select betjee.get_standing($1, 1, 'net_worth', 'all')",
        "select betjee.refresh_leaderboards($1)",
        "select betjee.list_settings($1)",
        "select betjee.audit_exchange($1)",
        "select betjee.quote_order($1, (1, 1, '22s1', 'buy', 1, null, null, true)::betjee.order_request)",
    ],
)
async def test_readers_wait_for_nobody(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection, query: str
) -> None:
    founded = await found(connection_owner)
    async with holding_exchange(connection_owner, founded.exchange_id):
        await connection_owner.execute("select from betjee.markets for update")
        await connection_owner.execute("select from betjee.users for update")
        await connection_service.execute("set lock_timeout = '1ms'")
        await connection_service.fetch(query, founded.exchange_id)
