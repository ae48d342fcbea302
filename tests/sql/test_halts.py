"""What stops may not do: carry a price through the band, or serve who set them off."""

import pytest

from tests.model.founding import pass_window
from tests.sql.floor import Floor, audited, narrow


async def test_stops_carry_the_price_no_further_than_the_band(floor: Floor) -> None:
    await narrow(floor, 3_000)
    price = await floor.price()
    for user in range(4):
        await floor.arm(user, "stop_loss", price - 100 * (1 + user), 400)
    await floor.order(5, "short", 20)
    assert await floor.price() * 10_000 >= price * 7_000
    (market,) = await floor.rows(
        "select status, halted_until, updated_at from betjee.markets where", "shift_id"
    )
    assert market["status"] == "halted"
    assert (market["halted_until"] - market["updated_at"]).total_seconds() == 120
    (halt,) = await floor.notices("market_halted")
    assert halt["user_id"] is None
    assert set(halt) == {
        *("user_id", "market", "label", "price_before_paise", "price_paise", "halt_seconds", "reopens_at")
    }
    assert (halt["price_before_paise"], halt["price_paise"]) == (price, await floor.price())
    filled, left = await floor.notices("stop_filled")
    assert filled["remaining_shares"] == 0
    assert left["remaining_shares"] == 400 - left["shares"] > 0
    assert (await floor.order(4, "buy", 1))["code"] == "market_not_open"
    await audited(floor)


async def test_a_halted_market_can_be_quoted_and_reopens_where_it_stood(floor: Floor) -> None:
    await narrow(floor, 3_000)
    price = await floor.price()
    for user in range(3):
        await floor.arm(user, "stop_loss", price - 100 * (1 + user))
    await floor.order(5, "short", 20)
    halted_at = await floor.price()
    row = await floor.service.fetchrow(
        "select * from betjee.quote_order($1, (1, $2, '22s1', 'buy', 1, null, null, true)::betjee.order_request)",
        floor.founded.exchange_id,
        floor.founded.users[4],
    )
    assert row is not None
    assert (row["status"], row["price_before_paise"]) == ("quoted", halted_at)
    assert 0 < row["wait_seconds"] <= 120
    await pass_window(floor.owner, floor.founded)
    due = await floor.service.fetch("select betjee.list_due_exchanges()")
    assert floor.founded.exchange_id in [row[0] for row in due]
    await floor.nothing()
    # What was still crossed goes on, and meets the band around the price of the halt.
    assert await floor.price() * 10_000 >= halted_at * 7_000
    assert await floor.price() < halted_at
    assert len(await floor.notices("market_reopened")) == 1
    for _ in range(15):
        await pass_window(floor.owner, floor.founded)
        await floor.nothing()
    assert {
        row["status"] for row in await floor.rows("select status from betjee.stop_losses where", "stop_id")
    } == {"filled"}
    await audited(floor)


async def test_a_cancelled_order_does_not_fire_when_the_market_reopens(floor: Floor) -> None:
    await narrow(floor, 3_000)
    price = await floor.price()
    numbers = [await floor.arm(user, "stop_loss", price - 100 * (1 + user)) for user in range(3)]
    await floor.order(5, "short", 20)
    last = next(stop for stop in floor.founded.model.stops if stop.stop_id == numbers[-1])
    await floor.service.fetchval(
        "select betjee.cancel_stop($1, 5000, $2, $3)",
        floor.founded.exchange_id,
        last.user_id,
        last.stop_id,
    )
    floor.founded.model.cancel(last)
    for _ in range(4):
        await pass_window(floor.owner, floor.founded)
        await floor.nothing()
    assert last.stop_id not in await floor.fired()
    await audited(floor)


async def test_who_sets_off_many_shares_of_others_may_not_turn_round(floor: Floor) -> None:
    await floor.arm(0, "stop_loss", await floor.price() - 100, 101)
    await floor.order(5, "short", 20)
    refused = await floor.order(5, "cover", 20)
    assert refused["code"] == "cooling_down"
    assert (await floor.order(5, "short", 1))["status"] == "filled"
    assert (await floor.order(4, "buy", 1))["status"] == "filled"
    (row,) = await floor.rows(
        "select cooldown_until from betjee.positions where cooldown_until is not null and", "1"
    )
    assert row["cooldown_until"] is not None
    await pass_window(floor.owner, floor.founded)
    assert (await floor.order(5, "cover", 21))["status"] == "filled"
    assert (
        await floor.rows("select from betjee.positions where cooldown_until is not null and", "user_id") == []
    )
    await audited(floor)


async def test_how_long_a_cool_down_lasts_is_told(floor: Floor) -> None:
    await floor.arm(0, "stop_loss", await floor.price() - 100, 101)
    await floor.order(5, "short", 20)
    row = await floor.service.fetchrow(
        "select * from betjee.execute_orders($1, array[(990, $2, '22s1', 'cover', 1, null, null, true)]::betjee.order_request[])",
        floor.founded.exchange_id,
        floor.founded.users[5],
    )
    assert row is not None
    assert 0 < row["wait_seconds"] <= 60


