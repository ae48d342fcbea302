"""Leaderboards and net worth over time, as a front end gets them."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from exchange.database import Database as Pool
from exchange.exchange import Exchange
from exchange.models import Identity, Order, Side, Size
from exchange.standings import Board, Period
from tests.conftest import Database


async def test_what_is_made_can_be_read(exchange: Exchange, connection_owner: asyncpg.Connection) -> None:
    owner = Identity("discord", "1", "Owner")
    exchange_id = await exchange.open_exchange(1, "discord", "1", "Guild", owner)
    before = await exchange.get_leaderboard(exchange_id)
    assert (before.members, before.pages, before.refreshed_at, before.standings) == (0, 1, None, ())
    member = (await exchange.register_user(exchange_id, 2, owner)).user_id
    await exchange.execute_order(exchange_id, Order(3, member, "22s1", Side.BUY, Size(40), confirmed=True))
    await exchange.execute_order(exchange_id, Order(4, member, "22s1", Side.SELL, Size(30), confirmed=True))
    await exchange.refresh_leaderboards()
    assert await exchange.refresh_leaderboards() == 0
    worth = (await exchange.get_portfolio(exchange_id, member)).net_worth_paise

    for board in Board:
        for period in Period:
            page = await exchange.get_leaderboard(exchange_id, board, period, page=7)
            assert (page.board, page.period, page.page, page.pages) == (board, period, 1, 1)
            assert page.refreshed_at is not None
            own = await exchange.get_standing(exchange_id, member, board, period)
            if board in (Board.NET_WORTH, Board.GAIN):
                assert own is not None
                assert (own.rank, own.place, own.members, own.net_worth_paise) == (1, 1, 1, worth)
                assert [line.user_id for line in page.standings] == [member]
            assert await exchange.get_standing(exchange_id, 10**9, board, period) is None

    await connection_owner.execute(
        "update betjee.users set registered_at = registered_at - interval '1 hour' where user_id = $1", member
    )
    signed_up, point = await exchange.list_net_worth(exchange_id, member, hours=24)
    assert signed_up.net_worth_paise == 2_000_000
    assert point.net_worth_paise == worth
    assert datetime.now(UTC) - point.at < timedelta(hours=2)
    assert (point.at.minute, point.at.second) == (0, 0)


async def test_many_processes_make_one_run_together_and_prepare_the_next_hour_once(
    exchange: Exchange, database: Database
) -> None:
    owner = Identity("discord", "1", "Owner")
    exchange_id = await exchange.open_exchange(1, "discord", "1", "Guild", owner)
    await exchange.register_user(exchange_id, 2, owner)
    await exchange.refresh_leaderboards()
    while await exchange.prepare_medians():
        pass
    connection = await asyncpg.connect(database.owner_url)
    await connection.execute(
        "update betjee.leaderboards set refreshed_at = null, prepared_at = null where exchange_id = $1",
        exchange_id,
    )
    runs = "select shown_run from betjee.leaderboards where exchange_id = $1"
    before = await connection.fetchval(runs, exchange_id)
    others = [Exchange(Pool(database.service_url)) for _ in range(3)]
    assert sum(await asyncio.gather(*[other.refresh_leaderboards() for other in others])) == 1
    assert await connection.fetchval(runs, exchange_id) == before + 1
    assert sum(await asyncio.gather(*[other.prepare_medians() for other in others])) == 1
    for other in others:
        await other.close()
    await connection.close()


async def test_there_is_nothing_to_post_by_default(exchange: Exchange) -> None:
    owner = Identity("discord", "1", "Owner")
    await exchange.open_exchange(1, "discord", "1", "Guild", owner)
    await exchange.refresh_leaderboards()
    assert await exchange.post_leaderboards() == 0


async def test_one_that_cannot_be_made_holds_up_no_other(
    exchange: Exchange, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    owner = Identity("discord", "1", "Owner")
    broken, sound = [
        await exchange.open_exchange(number, "discord", str(number), "Guild", owner) for number in (11, 12)
    ]
    connection = await asyncpg.connect(database.owner_url)
    await connection.execute("insert into betjee.leaderboards (exchange_id) values ($1)", broken)
    await connection.execute(
        "alter table betjee.leaderboards add constraint broken check (exchange_id <> $1 or refreshed_at is null)".replace(
            "$1", str(broken)
        )
    )
    await exchange.refresh_leaderboards()
    assert (await exchange.get_leaderboard(sound)).refreshed_at is not None
    assert f"The leaderboards of exchange {broken} could not be made" in caplog.text
    for query in (
        "alter table betjee.leaderboards drop constraint broken",
        "delete from betjee.leaderboards",
    ):
        await connection.execute(query)
    await connection.close()
