"""One process leads; when it ends or loses its connection, another does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from exchange.leader import Leadership
from tests.conftest import Database

PATIENCE_SECONDS = 20
LOOK_SECONDS = 0.05

HOLDERS = "select pid from pg_locks where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())"


@asynccontextmanager
async def candidate(url: str) -> AsyncIterator[Leadership]:
    """A process that would lead, for as long as the block lasts."""
    leadership = Leadership(url, look_seconds=LOOK_SECONDS)
    campaign = asyncio.create_task(leadership.campaign())
    try:
        yield leadership
    finally:
        campaign.cancel()
        await asyncio.gather(campaign, return_exceptions=True)


async def gains(leadership: Leadership) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await leadership.gained.wait()


async def test_when_the_leader_ends_another_is_elected(database: Database) -> None:
    async with candidate(database.service_url) as heir:
        async with candidate(database.service_url) as other:
            leaders = [
                asyncio.create_task(gains(heir)),
                asyncio.create_task(gains(other)),
            ]
            await asyncio.wait(leaders, return_when=asyncio.FIRST_COMPLETED)
            assert heir.is_leader != other.is_leader, "one of the two leads"
            for task in leaders:
                task.cancel()
        await gains(heir)  # If it was not the first, it is now.
        assert not other.is_leader


async def test_a_lead_ends_with_its_connection_and_is_gained_again(
    database: Database, watcher: asyncpg.Connection
) -> None:
    async with candidate(database.service_url) as leadership:
        await gains(leadership)
        (holder,) = await watcher.fetch(HOLDERS)
        await watcher.execute("select pg_terminate_backend($1)", holder["pid"])
        async with asyncio.timeout(PATIENCE_SECONDS):
            while {  # noqa: ASYNC110
                row["pid"] for row in await watcher.fetch(HOLDERS)
            } in (set(), {holder["pid"]}):
                await asyncio.sleep(0.005)  # The database has no event for it.
        await gains(leadership)


async def test_without_a_database_nobody_leads_and_nothing_breaks(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with candidate("postgresql://nobody@127.0.0.1:1/nowhere") as leadership:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "cannot lead" not in caplog.text:  # noqa: ASYNC110  # the log has no event
                await asyncio.sleep(0.01)
        assert not leadership.is_leader
