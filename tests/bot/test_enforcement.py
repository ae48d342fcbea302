"""What moderators do to members and markets in the chat, and what everyone reads of it."""

import re
from datetime import UTC, datetime, timedelta

import discord
import pytest
import simcord

from bot.errors import Banned, InputUnreadable, NotModerator
from bot.inputs import read_end, read_members
from exchange.errors import RequestRejected
from exchange.models import Identity, User
from tests.bot.world import World

HOSTILE = "@everyone **bold** <@1> `x` [a](https://evil.example) '; drop table betjee.users; --"


async def user_of(world: World, who: simcord.MemberActor) -> User | None:
    return await world.exchange.find_user(await world.exchange_id(), "discord", str(who.id))


async def status_of(world: World, who: simcord.MemberActor) -> str | None:
    user = await user_of(world, who)
    return user.status if user else None


@pytest.fixture
async def members(world: World) -> World:
    """Asha and Ravi have signed up; Ravi holds a few shares."""
    await world.registered(world.asha, world.ravi)
    await world.asks(world.ravi, "buy", market="22s1", shares="50")
    return world


async def test_an_account_is_frozen_and_unfrozen(members: World):
    seen = await members.asks(members.meera, "freeze", member=members.asha, reason="Odd trades.")
    assert seen.ephemeral
    assert (seen.title, seen.figures["Reason"]) == ("Account frozen", "Odd trades\\.")
    await assert_told_why_frozen(members)
    told = await members.asks(members.asha, "notifications")
    assert "Odd trades" in told.text
    seen = await members.asks(members.meera, "unfreeze", member=members.asha)
    assert "may trade again" in seen.text
    assert await status_of(members, members.asha) == "active"


async def assert_told_why_frozen(members: World) -> None:
    """Asha, who is frozen, reads so with each thing that she may not do: since when, why, and who hears her."""
    refused = [
        await members.asks(members.asha, "buy", market="22s1", shares="1"),
        await members.asks(members.asha, "quote", side="short", market="22s1", shares="1"),
        await members.asks(members.asha, "stoploss", market="22s1", trigger_price="12"),
        await members.asks(members.asha, "alerts", market="22s1", price="50"),
        await members.asks(members.asha, "privacy delete"),
    ]
    for seen in refused:
        assert "frozen" in seen.title, seen.text
        assert re.search(r"Your account was frozen <t:\d+:R>: Odd trades\\\.", seen.text), seen.text
        assert "`/portfolio`, `/history`, `/notifications` and `/privacy` still work" in seen.text
        assert "`/report` tells the moderators your side" in seen.text
    members.forgive(RequestRejected)
    assert (await members.asks(members.asha, "report", text="Why?")).title == "Thank you"
    appeal = await members.asks(members.asha, "appeal", text="Why?")
    assert "not banned here. If your account is frozen, /report" in appeal.text.replace("\\", "")
    members.forgive(RequestRejected)


async def test_a_reason_shows_letter_for_letter(members: World):
    seen = await members.asks(members.meera, "freeze", member=members.asha, reason=HOSTILE)
    assert "@everyone" not in seen.text.replace("\\@", "")
    assert "**bold**" not in seen.text
    log = await members.asks(members.meera, "modlog")
    assert "**bold**" not in log.text
    assert await members.exchange.list_markets(await members.exchange_id())


