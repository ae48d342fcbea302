"""What everyone may see."""

import re

from bot.client import BetJee
from bot.replies.boards import help_page
from tests.bot.world import World


async def test_the_markets_are_a_table_that_fits_a_phone(world: World):
    await world.registered(world.asha)
    await world.asks(world.asha, "buy", market="22s1", shares="10")
    seen = await world.asks(world.asha, "markets")
    assert not seen.ephemeral
    table = (seen.embed.description or "").split("```")[1].strip("\n").splitlines()
    assert [line.split()[0] for line in table] == [
        "market",
        *["21s1", "21s2", "22s1", "22s2", "23s1", "23s2", "24s1", "24s2", "28s1", "28s2"],
    ]
    assert table[3].split() == ["22s1", "16.69", "+0.36", "%", "9,890"]
    assert {len(line) for line in table} == {34}


async def test_help_explains_the_exchange_and_says_that_coins_are_worth_nothing(world: World):
    seen = await world.asks(world.asha, "help")
    assert seen.ephemeral
    for part in (
        "no monetary value",
        "/register",
        "/short",
        "max_cost",
        "tax",
        "reserved",
        "half of your buying power",
    ):
        assert part in seen.text


async def test_help_tells_moderators_the_ways_back(world: World):
    help_text = (await world.asks(world.meera, "help")).text
    for act, way_back in (
        ("freeze", "unfreeze"),
        ("ban", "unban"),
        ("wipe", "wipes undo"),
        ("suspects", "suspects release"),
    ):
        assert f"`/{act}`" in help_text
        assert f"`/{way_back}`" in help_text


async def test_help_names_each_command(world: World, simcord_bot: BetJee):
    page = help_page()
    words = " ".join(field.value or "" for field in page.fields)
    named = set(re.findall(r"`/([a-z]+)", words)) | {"help"}
    assert named == {command.name for command in simcord_bot.tree.get_commands()}
    assert "`/suspects release`" in words, "the way out after a freeze by a button"


async def test_commands_are_not_offered_in_direct_messages(world: World):
    assert world.asha.user.available_commands() == ()


async def test_moderators_commands_are_not_offered_to_members(world: World):
    offered = set(world.asha.available_commands(world.channel))
    assert {"buy", "register", "report"} <= offered
    assert not {command for command in offered if command.startswith(("settings", "moderators", "reports"))}
    assert {"settings set", "moderators add", "reports"} <= set(world.meera.available_commands(world.channel))
