"""The relay on a simulated Discord: what people receive, in which way, and what becomes of what cannot be sent."""

import asyncio
from collections.abc import Callable

import asyncpg
import pytest
import simcord
from simcord.builders import ChannelHandle

from bot.client import BetJee
from bot.postman import Postman
from bot.relay import Relay
from exchange.notices import NotifyBy
from tests.bot.telling import Teller
from tests.bot.world import World


@pytest.fixture
def teller(connection_owner: asyncpg.Connection, world: World) -> Teller:
    return Teller(connection_owner, world)


@pytest.fixture
def relay(world: World) -> Relay:
    return Relay(world.exchange, Postman(world.bot), pause_seconds=0)


async def wants(world: World, who: simcord.MemberActor, way: NotifyBy) -> None:
    """Someone signs up and chooses how they are told."""
    exchange_id = await world.exchange_id()
    await world.registered(who)
    user = await world.exchange.find_user(exchange_id, "discord", str(who.id))
    assert user is not None
    await world.exchange.choose_notifications(exchange_id, who.id, user.user_id, way)


def received(who: simcord.MemberActor) -> list[str]:
    """The cards that someone got by direct message, the oldest first."""
    return [message.embeds[0].title or "" for message in who.user.dm_channel.history(viewer=who.user)]


async def test_direct_messages_carry_the_figures_in_order(world: World, teller: Teller, relay: Relay):
    await wants(world, world.asha, NotifyBy.DIRECT)
    await teller.queue(world.asha, "stop_filled", "stop_failed", "price_alert")
    assert await relay.sweep() == 3
    assert received(world.asha) == [
        "Stop-loss filled: 22s1",
        "Stop-loss not executed: 22s1",
        "Price alert: 22s1",
    ]
    (filled, *_) = world.asha.user.dm_channel.history(viewer=world.asha.user)
    text = filled.embeds[0].description or ""
    for figure in ("**10 × 22s1**", "You received: **₹160.00**", "Tax, deducted: **₹2.72**", "−₹3.50"):
        assert figure in text
    assert "Still waiting to be filled: **5**" in text
    assert filled.embeds[0].footer.text == "JEE 2026 · /notifications changes how you are told."
    assert world.public_lines() == []
    assert await teller.states() == ["delivered direct"] * 3
    assert await relay.sweep() == 0, "once"
    seen = await world.asks(world.asha, "notifications")
    assert seen.text.count("●") == 1, "what was sent with its figures was not missed"


async def test_each_message_has_its_notices_nonce_and_discord_enforces_it(
    world: World, teller: Teller, relay: Relay
):
    await wants(world, world.asha, NotifyBy.DIRECT)
    await teller.queue(world.asha, "stop_filled", "price_alert")
    await teller.queue(None, "market_reopened")
    await relay.sweep()
    bodies = [entry.json for entry in world.env.http_requests if entry.path.endswith("/messages")]
    assert len(bodies) == 3
    assert all(body is not None and body["enforce_nonce"] is True for body in bodies)
    assert len({body["nonce"] for body in bodies if body is not None}) == 3


async def test_the_channel_reads_what_concerns_everyone(world: World, teller: Teller, relay: Relay):
    await teller.queue(None, "market_halted", "market_reopened")
    await relay.sweep()
    halted, reopened = world.public_lines()
    assert halted.startswith("**22s1 is halted**")
    assert "from ₹20.00 to ₹14.00" in halted
    assert "It reopens at <t:1767225720:T>" in halted
    assert reopened.startswith("**22s1 is open again**")
    assert await teller.states() == ["delivered channel"] * 2


async def test_a_ping_mentions_one_person_once_and_tells_no_figures(
    world: World, teller: Teller, relay: Relay
):
    await wants(world, world.asha, NotifyBy.CHANNEL)
    await teller.queue(world.asha, "stop_filled", "stop_failed", "price_alert")
    await relay.sweep()
    (line,) = world.public_lines()
    assert line == f"<@{world.asha.id}>, you have a notice: `/notifications` shows it to you alone."
    message = world.channel.last_message
    assert message is not None
    assert [user.id for user in message.mentions] == [world.asha.id]
    (body,) = [entry.json for entry in world.env.http_requests if entry.path.endswith("/messages")]
    assert body is not None
    assert body["allowed_mentions"] == {"parse": [], "users": [str(world.asha.id)]}
    assert received(world.asha) == []
    assert await teller.states() == ["delivered channel"] * 3
    seen = await world.asks(world.asha, "notifications")
    assert seen.text.count("●") == 3 + 1, "they have been told that there is something, not what"


async def test_whoever_wants_nothing_is_sent_nothing(world: World, teller: Teller, relay: Relay):
    await world.registered(world.asha)
    await teller.queue(world.asha, "stop_filled")
    assert await relay.sweep() == 0
    await wants(world, world.asha, NotifyBy.DIRECT)
    assert await relay.sweep() == 0, "nor what is older than the wish"
    assert received(world.asha) == []
    assert await teller.states() == ["kept"]


async def test_whoever_refuses_direct_messages_gets_no_second_one(world: World, teller: Teller, relay: Relay):
    await wants(world, world.asha, NotifyBy.DIRECT)
    await wants(world, world.ravi, NotifyBy.DIRECT)
    await teller.queue(world.asha, "stop_filled", "stop_failed")
    await teller.queue(world.ravi, "price_alert")
    world.env.inject_error(
        "POST", f"/channels/{world.asha.user.dm_channel.id}/messages", status=403, code=50007
    )
    await relay.sweep()
    assert received(world.asha) == []
    assert received(world.ravi) == ["Price alert: 22s1"]
    assert await teller.states() == ["kept", "kept", "delivered direct"]
    await teller.queue(world.asha, "price_alert")
    assert await relay.sweep() == 0
    seen = await world.asks(world.asha, "notifications")
    assert seen.figures["You are told by"] == "nothing"
    assert seen.text.count("●") == 3 + 1
    attempts = [entry for entry in world.env.http_requests if entry.path.endswith("/messages")]
    assert len(attempts) == 2, "one to each"


