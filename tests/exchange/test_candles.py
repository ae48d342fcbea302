"""Counting the fills of all exchanges, as the job does."""

import asyncio

import asyncpg
import pytest

from exchange.database import Database as Pool
from exchange.exchange import Exchange
from exchange.models import Identity, Order, Side, Size
from tests.conftest import Database

FILL = """
insert into betjee.transactions (
  exchange_id, sequence, user_id, shift_id, shares, price_paise, gross_paise, tax_paise, price_after_paise, cause, request_id, executed_at)
select $1, 1000 + number, $2, 1, 1, 1663, 1663, 28, 1663, 'order', 1, clock_timestamp() - interval '1 day' + number * interval '1 second'
from generate_series(1, $3) number
"""
SHARES = """
select exchange_id, sum(volume_shares)::bigint as shares from betjee.candles where candle_seconds = 86400 group by exchange_id
"""


async def opened(exchange: Exchange, guild: int) -> tuple[int, int]:
    owner = Identity("discord", "1", "Owner")
    exchange_id = await exchange.open_exchange(guild, "discord", str(guild), "Guild", owner)
    return exchange_id, (await exchange.register_user(exchange_id, 2, owner)).user_id


async def test_a_long_backlog_and_other_exchanges_are_counted_by_many_processes_each_fill_once(
    exchange: Exchange, database: Database, connection_owner: asyncpg.Connection
) -> None:
    (long, trader), (short, other) = await opened(exchange, 21), await opened(exchange, 22)
    await connection_owner.execute(FILL, long, trader, 50_000)
    await connection_owner.execute(
        "update betjee.exchanges set sequence = 100000 where exchange_id = $1", long
    )
    await exchange.execute_order(short, Order(3, other, "22s1", Side.BUY, Size(9)))
    others = [Exchange(Pool(database.service_url)) for _ in range(3)]
    await asyncio.gather(*[process.catch_up_candles() for process in others])
    # One that passed by another may have left a step.
    await exchange.catch_up_candles()
    counted = {row["exchange_id"]: row["shares"] for row in await connection_owner.fetch(SHARES)}
    assert (counted[long], counted[short]) == (50_000, 9)
    for process in others:
        await process.close()


async def test_one_that_cannot_be_counted_holds_up_no_other(
    exchange: Exchange, connection_owner: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    traded = [await opened(exchange, guild) for guild in (11, 12)]
    for exchange_id, user_id in traded:
        await exchange.execute_order(exchange_id, Order(3, user_id, "22s1", Side.BUY, Size(9)))
    broken, sound = traded[0][0], traded[1][0]
    await connection_owner.execute(
        f"alter table betjee.candles add constraint broken check (exchange_id <> {broken})"
    )
    await exchange.catch_up_candles()
    counted = {row["exchange_id"]: row["shares"] for row in await connection_owner.fetch(SHARES)}
    assert (counted.get(broken), counted[sound]) == (None, 9)
    assert f"The candles of exchange {broken} could not be counted" in caplog.text
    await connection_owner.execute("alter table betjee.candles drop constraint broken")