async def test_someone_is_banned_told_and_appeals_once(members: World):
    seen = await members.asks(members.meera, "ban", member=members.asha, reason="Many accounts.", until="3d")
    assert seen.title == "Banned", seen.text
    assert "<t:" in seen.figures["Until"]
    again = await members.asks(members.asha, "register")
    assert again.title == "You are banned"
    assert "Many accounts" in again.text
    assert "<t:" in again.text
    assert "`/appeal`" in again.text
    members.forgive(RequestRejected)
    appealed = await members.asks(members.asha, "appeal", text="They are my sister's.")
    assert (appealed.title, appealed.ephemeral) == ("Appeal sent", True)
    twice = await members.asks(members.asha, "appeal", text="Please.")
    assert "appealed already" in twice.text
    members.forgive(RequestRejected)
    bans = await members.asks(members.meera, "bans")
    assert "They are my sister" in bans.text
    ended = await members.asks(members.meera, "unban", member=members.asha)
    assert ended.title == "Ban ended"
    nothing = await members.asks(members.meera, "unban", member=members.asha)
    assert nothing.title == "Not banned"
    assert await status_of(members, members.asha) == "active"


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("register", {}),
        ("buy", {"market": "22s1", "shares": "10"}),
        ("portfolio", {}),
        ("report", {"text": "Hello?"}),
    ],
)
async def test_who_is_banned_without_an_account_is_told_so_and_not_to_sign_up(
    world: World, command: str, options: dict[str, str]
):
    await world.asks(world.meera, "ban", member=world.ravi, reason="Known elsewhere.", until="3d")
    refused = await world.asks(world.ravi, command, **options)
    assert (refused.title, refused.ephemeral) == ("You are banned", True)
    assert "Known elsewhere" in refused.text
    assert "until <t:" in refused.text
    assert "`/appeal`" in refused.text
    assert "`/register`" not in refused.text
    world.forgive(RequestRejected, Banned)


async def test_who_is_banned_with_an_account_is_told_why_whatever_they_trade(members: World):
    await members.asks(members.meera, "ban", member=members.ravi, reason="Sold answers.")
    for command, options in (
        ("sell", {"market": "22s1", "shares": "max"}),
        ("takeprofit", {"market": "22s1", "trigger_price": "90"}),
    ):
        refused = await members.asks(members.ravi, command, **options)
        assert refused.title == "Not done: you are banned"
        assert re.search(r"<t:\d+:R>, until a moderator ends it: Sold answers", refused.text), refused.text
        assert "`/appeal`, once" in refused.text
        assert "`/portfolio`" in refused.text
    members.forgive(RequestRejected)


async def test_moderators_know_the_wiped_again_until_these_have_their_names_deleted(members: World):
    await members.asks(members.meera, "settings set", name="wipe_undo_seconds", value="0")
    members_text = f"{members.asha.id} {members.ravi.id}"
    shown = await members.asks(members.meera, "wipe", members=members_text, reason="Bots.")
    await members.clicks(members.meera, shown, "Confirm")
    for command in ("modlog", "bans", "wipes list"):
        seen = await members.asks(members.meera, command)
        assert "**Asha**" in seen.text, command
        assert "**Ravi**" in seen.text, command
    gone = await members.asks(members.ravi, "privacy delete")
    assert (gone.title, gone.ephemeral) == ("Your name is deleted", True)
    for command in ("modlog", "bans", "wipes list"):
        seen = await members.asks(members.meera, command)
        assert "**Asha**" in seen.text, command
        assert "Ravi" not in seen.text, command
    assert "someone who deleted their data" in (await members.asks(members.meera, "modlog")).text
    again = await members.asks(members.ravi, "privacy delete")
    assert again.title == "You are banned", "the hash outlives the name"
    members.forgive(Banned)


async def test_who_is_banned_without_an_account_is_named_to_moderators(world: World):
    await world.asks(world.meera, "ban", member=world.ravi, reason="Known elsewhere.")
    assert "**Ravi**" in (await world.asks(world.meera, "bans")).text
    assert "banned **Ravi** until a moderator ends it" in (await world.asks(world.meera, "modlog")).text


async def test_members_are_wiped_after_a_look_and_can_be_let_go(members: World):
    members_text = f"<@{members.asha.id}> {members.ravi.id}"
    shown = await members.asks(members.meera, "wipe", members=members_text, reason="Bots.", mode="unwind")
    assert shown.title == "Wipe 2 members?"
    assert "50 shares held" in shown.text
    assert "Balances that are burned, before the unwinding" in shown.figures
    assert shown.buttons == ["Confirm", "Cancel"]
    assert await status_of(members, members.ravi) == "active"
    planned = await members.clicks(members.meera, shown, "Confirm")
    assert "unless it is undone" in planned.text
    assert planned.buttons == ["Undo"]
    assert await status_of(members, members.ravi) == "frozen"
    undone = await members.clicks(members.meera, planned, "Undo")
    assert "undone" in undone.text
    assert undone.buttons == []
    assert await status_of(members, members.ravi) == "active"


