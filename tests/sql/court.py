"""An exchange with an owner, two moderators and members who trade, for tests of what moderators do."""

import hashlib
import json
from typing import Any

import asyncpg
import pytest

from tests.model.founding import execute
from tests.model.state import Ask, Figures
from tests.sql.front import DISCORD, Front, owner_of

MARKET = "22s1"


def identity(name: str) -> bytes:
    """The keyed hash of somebody, as a front end would make it with its key."""
    return hashlib.sha256(f"key {name}".encode()).digest()


class Court:
    """Acts of moderators, and the market that they look at."""

    def __init__(self, front: Front, owner: asyncpg.Connection) -> None:
        self.front, self.owner_connection = front, owner
        self.people: dict[str, int] = {}
        self._last_order = 1_000_000

    async def call(self, function: str, *arguments: object, request_id: int | None = None) -> dict[str, Any]:
        return await self.front.call(function, *arguments, request_id=request_id)

    def __getitem__(self, name: str) -> int:
        return self.people[name]

    async def join(self, *names: str) -> None:
        for name in names:
            self.people[name] = await self.front.register(name)

    async def order(self, name: str, side: str, shares: int, market: str = MARKET) -> Figures:
        self._last_order += 1
        ask = Ask(self._last_order, self.people[name], market, side, shares, confirmed=True)
        (answer,) = await execute(self.front.service, self.front.exchange_id, [ask])
        return answer

    async def market(self, code: str = MARKET) -> dict[str, Any]:
        return next(market for market in await self.front.listing("list_markets") if market["market"] == code)

    async def plan(
        self, moderator: str, names: list[str], mode: str, reason: str = "Bots."
    ) -> dict[str, Any]:
        numbers = [self.people[name] for name in names]
        hashes = [identity(name) for name in names]
        return await self.call("plan_wipe", self.people[moderator], numbers, hashes, mode, reason)

    async def pass_time(self) -> None:
        """An hour goes by; the next who writes applies what is due."""
        for statement in (
            "update betjee.wipes set due_at = due_at - interval '1 hour' where exchange_id = $1",
            "update betjee.bans set banned_until = banned_until - interval '1 hour' where exchange_id = $1",
            "update betjee.burns set burned_at = burned_at - interval '1 hour' where exchange_id = $1",
            "update betjee.transactions set executed_at = executed_at - interval '1 hour' where exchange_id = $1",
        ):
            await self.owner_connection.execute(statement, self.front.exchange_id)

    async def write(self) -> None:
        """An empty batch, as a job sends it."""
        await execute(self.front.service, self.front.exchange_id, [])

    async def rows(self, table: str, condition: str = "true") -> list[asyncpg.Record]:
        return await self.owner_connection.fetch(
            f"select * from betjee.{table} where exchange_id = $1 and {condition}", self.front.exchange_id
        )

    async def status(self, name: str) -> str | None:
        rows = await self.rows("users", f"user_id = {self.people[name]}")
        return rows[0]["status"] if rows else None

    async def acts(self) -> list[tuple[str, dict[str, Any]]]:
        return [
            (row["act"], json.loads(row["detail"]))
            for row in await self.rows("moderation_log", "true order by sequence")
        ]

    async def audit(self) -> list[str]:
        rows = await self.front.service.fetch("select betjee.audit_exchange($1)", self.front.exchange_id)
        return [row[0] for row in rows]


@pytest.fixture
async def court(front: Front, connection_owner: asyncpg.Connection) -> Court:
    """Olga owns, Mona and Max moderate; ann, bob and cid are members. Nothing is too large or moves too far."""
    court = Court(front, connection_owner)
    court.people["olga"] = await owner_of(front)
    for name in ("mona", "max"):
        appointed = await front.call("add_moderator", court["olga"], DISCORD, name, name, identity(name))
        court.people[name] = appointed["user_id"]
    await connection_owner.execute(
        "update betjee.exchanges set settings = settings || $2::jsonb where exchange_id = $1",
        front.exchange_id,
        json.dumps(
            {"band_bps": 1_000_000_000, "max_order_shares": 1_000_000, "signup_bonus_paise": 100_000_000}
        ),
    )
    await court.join("ann", "bob", "cid")
    return court


@pytest.fixture
async def pumped(court: Court) -> Court:
    """Ann held before bob and cid pumped; cid is short of another market, and has waiting orders."""
    await court.order("ann", "buy", 1_000)
    await court.order("bob", "buy", 2_000)
    await court.order("cid", "buy", 500)
    await court.order("cid", "short", 40, market="21s1")
    price = (await court.market())["price_paise"]
    await court.call("arm_stop", court["cid"], "stop_loss", "22s1", price - 5_000, None, None)
    await court.call("arm_alert", court["cid"], "22s1", price + 5_000)
    await court.call("report", court["cid"], "I am honest.")
    await court.call("choose_notifications", court["cid"], "direct")
    return court
