"""The leaderboards as people see them, and their buttons, also after a restart."""

import unicodedata
from collections.abc import Callable

import asyncpg
import pytest
from discord import app_commands

from bot.client import BetJee
from bot.postman import Postman
from bot.relay import Relay
from exchange.errors import ExchangeUnavailable, RequestRejected
from exchange.models import Identity
from tests.bot.world import Seen, World


@pytest.fixture
async def crowd(world: World) -> World:
    """Asha and Ravi, and 23 others who came before them."""
    exchange_id = await world.exchange_id()
    for number in range(1, 24):
        await world.exchange.register_user(
            exchange_id, 10**6 + number, Identity("discord", str(number), f"Member {number}")
        )
    await world.registered(world.asha, world.ravi)
    await world.asks(world.asha, "buy", market="22s1", shares="10")
    assert await world.exchange.refresh_leaderboards() == 1
    return world


def table(seen: Seen) -> list[str]:
    """The lines of the table."""
    return (seen.embed.description or "").split("```")[1].strip("\n").splitlines()


async def test_before_there_is_anybody(world: World):
    seen = await world.asks(world.asha, "leaderboard")
    assert not seen.ephemeral
    assert "Nobody is on it yet" in seen.text
    assert seen.buttons == []


async def test_a_page_is_a_table_that_fits_a_phone(crowd: World):
    seen = await crowd.asks(crowd.asha, "leaderboard")
    assert not seen.ephemeral
    assert seen.title == "Leaderboard by net worth, all time"
    lines = table(seen)
    assert len(lines) == 10
    assert lines[0].split() == ["1", "Member", "1", "₹20,000", "0.0", "%"]
    assert len({len(line) for line in lines}) == 1
    assert len(lines[0]) <= 38
    assert "Page 1 of 3 · 25 members" in seen.text
    assert seen.buttons == ["Next", "My rank"]


async def test_a_place_whose_member_awaits_a_wipe_is_told_as_empty_until_the_next_leaderboard(world: World):
    await world.registered(world.asha, world.ravi)
    await world.exchange.refresh_leaderboards()
    assert "empty" not in (await world.asks(world.asha, "leaderboard")).text
    planned = await world.asks(world.meera, "wipe", members=str(world.ravi.id), reason="Bots.")
    await world.clicks(world.meera, planned, "Confirm")
    seen = await world.asks(world.asha, "leaderboard")
    assert len(table(seen)) == 1
    assert "2 members" in seen.text
    assert "1 place is empty here: who is frozen or banned is not shown" in seen.text


@pytest.mark.parametrize(
    "name", ["```<@1> @everyone", "**bold** || x ||", "ℵ" * 40, "漢" * 32, "🦊🦊 \u0301x"]
)
async def test_a_name_stays_in_its_column(world: World, name: str):
    exchange_id = await world.exchange_id()
    await world.exchange.register_user(exchange_id, 10**6, Identity("discord", "1", name))
    await world.registered(world.asha)
    await world.exchange.refresh_leaderboards()
    seen = await world.asks(world.asha, "leaderboard")
    assert (seen.embed.description or "").count("```") == 2
    first, second = table(seen)
    column = second.index("₹")
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in first[: first.index("₹")])
    marks = sum(unicodedata.category(sign) == "Mn" for sign in first)
    assert first.index("₹") + wide - marks == column
    assert first[2:6] == name.replace("`", "'")[:4]


async def test_pages_are_turned_in_place(crowd: World):
    seen = await crowd.asks(crowd.asha, "leaderboard")
    await crowd.clicks(crowd.asha, seen, "Next")
    assert "Page 2 of 3" in seen.text
    assert seen.buttons == ["Previous", "Next", "My rank"]
    await crowd.clicks(crowd.asha, seen, "Next")
    assert "Page 3 of 3" in seen.text
    assert [line.split()[1] for line in table(seen)][-2:] == ["Ravi", "Asha"]
    assert table(seen)[-1].startswith("25 Asha ")
    assert seen.buttons == ["Previous", "My rank"]
    await crowd.clicks(crowd.asha, seen, "Previous")
    assert "Page 2 of 3" in seen.text


async def test_only_the_person_who_asked_turns_pages(crowd: World):
    seen = await crowd.asks(crowd.asha, "leaderboard")
    refused = await crowd.clicks(crowd.ravi, seen, "Next")
    assert refused.ephemeral
    assert refused.title == "Not yours"
    assert "Page 1 of 3" in seen.text


async def test_anyone_is_told_their_own_rank_alone(crowd: World):
    seen = await crowd.asks(crowd.asha, "leaderboard")
    own = await crowd.clicks(crowd.ravi, seen, "My rank")
    assert own.ephemeral
    assert own.figures == {"Rank": "1 of 25", "Net worth": "₹20,000.00", "Gain": "0.00 %"}
    assert (await crowd.clicks(crowd.asha, seen, "My rank")).figures["Rank"] == "25 of 25"
    stranger = await crowd.clicks(crowd.meera, seen, "My rank")
    assert stranger.ephemeral
    assert "/register" in stranger.text
    assert "Page 1 of 3" in seen.text


async def test_who_is_frozen_is_told_why_they_are_not_on_it(crowd: World):
    seen = await crowd.asks(crowd.asha, "leaderboard")
    await crowd.asks(crowd.meera, "freeze", member=crowd.ravi, reason="Two accounts")
    told = await crowd.clicks(crowd.ravi, seen, "My rank")
    assert told.embed.description == "You are not on it: nobody is whose account is frozen."
    assert (await crowd.clicks(crowd.asha, seen, "My rank")).figures["Rank"] == "25 of 25"


