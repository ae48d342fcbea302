"""Orders as people give them and see them answered."""

import re
from typing import Any

import asyncpg
import pytest

from bot.errors import InputUnreadable, NotRegistered
from tests.bot.world import World


async def test_a_fill_tells_its_owner_everything_and_the_channel_only_the_trade(world: World):
    await world.registered(world.asha)
    fill = await world.asks(world.asha, "buy", market="22s1", shares="10")

    portfolio = await world.portfolio(world.asha)
    assert fill.ephemeral
    assert fill.title == "Bought 10 × 22s1"
    assert fill.figures == {
        "You paid": "₹169.37",
        "Average price": "₹16.66 a share",
        "Tax, included": "₹2.79",
        "Price": "₹16.63 → ₹16.69",
        "Position now": "10 shares of 22s1",
        "Balance now": "₹19,830.63",
        "Buying power now": "₹19,830.63",
    }
    assert portfolio.cash_paise == 19_830_63
    assert world.public_lines() == ["**Asha** bought 10 × 22s1 at ₹16.66, price ₹16.63 → ₹16.69"]


async def test_selling_shows_the_profit(world: World):
    await world.registered(world.asha)
    await world.asks(world.asha, "buy", market="22s1", shares="10")
    fill = await world.asks(world.asha, "sell", market="22s1", shares="50%")
    assert fill.title == "Sold 5 × 22s1"
    assert fill.figures["Position now"] == "5 shares of 22s1"
    assert fill.figures["Profit before tax"].startswith("+₹")
    assert world.public_lines()[-1].startswith("**Asha** sold 5 × 22s1")


async def test_a_short_shows_its_worst_loss_and_collateral_and_can_be_covered(world: World):
    await world.registered(world.asha)
    short = await world.asks(world.asha, "short", market="28s2", shares="10")
    assert short.title == "Shorted 10 × 28s2"
    assert short.figures["Position now"] == "short 10 shares of 28s2"
    assert short.figures["Reserved for shorts, in all"] == "₹10,167.00"
    assert short.figures["Worst loss"].startswith("₹10,00")

    cover = await world.asks(world.asha, "cover", market="28s2", shares="max")
    assert cover.title == "Covered 10 × 28s2"
    assert cover.figures["Position now"] == "none of 28s2"
    assert cover.figures["Profit before tax"] == "₹0.00"


async def test_a_quote_changes_nothing_and_agrees_with_the_fill(world: World):
    await world.registered(world.asha)
    quote = await world.asks(world.asha, "quote", side="buy", market="22s1", shares="10")
    assert quote.ephemeral
    assert quote.title == "Quote: buy 10 × 22s1"
    assert quote.figures["You would pay"] == "₹169.37"
    assert (await world.portfolio(world.asha)).cash_paise == 20_000_00
    assert world.public_lines() == []
    fill = await world.asks(world.asha, "buy", market="22s1", shares="10")
    assert fill.figures["You paid"] == quote.figures["You would pay"]


async def test_a_quote_in_a_halted_market_says_so_and_when_it_reopens(
    world: World, connection_owner: asyncpg.Connection
):
    await world.registered(world.asha)
    options = {"side": "buy", "market": "22s1", "shares": "10"}
    assert "halted" not in (await world.asks(world.asha, "quote", **options)).text
    await connection_owner.execute(
        "update betjee.markets set status = 'halted', halted_until = clock_timestamp() + interval '100 s'"
        " where code = '22s1'"
    )
    quote = await world.asks(world.asha, "quote", **options)
    assert quote.title == "Quote: buy 10 × 22s1"
    told = re.search(r"The market is halted\*\*: it reopens in about (\d+) s", quote.text)
    assert told is not None
    assert 70 < int(told[1]) <= 100


async def test_a_quote_of_an_impossible_order_says_why(world: World):
    await world.registered(world.asha)
    quote = await world.asks(world.asha, "quote", side="sell", market="22s1", shares="10")
    assert quote.title == "Not done: more than you have"


