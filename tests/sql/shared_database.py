"""One database for the tests of a file, since each of them founds an exchange of its own in it.

A copy of the template for each test would take longer than most of these tests do.
"""

import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.conftest import Database, Servers


@pytest.fixture(scope="module")
async def database(
    servers: Servers, administrator: asyncpg.Connection, template: str
) -> AsyncIterator[Database]:
    """A migrated database of one file's own."""
    name = f"betjee_file_{secrets.token_hex(6)}"
    await administrator.execute(f'create database "{name}" template "{template}" owner exchange_owner')
    try:
        yield Database(
            name=name,
            owner_url=servers.address("exchange_owner", servers.owner_password, name),
            service_url=servers.address("service_role", servers.service_password, name),
            superuser_url=urlsplit(servers.superuser_url)._replace(path=f"/{name}").geturl(),
            redis_url=servers.redis_url,
        )
    finally:
        await administrator.execute(f'drop database "{name}" with (force)')
