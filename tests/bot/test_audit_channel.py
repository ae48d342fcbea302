"""The audit channel as people meet it: chosen, written to, and seen by nobody elsewhere."""

import re
from pathlib import Path

import discord
import pytest
from simcord.builders import ChannelHandle

from bot.postman import Postman
from bot.relay import Relay
from bot.replies.moderation_log import SENTENCES
from tests.bot.world import World

SQL = Path(__file__).parents[2] / "sql" / "functions"


@pytest.fixture
def relay(world: World) -> Relay:
    return Relay(world.exchange, Postman(world.bot), pause_seconds=0)


@pytest.fixture
def audit(world: World) -> ChannelHandle:
    return world.guild.create_text_channel("audit")


def posted(world: World, channel: ChannelHandle) -> list[discord.Message]:
    return list(channel.history(viewer=world.meera))


def sentences(world: World, channel: ChannelHandle) -> list[str]:
    """What stands in a channel, the oldest first."""
    return [message.embeds[0].description or "" for message in posted(world, channel)]


async def test_what_moderators_do_is_posted_in_the_words_of_the_record(
    world: World, relay: Relay, audit: ChannelHandle
):
    await world.registered(world.asha)
    chosen = await world.asks(world.meera, "settings audit-channel", channel=audit)
    assert chosen.ephemeral
    assert f"<#{audit.id}>" in chosen.text
    assert "Everyone on this server can read that channel" in chosen.text
    await world.asks(world.meera, "freeze", member=world.asha, reason="**Odd** @everyone")
    await world.asks(world.meera, "halt", market="22s1", reason="A rumour.")
    await relay.sweep()
    *_, frozen, halted = sentences(world, audit)
    assert "**Meera** froze **Asha**" in frozen
    assert r"\*\*Odd\*\* \@everyone" in frozen
    assert "**Meera** halted trading in **22s1**: A rumour" in halted
    log = await world.asks(world.meera, "modlog")
    assert frozen in log.text
    assert halted in log.text
    everyone = [line for line in world.public_lines() if "Asha" in line]
    assert everyone == [], "what is not for the open channel is not said there"


async def test_the_old_channel_hears_that_it_is_turned_off(world: World, relay: Relay, audit: ChannelHandle):
    await world.asks(world.meera, "settings audit-channel", channel=audit)
    off = await world.asks(world.meera, "settings audit-channel")
    assert (
        f"posted nowhere from now on; `/modlog` shows it. That you turned it off is still posted in <#{audit.id}>"
        in off.text
    )
    await world.asks(world.meera, "halt", market="22s1", reason="A rumour.")
    await relay.sweep()
    on, gone = sentences(world, audit)
    assert on.endswith(
        f"**Meera** chose <#{audit.id}> as the audit channel, in which these entries are posted"
    )
    assert gone.endswith("**Meera** turned the audit channel off: these entries are posted nowhere")


async def test_where_there_was_none_no_channel_hears_of_it(world: World, relay: Relay):
    before = world.public_lines()
    off = await world.asks(world.meera, "settings audit-channel")
    assert "There was no audit channel" in off.text
    assert "<#" not in off.text
    await relay.sweep()
    assert world.public_lines() == before


async def test_where_the_channel_is_gone_nothing_appears_elsewhere(
    world: World, relay: Relay, audit: ChannelHandle
):
    before = world.public_lines()
    await world.asks(world.meera, "settings audit-channel", channel=audit)
    await world.bot.http.delete_channel(int(audit.id))
    await world.asks(world.meera, "settings set", name="wipe_undo_seconds", value="0")
    await relay.sweep()
    assert world.public_lines() == before


def test_every_act_of_the_record_has_its_words():
    text = "".join(path.read_text(encoding="utf-8") for path in SQL.glob("*.sql"))
    acts = set(re.findall(r"log_moderation\(\s*\w+,\s*\w+,\s*'(\w+)'", text))
    assert len(acts) > 15
    assert acts <= set(SENTENCES)
