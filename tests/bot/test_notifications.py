"""Price alerts, and what people choose and see of their notices."""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from simcord.backend.errors import SetupError

from bot.client import BetJee
from bot.errors import InputUnreadable, NotRegistered
from exchange.errors import RequestRejected
from tests.bot.telling import Teller
from tests.bot.world import World


@pytest.fixture
def teller(connection_owner: asyncpg.Connection, world: World) -> Teller:
    return Teller(connection_owner, world)


class TestAlerts:
    async def test_an_alert_is_armed_listed_and_cancelled(self, world: World):
        await world.registered(world.asha)
        armed = await world.asks(world.asha, "alerts", market="22S1", price="50")
        assert armed.ephemeral
        assert armed.title == "Price alert: 22s1"
        assert "at ₹16.63" in armed.text
        assert "risen to **₹50.00**" in armed.text
        assert armed.buttons == ["Tell me by direct message"]
        await world.asks(world.asha, "alerts", market="21s1", price="12.5")
        listed = await world.asks(world.asha, "alerts")
        assert listed.ephemeral
        assert (listed.embed.description or "").splitlines() == [
            "`1` **21s1** falls to **₹12.50**, now ₹16.63",
            "`2` **22s1** rises to **₹50.00**, now ₹16.63",
        ]
        assert listed.buttons == ["Cancel 1", "Cancel 2", "Cancel all"]
        await world.clicks(world.asha, listed, "Cancel 1")
        assert "Cancelled: alert for **21s1** at ₹12.50." in listed.text
        assert "21s1** falls" not in listed.text
        assert listed.buttons == ["Cancel 1", "Cancel all"]
        await world.clicks(world.asha, listed, "Cancel 1")
        assert "None are waiting" in listed.text
        assert listed.buttons == []

    async def test_all_alerts_are_cancelled_at_once(self, world: World):
        await world.registered(world.asha, world.ravi)
        for price in ("50", "60"):
            await world.asks(world.asha, "alerts", market="22s1", price=price)
        await world.asks(world.ravi, "alerts", market="22s1", price="70")
        listed = await world.asks(world.asha, "alerts")
        await world.clicks(world.asha, listed, "Cancel all")
        assert "Cancelled: all 2 alerts." in listed.text
        assert "None are waiting" in listed.text
        assert listed.buttons == []
        assert "70.00" in (await world.asks(world.ravi, "alerts")).text

    async def test_an_alert_that_has_gone_meanwhile_is_told(self, world: World):
        await world.registered(world.asha)
        await world.asks(world.asha, "alerts", market="22s1", price="50")
        first = await world.asks(world.asha, "alerts")
        second = await world.asks(world.asha, "alerts")
        await world.clicks(world.asha, first, "Cancel 1")
        await world.clicks(world.asha, second, "Cancel 1")
        assert second.title == "Not done"
        assert "has fired or was cancelled" in second.text
        world.forgive(RequestRejected)

    async def test_nobody_else_can_cancel(self, world: World):
        await world.registered(world.asha, world.ravi)
        await world.asks(world.asha, "alerts", market="22s1", price="50")
        listed = await world.asks(world.asha, "alerts")
        with pytest.raises(SetupError):
            await world.clicks(world.ravi, listed, "Cancel 1")
        assert listed.buttons == ["Cancel 1", "Cancel all"]

    async def test_buttons_that_nobody_pressed_go(self, world: World):
        await world.registered(world.asha)
        await world.asks(world.asha, "alerts", market="22s1", price="50")
        listed = await world.asks(world.asha, "alerts")
        await world.env.advance_time(601)
        assert listed.buttons == []
        assert "22s1" in listed.text

    @pytest.mark.parametrize(
        ("market", "price", "sentence"),
        [
            ("99s9", "50", "There is no market 99s9"),
            ("22s1", "5", "from ₹10.00 to ₹992.68 and no further"),
            ("22s1", "5000", "from ₹10.00 to ₹992.68 and no further"),
            ("22s1", "16.63", "is ₹16.63 already"),
            ("22s1", "60", "an alert for 22 JAN S1 at ₹60.00 already"),
        ],
    )
    async def test_refusals(self, world: World, market: str, price: str, sentence: str):
        await world.registered(world.asha)
        await world.asks(world.asha, "alerts", market="22s1", price="60")
        seen = await world.asks(world.asha, "alerts", market=market, price=price)
        assert seen.title == "Not done"
        assert sentence in seen.text.replace("\\", "")
        world.forgive(RequestRejected)

    @pytest.mark.usefixtures("unhurried")
    async def test_too_many(self, world: World):
        await world.registered(world.asha)
        for price in range(20, 40):
            await world.asks(world.asha, "alerts", market="22s1", price=str(price))
        assert len((await world.asks(world.asha, "alerts")).buttons) == 21, (
            "a Cancel for each, and Cancel all"
        )
        seen = await world.asks(world.asha, "alerts", market="22s1", price="40")
        assert "20 price alerts" in seen.text
        world.forgive(RequestRejected)

    @pytest.mark.parametrize("options", [{"market": "22s1"}, {"price": "50"}])
    async def test_half_an_alert_is_answered_by_how_it_is_typed(self, world: World, options: dict[str, str]):
        await world.registered(world.asha)
        seen = await world.asks(world.asha, "alerts", **options)
        assert seen.title == "Not understood"
        assert "/alerts market:22s1 price:50" in seen.text
        world.forgive(InputUnreadable)

    @pytest.mark.parametrize("options", [{}, {"market": "22s1", "price": "50"}])
    async def test_strangers_are_told_to_register(self, world: World, options: dict[str, str]):
        seen = await world.asks(world.asha, "alerts", **options)
        assert seen.title == "No account yet"
        world.forgive(NotRegistered)

    async def test_markets_are_offered(self, world: World):
        offered = await world.asha.autocomplete(world.channel, "alerts", "market", "22s")
        assert [choice["value"] for choice in offered] == ["22s1", "22s2"]


