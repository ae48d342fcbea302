"""Orders that move the price far ask first, and their quote is live until it is answered."""

import asyncio
from collections.abc import Callable

import discord
import pytest

from bot.client import BetJee
from bot.views import REFRESH_SECONDS, ConfirmOrder
from tests.bot.world import Seen, World
from tests.conftest import PATIENT_SECONDS


async def far_order(world: World, shares: str = "200") -> Seen:
    await world.registered(world.asha)
    return await world.asks(world.asha, "buy", market="22s1", shares=shares)


async def test_a_far_order_shows_its_quote_and_changes_nothing(world: World):
    quote = await far_order(world)
    assert quote.ephemeral
    assert quote.title == "Confirm: buy 200 × 22s1?"
    assert quote.buttons == ["Confirm", "Cancel"]
    assert "moves the price by **8." in quote.text
    assert "will not cost more than ₹3,5" in quote.text
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
    assert "Your order to buy **200 × 22s1** (22 JAN S1) was not given." in quote.text
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
    assert "Your order to buy **200 × 22s1** (22 JAN S1) was not confirmed within 30 seconds" in quote.text
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
    assert answer.title == "Not yours"
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


async def run_away(world: World) -> None:
    """Make the price rise by a few percent."""
    await world.registered(world.ravi)
    await world.asks(world.ravi, "buy", market="22s1", shares="100")


async def test_the_quote_follows_the_price_and_is_confirmed_as_it_was_shown_last(world: World):
    quote = await far_order(world)
    before = quote.figures["You would pay"]
    await run_away(world)
    await world.env.advance_time(REFRESH_SECONDS)
    shown = quote.figures["You would pay"]
    assert shown != before
    assert quote.buttons == ["Confirm", "Cancel"]
    await world.clicks(world.asha, quote, "Confirm")
    assert quote.title == "Bought 200 × 22s1"
    assert quote.figures["You paid"] == shown


async def test_a_quote_that_reads_the_same_is_not_sent_again(world: World):
    await far_order(world)
    sent = len(world.env.http_requests)
    await world.env.advance_time(4 * REFRESH_SECONDS)
    assert len(world.env.http_requests) == sent


async def test_keeping_the_quote_live_does_not_keep_it_open(world: World):
    quote = await far_order(world)
    await world.env.advance_time(20)
    await run_away(world)
    await world.env.advance_time(9)
    assert quote.buttons == ["Confirm", "Cancel"]
    await world.env.advance_time(2)
    assert quote.title == "The quote has expired"
    await world.env.advance_time(2 * REFRESH_SECONDS)
    assert quote.title == "The quote has expired"


async def test_max_follows_what_is_possible(world: World):
    await run_away(world)
    quote = await far_order(world, "max")
    before = quote.title
    await world.asks(world.ravi, "sell", market="22s1", shares="max")
    await world.env.advance_time(REFRESH_SECONDS)
    assert quote.title != before
    shown = quote.title.split()[2]
    await world.clicks(world.asha, quote, "Confirm")
    assert quote.title == f"Bought {shown} × 22s1"


async def test_a_quote_that_is_refused_by_now_says_so_and_ends_the_buttons(world: World):
    await world.registered(world.asha)
    quote = await world.asks(world.asha, "buy", market="22s1", shares="200", max_cost="3,600")
    assert quote.buttons == ["Confirm", "Cancel"]
    await run_away(world)
    await world.env.advance_time(REFRESH_SECONDS)
    assert quote.title == "Not done: your limit was not met"
    assert quote.buttons == []
    await world.env.advance_time(30)
    assert quote.title == "Not done: your limit was not met"


async def test_an_order_that_no_longer_moves_the_price_far_is_held_to_the_total_it_shows(world: World):
    quote = await far_order(world)
    await world.asks(world.meera, "settings set", name="confirm_impact_bps", value="2000")
    await world.env.advance_time(REFRESH_SECONDS)
    total = quote.figures["You would pay"]
    assert f"will not cost more than {total}" in quote.text
    await world.clicks(world.asha, quote, "Confirm")
    assert quote.figures["You paid"] == total


@pytest.fixture
def views(monkeypatch: pytest.MonkeyPatch) -> list[ConfirmOrder]:
    """The views that are shown, which the test itself brings up to date."""
    shown: list[ConfirmOrder] = []

    def remember(view: ConfirmOrder) -> None:
        shown.append(view)

    monkeypatch.setattr(ConfirmOrder, "keep_live", remember)
    return shown


async def test_discord_that_is_away_leaves_the_quote_as_it_was_shown(
    world: World, views: list[ConfirmOrder], monkeypatch: pytest.MonkeyPatch
):
    quote = await far_order(world)
    before = quote.text
    await run_away(world)
    with monkeypatch.context() as patch:

        async def fail(*_: object, **__: object) -> None:
            raise OSError

        patch.setattr(discord.Interaction, "edit_original_response", fail)
        await views[0].refresh()
    assert quote.text == before
    await world.clicks(world.asha, quote, "Confirm")
    assert quote.title == "Not done: your limit was not met", "the limit is still the one that was shown"


@pytest.mark.parametrize(
    ("button", "title"), [("Confirm", "Not done: your limit was not met"), ("Cancel", "Cancelled")]
)
async def test_a_click_during_an_update_means_the_older_figures_and_is_answered_last(
    world: World, views: list[ConfirmOrder], monkeypatch: pytest.MonkeyPatch, button: str, title: str
):
    quote = await far_order(world)
    await run_away(world)
    under_way, may_end = asyncio.Event(), asyncio.Event()
    edit = discord.Interaction.edit_original_response

    async def held(interaction: discord.Interaction, **changes: object) -> object:
        if not under_way.is_set():
            under_way.set()
            await may_end.wait()
        return await edit(interaction, **changes)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(discord.Interaction, "edit_original_response", held)
    update = asyncio.create_task(views[0].refresh())
    await under_way.wait()
    await world.clicks_unsettled(world.asha, quote, button)
    async with asyncio.timeout(PATIENT_SECONDS):
        while not views[0]._updating._waiters:  # noqa: ASYNC110  # there is no event for a click that waits
            await asyncio.sleep(0)
    may_end.set()
    await update
    await world.env.settle()
    assert quote.title == title
    assert quote.buttons == []


async def test_who_is_frozen_while_a_quote_is_live_reads_why(world: World, views: list[ConfirmOrder]):
    quote = await far_order(world)
    await world.asks(world.meera, "freeze", member=world.asha, reason="Odd trades.")
    await views[0].refresh()
    assert (quote.title, quote.buttons) == ("Not done: your account is frozen", [])
    assert "Odd trades" in quote.text


async def test_an_update_that_comes_after_the_click_shows_nothing(world: World, views: list[ConfirmOrder]):
    quote = await far_order(world)
    await run_away(world)
    await world.clicks(world.asha, quote, "Cancel")
    await views[0].refresh()
    assert quote.title == "Cancelled"
