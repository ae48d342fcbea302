"""Suspicions as moderators meet them: told, looked at, released, frozen, wiped; and whoever else presses."""

import itertools
from collections.abc import Callable

import asyncpg
import discord
import pytest
import simcord
from simcord.builders import ChannelHandle

from bot.client import BetJee
from bot.errors import InputUnreadable
from bot.postman import Postman
from bot.relay import Relay
from exchange.errors import RequestRejected
from exchange.models import Identity
from exchange.verification import NetworkKeys
from tests.bot.world import Seen, World
from tests.conftest import HASHES

HOSTEL = NetworkKeys(bytes(32))
NUMBERS = itertools.count(10**15)


@pytest.fixture
def relay(world: World) -> Relay:
    return Relay(world.exchange, Postman(world.bot), pause_seconds=0)


@pytest.fixture
async def office(world: World) -> ChannelHandle:
    """The channel in which moderators are told. Members can read it here, so that they can press what stands there."""
    channel = world.guild.create_text_channel("office")
    await world.asks(world.meera, "settings moderators-channel", channel=channel)
    return channel


async def sign_up(world: World, discord_id: str, name: str) -> None:
    """Somebody signs up on the page, from the hostel."""
    exchange_id = await world.exchange_id()
    token = HASHES.identity("token", discord_id)
    await world.exchange.register_user(
        exchange_id, next(NUMBERS), Identity("discord", discord_id, name), token
    )
    await world.exchange.complete_verification(exchange_id, next(NUMBERS), token, HOSTEL)


async def burst(world: World) -> None:
    """Asha, Ravi and two others sign up from one network within a second."""
    await world.asks(world.meera, "settings set", name="verification", value="web")
    await world.asks(world.meera, "settings set", name="min_account_age_days", value="0")
    for who in (world.asha, world.ravi):
        await sign_up(world, str(who.id), who.name)
    for number in (1, 2):
        await sign_up(world, f"70{number}", f"**Bot** @everyone {number}")


def posted(world: World, office: ChannelHandle) -> discord.Message:
    """The one message that everyone in the moderators' channel sees."""
    (message,) = [seen for seen in office.history(viewer=world.meera) if not seen.flags.ephemeral]
    return message


@pytest.fixture
async def told(world: World, relay: Relay, office: ChannelHandle) -> discord.Message:
    """What stands in the moderators' channel."""
    await burst(world)
    assert await relay.sweep() >= 1
    return posted(world, office)


def number_of(message: discord.Message) -> int:
    """The number of the suspicion that a message tells of."""
    return int((message.embeds[0].title or "").rpartition(" ")[2])


def labels(message: discord.Message) -> list[str]:
    """The buttons under a message."""
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    return [child.label or "" for row in rows for child in row.children if isinstance(child, discord.Button)]


async def presses(who: simcord.MemberActor, message: discord.Message, label: str) -> Seen:
    """Somebody presses a button under it."""
    return Seen(await who.click(message, label=label))


async def balance(world: World, who: simcord.MemberActor) -> int:
    """What somebody has."""
    return (await world.portfolio(who)).cash_paise


async def test_moderators_are_told_in_their_channel_and_nobody_elsewhere(world: World, told: discord.Message):
    assert (told.embeds[0].title or "").startswith("Many sign-ups at once")
    assert "**4 identities** came from one network, more than 3 within 15 seconds" in (
        told.embeds[0].description or ""
    )
    assert labels(told) == ["Release", "Freeze", "Wipe", "Details"]
    assert world.public_lines() == []


async def test_a_member_is_told_that_the_bonus_waits_and_what_to_do(world: World, told: discord.Message):
    again = await world.asks(world.asha, "register")
    assert "Your bonus of **₹20,000.00** waits for a moderator's look" in again.text
    assert "`/report`" in again.text
    shown = await world.asks(world.asha, "portfolio")
    assert "A bonus of **₹20,000.00** waits" in shown.text
    listed = await world.asks(world.asha, "notifications")
    assert "Your bonus waits for a moderator" in listed.text
    order = await world.asks(world.asha, "buy", market="22s1", shares="1")
    assert order.title == "Not done: not enough coins"
    assert "₹0.00" in order.text
    assert "Your sign-up bonus of **₹20,000.00** is not in it: a moderator looks at it first" in order.text
    history = await world.asks(world.asha, "history")
    assert "Sign-up bonus taken back: a moderator looks at it first" in history.text
    assert "Sign-up bonus granted\n" in history.text


