"""A desk that sends orders of one exchange and holds every answer against the model."""

from dataclasses import replace
from typing import Any

import asyncpg

from tests.model.curve import Terms
from tests.model.founding import Founded, execute, found
from tests.model.judgement import Rules
from tests.model.state import Ask, Figures

FLAT = Terms(price_min_paise=1_000, price_max_paise=1_001, tax_bps=1_000)
"""Nearly flat, so that hand-made figures stay simple: a share costs ₹10.00 or a paisa more, and a tax of 10 %."""


class Desk:
    """Sends orders of one founded exchange, and holds every answer against the model."""

    def __init__(self, service: asyncpg.Connection, founded: Founded) -> None:
        self.service, self.founded = service, founded
        self._last_id = 0

    async def order(
        self, side: str, shares: int | None = 1, *, user: int = 0, market: str = "22s1", **more: Any
    ) -> Figures:
        """The answer to one order."""
        self._last_id += 1
        user_id = self.founded.users[user] if user < len(self.founded.users) else 10**9
        ask = Ask(self._last_id, user_id, market, side, shares, **{"confirmed": True, **more})
        (answer,) = await execute(self.service, self.founded.exchange_id, [ask])
        assert answer == self.founded.model.execute(ask)
        return answer

    async def set_band(self, owner: asyncpg.Connection, band_bps: int) -> None:
        """Narrow or widen the band of a running exchange."""
        self.founded.model.rules = replace(self.founded.model.rules, band_bps=band_bps)
        await owner.execute(
            "update betjee.exchanges set settings = settings || jsonb_build_object('band_bps', $2::bigint)"
            " where exchange_id = $1",
            self.founded.exchange_id,
            band_bps,
        )


async def desk(
    owner: asyncpg.Connection,
    service: asyncpg.Connection,
    cash: int = 2_000_000,
    terms: Terms | None = None,
    rules: Rules | None = None,
) -> Desk:
    return Desk(service, await found(owner, [cash, cash], {"22s1": terms or Terms()}, rules))
