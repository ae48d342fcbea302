"""Connections for tests that race: several sessions of the application at once."""

import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.conftest import Database
from tests.sql.blocking import watcher
from tests.sql.court import court, pumped
from tests.sql.floor import floor
from tests.sql.front import DISCORD, Front, owner_of
from tests.sql.shared_database import database

__all__ = ["court", "database", "floor", "pumped", "watcher"]


@pytest.fixture
async def sessions(database: Database) -> AsyncIterator[list[asyncpg.Connection]]:
    """Forty sessions of the application."""
    connections = [await asyncpg.connect(database.service_url) for _ in range(40)]
    try:
        yield connections
    finally:
        for connection in connections:
            await connection.close()


@pytest.fixture
async def front(connection_service: asyncpg.Connection) -> Front:
    """An exchange opened for a guild of its own, whose owner is `owner`."""
    opened = Front(connection_service)
    opened.guild = secrets.token_hex(8)
    document = await opened.document("open_exchange", 1_000, DISCORD, opened.guild, "Guild", "owner", "Owner")
    opened.exchange_id = document["exchange_id"]
    return opened


@pytest.fixture
async def page(front: Front) -> Front:
    """An exchange whose members sign up on the page."""
    await front.call("change_setting", await owner_of(front), "verification", "web")
    return front
