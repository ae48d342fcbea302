"""How often members may do what: the settings of an exchange by which its front ends count."""

from __future__ import annotations

from dataclasses import dataclass

from exchange.calls import Calls
from exchange.errors import RequestRejected
from exchange.models import FromJson


@dataclass(frozen=True, slots=True)
class RateLimits(FromJson):
    """How many actions are taken within any minute, of one member or of all members on one network.

    The defaults are those of a new exchange, for a front end that has not been able to ask yet.
    """

    user_trades_per_minute: int = 10

    user_trade_burst: int = 5
    """How many trades of one member within `user_trade_burst_seconds`."""

    user_trade_burst_seconds: int = 10

    user_kept_trades_per_minute: int = 2
    """How many trades a member keeps, however many others on their network give."""

    network_trades_per_minute: int = 120

    suspect_network_trades_per_minute: int = 10
    """Of a network on which an account is marked as suspect."""

    user_reads_per_minute: int = 60
    user_quotes_per_minute: int = 120
    network_sign_ups_per_minute: int = 10
    moderator_commands_per_minute: int = 30


class Limiting(Calls):
    """What a front end asks before it counts."""

    async def get_rate_limits(self, exchange_id: int) -> RateLimits:
        """How often members may do what. Raises `RequestRejected` where there is no such exchange."""
        document = await self._read("select betjee.get_rate_limits($1)", exchange_id)
        if document is None:
            raise RequestRejected("unknown_exchange", "There is no such exchange.")
        return RateLimits.from_json(document)
