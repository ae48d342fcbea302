"""The list of waiting orders, and the buttons under it."""

from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import AsyncMock

import asyncpg
import pytest

from bot.client import BetJee
from exchange.errors import ExchangeUnavailable
from tests.bot.stopping import HALT, arm, arm_many, hold, lines, listed, position, suppose_all_see
from tests.bot.world import World


def noted(
    steps: list[str], name: str, method: Callable[..., Awaitable[Any]]
) -> Callable[..., Awaitable[Any]]:
    """A method that notes when it is called."""

    async def call(*arguments: Any) -> Any:
        steps.append(name)
        return await method(*arguments)

    return call


async def test_they_are_listed_each_with_its_button(world: World):
    await hold(world)
    await arm(world, "12", "13.50")
    await world.asks(world.asha, "takeprofit", market="22s1", trigger_price="20", shares="40")
    seen = await listed(world)
    assert seen.ephemeral
    assert lines(seen) == [
        "`1` **22s1** stop-loss: sells 100 shares at **₹12.00** or below, now ₹17.32",
        "`2` **22s1** stop-loss: sells 100 shares at **₹13.50** or below, now ₹17.32",
        "`3` **22s1** take-profit: sells 40 shares at **₹20.00** or above, now ₹17.32",
    ]
    assert seen.buttons == ["Cancel 1", "Cancel 2", "Cancel 3", "Cancel all"]


async def test_none_is_said_with_how_to_have_one(world: World):
    await world.registered(world.asha)
    seen = await listed(world)
    assert "None are waiting. `/stoploss 22s1 12`" in seen.text
    assert seen.buttons == []


async def test_the_list_stays_usable_click_after_click(world: World):
    await hold(world)
    await arm(world, "12", "13", "14")
    seen = await listed(world)
    await world.clicks(world.asha, seen, "Cancel 2")
    assert "Cancelled: stop-loss of **22s1** at ₹13.00." in seen.text
    assert [line.partition("at ")[2][:10] for line in lines(seen)] == ["**₹12.00**", "**₹14.00**"]
    assert seen.buttons == ["Cancel 1", "Cancel 2", "Cancel all"]
    await world.clicks(world.asha, seen, "Cancel 2")
    assert "Cancelled: stop-loss of **22s1** at ₹14.00." in seen.text
    await world.clicks(world.asha, seen, "Cancel 1")
    assert "None are waiting" in seen.text
    assert seen.buttons == []
    assert (await position(world, world.asha)).waiting_orders == 0


async def test_two_clicks_at_once_cancel_one_order(world: World):
    await hold(world)
    await arm(world, "12", "13")
    seen = await listed(world)
    await world.clicks_at_once(world.asha, seen, "Cancel 1")
    assert "Cancelled: stop-loss of **22s1** at ₹12.00." in seen.text
    assert "Not cancelled" not in seen.text
    assert [line.partition("at ")[2][:10] for line in lines(seen)] == ["**₹13.00**"]
    assert (await position(world, world.asha)).waiting_orders == 1


async def test_clicks_on_two_buttons_at_once_cancel_both(world: World):
    await hold(world)
    await arm(world, "12", "13", "14")
    seen = await listed(world)
    await world.clicks_unsettled(world.asha, seen, "Cancel 1")
    await world.clicks(world.asha, seen, "Cancel 2")
    assert [line.partition("at ")[2][:10] for line in lines(seen)] == ["**₹14.00**"]


async def test_a_click_is_acknowledged_before_the_exchange_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    await hold(world)
    await arm(world, "12")
    seen = await listed(world)
    sent_before: list[str] = []

    async def cancel_stop(*_: object) -> None:
        sent_before.append(world.env.http_requests[-1].path)
        raise ExchangeUnavailable

    monkeypatch.setattr(world.exchange, "cancel_stop", cancel_stop)
    await world.clicks(world.asha, seen, "Cancel 1")
    assert [path.rpartition("/")[2] for path in sent_before] == ["callback"]
    world.forgive(ExchangeUnavailable)


async def test_a_click_that_discord_delivers_twice_is_one_and_the_list_stays_usable(world: World):
    await hold(world)
    await arm(world, "12", "13")
    seen = await listed(world)
    delivered: list[tuple[str, Any]] = []
    world.env.backend.subscribers.append(lambda event, payload: delivered.append((event, payload)))
    await world.clicks(world.asha, seen, "Cancel 1")
    (event, payload) = next(item for item in delivered if item[0] == "INTERACTION_CREATE")
    world.env.backend.emit(event, payload)
    await world.env.settle()
    assert seen.buttons == ["Cancel 1", "Cancel all"]
    await world.clicks(world.asha, seen, "Cancel 1")
    assert "Cancelled: stop-loss of **22s1** at ₹13.00." in seen.text


