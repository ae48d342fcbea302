"""Waiting orders that are set off by somebody's trade, as each of those people sees it."""

import re

import asyncpg

from tests.bot.stopping import HALT, arm, fire, hold, lines, listed, position
from tests.bot.world import World


async def test_the_owner_sees_it_everywhere_and_the_channel_does_not(world: World):
    sold = await fire(world)
    assert sold.title == "Sold 100 × 22s1"
    portfolio = await world.asks(world.asha, "portfolio")
    assert "**22s1** · closed" in portfolio.text
    assert "None are waiting" in (await listed(world)).text
    notices = await world.asks(world.asha, "notifications")
    assert "Stop\\-loss filled\\: 22s1" in notices.text
    assert "Your stop-loss of **22 JAN S1** at ₹17.50 sold **100 × 22s1**." in notices.text
    assert "Profit before tax: " in notices.text
    last = world.public_lines()[-1]
    assert last.startswith("**Ravi** sold 100 × 22s1"), "the one who traded"
    assert len(world.public_lines()) == 3, "two buys and a sale"
    assert not any("stop" in line.lower() or "wait" in line.lower() for line in world.public_lines())


async def test_before_it_fires_the_portfolio_says_that_it_waits(world: World):
    await hold(world)
    assert "/orders" not in (await world.asks(world.asha, "portfolio")).text
    await arm(world, "12")
    assert "1 order waits, see `/orders`" in (await world.asks(world.asha, "portfolio")).text
    await arm(world, "13")
    assert "2 orders wait, see `/orders`" in (await world.asks(world.asha, "portfolio")).text
    public = await world.asks(world.ravi, "portfolio", member=world.asha)
    assert "22s1" in public.text
    assert "wait" not in public.text, "what waits is nobody else's business"


async def test_a_price_that_stays_short_of_the_trigger_sets_nothing_off(world: World):
    await fire(world, shares=10)
    assert (await position(world, world.asha)).shares == 100
    assert len(lines(await listed(world))) == 1


async def test_one_that_closes_the_position_ends_the_other(world: World):
    await hold(world)
    await world.registered(world.ravi)
    await world.asks(world.ravi, "buy", market="22s1", shares="100")
    await arm(world, "17.50")
    await world.asks(world.asha, "takeprofit", market="22s1", trigger_price="30")
    assert len(lines(await listed(world))) == 2
    await world.asks(world.ravi, "sell", market="22s1", shares="max")
    assert "None are waiting" in (await listed(world)).text


async def test_who_set_off_many_is_told_how_long_they_may_not_turn_round(world: World):
    await hold(world)
    await world.asks(world.asha, "buy", market="22s1", shares="50")
    await world.registered(world.ravi)
    await world.asks(world.ravi, "short", market="22s1", shares="10")
    await world.asks(world.ravi, "takeprofit", market="22s1", trigger_price="12")
    price = (await position(world, world.asha)).mark_price_paise - 1
    await arm(world, f"{price // 100}.{price % 100:02d}")
    await world.asks(world.ravi, "short", market="22s1", shares="5")
    assert (await position(world, world.asha)).shares == 0, "150 shares were set off, more than 1 %"

    refusal = await world.asks(world.ravi, "cover", market="22s1", shares="5")
    assert refusal.title == "Not done: you are cooling down"
    told = re.search(
        r"set off waiting orders of others, so for about (\d+) s you may not buy or cover", refusal.text
    )
    assert told is not None
    assert 30 < int(told[1]) <= 60
    seen = await listed(world, world.ravi)
    assert (
        "Cooling down: You have set off orders of others: in **22s1**, orders that buy back wait until <t:"
        in seen.text
    )


async def test_an_order_in_a_halted_market_is_refused_with_its_end(
    world: World, connection_owner: asyncpg.Connection
):
    await hold(world)
    await arm(world, "12")
    await connection_owner.execute(HALT)
    refusal = await world.asks(world.asha, "sell", market="22s1", shares="max")
    assert refusal.title == "Not done: the market is not open"
    told = re.search(
        r"it reopens in about (\d+) s\. Until then `/portfolio`, `/quote` and `/orders` work", refusal.text
    )
    assert told is not None
    assert 70 < int(told[1]) <= 100