class TestNotifications:
    async def test_at_first_there_is_nothing_and_nothing_is_sent(self, world: World):
        await world.registered(world.asha)
        seen = await world.asks(world.asha, "notifications")
        assert seen.ephemeral
        assert "Nothing yet. What happens to your waiting orders, alerts and account" in seen.text
        assert seen.figures["You are told by"] == "nothing"
        assert seen.buttons == ["Tell me by direct message", "Tell me by ping in the channel"]

    async def test_what_was_missed_is_listed_as_new_once(self, world: World, teller: Teller):
        await world.registered(world.asha)
        await teller.queue(world.asha, "price_alert", "stop_filled", "stop_failed")
        seen = await world.asks(world.asha, "notifications")
        assert seen.text.count("●") == 3 + 1, "each, and the footer"
        assert "Price alert\\: 22s1" in seen.text
        assert "Your stop\\-loss" not in seen.text
        assert "You received: ₹160.00" in seen.text
        assert "could not be executed: the market is not open" in seen.text
        again = await world.asks(world.asha, "notifications")
        assert again.text.count("●") == 1
        assert "Price alert" in again.text

    async def test_the_option_chooses(self, world: World, teller: Teller):
        await world.registered(world.asha)
        for words, way in (
            ("direct message", "direct"),
            ("ping in the channel", "channel"),
            ("nothing", "none"),
        ):
            seen = await world.asks(world.asha, "notifications", deliver=words)
            assert seen.figures["You are told by"] == words
            assert await teller.notify_by(world.asha) == way

    async def test_a_button_chooses(self, world: World, teller: Teller):
        await world.registered(world.asha)
        seen = await world.asks(world.asha, "notifications")
        await world.clicks(world.asha, seen, "Tell me by ping in the channel")
        assert seen.title == "Chosen"
        assert seen.buttons == []
        assert await teller.notify_by(world.asha) == "channel"
        seen = await world.asks(world.asha, "notifications")
        assert seen.buttons == ["Tell me by direct message", "Send me nothing"]
        await world.clicks(world.asha, seen, "Send me nothing")
        assert await teller.notify_by(world.asha) == "none"

    async def test_strangers_are_told_to_register(self, world: World):
        assert (await world.asks(world.asha, "notifications")).title == "No account yet"
        world.forgive(NotRegistered)

    async def test_the_button_under_a_reply_asks_for_direct_messages(self, world: World, teller: Teller):
        await world.registered(world.asha)
        armed = await world.asks(world.asha, "alerts", market="22s1", price="50")
        answer = await world.clicks(world.asha, armed, "Tell me by direct message")
        assert answer.ephemeral
        assert answer.title == "Chosen"
        assert "I will write to you" in answer.text
        assert armed.title == "Price alert: 22s1", "the reply itself stays as it is"
        assert await teller.notify_by(world.asha) == "direct"

    async def test_it_is_not_offered_to_those_who_have_chosen(self, world: World):
        await world.registered(world.asha)
        for way in ("direct message", "ping in the channel"):
            await world.asks(world.asha, "notifications", deliver=way)
            assert (await world.asks(world.asha, "alerts", market="22s1", price="50")).buttons == []
            await world.clicks(world.asha, await world.asks(world.asha, "alerts"), "Cancel 1")

    async def test_it_works_after_a_restart(
        self, world: World, teller: Teller, new_bot: Callable[[], BetJee]
    ):
        await world.registered(world.asha)
        armed = await world.asks(world.asha, "alerts", market="22s1", price="50")
        await world.env.restart_bot(new_bot())
        answer = await world.clicks(world.asha, armed, "Tell me by direct message")
        assert answer.title == "Chosen"
        assert await teller.notify_by(world.asha) == "direct"

    async def test_it_is_answered_during_a_shutdown(self, world: World, teller: Teller):
        await world.registered(world.asha)
        armed = await world.asks(world.asha, "alerts", market="22s1", price="50")
        await world.bot.intake.close(seconds=0)
        answer = await world.clicks(world.asha, armed, "Tell me by direct message")
        assert answer.title == "Restarting"
        assert await teller.notify_by(world.asha) == "none"


class TestChannelSetting:
    async def test_a_moderator_chooses_where_the_exchange_speaks(self, world: World, teller: Teller):
        news = world.guild.create_text_channel("news")
        await world.env.settle()
        seen = await world.asks(world.meera, "settings channel", channel=news)
        assert seen.ephemeral
        assert f"<#{news.id}>" in seen.text
        assert "may not send" not in seen.text
        assert await teller.channel_id() == str(news.id)
        seen = await world.asks(world.meera, "settings channel")
        assert "own channel" in seen.text
        assert await teller.channel_id() is None

    async def test_a_channel_where_the_bot_is_mute_is_taken_with_a_warning(
        self, world: World, mute: Callable[..., Any]
    ):
        seen = await world.asks(world.meera, "settings channel", channel=mute("quiet"))
        assert "I may not send messages there yet" in seen.text
