"""Who may look at a link, and who may try to sign up, now."""

from typing import Final, Protocol

from exchange.verification import NetworkKeys
from runtime.limits import Budget, Caller, Limits, Ruling

_ANY_EXCHANGE: Final = 0
"""Where looks and tries are counted: whoever comes names an exchange without having to know one."""


class SignUpLimiter(Protocol):
    """Says whether somebody may go on now. It is asked once for each look and each press of the page's button."""

    async def rule_look(self, networks: NetworkKeys) -> Ruling:
        """Whether whoever comes from there may see what a link is for, and if not, why and how long to wait."""
        ...

    async def rule_try(self, networks: NetworkKeys) -> Ruling:
        """Whether whoever comes from there may press the button at all, whichever exchange their link names."""
        ...

    async def rule(self, exchange_id: int, networks: NetworkKeys) -> Ruling:
        """Whether whoever comes from there may, and if not, why and how long to wait."""
        ...


class NoLimit:
    """Lets everything through."""

    async def rule_look(self, _networks: NetworkKeys) -> Ruling:
        """Nothing to wait for."""
        return Ruling()

    async def rule_try(self, _networks: NetworkKeys) -> Ruling:
        """Nothing to wait for."""
        return Ruling()

    async def rule(self, _exchange_id: int, _networks: NetworkKeys) -> Ruling:
        """Nothing to wait for."""
        return Ruling()


class CountedSignUps:
    """Counts by network, together with all processes of the exchange."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def rule_look(self, networks: NetworkKeys) -> Ruling:
        """Take a place among what the network may read in a minute, whichever exchanges its links are for."""
        return await self._limits.check(Budget.READS, _ANY_EXCHANGE, Caller(networks.exact.hex()))

    async def rule_try(self, networks: NetworkKeys) -> Ruling:
        """Take a place among what the network may try in a minute.

        Each exchange counts its own sign-ups, so without this whoever makes links up could name another in each,
        and would never be too fast.
        """
        return await self._limits.check(
            Budget.READS, _ANY_EXCHANGE, Caller(f"tries of {networks.exact.hex()}")
        )

    async def rule(self, exchange_id: int, networks: NetworkKeys) -> Ruling:
        """Take a place in the network's minute, if there is one."""
        caller = Caller(networks.exact.hex(), networks.exact)
        return await self._limits.check(Budget.SIGN_UPS, exchange_id, caller)
