"""An exchange whose hours pass when a test says so, and its leaderboards."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest

from tests.model.founding import Founded, execute
from tests.model.state import Ask

LASTING_SECONDS = 30
"""Longer than any test of leaderboards takes, also on a slow machine."""

_LEFT = """
select extract(epoch from date_trunc('hour', clock_timestamp(), 'UTC') + interval '1 hour' - clock_timestamp())
"""


@pytest.fixture
async def lasting_hour(connection_owner: asyncpg.Connection) -> None:
    """An hour that does not end during the test: where this one is about to end, the next.

    Snapshots and days are those of the clock. A test that makes hours pass by dating them back would count one more,
    or leave one out, if the clock went on to another meanwhile.
    """
    left = float(await connection_owner.fetchval(_LEFT))
    if left < LASTING_SECONDS:
        await asyncio.sleep(left)


# Rows would change places with their neighbours, so they are taken out and put back.
_AGEING = """
create temp table older_snapshots on commit drop as select * from betjee.snapshots where exchange_id = $1;
create temp table older_worths on commit drop as select * from betjee.net_worths where exchange_id = $1;
create temp table older_trades on commit drop as select * from betjee.best_trades where exchange_id = $1;
delete from betjee.net_worths where exchange_id = $1;
delete from betjee.snapshots where exchange_id = $1;
delete from betjee.best_trades where exchange_id = $1;
delete from betjee.median_bounds where exchange_id = $1;
insert into betjee.snapshots select exchange_id, taken_at - $2 from older_snapshots;
insert into betjee.net_worths
select exchange_id, block, taken_at - $2, user_ids, net_worths_paise, medians_paise, realised_paise from older_worths;
insert into betjee.best_trades select exchange_id, user_id, hour - $2, sequence, realised_paise from older_trades;
update betjee.users set registered_at = registered_at - $2 where exchange_id = $1;
update betjee.leaderboards set refreshed_at = refreshed_at - $2, prepared_at = null where exchange_id = $1;
update betjee.leaderboard_posts set day = day - $3, due_at = due_at - $2, posted_at = posted_at - $2 where exchange_id = $1;
update betjee.moderation_log set recorded_at = recorded_at - $2 where exchange_id = $1;
"""


async def pass_hours(owner: asyncpg.Connection, exchange_id: int, hours: int = 1) -> None:
    """Make all that is known of past hours older by so many."""
    script = (
        _AGEING.replace("$1", str(exchange_id))
        .replace("$2", f"interval '{hours} hours'")
        .replace("$3", str(hours // 24))
    )
    async with owner.transaction():
        await owner.execute(script)


class Boards:
    """Trades, hours and leaderboards of a founded exchange."""

    def __init__(self, owner: asyncpg.Connection, service: asyncpg.Connection, founded: Founded) -> None:
        self.owner, self.service, self.founded = owner, service, founded
        self._last_id = 0

    @property
    def users(self) -> tuple[int, ...]:
        return self.founded.users

    async def trade(self, user: int, side: str, shares: int, market: str = "22s1") -> dict[str, Any]:
        """A trade that the model makes too."""
        self._last_id += 1
        ask = Ask(self._last_id, self.users[user], market, side, shares, confirmed=True)
        (answer,) = await execute(self.service, self.founded.exchange_id, [ask])
        assert answer == self.founded.model.execute(ask)
        assert answer["status"] == "filled"
        return answer

    async def refresh(self) -> bool:
        done: bool = await self.service.fetchval(
            "select coalesce(betjee.refresh_leaderboards($1) = 'done', false)", self.founded.exchange_id
        )
        return done

    async def hour(self, hours: int = 1) -> None:
        """Take a snapshot and let the hour pass."""
        assert await self.refresh()
        await pass_hours(self.owner, self.founded.exchange_id, hours)

    async def page(
        self, board: str = "net_worth", period: str = "all", page: int = 1, size: int = 10
    ) -> dict[str, Any]:
        document = await self.service.fetchval(
            "select betjee.get_leaderboard($1, $2, $3, $4, $5)",
            self.founded.exchange_id,
            board,
            period,
            page,
            size,
        )
        found: dict[str, Any] = json.loads(document)
        return found

    async def lines(self, board: str = "net_worth", period: str = "all") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.page(board, period))["standings"]
        return found

    async def column(self, name: str, board: str = "net_worth", period: str = "all") -> dict[int, Any]:
        """One figure of each member, by the member's place in the founding; in the order of the leaderboard."""
        return {self.users.index(line["user_id"]): line[name] for line in await self.lines(board, period)}
