"""What moderators do and see. Discord hides their commands from others; the exchange refuses them anyway."""

import discord
import pytest
import simcord

from bot.errors import InputUnreadable, NotModerator
from bot.replies.moderation import SUBJECTS
from exchange.errors import RequestRejected
from tests.bot.world import World


@pytest.fixture
def manager(world: World) -> simcord.MemberActor:
    """Someone to whom Discord offers the moderators' commands, and who moderates nothing."""
    role = world.guild.create_role("Managers", permissions=discord.Permissions(manage_guild=True))
    return world.guild.add_member(world.env.create_user("kiran", global_name="Kiran"), roles=[role])


async def test_settings_are_listed_with_their_values(world: World):
    seen = await world.asks(world.meera, "settings list")
    assert seen.ephemeral
    sections = {field.name: (field.value or "").split("\n") for field in seen.embed.fields}
    assert sections["Trading"][0] == "**5 %** · `confirm_impact_bps`"
    assert "**₹20,000** · `signup_bonus_paise`" in sections["Members and page"]
    assert "Other" not in sections
    listed = await world.exchange.list_settings(await world.exchange_id())
    assert all(f"`{setting.name}`" in seen.text for setting in listed), "all settings fit into one answer"


async def test_settings_of_a_subject_are_listed_with_default_and_bounds(world: World):
    trading = await world.asks(world.meera, "settings list", about="Trading")
    (section,) = trading.embed.fields
    assert (section.value or "").split("\n\n")[0] == (
        "**5 %** · `confirm_impact_bps` = `500`\n"
        "An order that moves the price by more than this asks for a confirmation first.\n"
        "From 0.01 % to 10,000 %, default 5 %."
    )
    assert "From 1 to 10,00,000 shares, default 1,000 shares." in trading.text
    terms = await world.asks(world.meera, "settings list", about="Terms of new markets")
    assert "**1.67 %** · `tax_bps` = `167`" in terms.text
    protection = await world.asks(world.meera, "settings list", about="Protection")
    assert "From 1 % upwards, default 30 %." in protection.text


async def test_a_setting_is_told_as_it_is_typed_only_where_that_differs(world: World):
    found = await world.asks(world.meera, "settings list", about="Finding bots")
    assert "**3** · `burst_accounts`\n" in found.text
    assert "**15 seconds** · `burst_seconds` = `15`\n" in found.text


async def test_a_change_of_terms_says_that_markets_keep_theirs(world: World):
    seen = await world.asks(world.meera, "settings set", name="tax_bps", value="25")
    told = seen.text.replace("\\", "")
    assert "`tax_bps` was 1.67 % and is now **0.25 %**. It is for markets that are made from now on" in told
    market = await world.asks(world.meera, "market", market="22s1")
    assert "1.67 %" in market.text


@pytest.mark.parametrize("subject", SUBJECTS)
async def test_each_subject_fits_into_one_answer(world: World, subject: str):
    seen = await world.asks(world.meera, "settings list", about=subject)
    assert seen.embed.fields
    assert not seen.embed.description


async def test_a_change_is_made_and_told(world: World):
    seen = await world.asks(world.meera, "settings set", name="confirm_impact_bps", value="2000")
    assert seen.ephemeral
    assert "`confirm_impact_bps` was 5 % and is now **20 %**" in seen.text
    assert "from now on" not in seen.text, "it is for the markets that are there"
    await world.registered(world.asha)
    fill = await world.asks(world.asha, "buy", market="22s1", shares="200")
    assert fill.title == "Bought 200 × 22s1", "an impact of 8 % no longer asks"


async def test_a_wrong_value_is_answered_by_the_bounds(world: World):
    seen = await world.asks(world.meera, "settings set", name="tax_bps", value="5000")
    assert seen.title == "Not done"
    assert "tax_bps is a whole number from 0 to 1000 bps" in seen.text.replace("\\", "")
    world.forgive(RequestRejected)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("tax_bsp", "Did you mean `tax_bps`?"),
        ("slippage", "Did you mean `confirm_slippage_bps`?"),
        ("gravity", "`/settings list` shows them all."),
    ],
)
async def test_a_wrong_name_is_answered_by_the_nearest(world: World, name: str, advice: str):
    seen = await world.asks(world.meera, "settings set", name=name, value="1")
    assert seen.title == "Not understood"
    assert advice in seen.text
    assert "charged" not in seen.text
    world.forgive(InputUnreadable)


