"""A trading floor for tests of waiting orders: every answer is held against the model."""

import json
from typing import Any

import asyncpg
import pytest

from tests.exchange.test_random_stops import assert_same_stops
from tests.model.founding import Founded, execute, found, pass_window
from tests.model.judgement import Rules
from tests.model.state import Ask, Figures

RICH_PAISE = 1_000_000_000
NO_BAND = 1_000_000_000


class Floor:
    """A trading floor with six rich members; every answer is held against the model."""

    def __init__(self, owner: asyncpg.Connection, service: asyncpg.Connection, founded: Founded) -> None:
        self.owner, self.service, self.founded = owner, service, founded
        self._last_id = 0

    async def order(self, user: int, side: str, shares: int) -> Figures:
        """The answer to an order that is a batch of its own."""
        self._last_id += 1
        ask = Ask(self._last_id, self.founded.users[user], "22s1", side, shares, confirmed=True)
        self.founded.model.begin_batch()
        (answer,) = await execute(self.service, self.founded.exchange_id, [ask])
        assert answer == self.founded.model.execute(ask)
        return answer

    async def arm(self, user: int, kind: str, trigger_paise: int, shares: int | None = None) -> int:
        """Let an order wait; its number."""
        self._last_id += 1
        user_id = self.founded.users[user]
        document = await self.service.fetchval(
            "select betjee.arm_stop($1, $2, $3, $4, '22s1', $5, $6, null)",
            self.founded.exchange_id,
            self._last_id,
            user_id,
            kind,
            trigger_paise,
            shares,
        )
        assert self.founded.model.arm(user_id, "22s1", kind, trigger_paise, shares) is None
        number: int = json.loads(document)["stop_id"]
        return number

    async def nothing(self) -> None:
        """An empty batch, as a job sends it: it does what is due."""
        self.founded.model.begin_batch()
        assert await execute(self.service, self.founded.exchange_id, []) == []

    async def price(self) -> int:
        """The price, in paise."""
        return self.founded.model.pools["22s1"].price_paise

    async def fired(self) -> list[int]:
        """The stops that were filled, in the order of the ledger."""
        rows = await self.rows("select stop_id from betjee.transactions where stop_id is not null and")
        return [row["stop_id"] for row in rows]

    async def rows(self, query: str, order: str = "sequence") -> list[asyncpg.Record]:
        """Rows of this exchange."""
        return await self.owner.fetch(f"{query} exchange_id = $1 order by {order}", self.founded.exchange_id)

    async def notices(self, kind: str) -> list[dict[str, Any]]:
        """What was queued to be told."""
        rows = await self.rows(
            f"select user_id, detail from betjee.outbox where kind = '{kind}' and", "notice_id"
        )
        return [{"user_id": row["user_id"], **json.loads(row["detail"])} for row in rows]


@pytest.fixture
async def floor(connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection) -> Floor:
    """A market at ₹460 with a band so wide that nothing halts; members 0 to 3 hold 1,200 shares each."""
    founded = await found(connection_owner, [RICH_PAISE] * 6, rules=Rules(100_000, NO_BAND))
    floor = Floor(connection_owner, connection_service, founded)
    for user in range(4):
        await floor.order(user, "buy", 1_200)
    await pass_window(connection_owner, founded)
    return floor


async def narrow(floor: Floor, band_bps: int) -> None:
    """Give the band its usual width, or another."""
    floor.founded.model.rules = Rules(100_000, band_bps)
    await floor.owner.execute(
        "update betjee.exchanges set settings = settings || jsonb_build_object('band_bps', $2::bigint)"
        " where exchange_id = $1",
        floor.founded.exchange_id,
        band_bps,
    )


async def audited(floor: Floor) -> None:
    """The stops, the ledger and the books are those of the model."""
    await assert_same_stops(floor.owner, floor.founded)
    assert await floor.service.fetch("select betjee.audit_exchange($1)", floor.founded.exchange_id) == []