@pytest.mark.parametrize(
    ("command", "options", "title", "words"),
    [
        ("buy", {"shares": "0"}, "not a number of shares", "at least 1 share"),
        ("buy", {"shares": "1,500"}, "the order is too large", "now you may buy **566**"),
        ("buy", {"shares": "1000"}, "not enough coins", "your buying power is **₹20,000.00**"),
        ("buy", {"shares": "600"}, "the price would move too far", "try again in a few minutes"),
        (
            "buy",
            {"shares": "10", "max_cost": "100"},
            "your limit was not met",
            "more than the **₹100.00** you allowed",
        ),
        ("buy", {"shares": "10", "market": "99s9"}, "unknown market", "`/markets` lists them"),
        ("sell", {"shares": "10"}, "more than you have", "You hold no shares there"),
        ("cover", {"shares": "10"}, "more than you have", "You are not short there"),
        (
            "short",
            {"shares": "25"},
            "not enough coins",
            "takes **₹25,010.80** of your buying power; you have **₹20,000.00**",
        ),
        (
            "short",
            {"shares": "10", "min_proceeds": "₹1,000"},
            "your limit was not met",
            "less than the **₹1,000.00**",
        ),
    ],
)
async def test_a_refusal_says_what_was_asked_and_what_is_possible(
    world: World, command: str, options: dict[str, str], title: str, words: str
):
    await world.registered(world.asha)
    refusal = await world.asks(world.asha, command, **{"market": "22s1", **options})
    assert refusal.ephemeral
    assert refusal.title == f"Not done: {title}"
    assert f"You asked to {command}" in refusal.text
    assert words in refusal.text
    assert refusal.figures["Your balance"] == "₹20,000.00"
    assert "Nothing was charged." in refusal.text
    assert world.public_lines() == []
    assert (await world.portfolio(world.asha)).cash_paise == 20_000_00


async def test_the_size_that_a_refusal_offers_is_taken(world: World):
    await world.registered(world.asha)
    refusal = await world.asks(world.asha, "short", market="22s1", shares="25")
    possible = refusal.figures["Possible now"].removeprefix("short ").removesuffix(" shares")
    fill = await world.asks(world.asha, "short", market="22s1", shares=possible)
    assert fill.title == f"Shorted {possible} × 22s1"


@pytest.mark.usefixtures("unhurried")
async def test_the_wrong_side_is_pointed_to_the_right_one(world: World):
    await world.registered(world.asha)
    await world.asks(world.asha, "buy", market="22s1", shares="10")
    await world.asks(world.asha, "short", market="22s2", shares="10")

    while_long = await world.asks(world.asha, "short", market="22s1", shares="1")
    assert while_long.title == "Not done: you hold shares there"
    assert "use `/sell`" in while_long.text
    while_short = await world.asks(world.asha, "buy", market="22s2", shares="1")
    assert while_short.title == "Not done: you are short there"
    assert "use `/cover`" in while_short.text
    too_much = await world.asks(world.asha, "sell", market="22s1", shares="11")
    assert too_much.title == "Not done: more than you have"
    assert too_much.figures["Possible now"] == "sell 10 shares"
    assert too_much.figures["Your position"] == "10 shares of 22s1"
    nothing_held = await world.asks(world.asha, "sell", market="24s1", shares="1")
    assert nothing_held.figures["Possible now"] == "nothing"


async def test_a_settled_market_is_told_as_that(world: World, connection_owner: asyncpg.Connection):
    await world.registered(world.asha)
    await connection_owner.execute("update betjee.markets set status = 'settled' where code = '22s1'")
    refusal = await world.asks(world.asha, "buy", market="22s1", shares="10")
    assert "22 JAN S1 is settled; nothing is traded there any more." in refusal.text
    assert "halted" not in refusal.text


