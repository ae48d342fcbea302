"""The buttons under the live board, pressed by people, also after a restart."""

from collections.abc import Callable
from unittest.mock import AsyncMock

import pytest

from bot.client import BetJee
from exchange.errors import ExchangeUnavailable
from tests.bot.boarding import Boarding, form_fields
from tests.bot.world import World


async def test_buy_sell_and_short_are_orders_like_those_of_commands(world: World, boarding: Boarding):
    await boarding.put()
    await world.registered(world.asha)
    bought = await boarding.orders(world.asha, "Buy", market=["22s1"], shares="10")
    assert bought.ephemeral
    assert bought.title == "Bought 10 × 22s1"
    assert world.public_lines()[-1].startswith("**Asha** bought 10 × 22s1")
    sold = await boarding.orders(world.asha, "Sell", market=["22s1"], shares="50%", limit="10")
    assert sold.title == "Sold 5 × 22s1"
    shorted = await boarding.orders(world.asha, "Short", market=["22s2"], shares="2")
    assert shorted.title == "Shorted 2 × 22s2"
    (first, *_) = (await world.portfolio(world.asha)).positions
    assert first.shares == 5


async def test_the_forms_id_is_the_orders_request_id(world: World, boarding: Boarding):
    await boarding.put()
    await world.registered(world.asha)
    await boarding.orders(world.asha, "Buy", market=["22s1"], shares="10")
    request_id = await boarding.owner.fetchval("select request_id from betjee.transactions")
    callbacks = [entry.path for entry in world.env.http_requests if entry.path.endswith("/callback")]
    assert f"/interactions/{request_id}/" in callbacks[-1]


async def test_an_order_that_moves_the_price_far_is_confirmed_first(world: World, boarding: Boarding):
    await boarding.put()
    await world.registered(world.asha)
    quote = await boarding.orders(world.asha, "Buy", market=["22s1"], shares="200")
    assert quote.title == "Confirm: buy 200 × 22s1?"
    assert (await world.portfolio(world.asha)).positions == ()
    filled = await world.clicks(world.asha, quote, "Confirm")
    assert filled.title == "Bought 200 × 22s1"


async def test_a_limit_is_kept(world: World, boarding: Boarding):
    await boarding.put()
    await world.registered(world.asha)
    refused = await boarding.orders(world.asha, "Buy", market=["22s1"], shares="10", limit="1")
    assert "would cost" in refused.text
    assert (await world.portfolio(world.asha)).positions == ()


@pytest.mark.parametrize(
    ("typed", "words"),
    [({"shares": "ten"}, "not a number of shares"), ({"shares": "1", "limit": "x"}, "not an amount")],
)
async def test_what_cannot_be_read_is_told(
    world: World, boarding: Boarding, typed: dict[str, str], words: str
):
    await boarding.put()
    await world.registered(world.asha)
    seen = await boarding.orders(world.asha, "Buy", market=["22s1"], **typed)
    assert seen.ephemeral
    assert seen.title == "Not understood"
    assert words in seen.text


async def test_the_form_offers_the_markets_with_their_prices(world: World, boarding: Boarding):
    await boarding.put()
    await world.registered(world.asha)
    market, shares, limit = form_fields(await boarding.press(world.asha, "Buy"))
    assert len(market["options"]) == 10
    assert market["options"][2]["label"] == "22s1 · 22 JAN S1 · ₹16.63"
    assert (shares["required"], limit["required"]) == (True, False)


async def test_without_the_database_the_market_is_typed(
    world: World, boarding: Boarding, monkeypatch: pytest.MonkeyPatch
):
    await boarding.put()
    await world.registered(world.asha)
    with monkeypatch.context() as patch:
        patch.setattr(world.exchange, "list_markets", AsyncMock(side_effect=ExchangeUnavailable()))
        shown = await boarding.press(world.asha, "Buy")
    assert form_fields(shown)[0]["type"] == 4
    seen = type(shown)(await world.asha.submit_modal(shown.result, {"market": " 22S1", "shares": "10"}))
    assert seen.title == "Bought 10 × 22s1"


async def test_chart_and_portfolio_answer_whoever_pressed(world: World, boarding: Boarding):
    await boarding.put()
    await world.registered(world.asha)
    for label, title in (("Portfolio", "Your portfolio"), ("Chart", "Which market?")):
        seen = await boarding.press(world.asha, label)
        assert seen.ephemeral
        assert seen.title == title


@pytest.mark.parametrize("label", ["Buy", "Sell", "Short", "Portfolio"])
async def test_a_stranger_is_told_to_register_before_any_form(world: World, boarding: Boarding, label: str):
    await boarding.put()
    seen = await boarding.press(world.ravi, label)
    assert seen.ephemeral
    assert seen.title == "No account yet"


async def test_every_button_works_after_a_restart_and_so_does_an_open_form(
    world: World, boarding: Boarding, new_bot: Callable[[], BetJee]
):
    await boarding.put()
    await world.registered(world.asha)
    open_form = await boarding.press(world.asha, "Buy")
    await world.env.restart_bot(new_bot())
    filled = type(open_form)(
        await world.asha.submit_modal(open_form.result, {"market": ["22s1"], "shares": "10"})
    )
    assert filled.title == "Bought 10 × 22s1"
    assert (
        await boarding.orders(world.asha, "Sell", market=["22s1"], shares="max")
    ).title == "Sold 10 × 22s1"
    assert (
        await boarding.orders(world.asha, "Short", market=["22s1"], shares="1")
    ).title == "Shorted 1 × 22s1"
    assert (await boarding.press(world.asha, "Portfolio")).title == "Your portfolio"
    assert (await boarding.press(world.asha, "Chart")).title == "Which market?"


async def test_nothing_of_a_form_is_kept(world: World, boarding: Boarding):
    await boarding.put()
    await world.registered(world.asha)
    await boarding.press(world.asha, "Buy")
    assert world.bot._connection._view_store._modals == {}


async def test_two_forms_at_once_are_two_orders(world: World, boarding: Boarding):
    await boarding.put()
    await world.registered(world.asha, world.ravi)
    first = await boarding.press(world.asha, "Buy")
    second = await boarding.press(world.ravi, "Buy")
    bought = type(first)(await world.asha.submit_modal(first.result, {"market": ["22s1"], "shares": "10"}))
    other = type(first)(await world.ravi.submit_modal(second.result, {"market": ["22s2"], "shares": "20"}))
    assert (bought.title, other.title) == ("Bought 10 × 22s1", "Bought 20 × 22s2")


async def test_during_a_shutdown_nothing_is_charged(world: World, boarding: Boarding):
    await boarding.put()
    await world.registered(world.asha)
    form = await boarding.press(world.asha, "Buy")
    await world.bot.intake.close(seconds=0)
    assert (await boarding.press(world.asha, "Portfolio")).title == "Restarting"
    seen = type(form)(await world.asha.submit_modal(form.result, {"market": ["22s1"], "shares": "10"}))
    assert seen.title == "Restarting"
    assert (await world.portfolio(world.asha)).positions == ()