async def test_a_released_bonus_is_told_so_and_no_longer_with_a_refusal(world: World, told: discord.Message):
    await presses(world.meera, told, "Release")
    history = await world.asks(world.asha, "history")
    assert "Sign-up bonus granted, after a moderator's look" in history.text
    refused = await world.asks(world.asha, "buy", market="22s1", shares="1000")
    assert refused.title.startswith("Not done")
    assert "bonus" not in refused.text


async def test_one_press_of_release_grants_every_bonus_once(
    world: World, office: ChannelHandle, told: discord.Message
):
    seen = await presses(world.meera, told, "Release")
    assert seen.ephemeral
    assert seen.title == "Released"
    assert "**4** marks are gone" in seen.text
    assert [await balance(world, who) for who in (world.asha, world.ravi)] == [2_000_000] * 2
    message = posted(world, office)
    assert "Decided by **Meera**" in (message.embeds[0].description or "")
    assert labels(message) == ["Details"]
    number = int((told.embeds[0].title or "").rpartition(" ")[2])
    late = await world.asks(world.meera, "suspects release", number=number)
    assert "decided already: released by Meera" in late.text.replace("\\", "")
    world.forgive(RequestRejected)
    assert await balance(world, world.asha) == 2_000_000


async def test_the_buttons_survive_a_restart(
    world: World, told: discord.Message, new_bot: Callable[[], BetJee]
):
    await world.env.restart_bot(new_bot())
    seen = await presses(world.meera, told, "Release")
    assert seen.title == "Released"


async def test_details_name_members_letter_for_letter_to_the_presser_alone(
    world: World, told: discord.Message
):
    seen = await presses(world.meera, told, "Details")
    assert seen.ephemeral
    assert r"\*\*Bot\*\* \@everyone 1" in seen.text
    assert "₹20,000.00 waits" in seen.text
    assert "Accounts: **4, of them members 4**" in seen.text


async def test_frozen_members_are_told_and_can_still_be_released_one_by_one(
    world: World, office: ChannelHandle, told: discord.Message
):
    seen = await presses(world.meera, told, "Freeze")
    assert "**4** members are frozen" in seen.text
    order = await world.asks(world.asha, "buy", market="22s1", shares="1")
    assert "frozen" in order.text.lower()
    message = posted(world, office)
    assert labels(message) == ["Release", "Wipe", "Details"]
    number = number_of(told)
    # Whoever has frozen a hostel by mistake reads at once how it is taken back.
    assert f"`/suspects release number:{number}` takes all of it back" in seen.text
    assert "`/unfreeze` ends a freeze" in seen.text
    assert f"/suspects release number:{number}" in (message.embeds[0].footer.text or "")
    assert "Decided by **Meera**" in (message.embeds[0].description or "")
    assert "**frozen**" in (message.embeds[0].description or "")
    released = await world.asks(world.meera, "suspects release", number=number, member=world.asha)
    assert "**1** mark is gone" in released.text
    assert "**1** is frozen no longer" in released.text
    assert await balance(world, world.asha) == 2_000_000
    assert await balance(world, world.ravi) == 0
    details = await presses(world.meera, message, "Details")
    assert r"**asha** · no mark left" in details.text
    everyone = await presses(world.meera, message, "Release")
    assert "**3** marks are gone" in everyone.text
    assert "**3** are frozen no longer" in everyone.text
    assert await balance(world, world.ravi) == 2_000_000