@pytest.mark.parametrize("own", [True, False], ids=["ones own stops", "one percent and no more"])
async def test_few_shares_and_ones_own_lock_nobody_out(
    floor: Floor, own: bool
) -> None:  # a parameter of the test
    seller = 0 if own else 5
    await floor.arm(0, "stop_loss", await floor.price() - 100, 500 if own else 100)
    await floor.order(seller, "sell" if own else "short", 20)
    assert len(await floor.fired()) == 1
    assert (await floor.order(seller, "buy" if own else "cover", 20))["status"] == "filled"
    await audited(floor)


async def test_waiting_orders_of_who_cools_down_wait_on(floor: Floor) -> None:
    await floor.order(5, "short", 10)
    price = await floor.price()
    await floor.arm(0, "stop_loss", price - 100, 400)
    profit = await floor.arm(5, "take_profit", price - 2_000)
    await floor.order(5, "short", 10)
    assert profit not in await floor.fired()
    await pass_window(floor.owner, floor.founded)
    await floor.nothing()
    assert profit in await floor.fired()
    await audited(floor)


async def test_a_halt_does_not_count_as_part_of_a_cool_down(floor: Floor) -> None:
    await narrow(floor, 3_000)
    price = await floor.price()
    for user in range(4):
        await floor.arm(user, "stop_loss", price - 100 * (1 + user))
    await floor.order(5, "short", 20)
    (row,) = await floor.rows(
        "select extract(epoch from cooldown_until - halted_until) as seconds"
        " from betjee.positions join betjee.markets using (exchange_id, shift_id)"
        " where cooldown_until is not null and",
        "1",
    )
    assert row["seconds"] == 60


async def test_what_was_set_off_adds_up_over_orders(floor: Floor) -> None:
    price = await floor.price()
    for user, below in ((0, 100), (1, 2_000)):
        await floor.arm(user, "stop_loss", price - below, 60)
    await floor.order(5, "short", 20)
    assert (await floor.order(5, "cover", 1))["status"] == "filled"
    await floor.order(5, "short", 200)
    assert len(await floor.fired()) == 2
    assert (await floor.order(5, "cover", 1))["code"] == "cooling_down"
    await audited(floor)


async def test_a_take_profit_one_trades_into_bars_nobody(floor: Floor) -> None:
    await floor.arm(0, "take_profit", await floor.price() + 1, 500)
    await floor.order(5, "buy", 20)
    assert len(await floor.fired()) == 1
    assert (await floor.order(5, "sell", 20))["status"] == "filled"
    await audited(floor)


async def test_a_stop_loss_from_before_a_cool_down_protects_and_a_later_one_waits(floor: Floor) -> None:
    await floor.order(5, "short", 100)
    price = await floor.price()
    before = await floor.arm(5, "stop_loss", price + 100, 10)
    await floor.arm(0, "stop_loss", price - 100, 400)
    await floor.order(5, "short", 10)
    after = await floor.arm(5, "stop_loss", price + 200, 10)
    await floor.order(4, "buy", 800)
    fired = await floor.fired()
    assert before in fired
    assert after not in fired
    held = await floor.rows("select stop_id from betjee.stop_losses where status = 'held' and", "stop_id")
    assert [row["stop_id"] for row in held] == [after]
    await pass_window(floor.owner, floor.founded)
    await floor.nothing()
    assert after in await floor.fired()
    await audited(floor)


async def test_a_halt_does_not_hide_who_led_to_it(floor: Floor) -> None:
    await narrow(floor, 3_000)
    price = await floor.price()
    await floor.arm(0, "stop_loss", price - 100, 50)
    await floor.arm(1, "stop_loss", price * 71 // 100, 1_000)
    first = await floor.order(5, "short", 525)
    assert (await floor.rows("select status from betjee.markets where", "shift_id"))[0]["status"] == "halted"
    await pass_window(floor.owner, floor.founded)
    await floor.nothing()
    continued = (await floor.rows("select set_off_by, shares from betjee.transactions where"))[-1]
    assert continued["set_off_by"] == first["sequence"]
    assert -continued["shares"] > 100
    assert (await floor.order(5, "cover", 1))["code"] == "cooling_down"
    await audited(floor)


async def test_between_two_halts_there_is_time_to_trade(floor: Floor) -> None:
    await narrow(floor, 3_000)
    price = await floor.price()
    for user in range(4):
        await floor.arm(user, "stop_loss", price - 100 * (1 + user))
    await floor.order(5, "short", 20)
    await pass_window(floor.owner, floor.founded)
    await floor.nothing()
    market = (
        await floor.rows("select status, stops_due_at is not null as due from betjee.markets where", "1")
    )[0]
    assert (market["status"], market["due"]) == ("open", True)
    assert len(await floor.notices("market_halted")) == 1
    waiting = len(await floor.fired())
    # Whoever buys is served, and what waits at the band sells to them in the next batch.
    assert (await floor.order(4, "buy", 30))["status"] == "filled"
    await floor.nothing()
    assert (await floor.order(4, "buy", 1))["status"] == "filled"
    assert len(await floor.fired()) > waiting
    await pass_window(floor.owner, floor.founded)
    await floor.nothing()
    assert len(await floor.notices("market_halted")) == 2
    await audited(floor)