async def test_settings_that_contradict_each_other_are_told_with_their_values(world: World):
    seen = await world.asks(world.meera, "settings set", name="halt_seconds", value="10")
    assert "halt_seconds (10) must be at least band_seconds (120)" in seen.text.replace("\\", "")
    world.forgive(RequestRejected)


@pytest.mark.parametrize(
    ("name", "value"),
    [("mark_action", "wipe"), ("wipe_undo_seconds", "0"), ("signup_bonus_paise", "9000000")],
)
async def test_a_moderator_does_not_change_what_is_the_owners(
    world: World, manager: simcord.MemberActor, name: str, value: str
):
    await world.asks(world.meera, "moderators add", member=manager)
    before = await world.asks(manager, "settings list")
    refused = await world.asks(manager, "settings set", name=name, value=value)
    assert (refused.title, refused.ephemeral) == ("Not done", True)
    assert "Only the owner of this exchange may change that setting" in refused.text
    assert "Nothing has changed." in refused.text
    world.forgive(RequestRejected)
    assert (await world.asks(manager, "settings list")).text == before.text
    theirs = await world.asks(manager, "settings set", name="tax_bps", value="150")
    assert theirs.title == "Setting changed", "what is not the owner's alone they do change"
    owners = await world.asks(world.meera, "settings set", name=name, value=value)
    assert owners.title == "Setting changed"


async def test_the_owner_cannot_be_removed_and_is_told_so(world: World):
    seen = await world.asks(world.meera, "moderators remove", member=world.meera)
    assert "The owner of this exchange cannot be removed" in seen.text
    world.forgive(RequestRejected)


async def test_a_name_may_be_typed_as_it_is_spoken(world: World):
    seen = await world.asks(world.meera, "settings set", name="Tax BPS", value="150")
    assert "`tax_bps` was 1.67 % and is now **1.50 %**" in seen.text.replace("\\", "")


async def test_setting_names_are_offered_with_their_values(world: World):
    offered = await world.meera.autocomplete(world.channel, "settings set", "name", "confirm")
    assert [choice["value"] for choice in offered] == ["confirm_impact_bps", "confirm_slippage_bps"]
    assert offered[0]["name"] == "confirm_impact_bps · 500"


async def test_moderators_are_added_listed_and_removed(world: World):
    await world.registered(world.asha)
    added = await world.asks(world.meera, "moderators add", member=world.asha)
    assert added.ephemeral
    assert "**Asha** is now a moderator" in added.text
    listed = await world.asks(world.meera, "moderators list")
    assert (listed.embed.description or "").splitlines() == ["**Meera** · owner", "**Asha** · moderator"]
    removed = await world.asks(world.meera, "moderators remove", member=world.asha)
    assert "**Asha** is no longer a moderator" in removed.text
    listed = await world.asks(world.meera, "moderators list")
    assert "Asha" not in listed.text


@pytest.mark.parametrize(
    ("command", "options"),
    [("settings set", {"name": "tax_bps", "value": "0"}), ("reports", {})],
)
async def test_those_whom_the_exchange_does_not_know_are_refused(
    world: World, manager: simcord.MemberActor, command: str, options: dict[str, str]
):
    seen = await world.asks(manager, command, **options)
    assert seen.title == "Not allowed"
    assert "Only moderators of this exchange" in seen.text
    world.forgive(NotModerator)


async def test_members_who_are_not_moderators_are_refused_by_the_exchange(
    world: World, manager: simcord.MemberActor
):
    await world.registered(manager)
    for command, options in (
        ("settings set", {"name": "tax_bps", "value": "0"}),
        ("reports", {}),
        ("moderators add", {"member": world.asha}),
        ("moderators remove", {"member": world.meera}),
    ):
        seen = await world.asks(manager, command, **options)
        assert seen.title == "Not done", command
        assert "Nothing has changed." in seen.text
    world.forgive(RequestRejected)
