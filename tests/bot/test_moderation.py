"""What moderators do and see. Discord hides their commands from others; the exchange refuses them anyway."""

from dataclasses import replace

import discord
import pytest
import simcord

from bot.errors import InputUnreadable, NotModerator
from bot.replies.moderation import setting_list
from exchange.errors import RequestRejected
from tests.bot.world import World


@pytest.fixture
def manager(world: World) -> simcord.MemberActor:
    """Someone to whom Discord offers the moderators' commands, and who moderates nothing."""
    role = world.guild.create_role("Managers", permissions=discord.Permissions(manage_guild=True))
    return world.guild.add_member(world.env.create_user("kiran", global_name="Kiran"), roles=[role])


async def test_settings_are_listed_with_value_default_and_bounds(world: World):
    seen = await world.asks(world.meera, "settings list")
    assert seen.ephemeral
    sections = {field.name: (field.value or "").split("\n\n") for field in seen.embed.fields}
    assert sections["Trading"][0] == (
        "**5 %** · `confirm_impact_bps` = `500`\n"
        "An order that moves the price by more than this asks for a confirmation first.\n"
        "From 0.01 % to 10,000 %, default 5 %."
    )
    assert "**₹20,000** · `signup_bonus_paise` = `2000000`" in "\n".join(sections["Members and page"])
    assert "From 1 to 10,00,000 shares, default 1,000 shares." in seen.text
    assert "**on** · `public_fills` = `true`" in seen.text
    assert "**1.67 %** · `tax_bps` = `167`" in seen.text
    assert "`tax_bps`" not in str(sections["Trading"])
    assert "Terms of new markets" in sections
    assert not seen.embed.description, "all settings fit into one answer"


async def test_settings_of_one_subject_are_listed_alone(world: World):
    seen = await world.asks(world.meera, "settings list", about="Finding bots")
    assert [field.name for field in seen.embed.fields if "continued" not in (field.name or "")] == [
        "Finding bots"
    ]
    assert "**withhold** · `mark_action` = `withhold`" in seen.text
    assert "tax_bps`" not in "".join(field.value or "" for field in seen.embed.fields)


async def test_more_settings_than_fit_are_all_named(world: World):
    known = await world.exchange.list_settings(await world.exchange_id())
    many = [replace(setting, name=f"{setting.name}_again") for setting in known]
    embed = setting_list([*known, *many])
    assert embed.description is None, "nothing is left out"
    text = "".join(field.value or "" for field in embed.fields)
    assert all(f"`{setting.name}` = " in text for setting in (*known, *many))


async def test_a_change_is_made_and_told(world: World):
    seen = await world.asks(world.meera, "settings set", name="confirm_impact_bps", value="2000")
    assert seen.ephemeral
    assert "`confirm_impact_bps` was 500 and is now **2000**" in seen.text
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
    world.forgive(InputUnreadable)


async def test_a_name_may_be_typed_as_it_is_spoken(world: World):
    seen = await world.asks(world.meera, "settings set", name="Tax BPS", value="150")
    assert "`tax_bps` was 167 and is now **150**" in seen.text


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
