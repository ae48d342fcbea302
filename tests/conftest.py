"""What all tests share: one PostgreSQL and one Valkey for the session, and a fresh database for each test."""

import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from exchange.database import Database as ConnectionPool
from exchange.database import bootstrap
from exchange.exchange import Exchange
from exchange.migrations import migrate
from runtime.keyed_hashes import KeyedHashes
from runtime.servers import EmbeddedServers

PATIENT_SECONDS = 20.0
"""How long a test waits for what comes at once on a quiet machine."""

HASHES = KeyedHashes(b"a key that is for tests and nothing else")
# Each example of a random test founds an exchange of its own, so it does not matter that they share a
# test's database. The profile is loaded here because only this file is read before every test, whichever are asked for.
# Every run tries the same examples, so that a change alone can turn it red; the thorough profile looks for new ones.
SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "bounded",
    max_examples=150,
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=SHARED,
)
settings.register_profile("thorough", settings.get_profile("bounded"), max_examples=3_000, derandomize=False)
settings.load_profile(os.environ.get("BETJEE_HYPOTHESIS", "bounded"))


def pytest_configure() -> None:
    """A polite request to end stops the servers as Ctrl-C does, instead of leaving them behind.

    Where the tests run in the background of a script, SIGINT is ignored, and so it would be in every program that they
    start and interrupt.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)


@dataclass(frozen=True)
class Servers:
    """The session's servers. Its PostgreSQL is the embedded one, or that of BETJEE_TEST_SUPERUSER_URL."""

    superuser_url: str
    redis_url: str
    owner_password: str
    service_password: str

    def address(self, user: str, password: str, database: str) -> str:
        """The URL by which `user` reaches `database` on the session's PostgreSQL."""
        superuser = urlsplit(self.superuser_url)
        host = superuser.netloc.rpartition("@")[2]
        return superuser._replace(
            netloc=f"{user}:{quote(password, safe='')}@{host}", path=f"/{database}"
        ).geturl()


@dataclass(frozen=True)
class Database:
    """A migrated database of one test's own."""

    name: str
    owner_url: str
    service_url: str
    superuser_url: str
    redis_url: str


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    folder = Path(tempfile.mkdtemp(prefix="betjee-tests-"))
    try:
        other_postgres = os.environ.get("BETJEE_TEST_SUPERUSER_URL")
        with EmbeddedServers(folder, postgres=other_postgres is None) as embedded:
            yield Servers(
                superuser_url=other_postgres or embedded.superuser_url,
                redis_url=embedded.redis_url,
                owner_password=secrets.token_urlsafe(12),
                service_password=secrets.token_urlsafe(12),
            )
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
async def administrator(servers: Servers) -> AsyncIterator[asyncpg.Connection]:
    """The session's connection as the database server's superuser, for making and dropping databases."""
    connection = await asyncpg.connect(servers.superuser_url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture(scope="session")
async def template(servers: Servers, administrator: asyncpg.Connection) -> AsyncIterator[str]:
    """A migrated database that each test's own is a copy of; copying takes a tenth of migrating."""
    name = f"betjee_template_{os.getpid()}"
    await bootstrap(servers.superuser_url, name, servers.owner_password, servers.service_password)
    await migrate(servers.address("exchange_owner", servers.owner_password, name))
    try:
        yield name
    finally:
        await administrator.execute(f'drop database "{name}" with (force)')


@asynccontextmanager
async def copy_of_template(
    servers: Servers, administrator: asyncpg.Connection, template: str
) -> AsyncIterator[Database]:
    """A migrated database of its own, for as long as the block lasts."""
    name = f"betjee_test_{secrets.token_hex(6)}"
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


@pytest.fixture
async def database(
    servers: Servers, administrator: asyncpg.Connection, template: str
) -> AsyncIterator[Database]:
    async with copy_of_template(servers, administrator, template) as copy:
        yield copy


@pytest.fixture
async def connection_owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner of the exchange."""
    connection = await asyncpg.connect(database.owner_url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def connection_service(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the application."""
    connection = await asyncpg.connect(database.service_url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def exchange(database: Database) -> AsyncIterator[Exchange]:
    """The exchange as the application sees it."""
    opened = Exchange(ConnectionPool(database.service_url), hash_identity=HASHES.identity)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """An empty data folder for embedded servers of a test's own, on a path that their user can pass.

    Pytest's own temporary folders are closed to other users.
    """
    folder = Path(tempfile.mkdtemp(prefix="betjee-data-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
