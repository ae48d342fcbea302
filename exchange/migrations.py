"""Bringing a database's shapes and functions to this version of the program."""

from __future__ import annotations

import hashlib

import asyncpg

import sql
from exchange.database import connect
from exchange.errors import MigrationError

# Functions are owned by roles that own no table and may create nothing; they get the right to
# create for the moment in which the functions are handed over to them.
_ALLOW_HANDOVER = "grant create on schema betjee to exchange_writer, exchange_eraser"
_END_HANDOVER = "revoke create on schema betjee from exchange_writer, exchange_eraser"

_BOOKKEEPING = """
create table if not exists public.betjee_migrations (
  name text primary key,
  checksum text not null,
  applied_at timestamptz not null default clock_timestamp()
)
"""


def _checksum(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


async def migrate(owner_url: str) -> list[str]:
    """Apply what is missing, in one transaction, and return the names of what was applied.

    Several processes may do so at once: one waits for the other and then finds nothing to do.
    Functions are dropped and re-applied whole when anything has changed. Raises `MigrationError` where an
    applied migration was edited, or where the database is newer than this program, and
    `ExchangeUnavailable` where the database cannot be reached.
    """
    connection = await connect(owner_url)
    try:
        async with connection.transaction():
            return await _migrate(connection)
    finally:
        await connection.close()


async def pending(connection: asyncpg.Connection) -> list[str]:
    """The names of what `migrate` would apply."""
    rows = await connection.fetch("select name, checksum from public.betjee_migrations")
    applied = {row["name"]: row["checksum"] for row in rows}
    names = [script.name for script in sql.migrations() if script.name not in applied]
    return names if applied.get("functions") == _functions_checksum() else [*names, "functions"]


def _functions_checksum() -> str:
    return _checksum(*(script.text for script in sql.functions()))


async def _migrate(connection: asyncpg.Connection) -> list[str]:
    try:
        await connection.execute("set local role exchange_owner")
    except (asyncpg.UndefinedObjectError, asyncpg.InvalidParameterValueError) as error:
        raise MigrationError(
            "The role exchange_owner is missing: run sql/roles.sql as a superuser."
        ) from error
    await connection.execute("select pg_advisory_xact_lock(hashtext('betjee migrations'))")
    await connection.execute(_BOOKKEEPING)
    rows = await connection.fetch("select name, checksum from public.betjee_migrations")
    applied = {row["name"]: row["checksum"] for row in rows}
    _refuse_strangers(applied)

    names = [script.name for script in sql.migrations() if script.name not in applied]
    if names or applied.get("functions") != _functions_checksum():
        await _drop_functions(connection)
        for script in sql.migrations():
            if script.name in names:
                await connection.execute(script.text)
                await _record(connection, script.name, _checksum(script.text))
        await _apply_functions(connection)
        await _record(connection, "functions", _functions_checksum())
        names.append("functions")
    return names


def _refuse_strangers(applied: dict[str, str]) -> None:
    known = {script.name: _checksum(script.text) for script in sql.migrations()}
    for name, checksum in applied.items():
        if name == "functions":
            continue
        if name not in known:
            raise MigrationError(f"It has the migration {name}, so it is newer: run that version.")
        if known[name] != checksum:
            raise MigrationError(
                f"The migration {name} was edited after it was applied; migrations only grow."
            )


async def _drop_functions(connection: asyncpg.Connection) -> None:
    # None may outlive its file, nor keep a shape from changing. Nothing stored depends on a function.
    rows = await connection.fetch(
        "select oid::regprocedure::text as name from pg_proc where pronamespace = to_regnamespace('betjee')"
    )
    for row in rows:
        # One whose body was parsed when it was created goes with what it calls.
        await connection.execute(f"drop routine if exists {row['name']} cascade")


async def _apply_functions(connection: asyncpg.Connection) -> None:
    # Functions refer to each other, so they are created once unchecked and then once checked.
    await connection.execute(_ALLOW_HANDOVER)
    await connection.execute("set local search_path = betjee, pg_temp")
    await connection.execute("set local plpgsql.extra_errors = 'all'")
    for checked in ("off", "on"):
        await connection.execute(f"set local check_function_bodies = {checked}")
        for script in sql.functions():
            await connection.execute(script.text)
    await connection.execute(_END_HANDOVER)


async def _record(connection: asyncpg.Connection, name: str, checksum: str) -> None:
    await connection.execute(
        "insert into public.betjee_migrations (name, checksum) values ($1, $2)"
        " on conflict (name) do update set checksum = excluded.checksum, applied_at = excluded.applied_at",
        name,
        checksum,
    )
