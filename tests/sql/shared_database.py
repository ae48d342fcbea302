"""One database for the tests of a file, since each of them founds an exchange of its own in it.

A copy of the template for each test would take longer than most of these tests do.
"""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.conftest import Database, Servers, copy_of_template


@pytest.fixture(scope="module")
async def database(
    servers: Servers, administrator: asyncpg.Connection, template: str
) -> AsyncIterator[Database]:
    """A migrated database of one file's own."""
    async with copy_of_template(servers, administrator, template) as copy:
        yield copy