async def test_what_discord_does_not_take_is_tried_again(world: World, teller: Teller, relay: Relay):
    await wants(world, world.asha, NotifyBy.DIRECT)
    await teller.queue(world.asha, "stop_filled", "stop_failed")
    world.env.inject_error("POST", "/channels/*/messages", status=400, code=50035)
    await relay.sweep()
    assert received(world.asha) == []
    assert await teller.states() == ["pending", "pending"], "the second waits for the first"
    assert await teller.attempts() == [1, 0]
    assert await relay.sweep() == 0, "not at once"
    await teller.let_retries_be_due()
    assert await relay.sweep() == 2
    assert received(world.asha) == ["Stop-loss filled: 22s1", "Stop-loss not executed: 22s1"]


async def test_a_discord_that_is_away_ends_the_sweep(world: World, teller: Teller, relay: Relay):
    await wants(world, world.asha, NotifyBy.DIRECT)
    await wants(world, world.ravi, NotifyBy.DIRECT)
    await teller.queue(world.asha, "stop_filled")
    await teller.queue(world.ravi, "stop_filled")
    world.env.inject_error("POST", "/channels/*/messages", status=501, times=None)
    await relay.sweep()
    assert await teller.attempts() == [1, 0]
    world.env.backend.faults.clear()
    await teller.let_retries_be_due()
    assert await relay.sweep() == 2
    assert await teller.states() == ["delivered direct"] * 2


async def test_a_kind_that_is_not_known_yet_is_told_in_general_words(
    world: World, teller: Teller, relay: Relay
):
    await wants(world, world.asha, NotifyBy.DIRECT)
    await teller.queue(world.asha, "settlement_disputed")
    await teller.queue(world.asha, "stop_filled", detail={"kind": "stop_loss"})
    await teller.queue(None, "weather")
    assert await relay.sweep() == 3
    assert received(world.asha) == ["News from the exchange"] * 2
    assert world.public_lines()[0].startswith("**News from the exchange**")
    seen = await world.asks(world.asha, "notifications")
    assert seen.text.count("News from the exchange") == 2


class TestChannels:
    async def test_the_chosen_one(self, world: World, teller: Teller, relay: Relay):
        news = world.guild.create_text_channel("news")
        await world.env.settle()
        await world.asks(world.meera, "settings channel", channel=news)
        await teller.queue(None, "market_reopened")
        await relay.sweep()
        assert len(news.history()) == 1
        assert world.public_lines() == []

    async def test_one_that_is_gone_is_replaced(self, world: World, teller: Teller, relay: Relay):
        news = world.guild.create_text_channel("news")
        await world.env.settle()
        await world.asks(world.meera, "settings channel", channel=news)
        world.env.inject_error("POST", f"/channels/{news.id}/messages", status=404, code=10003)
        await teller.queue(None, "market_reopened")
        await relay.sweep()
        assert len(world.public_lines()) == 1
        assert await teller.states() == ["delivered channel"]

    async def test_one_where_the_bot_is_mute_is_replaced(
        self, world: World, teller: Teller, relay: Relay, mute: Callable[[str], ChannelHandle]
    ):
        quiet = mute("quiet")
        await world.env.settle()
        await world.asks(world.meera, "settings channel", channel=quiet)
        await teller.queue(None, "market_reopened")
        await relay.sweep()
        assert len(quiet.history()) == 0
        assert len(world.public_lines()) == 1

    async def test_where_there_is_none_notices_are_kept(self, world: World, teller: Teller, relay: Relay):
        await wants(world, world.asha, NotifyBy.CHANNEL)
        await teller.queue(None, "market_reopened")
        await teller.queue(world.asha, "price_alert")
        world.env.inject_error("POST", "/channels/*/messages", status=403, code=50013, times=None)
        await relay.sweep()
        assert await teller.states() == ["kept", "kept"]
        world.env.backend.faults.clear()
        seen = await world.asks(world.asha, "notifications")
        assert seen.text.count("●") == 1 + 1


async def test_every_guild_gets_its_own(world: World, teller: Teller, relay: Relay):
    other = world.env.create_guild("Other")
    channel = other.create_text_channel("elsewhere")
    await world.env.settle()
    await teller.queue(None, "market_reopened")
    await teller.queue(None, "market_halted", guild=str(other.id))
    assert await relay.sweep() == 2
    assert [line.split("**")[1] for line in world.public_lines()] == ["22s1 is open again"]
    assert len(channel.history()) == 1


async def test_two_relays_at_once_send_each_notice_once(world: World, teller: Teller, relay: Relay):
    await wants(world, world.asha, NotifyBy.DIRECT)
    await teller.queue(world.asha, *["price_alert"] * 20)
    second = Relay(world.exchange, Postman(world.bot), pause_seconds=0)
    counts = await asyncio.gather(relay.sweep(), second.sweep())
    assert sum(counts) == 20
    assert len(received(world.asha)) == 20


async def test_the_relay_can_tell_whether_its_bot_is_online(world: World, new_bot: Callable[[], BetJee]):
    assert not Postman(new_bot()).is_ready
    assert Postman(world.bot).is_ready