async def test_two_deliveries_of_a_click_at_once_cancel_one_order(world: World):
    await hold(world)
    await arm(world, "12", "13")
    seen = await listed(world)
    delivered: list[tuple[str, Any]] = []
    world.env.backend.subscribers.append(lambda event, payload: delivered.append((event, payload)))
    await world.clicks_unsettled(world.asha, seen, "Cancel 1")
    (event, payload) = next(item for item in delivered if item[0] == "INTERACTION_CREATE")
    world.env.backend.emit(event, payload)
    await world.env.settle()
    assert seen.buttons == ["Cancel 1", "Cancel all"]
    await world.clicks(world.asha, seen, "Cancel 1")
    assert (await position(world, world.asha)).waiting_orders == 0


async def test_clicks_are_handled_one_after_the_other(world: World, monkeypatch: pytest.MonkeyPatch):
    """Else the list of an earlier click could overwrite that of a later one."""
    await hold(world)
    await arm(world, "12", "13", "14")
    seen = await listed(world)
    steps: list[str] = []
    for name in ("cancel_stop", "list_stops"):
        monkeypatch.setattr(world.exchange, name, noted(steps, name, getattr(world.exchange, name)))
    await world.clicks_unsettled(world.asha, seen, "Cancel 1")
    await world.clicks(world.asha, seen, "Cancel 2")
    assert steps == ["cancel_stop", "list_stops"] * 2


async def test_cancel_all(world: World):
    await hold(world)
    await arm(world, "12", "13")
    seen = await listed(world)
    await world.clicks(world.asha, seen, "Cancel all")
    assert "Cancelled: all 2 orders." in seen.text
    assert "None are waiting" in seen.text
    assert seen.buttons == []
    assert (await position(world, world.asha)).waiting_orders == 0


async def test_cancel_all_where_none_are_left(world: World):
    await hold(world)
    await arm(world, "12")
    first, second = await listed(world), await listed(world)
    await world.clicks(world.asha, first, "Cancel all")
    assert "Cancelled: your one order." in first.text
    await world.clicks(world.asha, second, "Cancel all")
    assert "Nothing was waiting any more." in second.text


async def test_nobody_else_can_press(world: World):
    await hold(world)
    await arm(world, "12")
    await world.registered(world.ravi)
    seen = await listed(world)
    suppose_all_see(world, seen)
    for label in ("Cancel 1", "Cancel all"):
        answer = await world.clicks(world.ravi, seen, label)
        assert answer.ephemeral
        assert answer.title == "Not yours"
    assert seen.buttons == ["Cancel 1", "Cancel all"]
    assert (await position(world, world.asha)).waiting_orders == 1
    await world.clicks(world.asha, seen, "Cancel 1")
    assert (await position(world, world.asha)).waiting_orders == 0, "the buttons are still Asha's"


async def test_nobody_sees_the_orders_of_others(world: World):
    await hold(world)
    await arm(world, "12")
    await world.registered(world.ravi)
    assert "None are waiting" in (await listed(world, world.ravi)).text


async def test_after_ten_minutes_without_a_click_the_buttons_are_gone(world: World):
    await hold(world)
    await arm(world, "12", "13")
    seen = await listed(world)
    await world.env.advance_time(590)
    await world.clicks(world.asha, seen, "Cancel 1")
    await world.env.advance_time(590)
    assert seen.buttons == ["Cancel 1", "Cancel all"], "the click counts the time anew"
    await world.env.advance_time(20)
    assert seen.buttons == []
    assert len(lines(seen)) == 1
    assert "These buttons have expired" in seen.text
    assert (await position(world, world.asha)).waiting_orders == 1


async def test_an_order_that_was_filled_meanwhile_is_told(world: World):
    await hold(world)
    await world.registered(world.ravi)
    await world.asks(world.ravi, "buy", market="22s1", shares="100")
    await world.asks(world.asha, "stoploss", market="22s1", trigger_price="17.50", shares="60")
    await arm(world, "12")
    seen = await listed(world)
    await world.asks(world.ravi, "sell", market="22s1", shares="max")
    await world.clicks(world.asha, seen, "Cancel 1")
    assert "Not cancelled: your stop-loss of **22s1** at ₹17.50 was filled meanwhile" in seen.text
    assert [line.partition(": ")[2] for line in lines(seen)] == [
        "sells 40 shares at **₹12.00** or below, now ₹16.89"
    ]
    assert seen.buttons == ["Cancel 1", "Cancel all"]


async def test_an_order_that_has_lapsed_meanwhile_is_told(world: World):
    await hold(world)
    await arm(world, "12")
    seen = await listed(world)
    await world.asks(world.asha, "sell", market="22s1", shares="max")
    await world.clicks(world.asha, seen, "Cancel 1")
    assert "has lapsed, because its position is closed" in seen.text
    assert "None are waiting" in seen.text


