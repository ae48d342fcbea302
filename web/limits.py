"""Who may try to sign up now."""

from typing import Protocol

from exchange.verification import NetworkKeys
from runtime.limits import Budget, Caller, Limits, Ruling


class SignUpLimiter(Protocol):
    """Says whether somebody may try to sign up now. It is asked once for each press of the page's button."""

    async def rule(self, exchange_id: int, networks: NetworkKeys) -> Ruling:
        """Whether whoever comes from there may, and if not, why and how long to wait."""
        ...


class NoLimit:
    """Lets every attempt through."""

    async def rule(self, _exchange_id: int, _networks: NetworkKeys) -> Ruling:
        """Nothing to wait for."""
        return Ruling()


class CountedSignUps:
    """Counts attempts by network, together with all processes of the exchange."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def rule(self, exchange_id: int, networks: NetworkKeys) -> Ruling:
        """Take a place in the network's minute, if there is one."""
        caller = Caller(networks.exact.hex(), networks.exact)
        return await self._limits.check(Budget.SIGN_UPS, exchange_id, caller)