async def test_a_wipe_shows_first_what_it_does_and_can_be_undone(world: World, told: discord.Message):
    seen = await presses(world.meera, told, "Wipe")
    assert seen.ephemeral
    assert seen.buttons == ["Burn", "Unwind", "Cancel"]
    assert "They hold nothing in any market." in seen.text
    await world.clicks(world.meera, seen, "Cancel")
    assert seen.buttons == []
    seen = await presses(world.meera, told, "Wipe")
    await world.clicks(world.meera, seen, "Burn")
    assert "Wipe" in seen.title
    assert seen.buttons == ["Undo"]
    late = await world.asks(world.meera, "suspects release", number=number_of(told))
    assert "to be wiped, decided by Meera" in late.text.replace("\\", "")
    world.forgive(RequestRejected)
    shown = await world.asks(world.meera, "suspects show", number=number_of(told))
    assert "**to be wiped (wipe" in shown.text
    assert "/wipes undo number:" in (shown.embed.footer.text or "")
    order = await world.asks(world.asha, "buy", market="22s1", shares="1")
    assert "frozen" in order.text.lower()
    await world.clicks(world.meera, seen, "Undo")
    assert seen.buttons == []
    again = await world.asks(world.asha, "register")
    assert "waits for a moderator's look" in again.text
    assert (await presses(world.meera, told, "Release")).title == "Released"
    assert await balance(world, world.asha) == 2_000_000


async def test_who_has_deleted_themselves_is_told_of_and_banned_until_it_is_undone(
    world: World, relay: Relay, office: ChannelHandle
):
    await world.asks(world.meera, "settings set", name="verification", value="web")
    await world.asks(world.meera, "settings set", name="min_account_age_days", value="0")
    await sign_up(world, str(world.asha.id), "Asha")
    shown = await world.asks(world.asha, "privacy delete")
    await world.clicks(world.asha, shown, "Confirm")
    for number in (1, 2, 3):
        await sign_up(world, f"70{number}", f"Bot {number}")
    await relay.sweep()
    told = posted(world, office)
    assert "**1** of them has left since, and stays counted." in (told.embeds[0].description or "")
    listed = await world.asks(world.meera, "suspects list")
    assert "1 have deleted themselves since" in listed.text
    seen = await presses(world.meera, told, "Details")
    assert "1 have deleted themselves since." in seen.text
    seen = await presses(world.meera, told, "Wipe")
    await world.clicks(world.meera, seen, "Burn")
    assert "banned with them: 1; undoing it lifts that." in seen.text
    assert (await world.asks(world.asha, "register")).title == "You are banned"
    world.forgive(RequestRejected)
    await world.clicks(world.meera, seen, "Undo")
    assert "banned with them: 1; they may come back" in seen.text
    await sign_up(world, str(world.asha.id), "Asha")


async def test_the_list_is_turned_page_by_page(world: World, connection_owner: asyncpg.Connection):
    await connection_owner.execute(
        "insert into betjee.clusters (exchange_id, cluster_id, kind, subject_hash, detail, found_at, last_at)"
        " select $1, 1000 + n, 'crowd', sha256(n::text::bytea), '{\"networks\": 1, \"width\": 64}', clock_timestamp(),"
        " clock_timestamp() from generate_series(1, 13) n",
        await world.exchange_id(),
    )
    seen = await world.asks(world.meera, "suspects list")
    assert seen.buttons == ["Next"]
    shown = []
    for buttons in (["Previous", "Next"], ["Previous"]):
        shown.append(seen.text)
        await world.clicks(world.meera, seen, "Next")
        assert seen.ephemeral
        assert seen.buttons == buttons
    shown.append(seen.text)
    numbers = [[number for number in range(1_001, 1_014) if f"· {number}**" in text] for text in shown]
    assert numbers == [list(range(1_008, 1_014)), list(range(1_002, 1_008)), [1_001]]
    await world.clicks(world.meera, seen, "Previous")
    assert "Suspects · page 2" in seen.title


@pytest.mark.parametrize("label", ["Release", "Freeze", "Wipe", "Details"])
async def test_a_member_presses_in_vain(
    world: World, office: ChannelHandle, told: discord.Message, label: str
):
    seen = await presses(world.asha, told, label)
    assert seen.ephemeral
    assert seen.title in ("Not done", "Not allowed")
    assert "nly a moderator" in seen.text.replace("Only moderators", "only a moderator")
    assert "Bot" not in seen.text
    message = posted(world, office)
    assert labels(message) == ["Release", "Freeze", "Wipe", "Details"]
    assert await balance(world, world.asha) == 0


