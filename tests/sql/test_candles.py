"""Candles: each fill is counted once, whoever counts and whatever fails."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from tests.model.founding import WIDE, Founded, execute, found
from tests.model.state import Ask
from tests.sql.blocking import holding, wait_for_waiting
from tests.sql.tape import COUNTED, assert_charts_show_the_ledger, counted

SUMS = """
select candle_seconds, sum(volume_shares)::bigint as shares from betjee.candles
where exchange_id = $1 group by candle_seconds
"""


@pytest.fixture
async def traded(connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection) -> Founded:
    """An exchange with ten fills of this moment, 55 shares in all."""
    founded = await found(connection_owner, [10**9], rules=WIDE)
    await trade(connection_service, founded, range(1, 11))
    return founded


async def trade(service: asyncpg.Connection, founded: Founded, sizes: range) -> None:
    asks = [Ask(number, founded.users[0], "22s1", "buy", number, confirmed=True) for number in sizes]
    outcomes = await execute(service, founded.exchange_id, asks)
    assert {outcome["status"] for outcome in outcomes} == {"filled"}


async def sums(owner: asyncpg.Connection, exchange_id: int) -> set[int]:
    """How many shares the candles of each kind have in all."""
    return {row["shares"] for row in await owner.fetch(SUMS, exchange_id)}


async def test_fills_are_counted_in_steps_and_each_once(
    traded: Founded, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    exchange_id = traded.exchange_id
    for step, more in ((4, True), (8, True), (10, False), (10, False)):
        assert await counted(connection_service, exchange_id, 4) == more
        assert await connection_owner.fetchval(COUNTED, exchange_id) == step
        assert await sums(connection_owner, exchange_id) == {step * (step + 1) // 2}
    kinds = {row["candle_seconds"] for row in await connection_owner.fetch(SUMS, exchange_id)}
    named = {
        row[0] for row in await connection_owner.fetch("select candle_seconds from betjee.candle_kinds()")
    }
    assert kinds == named, "a fill of now is in candles of all kinds"


async def test_what_is_no_fill_leaves_nothing_to_count(
    traded: Founded, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    left = "select $1 in (select betjee.list_uncounted_exchanges())"
    assert await connection_service.fetchval(left, traded.exchange_id)
    await connection_owner.execute(
        "update betjee.exchanges set sequence = sequence + 5 where exchange_id = $1", traded.exchange_id
    )
    assert await counted(connection_service, traded.exchange_id, 5)
    assert await connection_service.fetchval(left, traded.exchange_id)
    assert await counted(connection_service, traded.exchange_id, 5)
    assert not await counted(connection_service, traded.exchange_id, 5)
    assert not await connection_service.fetchval(left, traded.exchange_id)


async def test_candles_are_kept_for_their_time(
    traded: Founded, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    exchange_id = traded.exchange_id
    await counted(connection_service, exchange_id)
    kinds = "select candle_seconds, min(starts_at) as oldest from betjee.candles where exchange_id = $1 group by 1"
    # The exchange's clock, not ours, tells what is old.
    for days, left in (
        (0, {1, 15, 360, 3600, 86400}),
        (2, {360, 3600, 86400}),
        (11, {3600, 86400}),
        (300, {86400}),
    ):
        await connection_owner.execute(
            "update betjee.exchanges set updated_at = clock_timestamp() + $2::interval where exchange_id = $1",
            exchange_id,
            timedelta(days=days),
        )
        await counted(connection_service, exchange_id)
        assert {row["candle_seconds"] for row in await connection_owner.fetch(kinds, exchange_id)} == left


async def test_of_old_fills_only_long_candles_are_made(
    traded: Founded, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    await connection_owner.execute(
        "update betjee.transactions set executed_at = executed_at - interval '2 days' where exchange_id = $1",
        traded.exchange_id,
    )
    await counted(connection_service, traded.exchange_id)
    kinds = {row["candle_seconds"] for row in await connection_owner.fetch(SUMS, traded.exchange_id)}
    assert kinds == {360, 3600, 86400}


async def test_no_chart_reaches_further_back_than_its_candles_are_kept(
    connection_owner: asyncpg.Connection,
) -> None:
    beyond = await connection_owner.fetch(
        "select s.seconds from (select generate_series(1, 86400) union all select generate_series(86400, 86400 * 400, 997)) s(seconds),"
        " lateral betjee.chart_bucket_seconds(make_interval(secs => s.seconds)) bucket_seconds,"
        " lateral ("
        "   select k.* from betjee.candle_kinds() k where bucket_seconds % k.candle_seconds = 0"
        "   order by k.candle_seconds desc limit 1) k"
        " where s.seconds + bucket_seconds > extract(epoch from k.kept) or s.seconds > 240 * bucket_seconds"
    )
    assert beyond == []


class TestAtOnce:
    async def test_counting_waits_for_no_trade(
        self, traded: Founded, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
    ) -> None:
        trading = (
            "select from betjee.exchanges join betjee.markets using (exchange_id) where exchange_id = $1"
            " for no key update of exchanges for update of markets"
        )
        async with holding(connection_owner, trading, traded.exchange_id), connection_service.transaction():
            await connection_service.execute("set local lock_timeout = '1s'")
            await counted(connection_service, traded.exchange_id)
        assert await sums(connection_owner, traded.exchange_id) == {55}

    async def test_no_trade_waits_for_counting(
        self, traded: Founded, connection_owner: asyncpg.Connection, sessions: list[asyncpg.Connection]
    ) -> None:
        counting, trading, *_ = sessions
        async with counting.transaction():
            await counted(counting, traded.exchange_id)
            await trading.execute("set lock_timeout = '1s'")
            await trade(trading, traded, range(11, 13))
        assert await sums(connection_owner, traded.exchange_id) == {55}
        await counted(counting, traded.exchange_id)
        assert await sums(connection_owner, traded.exchange_id) == {55 + 11 + 12}

    async def test_one_counts_and_another_passes_by(
        self, traded: Founded, connection_owner: asyncpg.Connection, sessions: list[asyncpg.Connection]
    ) -> None:
        first, second, *_ = sessions
        await counted(first, traded.exchange_id, 1)
        async with first.transaction():
            await counted(first, traded.exchange_id, 4)
            await second.execute("set lock_timeout = '1s'")
            assert not await counted(second, traded.exchange_id), "it waits for nobody, and counts nothing"
            await assert_charts_show_the_ledger(connection_owner, second, traded.exchange_id)
        await assert_charts_show_the_ledger(connection_owner, second, traded.exchange_id)
        await counted(second, traded.exchange_id)
        assert await sums(connection_owner, traded.exchange_id) == {55}

    async def test_many_count_while_others_trade(
        self, traded: Founded, connection_owner: asyncpg.Connection, sessions: list[asyncpg.Connection]
    ) -> None:
        trader, *counting = sessions[:9]
        is_trading = asyncio.Event()

        async def count(session: asyncpg.Connection) -> None:
            while not is_trading.is_set():
                await counted(session, traded.exchange_id, 3)

        async with asyncio.TaskGroup() as group:
            for session in counting:
                group.create_task(count(session))
            for start in range(11, 61, 10):
                await trade(trader, traded, range(start, start + 10))
                await assert_charts_show_the_ledger(connection_owner, trader, traded.exchange_id)
            is_trading.set()
        while await counted(trader, traded.exchange_id):
            pass
        assert await sums(connection_owner, traded.exchange_id) == {60 * 61 // 2}

    async def test_one_that_is_killed_has_counted_nothing(
        self,
        traded: Founded,
        connection_owner: asyncpg.Connection,
        sessions: list[asyncpg.Connection],
        watcher: asyncpg.Connection,
    ) -> None:
        await counted(sessions[0], traded.exchange_id, 5)
        candle = "select from betjee.candles where exchange_id = $1 and candle_seconds = 86400 for update"
        async with holding(connection_owner, candle, traded.exchange_id):
            killed = asyncio.create_task(counted(sessions[1], traded.exchange_id))
            (pid,) = await wait_for_waiting(watcher, "count_candles")
            await watcher.execute("select pg_terminate_backend($1)", pid)
            with pytest.raises(asyncpg.PostgresError):
                await killed
        await assert_charts_show_the_ledger(connection_owner, sessions[0], traded.exchange_id)
        assert await sums(connection_owner, traded.exchange_id) == {15}
        await counted(sessions[0], traded.exchange_id)
        assert await sums(connection_owner, traded.exchange_id) == {55}