@pytest.mark.parametrize(
    ("statement", "title"),
    [
        (
            "update betjee.users set status = 'frozen' where registered_at is not null",
            "your account is frozen",
        ),
        ("update betjee.users set status = 'banned' where registered_at is not null", "you are banned"),
        ("update betjee.markets set status = 'halted' where code = '22s1'", "the market is not open"),
        (
            "update betjee.markets set min_market_shares = remaining_shares - 4 where code = '22s1'",
            "too few shares are left",
        ),
    ],
)
async def test_refusals_that_come_from_elsewhere(
    world: World, connection_owner: asyncpg.Connection, statement: str, title: str
):
    await world.registered(world.asha)
    await connection_owner.execute(statement)
    refusal = await world.asks(world.asha, "buy", market="22s1", shares="10")
    assert refusal.ephemeral
    assert refusal.title == f"Not done: {title}"
    assert refusal.figures["Your balance"] == "₹20,000.00"
    if "left" in title:
        assert refusal.figures["Possible now"] == "buy 4 shares"


@pytest.mark.parametrize("command", ["buy", "portfolio", "report", "quote"])
async def test_a_stranger_is_told_to_register(world: World, command: str):
    options = {
        "buy": {"market": "22s1", "shares": "10"},
        "quote": {"side": "buy", "market": "22s1", "shares": "10"},
        "report": {"text": "hello"},
    }.get(command, {})
    answer = await world.asks(world.ravi, command, **options)
    assert answer.ephemeral
    assert answer.title == "No account yet"
    assert "`/register`" in answer.text
    world.forgive(NotRegistered)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shares": "ten"}, "“ten” is not a number of shares. Type a whole number such as `10`"),
        ({"shares": "-5"}, "is not a number of shares"),
        ({"shares": "150%"}, "at most 100%"),
        ({"shares": "10", "max_cost": "lots"}, "“lots” is not an amount of coins"),
    ],
)
async def test_what_cannot_be_read_is_answered_by_what_to_type(
    world: World, options: dict[str, str], words: str
):
    await world.registered(world.asha)
    answer = await world.asks(world.asha, "buy", market="22s1", **options)
    assert answer.ephemeral
    assert answer.title == "Not understood"
    assert words in answer.text
    world.forgive(InputUnreadable)


async def test_the_public_line_can_be_turned_off(world: World):
    await world.registered(world.asha)
    await world.asks(world.meera, "settings set", name="public_fills", value="off")
    fill = await world.asks(world.asha, "buy", market="22s1", shares="10")
    assert fill.title == "Bought 10 × 22s1"
    assert world.public_lines() == []


async def test_a_fill_stands_though_the_channel_cannot_be_told(world: World):
    await world.registered(world.asha)
    world.env.inject_error("POST", "/webhooks/*", status=500)
    fill = await world.asks(world.asha, "buy", market="22s1", shares="10")
    assert fill.title == "Bought 10 × 22s1"
    assert world.public_lines() == []


async def test_a_market_is_found_whatever_the_case(world: World):
    await world.registered(world.asha)
    fill = await world.asks(world.asha, "buy", market=" 22S1 ", shares="1,00")
    assert fill.title == "Not understood"
    world.forgive(InputUnreadable)
    fill = await world.asks(world.asha, "buy", market=" 22S1 ", shares="1")
    assert fill.title == "Bought 1 × 22s1"
    assert fill.figures["Position now"] == "1 share of 22s1"


async def test_a_command_that_discord_delivers_twice_is_one_order_and_one_line(world: World):
    await world.registered(world.asha)
    delivered: list[tuple[str, Any]] = []
    world.env.backend.subscribers.append(lambda event, payload: delivered.append((event, payload)))
    await world.asks(world.asha, "buy", market="22s1", shares="10")
    (event, payload) = next(item for item in delivered if item[0] == "INTERACTION_CREATE")
    world.env.backend.emit(event, payload)
    await world.env.settle()
    assert (await world.portfolio(world.asha)).positions[0].shares == 10
    assert len(world.public_lines()) == 1
