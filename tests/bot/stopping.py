"""People with positions and waiting orders, for tests of what they see of them."""

import simcord

from exchange.models import Position
from tests.bot.world import Seen, World

HALT = (
    "update betjee.markets set status = 'halted', halted_until = clock_timestamp() + interval '100 s',"
    " version = version + 1 where code = '22s1'"
)


async def hold(world: World, shares: int = 100) -> None:
    """Asha has an account and holds shares; the first 100 take 22s1 from ₹16.63 to ₹17.32."""
    await world.registered(world.asha)
    await world.asks(world.asha, "buy", market="22s1", shares=str(shares))


async def arm(world: World, *prices: str) -> None:
    """Asha has a stop-loss waiting at each price."""
    for price in prices:
        seen = await world.asks(world.asha, "stoploss", market="22s1", trigger_price=price)
        assert seen.title == "Stop-loss: 22s1"


async def listed(world: World, who: simcord.MemberActor | None = None) -> Seen:
    """Someone's list of waiting orders, Asha's unless told."""
    return await world.asks(who or world.asha, "orders")


def lines(seen: Seen) -> list[str]:
    """The orders of a list."""
    return [line for line in (seen.embed.description or "").splitlines() if line.startswith("`")]


def suppose_all_see(world: World, seen: Seen) -> None:
    """Discord shows an ephemeral message to its owner alone; suppose it showed this one to all."""
    world.env.backend.get_message(seen.message.channel_id, seen.message.id).flags &= ~64


async def position(world: World, who: simcord.MemberActor) -> Position:
    (held,) = (await world.portfolio(who)).positions
    return held


async def fire(world: World, shares: int = 100) -> Seen:
    """Asha holds 100 with a stop-loss at ₹17.50; Ravi, who bought after her, sells and sets it off."""
    await hold(world)
    await world.registered(world.ravi)
    await world.asks(world.ravi, "buy", market="22s1", shares="100")
    await world.asks(world.asha, "stoploss", market="22s1", trigger_price="17.50")
    return await world.asks(world.ravi, "sell", market="22s1", shares=str(shares))