async def test_who_leaves_before_a_wipe_is_confirmed_is_left_out(members: World):
    members_text = f"{members.asha.id} {members.ravi.id}"
    shown = await members.asks(members.meera, "wipe", members=members_text, reason="Bots.")
    user = await user_of(members, members.asha)
    assert user is not None
    identity = Identity("discord", str(members.asha.id), "Asha")
    await members.exchange.delete_user(await members.exchange_id(), 77, user.user_id, identity)
    planned = await members.clicks(members.meera, shown, "Confirm")
    assert "unless it is undone" in planned.text
    assert "deleted their own accounts meanwhile: 1." in planned.text
    assert await status_of(members, members.ravi) == "frozen"


async def test_a_wipe_without_time_to_undo_it_is_done_at_once(members: World):
    await members.asks(members.meera, "settings set", name="wipe_undo_seconds", value="0")
    shown = await members.asks(members.meera, "wipe", members=str(members.ravi.id), reason="Bots.")
    assert shown.title == "Wipe 1 member?"
    assert "Balances that are burned" in shown.figures
    done = await members.clicks(members.meera, shown, "Confirm")
    assert "executed" in done.text
    assert done.buttons == []
    assert await user_of(members, members.ravi) is None
    listed = await members.asks(members.meera, "wipes list")
    assert "executed" in listed.text
    log = await members.asks(members.meera, "modlog")
    assert "wiped" in log.text


async def test_a_wipe_can_be_cancelled_before_it_is_planned(members: World):
    shown = await members.asks(members.meera, "wipe", members=str(members.ravi.id), reason="Bots.")
    dropped = await members.clicks(members.meera, shown, "Cancel")
    assert dropped.title == "Nothing wiped"
    assert await status_of(members, members.ravi) == "active"


async def test_a_large_wipe_waits_for_another_moderator(members: World):
    await members.asks(members.meera, "moderators add", member=members.asha)
    await members.asks(members.ravi, "buy", market="22s1", shares="60")
    shown = await members.asks(members.meera, "wipe", members=str(members.ravi.id), reason="Bots.")
    assert "A second moderator must agree" in shown.text
    planned = await members.clicks(members.meera, shown, "Confirm")
    assert "waits for a second moderator" in planned.text
    number = int(planned.title.removeprefix("Wipe "))
    refused = await members.asks(members.meera, "wipes second", number=number)
    assert "Another moderator must agree" in refused.text
    members.forgive(RequestRejected)
    manager = members.guild.create_role("Managers", permissions=discord.Permissions(manage_guild=True))
    kiran = members.guild.add_member(members.env.create_user("kiran", global_name="Kiran"), roles=[manager])
    await members.asks(members.meera, "moderators add", member=kiran)
    seconded = await members.asks(kiran, "wipes second", number=number)
    assert "unless it is undone" in seconded.text
    undone = await members.asks(kiran, "wipes undo", number=number)
    assert "undone" in undone.text


async def test_a_market_is_halted_and_resumed_by_hand(members: World):
    seen = await members.asks(members.meera, "halt", market="22s1", reason="A *rumour*.")
    assert seen.title == "22s1 is halted"
    refused = await members.asks(members.asha, "buy", market="22s1", shares="1")
    assert "the market is not open" in refused.title
    assert r"A moderator has halted 22 JAN S1 until further notice: A \*rumour\*" in refused.text
    options = {"side": "buy", "market": "22s1", "shares": "1"}
    quote = await members.asks(members.asha, "quote", **options)
    assert r"**A moderator has halted the market** until further notice: A \*rumour\*" in quote.text
    seen = await members.asks(members.meera, "resume", market="22s1")
    assert seen.title == "22s1 is open again"
    assert "halted" not in (await members.asks(members.asha, "quote", **options)).text


