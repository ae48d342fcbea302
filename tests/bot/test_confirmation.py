"""Orders that move the price far ask first."""

from collections.abc import Callable

from bot.client import BetJee
from tests.bot.world import Seen, World


async def far_order(world: World, shares: str = "200") -> Seen:
    await world.registered(world.asha)
    return await world.asks(world.asha, "buy", market="22s1", shares=shares)


async def test_a_far_order_shows_its_quote_and_changes_nothing(world: World):
    quote = await far_order(world)
    assert quote.ephemeral
    assert quote.title == "Confirm: buy 200 × 22s1?"
    assert quote.buttons == ["Confirm", "Cancel"]
    assert "moves the price by **8." in quote.text
    assert "will not pay more than ₹3,5" in quote.text
    assert "Nothing has been charged yet." in quote.text
    assert (await world.portfolio(world.asha)).cash_paise == 20_000_00


async def test_confirmed_it_fills_as_it_was_shown(world: World):
    quote = await far_order(world)
    await world.clicks(world.asha, quote, "Confirm")
    assert quote.title == "Bought 200 × 22s1"
    assert quote.buttons == []
    assert (await world.portfolio(world.asha)).positions[0].shares == 200
    assert len(world.public_lines()) == 1


async def test_cancelled_it_is_gone(world: World):
    quote = await far_order(world)
    await world.clicks(world.asha, quote, "Cancel")
    assert quote.title == "Cancelled"
    assert quote.buttons == []
    assert (await world.portfolio(world.asha)).positions == ()


async def test_two_clicks_at_once_are_one_order(world: World):
    quote = await far_order(world)
    await world.clicks_at_once(world.asha, quote, "Confirm")
    assert quote.title == "Bought 200 × 22s1"
    assert (await world.portfolio(world.asha)).positions[0].shares == 200
    assert len(world.public_lines()) == 1


async def test_after_thirty_seconds_the_buttons_are_gone(world: World):
    quote = await far_order(world)
    await world.env.advance_time(29)
    assert quote.buttons == ["Confirm", "Cancel"]
    await world.env.advance_time(2)
    assert quote.title == "The quote has expired"
    assert quote.buttons == []
    assert (await world.portfolio(world.asha)).positions == ()


async def test_nobody_else_can_press(world: World):
    quote = await far_order(world)
    stored = world.env.backend.get_message(quote.message.channel_id, quote.message.id)
    stored.flags &= (
        ~64
    )  # Discord shows an ephemeral message to its owner alone; suppose it showed this one to all.
    answer = await world.clicks(world.ravi, quote, "Confirm")
    assert answer.ephemeral
    assert answer.title == "Not your order"
    assert quote.buttons == ["Confirm", "Cancel"]
    assert (await world.portfolio(world.asha)).positions == ()


async def test_a_price_that_ran_away_meanwhile_is_refused_at_confirmation(world: World):
    quote = await far_order(world)
    await world.registered(world.ravi)
    await world.asks(world.ravi, "buy", market="22s1", shares="100")
    await world.clicks(world.asha, quote, "Confirm")
    assert quote.title == "Not done: your limit was not met"
    assert quote.buttons == []
    assert (await world.portfolio(world.asha)).cash_paise == 20_000_00


async def test_max_is_confirmed_as_the_number_that_was_shown(world: World):
    await world.registered(world.ravi)
    await world.asks(world.ravi, "buy", market="22s1", shares="100")
    quote = await far_order(world, "max")
    shown = quote.title.split()[2]
    await world.asks(world.ravi, "sell", market="22s1", shares="max")
    await world.clicks(world.asha, quote, "Confirm")
    assert quote.title == f"Bought {shown} × 22s1", "though more would be possible now"


async def test_a_button_of_before_a_restart_is_answered(world: World, new_bot: Callable[[], BetJee]):
    quote = await far_order(world)
    await world.env.restart_bot(new_bot())
    answer = await world.clicks(world.asha, quote, "Confirm")
    assert answer.ephemeral
    assert answer.title == "This button no longer works"
    assert (await world.portfolio(world.asha)).positions == ()
