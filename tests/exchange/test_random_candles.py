"""Whatever was traded and however much of it is counted, charts and boards show what the ledger says."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
from hypothesis import given
from hypothesis import strategies as st

from tests.model.curve import Terms
from tests.model.founding import Founded, found
from tests.sql.tape import COUNT, assert_charts_show_the_ledger

MARKETS = {"22s1": Terms(), "22s2": Terms()}
FILL = """
insert into betjee.transactions (
  exchange_id, sequence, user_id, shift_id, shares, price_paise, gross_paise, tax_paise, price_after_paise, cause, request_id, executed_at)
values ($1, $2, $3, $4, $5, 1000, 1000, 10, $6, 'order', 1, $7)
"""
SECOND = 1_000_000
DAY = 86_400 * SECOND


@dataclass(frozen=True)
class Traded:
    """A fill, so many microseconds after the one before it; then, perhaps, so many fills are counted."""

    after: int
    market: int
    shares: int
    price_paise: int
    counted: int | None


TRADED = st.builds(
    Traded,
    after=st.just(0)
    | st.integers(0, 10)
    | st.integers(0, 20 * SECOND)
    | st.integers(0, 3_600 * SECOND)
    | st.integers(0, 30 * DAY)
    # Bounds of candles, to the microsecond.
    | st.sampled_from([SECOND, 15 * SECOND, 360 * SECOND, 3_600 * SECOND, DAY]),
    market=st.sampled_from([1, 1, 2]),
    shares=st.integers(-1_000, 1_000).filter(bool),
    price_paise=st.integers(1_000, 100_000),
    counted=st.none() | st.integers(1, 5) | st.just(100_000),
)


@dataclass(frozen=True)
class History:
    """What was traded, so many microseconds after the opening, the last of it so many before now; is it counted to its end?"""

    opened: int
    traded: list[Traded]
    since: int
    is_counted: bool


HISTORIES = st.builds(
    History,
    opened=st.just(0) | st.integers(0, DAY) | st.integers(0, 400 * DAY),
    traded=st.lists(TRADED, max_size=40),
    since=st.integers(0, 3_600 * SECOND) | st.integers(0, 2 * DAY),
    is_counted=st.booleans(),
)


@given(history=HISTORIES)
async def test_charts_show_the_ledger_whatever_is_counted(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    history: History,
) -> None:
    founded = await found(connection_owner, [10**9], MARKETS)
    now = await connection_owner.fetchval("select clock_timestamp()")
    first = now - timedelta(microseconds=history.since + sum(traded.after for traded in history.traded))
    await connection_owner.execute(
        "update betjee.exchanges set opened_at = $2 where exchange_id = $1",
        founded.exchange_id,
        first - timedelta(microseconds=history.opened),
    )
    time = first
    for sequence, traded in enumerate(history.traded, start=2):
        time += timedelta(microseconds=traded.after)
        await fill(connection_owner, founded, sequence, traded, time)
        if traded.counted:
            await connection_service.fetchval(COUNT, founded.exchange_id, traded.counted)
    if history.is_counted:
        while await connection_service.fetchval(COUNT, founded.exchange_id, 7):
            pass
        assert founded.exchange_id not in await uncounted(connection_service)
    for market in MARKETS:
        await assert_charts_show_the_ledger(connection_owner, connection_service, founded.exchange_id, market)
    assert await volumes(connection_service, founded) == await volumes_of_the_ledger(
        connection_owner, founded
    )


async def fill(
    owner: asyncpg.Connection, founded: Founded, sequence: int, traded: Traded, time: datetime
) -> None:
    async with owner.transaction():
        await owner.execute(
            FILL,
            founded.exchange_id,
            sequence,
            founded.users[0],
            traded.market,
            traded.shares,
            traded.price_paise,
            time,
        )
        await owner.execute(
            "update betjee.exchanges set sequence = $2, updated_at = $3 where exchange_id = $1",
            founded.exchange_id,
            sequence,
            time,
        )


async def uncounted(service: asyncpg.Connection) -> list[int]:
    return [row[0] for row in await service.fetch("select betjee.list_uncounted_exchanges()")]


async def volumes(service: asyncpg.Connection, founded: Founded) -> list[int]:
    board = json.loads(await service.fetchval("select betjee.get_board($1)", founded.exchange_id))
    return [market["volume_shares"] for market in board["markets"]]


async def volumes_of_the_ledger(owner: asyncpg.Connection, founded: Founded) -> list[int]:
    """Within a day, by whole hours."""
    rows = await owner.fetch(
        "select coalesce(sum(abs(t.shares)) filter ("
        "   where date_trunc('hour', t.executed_at, 'UTC') > clock_timestamp() - interval '24 hours'), 0)::bigint"
        " from betjee.markets m left join betjee.transactions t using (exchange_id, shift_id)"
        " where m.exchange_id = $1 group by m.shift_id order by m.shift_id",
        founded.exchange_id,
    )
    return [row[0] for row in rows]