async def test_its_periods_are_named_like_those_of_a_chart(world: World):
    def periods(name: str) -> list[str]:
        command = world.bot.tree.get_command(name)
        assert isinstance(command, app_commands.Command)
        (period,) = (parameter for parameter in command.parameters if parameter.name == "period")
        return [choice.name for choice in period.choices]

    assert periods("leaderboard") == ["24h", "7d", "all"]
    assert set(periods("leaderboard")) <= set(periods("chart"))


async def test_the_buttons_work_after_a_restart(crowd: World, new_bot: Callable[[], BetJee]):
    seen = await crowd.asks(crowd.asha, "leaderboard", by="gain", period="week")
    await crowd.env.restart_bot(new_bot())
    await crowd.clicks(crowd.asha, seen, "Next")
    assert seen.title == "Leaderboard by gain, 7 days"
    assert "Page 2 of 3" in seen.text
    own = await crowd.clicks(crowd.ravi, seen, "My rank")
    assert own.figures["Rank"] == "1 of 25"


async def test_a_database_that_is_away_leaves_the_page_as_it_is(
    crowd: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    seen = await crowd.asks(crowd.asha, "leaderboard")

    async def away(*_: object) -> None:
        raise ExchangeUnavailable

    monkeypatch.setattr(crowd.exchange, "get_leaderboard", away)
    told = Seen(await crowd.asha.click(seen.message, label="Next"))
    (aside,) = told.result.followups
    assert aside.ephemeral
    assert aside.embeds[0].title == "The exchange could not be reached"
    assert "Page 1 of 3" in seen.text
    assert seen.buttons == ["Next", "My rank"]


@pytest.mark.parametrize("period", ["day", "week", "all"])
async def test_profits_and_best_trades(world: World, connection_owner: asyncpg.Connection, period: str):
    await world.registered(world.asha, world.ravi)
    await world.asks(world.asha, "buy", market="22s1", shares="40")
    await world.asks(world.ravi, "buy", market="22s1", shares="40")
    await world.exchange.refresh_leaderboards()
    nobody = await world.asks(world.asha, "leaderboard", by="trade", period=period)
    assert "Nobody has closed a position with a profit" in nobody.text
    assert nobody.buttons == []
    await world.asks(world.asha, "sell", market="22s1", shares="30")
    await connection_owner.execute(
        "update betjee.leaderboards set refreshed_at = refreshed_at - interval '1 hour'"
    )
    await world.exchange.refresh_leaderboards()
    realised = (await world.portfolio(world.asha)).realised_paise
    assert realised > 0
    profit = f"+₹{realised / 100:.2f}"
    by_profit = await world.asks(world.ravi, "leaderboard", by="profit", period=period)
    assert [line.split() for line in table(by_profit)] == [["1", "Asha", profit]]
    by_trade = await world.asks(world.ravi, "leaderboard", by="trade", period=period)
    assert [line.split() for line in table(by_trade)] == [["1", "Asha", "22s1", profit]]
    own = await world.clicks(world.asha, by_trade, "My rank")
    assert own.figures["Profit before tax"] == profit
    assert own.figures["Trade"].startswith("30 × 22s1, <t:")
    assert "You are not on it" in (await world.clicks(world.ravi, by_trade, "My rank")).text


async def test_the_daily_post_is_in_the_channel_once(world: World, connection_owner: asyncpg.Connection):
    prankster = world.guild.add_member(world.env.create_user("p", global_name="``` @everyone **x**"))
    await world.registered(world.asha, world.ravi, prankster)
    await world.asks(world.asha, "buy", market="22s1", shares="10")
    await connection_owner.execute(
        "update betjee.exchanges set settings = settings || jsonb_build_object('utc_offset', '+00:00',"
        " 'leaderboard_post_at', to_char(clock_timestamp() at time zone 'UTC', 'HH24:MI'))"
    )
    before = len(world.public_lines())
    relay = Relay(world.exchange, Postman(world.bot), pause_seconds=0)
    for _ in range(2):
        await world.exchange.refresh_leaderboards()
        await world.exchange.post_leaderboards()
        await relay.sweep()
    (post,) = world.public_lines()[before:]
    title, fence, first, *_ = post.splitlines()
    assert (title, fence) == ("**Leaderboard of the day**", "```")
    assert first.split() == ["1", "Ravi", "₹20,000", "0.0", "%"]
    assert "3 members, with their gain in 24 hours; `/leaderboard` shows them all." in post
    message = world.channel.last_message
    assert message is not None
    assert not message.mention_everyone


async def test_moderators_set_the_time_of_the_post(world: World):
    seen = await world.asks(world.meera, "settings set", name="leaderboard_post_at", value="20:30")
    assert "is now **20\\:30**" in seen.text
    listed = await world.asks(world.meera, "settings list", about="Members and page")
    assert "A time of day such as 20:30, or off, default off." in listed.text
    assert "Hours and minutes such as +05:30, default +05:30." in listed.text
    refused = await world.asks(world.meera, "settings set", name="leaderboard_post_at", value="8 pm")
    assert "is a time of day such as 20\\:30, or off" in refused.text
    world.forgive(RequestRejected)
