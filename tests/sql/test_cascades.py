"""Orders that wait fire inside the trade that reaches them, each in its turn."""

import asyncio
import json

import asyncpg

from tests.conftest import Database
from tests.model.founding import execute, quote
from tests.model.state import Ask
from tests.sql.blocking import holding_exchange, wait_for_waiting
from tests.sql.floor import Floor, audited


async def test_a_stop_fires_in_the_transaction_that_reaches_it(floor: Floor) -> None:
    stop_id = await floor.arm(0, "stop_loss", await floor.price() - 100, 50)
    answer = await floor.order(5, "short", 20)
    trade, fill = (await floor.rows("select * from betjee.transactions where"))[-2:]
    assert trade["sequence"] == answer["sequence"] == fill["set_off_by"]
    assert (fill["stop_id"], fill["cause"], fill["shares"]) == (stop_id, "stop_loss", -50)
    assert fill["executed_at"] == trade["executed_at"]
    (notice,) = await floor.notices("stop_filled")
    assert notice["user_id"] == floor.founded.users[0]
    assert (notice["shares"], notice["remaining_shares"], notice["side"]) == (50, 0, "sell")
    await audited(floor)


async def test_the_nearest_fires_first_and_of_equals_the_oldest(floor: Floor) -> None:
    price = await floor.price()
    far = await floor.arm(0, "stop_loss", price - 300, 5)
    near = await floor.arm(1, "stop_loss", price - 100, 5)
    near_too = await floor.arm(2, "stop_loss", price - 100, 5)
    await floor.order(5, "short", 100)
    assert await floor.fired() == [near, near_too, far]
    await audited(floor)


async def test_shorts_are_stopped_by_a_rise_and_take_profit_from_a_fall(floor: Floor) -> None:
    await floor.order(4, "short", 100)
    await floor.order(5, "short", 100)
    price = await floor.price()
    stop = await floor.arm(4, "stop_loss", price + 200)
    profit = await floor.arm(5, "take_profit", price - 200)
    await floor.order(0, "buy", 50)
    assert await floor.fired() == [stop]
    await floor.order(1, "sell", 400)
    assert await floor.fired() == [stop, profit]
    fills = await floor.rows(
        "select betjee.fill_side(shares, position_shares), position_shares from betjee.transactions"
        " where stop_id is not null and"
    )
    assert [tuple(row) for row in fills] == [("cover", 0), ("cover", 0)]
    await audited(floor)


async def test_who_closes_a_position_ends_the_other_orders_on_it(floor: Floor) -> None:
    price = await floor.price()
    loss = await floor.arm(0, "stop_loss", price - 100)
    profit = await floor.arm(0, "take_profit", price + 3_000)
    part = await floor.arm(1, "stop_loss", price - 100, 10)
    kept = await floor.arm(1, "take_profit", price + 3_000)
    await floor.order(5, "short", 20)
    assert await floor.fired() == [loss, part]
    statuses = dict(
        tuple(row)
        for row in await floor.rows("select stop_id, status from betjee.stop_losses where", "stop_id")
    )
    assert statuses == {loss: "filled", profit: "lapsed", part: "filled", kept: "armed"}
    await audited(floor)


async def test_a_stop_of_a_position_that_was_closed_and_opened_again_is_gone(floor: Floor) -> None:
    price = await floor.price()
    await floor.arm(0, "stop_loss", price * 8 // 10)
    founded = floor.founded
    asks = [
        Ask(900 + place, founded.users[user], "22s1", side, shares, confirmed=True)
        for place, (user, side, shares) in enumerate(
            [(0, "sell", 1_200), (0, "buy", 1_200), (5, "short", 1_500)]
        )
    ]
    founded.model.begin_batch()
    assert await execute(floor.service, founded.exchange_id, asks) == [
        founded.model.execute(ask) for ask in asks
    ]
    assert await floor.fired() == []
    await audited(floor)


async def test_a_price_that_has_come_back_spares_who_waits_behind(floor: Floor) -> None:
    await floor.order(4, "short", 400)
    price = await floor.price()
    profit = await floor.arm(4, "take_profit", price - 100)
    spared = await floor.arm(0, "stop_loss", price - 200, 10)
    await floor.order(5, "short", 40)
    # The cover of 400 shares has its turn first, and carries the price far above the stop-loss behind it.
    assert await floor.fired() == [profit]
    await floor.order(5, "short", 500)
    assert await floor.fired() == [profit, spared]
    await audited(floor)


async def test_an_order_sent_again_sets_nothing_off_again(floor: Floor) -> None:
    price = await floor.price()
    await floor.arm(0, "stop_loss", price - 100, 10)
    ask = Ask(700, floor.founded.users[5], "22s1", "short", 20, confirmed=True)
    first = await execute(floor.service, floor.founded.exchange_id, [ask])
    assert await execute(floor.service, floor.founded.exchange_id, [ask]) == first
    assert len(await floor.fired()) == 1


async def test_nobody_sees_the_stops_of_others_in_a_quote(floor: Floor) -> None:
    ask = Ask(800, floor.founded.users[5], "22s1", "short", 200, confirmed=True)
    before = await quote(floor.service, floor.founded.exchange_id, ask)
    await floor.arm(0, "stop_loss", await floor.price() - 100)
    assert await quote(floor.service, floor.founded.exchange_id, ask) == before
    answer = await floor.order(5, "short", 200)
    same = before.keys() - {"request_id", "status"}
    assert {name: answer[name] for name in same} == {name: before[name] for name in same}


async def test_the_stops_of_a_frozen_member_are_suspended(floor: Floor) -> None:
    stop_id = await floor.arm(0, "stop_loss", await floor.price() - 100)
    user_id = floor.founded.users[0]
    await floor.owner.execute(
        "update betjee.users set status = 'frozen' where exchange_id = $1 and user_id = $2",
        floor.founded.exchange_id,
        user_id,
    )
    floor.founded.model.members[user_id].status = "frozen"
    await floor.order(5, "short", 20)
    assert await floor.fired() == []
    rows = await floor.rows(
        "select stop_id from betjee.stop_losses where status = 'suspended' and", "stop_id"
    )
    assert [row["stop_id"] for row in rows] == [stop_id]
    await audited(floor)


async def test_a_cancellation_and_the_trade_that_fires_happen_one_after_the_other(
    floor: Floor, watcher: asyncpg.Connection, database: Database
) -> None:
    stop_id = await floor.arm(0, "stop_loss", await floor.price() - 100)
    founded = floor.founded
    ask = Ask(600, founded.users[5], "22s1", "short", 20, confirmed=True)
    second = await asyncpg.connect(database.service_url)
    try:
        async with holding_exchange(floor.owner, founded.exchange_id):
            trade = asyncio.create_task(execute(floor.service, founded.exchange_id, [ask]))
            await wait_for_waiting(watcher, "execute_orders")
            cancelling = asyncio.create_task(
                second.fetchval(
                    "select betjee.cancel_stop($1, 601, $2, $3)",
                    founded.exchange_id,
                    founded.users[0],
                    stop_id,
                )
            )
            await wait_for_waiting(watcher, "cancel_stop")
        await trade
        refusal = json.loads(await cancelling)
    finally:
        await second.close()
    assert await floor.fired() == [stop_id]
    assert (refusal["refused"], refusal["status"]) == ("stop_ended", "filled")