async def test_what_moderators_do_is_listed_in_pages(members: World):
    for number in range(12):
        command = "halt" if number % 2 == 0 else "resume"
        more = {"reason": f"Rumour {number}."} if command == "halt" else {}
        await members.asks(members.meera, command, market="22s1", **more)
    first = await members.asks(members.meera, "modlog")
    assert "Rumour 10" in first.text
    assert "Rumour 0" not in first.text
    before = int(first.text.rsplit("before:", 1)[1])
    assert "Rumour 0" in (await members.asks(members.meera, "modlog", before=before)).text


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("freeze", {"reason": "Mine."}),
        ("unfreeze", {}),
        ("ban", {"reason": "Mine."}),
        ("wipe", {"reason": "Mine."}),
    ],
)
async def test_who_only_manages_the_server_has_no_power(
    members: World, command: str, options: dict[str, object]
):
    role = members.guild.create_role("Managers", permissions=discord.Permissions(manage_guild=True))
    kiran = members.guild.add_member(members.env.create_user("kiran", global_name="Kiran"), roles=[role])
    target = {"members": str(members.asha.id)} if command == "wipe" else {"member": members.asha}
    stranger = await members.asks(kiran, command, **target, **options)
    assert "Only moderators" in stranger.text
    await members.registered(kiran)
    refused = await members.asks(kiran, command, **target, **options)
    assert "Only a moderator of this exchange" in refused.text
    members.forgive(NotModerator, RequestRejected)
    assert await status_of(members, members.asha) == "active"


@pytest.mark.parametrize("text", ["everyone", "<@&123456789012345678>", "12", "<@1>", ","])
async def test_whom_a_wipe_is_for_must_be_readable(members: World, text: str):
    seen = await members.asks(members.meera, "wipe", members=text, reason="Bots.")
    assert seen.title == "Not understood"
    members.forgive(InputUnreadable)


def test_members_are_read_once_each_in_whatever_notation():
    text = "<@123456789012345678><@!223456789012345678>, 123456789012345678  323456789012345678"
    assert read_members(text) == ["123456789012345678", "223456789012345678", "323456789012345678"]
    with pytest.raises(InputUnreadable):
        read_members(" ".join(str(10**17 + number) for number in range(101)))


NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "hours"),
    [("12h", 12), (" 3 D ", 72), ("2 weeks", 336), ("1 day", 24), ("2026-11-25", 12), ("2026-11-26", 36)],
)
def test_an_end_is_a_time_from_now_or_the_end_of_a_day(text: str, hours: int):
    assert read_end(text, NOON) == timedelta(hours=hours)


@pytest.mark.parametrize(
    "text", ["", "soon", "3", "-3d", "2026-11-24", "2026-02-30", "9999-12-31", "3d 4h", "999999d"]
)
def test_an_end_that_cannot_be_read_says_what_to_type(text: str):
    with pytest.raises(InputUnreadable):
        read_end(text, NOON)


async def test_a_ban_for_longer_than_ten_years_is_refused_with_the_bounds(members: World):
    seen = await members.asks(members.meera, "ban", member=members.asha, reason="Bots.", until="4000d")
    assert "ten years" in seen.text
    members.forgive(RequestRejected)
    assert await status_of(members, members.asha) == "active"


async def test_whom_discord_calls_the_owner_owns_the_exchange(members: World):
    await members.asks(members.meera, "freeze", member=members.asha, reason="A mutiny.")
    guild = members.bot.get_guild(int(members.guild.id))
    assert guild is not None
    guild.owner_id = members.asha.id
    await members.bot.on_guild_update(guild, guild)
    moderators = await members.exchange.list_moderators(await members.exchange_id())
    assert [(moderator.provider_user_id, moderator.rank) for moderator in moderators] == [
        (str(members.asha.id), "owner")
    ]
    assert await status_of(members, members.asha) == "active"
    refused = await members.asks(members.meera, "modlog")
    assert "Only moderators" in refused.text or "Only a moderator" in refused.text
    members.forgive(RequestRejected)
