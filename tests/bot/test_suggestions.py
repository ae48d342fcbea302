"""What is offered while someone types."""

from tests.bot.stopping import arm, hold
from tests.bot.world import World


async def test_markets_are_offered_with_their_live_price(world: World):
    offered = await world.asha.autocomplete(world.channel, "buy", "market", "22s")
    assert [choice["value"] for choice in offered] == ["22s1", "22s2"]
    assert offered[0]["name"] == "22s1 · 22 JAN S1 · ₹16.63"
    by_label = await world.asha.autocomplete(world.channel, "quote", "market", "28 jan")
    assert [choice["value"] for choice in by_label] == ["28s1", "28s2"]


async def test_sizes_are_offered_with_their_live_cost(world: World):
    await world.registered(world.asha)
    offered = await world.asha.autocomplete(world.channel, "buy", "shares", "25", market="22s1")
    assert [choice["value"] for choice in offered] == ["25", "1", "10", "100", "50%", "max"]
    names = {choice["value"]: choice["name"] for choice in offered}
    assert names["10"] == "10 · costs ₹169.37"
    assert names["50%"].startswith("50% of buying power · ")
    assert names["max"].startswith("max in one order · ")
    assert "shares · costs ₹" in names["max"]


async def test_parts_to_close_are_parts_of_the_position(world: World):
    await world.registered(world.asha)
    await world.asks(world.asha, "buy", market="22s1", shares="2")
    offered = await world.asha.autocomplete(world.channel, "sell", "shares", "", market="22s1")
    names = {choice["value"]: choice["name"] for choice in offered}
    assert names["50%"].startswith("50% of position · 1 share · brings ₹")
    assert names["max"].startswith("max · 2 shares · brings ₹")


async def test_sizes_that_are_not_possible_say_so(world: World):
    await world.registered(world.asha)
    await world.asks(world.asha, "buy", market="22s1", shares="30")
    offered = await world.asha.autocomplete(
        world.channel, "quote", "shares", "5,00,000", side="sell", market="22s1"
    )
    names = {choice["value"]: choice["name"] for choice in offered}
    assert names["500000"] == "5,00,000 · not possible now, at most 30"
    assert names["10"].startswith("10 · brings ₹16")


async def test_strangers_and_unknown_markets_get_plain_sizes(world: World):
    offered = await world.ravi.autocomplete(world.channel, "buy", "shares", "abc", market="22s1")
    assert [choice["name"] for choice in offered] == ["1", "10", "100", "50%", "max"]
    await world.registered(world.asha)
    offered = await world.asha.autocomplete(world.channel, "buy", "shares", "", market="nope")
    assert [choice["value"] for choice in offered] == ["1", "10", "100", "50%", "max"]


async def test_markets_with_a_position_come_first(world: World):
    await hold(world, 50)
    await world.asks(world.asha, "short", market="28s2", shares="5")
    offered = await world.asha.autocomplete(world.channel, "stoploss", "market", "")
    assert [choice["value"] for choice in offered][:3] == ["22s1", "28s2", "21s1"]
    assert len(offered) == 10
    assert offered[0]["name"] == "22s1 · 22 JAN S1 · ₹16.96 · 50 shares"
    assert offered[1]["name"].endswith("· short 5 shares")
    assert "shares" not in offered[2]["name"]
    narrowed = await world.asha.autocomplete(world.channel, "takeprofit", "market", "28")
    assert [choice["value"] for choice in narrowed] == ["28s2", "28s1"]


async def test_triggers_are_offered_on_the_side_that_would_be_taken(world: World):
    await hold(world)
    offered = await world.asha.autocomplete(world.channel, "stoploss", "trigger_price", "", market="22s1")
    assert [(choice["value"], choice["name"]) for choice in offered] == [
        ("16.45", "₹16.45 · −5.02 % from ₹17.32"),
        ("15.59", "₹15.59 · −9.99 % from ₹17.32"),
        ("13.86", "₹13.86 · −19.98 % from ₹17.32"),
    ]
    for choice in offered:
        await arm(world, choice["value"])
    offered = await world.asha.autocomplete(world.channel, "takeprofit", "trigger_price", "12", market="22s1")
    assert offered[0]["name"] == "₹12.00 · −30.72 % from ₹17.32 · crossed already"
    assert [choice["value"] for choice in offered] == ["12.00", "18.19", "19.05", "20.78"]


async def test_parts_are_offered_with_their_shares(world: World):
    await hold(world)
    offered = await world.asha.autocomplete(world.channel, "stoploss", "shares", "7", market="22s1")
    assert [choice["name"] for choice in offered] == [
        "7",
        "max · 100 shares",
        "50% of position · 50 shares",
        "25% of position · 25 shares",
    ]
    offered = await world.asha.autocomplete(world.channel, "stoploss", "shares", "", market="22s2")
    assert [choice["name"] for choice in offered] == ["max", "50% of position", "25% of position"]


async def test_strangers_may_type_too(world: World):
    for option, value in (("market", "22s1"), ("trigger_price", "12"), ("shares", "10")):
        offered = await world.ravi.autocomplete(world.channel, "stoploss", option, value)
        assert offered[0]["value"] == value
    assert await world.ravi.autocomplete(world.channel, "stoploss", "market", "x" * 101) == []
