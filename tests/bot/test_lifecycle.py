"""How the bot comes up, joins guilds, and goes down."""

import asyncio
from collections.abc import Callable
from unittest.mock import Mock

import pytest
from redis.asyncio import Redis

from bot.client import BetJee
from bot.intake import Intake
from tests.bot.world import Seen, World


def syncs(world: World) -> int:
    """How often the bot has told Discord its commands."""
    return sum(
        request.method == "PUT" and request.path.endswith("/commands") for request in world.env.http_requests
    )


async def test_commands_are_synced_once_and_not_at_the_next_start(
    world: World, new_bot: Callable[[], BetJee]
):
    assert syncs(world) == 1
    await world.env.restart_bot(new_bot())
    assert syncs(world) == 1
    assert (await world.asks(world.asha, "help")).title == "How the exchange works"


async def test_changed_commands_are_synced_again(world: World, new_bot: Callable[[], BetJee]):
    changed = new_bot()
    changed.tree.command(name="weather", description="It is new")(_forecast)
    await world.env.restart_bot(changed)
    assert syncs(world) == 2
    assert "weather" in world.asha.available_commands(world.channel)


async def _forecast(interaction: object) -> None:
    """Say nothing."""


async def test_a_redis_that_has_forgotten_means_one_sync_more(
    world: World, new_bot: Callable[[], BetJee], redis: Redis
):
    await redis.flushall()
    await world.env.restart_bot(new_bot())
    assert syncs(world) == 2


async def test_commands_that_discord_has_lost_are_synced_again(world: World, new_bot: Callable[[], BetJee]):
    world.env.backend.commands.clear()
    await world.env.restart_bot(new_bot())
    assert syncs(world) == 2


async def test_a_guild_that_the_bot_joins_gets_its_exchange_and_its_owner_moderates(world: World):
    exchange_id = await world.exchange_id()
    markets = await world.exchange.list_markets(exchange_id)
    moderators = await world.exchange.list_moderators(exchange_id)
    assert [market.market for market in markets] == [
        "21s1",
        "21s2",
        "22s1",
        "22s2",
        "23s1",
        "23s2",
        "24s1",
        "24s2",
        "28s1",
        "28s2",
    ]
    assert [(moderator.display_name, moderator.rank) for moderator in moderators] == [("Meera", "owner")]


async def test_guilds_do_not_share_an_exchange(world: World):
    other = world.env.create_guild("Other")
    channel = other.create_text_channel("betjee")
    member = other.add_member(world.asha.user)
    await world.env.settle()
    await world.registered(world.asha)
    elsewhere = Seen(await member.slash(channel, "buy", market="22s1", shares="10"))
    assert elsewhere.title == "No account yet"
    assert len(world.env.errors) == 1
    assert await world.exchange.find_exchange("discord", str(other.id)) != await world.exchange_id()


async def test_an_owner_whose_name_cannot_be_read_is_still_the_owner(world: World):
    world.env.inject_error("GET", "/guilds/*/members/*", status=404, code=10007)
    guild = world.env.create_guild("Nameless")
    await world.env.settle()
    exchange_id = await world.exchange.find_exchange("discord", str(guild.id))
    assert exchange_id is not None
    (owner,) = await world.exchange.list_moderators(exchange_id)
    assert owner.provider_user_id == str(guild.owner.id)
    assert owner.display_name == "The owner"


async def test_a_restarted_bot_knows_its_guilds(world: World, new_bot: Callable[[], BetJee]):
    before = await world.exchange_id()
    await world.env.restart_bot(new_bot())
    await world.registered(world.asha)
    assert await world.exchange_id() == before


async def test_the_bot_needs_no_privileged_intent_and_mentions_nobody(world: World):
    intents = world.bot.intents
    assert not any((intents.members, intents.presences, intents.message_content))
    mentions = world.bot.allowed_mentions
    assert mentions is not None
    assert dict(mentions.to_dict()) == {"parse": []}


async def test_what_comes_during_a_shutdown_is_told_that_nothing_was_charged(world: World):
    await world.registered(world.asha)
    quote = await world.asks(world.asha, "buy", market="22s1", shares="200")
    await world.bot.intake.close(seconds=0)

    command = await world.asks(world.asha, "buy", market="22s1", shares="10")
    assert command.ephemeral
    assert command.title == "Restarting"
    assert "Nothing was charged" in command.text
    click = await world.clicks(world.asha, quote, "Confirm")
    assert click.title == "Restarting"
    assert (await world.portfolio(world.asha)).positions == ()


async def test_a_shutdown_waits_for_what_is_in_hand_and_not_for_ever():
    intake = Intake()
    proceed = asyncio.Event()

    async def handle() -> bool:
        admitted = await intake.admit(Mock(extras={}))
        await proceed.wait()
        return admitted

    handling = asyncio.create_task(handle())
    await asyncio.sleep(0)
    await intake.close(seconds=0.01)
    assert not handling.done(), "the wait is bounded"
    closing = asyncio.create_task(intake.close(seconds=60))
    proceed.set()
    await closing
    assert handling.result()


@pytest.mark.parametrize(
    "name", ["**bold** <@1> @everyone", "# 1. https://evil.example", "<:emoji:12> `x` ||y||"]
)
async def test_names_are_shown_letter_for_letter(world: World, name: str):
    prankster = world.guild.add_member(world.env.create_user("prankster", global_name=name))
    welcome = Seen(await prankster.slash(world.channel, "register"))
    await prankster.slash(world.channel, "buy", market="22s1", shares="10")
    board = await world.asks(world.asha, "leaderboard")
    (line,) = world.public_lines()
    for shown in (welcome.text, line, board.text):
        assert name in shown.replace("\\", "")
        assert name not in shown, "no sign of markdown stands without its backslash"
    message = world.channel.last_message
    assert message is not None
    assert not message.mentions
    assert not message.mention_everyone
