"""What is offered while someone types."""

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
