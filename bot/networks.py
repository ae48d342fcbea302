"""The networks that members signed up from, for the limits of how often they act."""

from collections.abc import Awaitable, Callable

from bot.communities import PROVIDER
from exchange.exchange import Exchange
from runtime.limits import Network


def networks_of(exchange: Exchange) -> Callable[[int, str], Awaitable[Network | None]]:
    """What finds a member's network by exchange and Discord id; None where none is known."""

    async def find(exchange_id: int, user: str) -> Network | None:
        known = await exchange.find_network(exchange_id, PROVIDER, user)
        return None if known is None else Network(known.network_key, known.is_suspect)

    return find
