"""Connections to PostgreSQL: a bounded pool, what counts as a lost connection, and bootstrapping."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

import sql
from exchange.errors import ExchangeError, ExchangeUnavailable, OutcomeUnknown, RequestRejected

# The server was not there, went away, or asked us to come again: the same request may be sent again.
CONNECTION_LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
)
# The transaction was rolled back whole and may be sent again; a failed-over server is read-only.
ROLLED_BACK = (
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.LockNotAvailableError,
)

# Whoever runs the program gave a wrong address, role or password; asking again does not help.
REFUSED_ENTRY = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ClientConfigurationError,
)

# Compiling a plan to machine code takes longer than any of our statements; a server may do so by default.
_SERVER_SETTINGS = {"jit": "off"}


class _Closed(Exception):
    """The pool was closed for good while something still had to be asked."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds: for one statement, and for a request with all its retries."""

    statement_seconds: float = 5.0
    request_seconds: float = 12.0
    first_pause_seconds: float = 0.05
    longest_pause_seconds: float = 1.0


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


async def connect(url: str, timeout_seconds: float = 5.0) -> asyncpg.Connection:
    """One connection outside the pool. Raises `ExchangeUnavailable`."""
    try:
        connection = await asyncpg.connect(url, timeout=timeout_seconds, server_settings=_SERVER_SETTINGS)
        await _prepare_connection(connection)
    except (*REFUSED_ENTRY, *CONNECTION_LOST) as error:
        raise ExchangeUnavailable(str(error)) from error
    return connection


async def _keep_as_it_is(connection: asyncpg.Connection) -> None:
    """What a connection needs before the next user: nothing, since no function leaves any state.

    The pool's own reset would cost a round trip for each batch of orders.
    """


class Database:
    """A pool of connections as one role, opened when it is first needed."""

    def __init__(self, url: str, *, connections: int = 8, patience: Patience | None = None) -> None:
        self._url = url
        self._connections = connections
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self._closed = False
        self._patience = patience or Patience()

    async def close(self) -> None:
        """Close all connections, after the statements in hand, and open no others."""
        async with self._opening:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def read(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Run a query that changes nothing. Raises `ExchangeUnavailable`; errors of PostgreSQL as they are."""
        try:
            return await self.write(query, *arguments)
        except OutcomeUnknown as error:
            cause = error.__cause__
            unanswered = (*REFUSED_ENTRY, *ROLLED_BACK, *CONNECTION_LOST)
            if isinstance(cause, asyncpg.PostgresError) and not isinstance(cause, unanswered):
                raise cause from None
            raise ExchangeUnavailable(str(cause or "")) from error

    async def write(self, query: str, *arguments: Any, request_id: int = 0) -> list[asyncpg.Record]:
        """Run a function that remembers its request, again and again until it answers.

        What is sent again carries the same request ids, so nothing is executed twice. Raises
        `ExchangeUnavailable` where it was never executed, `OutcomeUnknown` where it may have been,
        both within `Patience.request_seconds`. Other errors of PostgreSQL are raised as they are,
        unless an earlier attempt may have been executed: then they say nothing about that one.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._patience.request_seconds
        pause = self._patience.first_pause_seconds
        maybe_executed = False
        while True:
            sent = False
            try:
                async with self._connection() as connection:
                    sent = True
                    return await connection.fetch(query, *arguments)
            except (*REFUSED_ENTRY, _Closed) as error:
                raise _without_answer(maybe_executed, request_id, error) from error
            except (*ROLLED_BACK, *CONNECTION_LOST) as error:
                maybe_executed = maybe_executed or (sent and not isinstance(error, ROLLED_BACK))
                if clock() + pause > deadline:
                    raise _without_answer(maybe_executed, request_id, error) from error
            except asyncpg.PostgresError as error:
                if maybe_executed:
                    raise OutcomeUnknown(request_id, str(error)) from error
                raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._patience.longest_pause_seconds)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        pool = await self._open()
        connection = await pool.acquire(timeout=self._patience.statement_seconds)
        try:
            yield connection  # type: ignore[misc]  # the stubs call a pooled connection by its proxy's name
        except (*CONNECTION_LOST, asyncio.CancelledError):
            # What the server still does for it is unknown, so it must not serve anyone else.
            connection.terminate()
            raise
        finally:
            await pool.release(connection)

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._closed:
                raise _Closed("The exchange is shutting down.")
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    # With any more the pool keeps a task of its own that asks for ever while the server is away.
                    min_size=0,
                    max_size=self._connections,
                    init=_prepare_connection,
                    reset=_keep_as_it_is,
                    timeout=self._patience.statement_seconds,
                    command_timeout=self._patience.statement_seconds,
                    server_settings=_SERVER_SETTINGS,
                )
            return self._pool


def _without_answer(maybe_executed: bool, request_id: int, error: Exception) -> ExchangeError:
    """What the caller learns when no attempt was answered and none will follow."""
    if maybe_executed:
        return OutcomeUnknown(request_id, str(error))
    return ExchangeUnavailable(str(error))


def rejection(error: Exception) -> RequestRejected | ExchangeUnavailable:
    """An error of PostgreSQL that asking again would not heal."""
    if isinstance(error, (asyncpg.UndefinedFunctionError, asyncpg.InvalidSchemaNameError)):
        return ExchangeUnavailable("The database has not been migrated: run `betjee migrate`.")
    code = "not_allowed" if isinstance(error, asyncpg.InsufficientPrivilegeError) else "malformed"
    return RequestRejected(code, str(error))


async def bootstrap(superuser_url: str, database: str, owner_password: str, service_password: str) -> None:
    """Make the roles and the database where they are missing, and set the passwords.

    Raises `ExchangeUnavailable`.
    """
    connection = await connect(superuser_url)
    try:
        # Two processes that alter one role at the same moment would fail; the lock ends with the connection.
        await connection.execute("select pg_advisory_lock(hashtext('betjee bootstrap'))")
        await connection.execute(sql.roles())
        for role, password in (("exchange_owner", owner_password), ("service_role", service_password)):
            quoted = await connection.fetchval("select quote_literal($1::text)", password)
            await connection.execute(f"alter role {role} password {quoted}")
        known = await connection.fetchval("select true from pg_database where datname = $1", database)
        if not known:
            name = await connection.fetchval("select quote_ident($1::text)", database)
            await connection.execute(f"create database {name} owner exchange_owner")
    finally:
        await connection.close()
