"""Whoever moderates one guild has no power in another, whichever number or button they take there."""

import discord
import pytest
import simcord

from bot.errors import InputUnreadable, NotModerator
from exchange.errors import RequestRejected
from tests.bot.test_suspects import number_of, office, presses, relay, told
from tests.bot.world import Seen, World

__all__ = ["office", "relay", "told"]


async def acts(world: World) -> list[tuple[int, str]]:
    """The record of the first guild."""
    exchange_id = await world.exchange_id()
    (owner,) = await world.exchange.list_moderators(exchange_id)
    log = await world.exchange.list_moderation_log(exchange_id, owner.user_id, limit=100)
    return [(act.sequence, act.act) for act in log]


@pytest.fixture
async def rival(world: World) -> tuple[simcord.MemberActor, simcord.builders.ChannelHandle]:
    """Zoya, who owns another guild in which nothing has happened, and a channel there."""
    zoya = world.env.create_user("zoya", global_name="Zoya")
    guild = world.env.create_guild("NEET 2026", owner=zoya)
    channel = guild.create_text_channel("elsewhere")
    await world.env.settle()
    return simcord.MemberActor(world.env, guild, zoya), channel


async def test_no_number_and_no_button_of_one_guild_means_anything_in_another(
    world: World,
    told: discord.Message,
    rival: tuple[simcord.MemberActor, simcord.builders.ChannelHandle],
):
    boss, channel = rival
    cluster = number_of(told)
    banned = await world.asks(world.meera, "ban", member=world.ravi, reason="Odd.")
    ban = int((banned.embed.footer.text or "").removeprefix("Ban ").partition(".")[0])
    preview = await world.asks(world.meera, "wipe", members=f"<@{world.asha.id}>", reason="Odd.", mode="burn")
    planned = await world.clicks(world.meera, preview, "Confirm")
    wipe = int(planned.title.rpartition(" ")[2])
    before = await acts(world)
    tries: list[tuple[str, dict[str, int | str]]] = [
        ("suspects show", {"number": cluster}),
        ("suspects release", {"number": cluster}),
        ("suspects ban-network", {"number": cluster, "reason": "Mine."}),
        ("unban", {"number": ban}),
        ("wipes undo", {"number": wipe}),
        ("wipes second", {"number": wipe}),
    ]
    for command, options in tries:
        seen = Seen(await boss.slash(channel, command, **options))
        assert "no such" in seen.text, (command, seen.text)
    for command in ("suspects list", "bans", "wipes list", "modlog", "reports"):
        seen = Seen(await boss.slash(channel, command))
        assert "Odd" not in seen.text, command
        assert "Asha" not in seen.text, command
    there = world.bot.get_channel(channel.id)
    assert isinstance(there, discord.TextChannel)
    for act in ("release", "freeze", "wipe", "details"):
        view = discord.ui.View(timeout=None)
        view.add_item(discord.ui.Button(label=act, custom_id=f"betjee:suspects:{act}:{cluster}"))
        view.stop()
        seen = await presses(boss, await there.send("copied", view=view), act)
        assert seen.title == "Not done", (act, seen.title, seen.text)
    world.forgive(RequestRejected, InputUnreadable, NotModerator)
    assert await acts(world) == before