async def test_a_moderator_among_them_does_not_release_themselves(world: World, told: discord.Message):
    await world.asks(world.meera, "moderators add", member=world.asha)
    seen = await presses(world.asha, told, "Release")
    assert "**3** marks are gone" in seen.text
    assert "**1** were passed over" in seen.text
    assert await balance(world, world.asha) == 0
    assert await balance(world, world.ravi) == 2_000_000


async def test_an_id_taken_to_another_guild_means_nothing_there(world: World, told: discord.Message):
    zoya = world.env.create_user("zoya", global_name="Zoya")
    guild = world.env.create_guild("NEET 2026", owner=zoya)
    channel = guild.create_text_channel("elsewhere")
    await world.env.settle()
    boss = simcord.MemberActor(world.env, guild, zoya)
    number = (told.embeds[0].title or "").rpartition(" ")[2]
    there = world.bot.get_channel(channel.id)
    assert isinstance(there, discord.TextChannel)
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Release", custom_id=f"betjee:suspects:release:{number}"))
    view.stop()
    copied = await there.send("copied", view=view)
    seen = await presses(boss, copied, "Release")
    assert "no such suspicion" in seen.text
    assert await balance(world, world.asha) == 0


async def test_suspicions_are_listed_with_the_reason_and_shown_with_what_can_be_done(
    world: World, told: discord.Message
):
    listed = await world.asks(world.meera, "suspects list")
    assert listed.ephemeral
    assert "Many sign-ups at once" in listed.text
    assert "4 wait for ₹80,000.00" in listed.text
    number = int((told.embeds[0].title or "").rpartition(" ")[2])
    shown = await world.asks(world.meera, "suspects show", number=number)
    assert shown.buttons == ["Release", "Freeze", "Wipe", "Details"]
    unknown = await world.asks(world.meera, "suspects show", number=number + 1_000)
    assert "no such suspicion" in unknown.text
    world.forgive(RequestRejected)


async def test_without_a_channel_each_moderator_is_told_alone(world: World, relay: Relay):
    await world.registered(world.meera)
    await burst(world)
    await relay.sweep()
    assert world.public_lines() == []
    listed = await world.asks(world.meera, "notifications")
    assert "Many sign\\-ups at once" in listed.text


async def test_a_channel_that_everyone_reads_is_warned_of(world: World):
    seen = await world.asks(world.meera, "settings moderators-channel", channel=world.channel)
    assert "Everyone on this server can read that channel" in seen.text
    seen = await world.asks(world.meera, "settings moderators-channel")
    assert "told one by one" in seen.text


async def test_the_network_of_a_suspicion_is_banned_and_unbanned(world: World, told: discord.Message):
    number = int((told.embeds[0].title or "").rpartition(" ")[2])
    seen = await world.asks(world.meera, "suspects ban-network", number=number, reason="**Bots**", until="3d")
    assert (seen.title, seen.ephemeral) == ("Network banned", True)
    assert r"Reason: **\*\*Bots\*\***" in seen.text
    with pytest.raises(RequestRejected) as refused:
        await sign_up(world, "709", "Late")
    assert refused.value.code == "network_banned"
    assert await balance(world, world.asha) == 0, "members who are there keep their accounts"
    listed = await world.asks(world.meera, "bans")
    assert "A network" in listed.text
    ban = int((seen.embed.footer.text or "").removeprefix("Ban "))
    assert f"`{ban}`" in listed.text
    again = await world.asks(world.meera, "suspects ban-network", number=number, reason="Bots.")
    assert "banned already" in again.text
    ended = await world.asks(world.meera, "unban", number=ban)
    assert "Everyone may sign up from that network again" in ended.text
    unclear = await world.asks(world.meera, "unban")
    assert unclear.title == "Not understood"
    world.forgive(RequestRejected, InputUnreadable)
    await sign_up(world, "710", "Later")


@pytest.mark.parametrize("label", ["Release", "Freeze", "Wipe", "Details"])
async def test_its_buttons_are_counted_with_moderators_commands(
    world: World, told: discord.Message, label: str
):
    titles = [(await world.asks(world.meera, "suspects list")).title for _ in range(31)]
    assert titles[-1] == "Not so fast"
    assert (await presses(world.meera, told, label)).title == "Not so fast"
    assert labels(told) == ["Release", "Freeze", "Wipe", "Details"]