async def test_many_are_shown_page_by_page(world: World):
    await hold(world)
    await world.asks(world.meera, "settings set", name="max_armed_stops", value="100")
    await arm_many(world, 45)
    seen = await listed(world)
    assert (len(lines(seen)), seen.buttons[-2:]) == (20, ["Later", "Cancel all"])
    assert "… 25 more after these." in seen.text
    await world.clicks(world.asha, seen, "Later")
    assert lines(seen)[0].startswith("`21`")
    assert seen.buttons == [*(f"Cancel {n}" for n in range(21, 41)), "Earlier", "Later", "Cancel all"]
    await world.clicks(world.asha, seen, "Later")
    assert "… 40 more before these." in seen.text
    assert seen.buttons == [*(f"Cancel {n}" for n in range(41, 46)), "Earlier", "Cancel all"]
    await world.clicks(world.asha, seen, "Cancel 45")
    assert "Cancelled: stop-loss of **22s1** at ₹12.44." in seen.text
    await world.clicks(world.asha, seen, "Earlier")
    assert lines(seen)[0].startswith("`21`")
    await world.clicks(world.asha, seen, "Cancel all")
    assert "Cancelled: all 44 orders." in seen.text
    assert seen.buttons == []


async def test_a_page_that_has_run_empty_is_left(world: World):
    await hold(world)
    await world.asks(world.meera, "settings set", name="max_armed_stops", value="100")
    await arm_many(world, 21)
    seen = await listed(world)
    await world.clicks(world.asha, seen, "Later")
    await world.clicks(world.asha, seen, "Cancel 21")
    assert "Cancelled: stop-loss of **22s1** at ₹12.20." in seen.text
    assert seen.buttons == [*(f"Cancel {n}" for n in range(1, 21)), "Cancel all"]


async def test_a_halted_market_is_told_and_its_orders_can_be_cancelled(
    world: World, connection_owner: asyncpg.Connection
):
    await hold(world)
    await arm(world, "12", "13")
    await connection_owner.execute(HALT)
    seen = await listed(world)
    assert seen.text.count("**22s1** is halted and reopens at <t:") == 1, "once, not for each order"
    await world.clicks(world.asha, seen, "Cancel 1")
    assert "Cancelled: stop-loss of **22s1** at ₹12.00." in seen.text
    assert (await position(world, world.asha)).waiting_orders == 1


async def test_orders_of_a_frozen_account_are_listed_and_can_be_cancelled(
    world: World, connection_owner: asyncpg.Connection
):
    await hold(world)
    await arm(world, "12")
    await connection_owner.execute("update betjee.stop_losses set status = 'suspended'")
    seen = await listed(world)
    assert "Your account is frozen: your orders wait until it is not." in seen.text
    await world.clicks(world.asha, seen, "Cancel 1")
    assert "Cancelled" in seen.text
    assert (await position(world, world.asha)).waiting_orders == 0


async def test_what_was_cancelled_is_told_though_the_list_cannot_be_read(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    await hold(world)
    await arm(world, "12")
    seen = await listed(world)
    monkeypatch.setattr(world.exchange, "list_stops", AsyncMock(side_effect=ExchangeUnavailable()))
    await world.clicks(world.asha, seen, "Cancel 1")
    await world.env.advance_time(601)
    assert "Cancelled: stop-loss of **22s1** at ₹12.00. The list could not be read just now" in seen.text
    assert seen.buttons == []
    assert (await position(world, world.asha)).waiting_orders == 0


async def test_a_click_that_did_not_get_through_is_told(world: World, monkeypatch: pytest.MonkeyPatch):
    await hold(world)
    await arm(world, "12")
    seen = await listed(world)
    monkeypatch.setattr(world.exchange, "cancel_stop", AsyncMock(side_effect=ExchangeUnavailable()))
    await world.clicks(world.asha, seen, "Cancel 1")
    assert seen.title == "The exchange could not be reached"
    assert seen.buttons == []
    await world.env.advance_time(601)
    assert seen.title == "The exchange could not be reached", "no list comes back later"
    world.forgive(ExchangeUnavailable)


async def test_a_button_of_before_a_restart_is_answered(world: World, new_bot: Callable[[], BetJee]):
    await hold(world)
    await arm(world, "12")
    seen = await listed(world)
    await world.env.restart_bot(new_bot())
    answer = await world.clicks(world.asha, seen, "Cancel 1")
    assert answer.title == "This button no longer works"
    assert "`/orders` what waits" in answer.text
    assert (await position(world, world.asha)).waiting_orders == 1
