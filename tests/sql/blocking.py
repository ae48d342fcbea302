"""Races arranged on purpose: one session blocks, the database shows who waits, and only then we go on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.conftest import Database

PATIENCE_SECONDS = 30

WAITING = """
select pid from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock' and query like '%' || $1 || '%'
"""


@pytest.fixture
async def watcher(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A session that may see what every other one waits for."""
    connection = await asyncpg.connect(database.superuser_url)
    try:
        yield connection
    finally:
        await connection.close()


async def wait_for_waiting(watcher: asyncpg.Connection, query_part: str, sessions: int = 1) -> list[int]:
    """Wait until so many sessions wait for a lock in such a query; their process ids."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            waiting = [row["pid"] for row in await watcher.fetch(WAITING, query_part)]
            if len(waiting) >= sessions:
                return waiting
            await asyncio.sleep(0.005)


async def wait_for_end(watcher: asyncpg.Connection, query_part: str) -> None:
    """Wait until no other session executes such a query any more."""
    running = (
        "select count(*) from pg_stat_activity"
        " where state = 'active' and pid <> pg_backend_pid() and query like '%' || $1 || '%'"
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if not await watcher.fetchval(running, query_part):
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def holding(connection: asyncpg.Connection, query: str, *arguments: object) -> AsyncIterator[None]:
    """Hold the locks that a query takes for as long as the block lasts."""
    async with connection.transaction():
        await connection.execute(query, *arguments)
        yield


@asynccontextmanager
async def holding_exchange(connection: asyncpg.Connection, exchange_id: int) -> AsyncIterator[None]:
    """Keep every writer of an exchange waiting for as long as the block lasts."""
    query = "select from betjee.exchanges where exchange_id = $1 for no key update"
    async with holding(connection, query, exchange_id):
        yield
