"""Where a limiter of sign-ups has its place."""

from typing import Protocol

from exchange.verification import NetworkKeys


class SignUpLimiter(Protocol):
    """Says whether somebody may try to sign up now. It is asked once for each press of the page's button."""

    async def wait_seconds(self, exchange_id: int, networks: NetworkKeys) -> float:
        """How long whoever comes from there must wait before the next attempt; 0 lets this one through."""
        ...


class NoLimit:
    """Lets every attempt through."""

    async def wait_seconds(self, _exchange_id: int, _networks: NetworkKeys) -> float:
        """Nothing to wait for."""
        return 0.0
