"""Asking the database whether everything still adds up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from exchange.database import CONNECTION_LOST, connect
from exchange.errors import ExchangeUnavailable, QuestionRefused


@dataclass(slots=True)
class AuditReport:
    """What was added up, by name, and every discrepancy as a sentence (none: all is well)."""

    figures: dict[str, object] = field(default_factory=dict)
    discrepancies: list[str] = field(default_factory=list)


async def audit(database_url: str, exchange_id: int | None = None) -> AuditReport:
    """Audit one exchange, or all, each from one snapshot while trading goes on.

    Raises `ExchangeUnavailable` where the database cannot be reached or was not migrated, and
    `QuestionRefused` where there is no such exchange.
    """
    report = AuditReport()
    async with snapshot(database_url) as connection:
        for number in await exchange_ids(connection, exchange_id):
            rows = await connection.fetch("select betjee.audit_exchange($1)", number)
            report.discrepancies += [f"Exchange {number}: {row[0]}" for row in rows]
            figures = await connection.fetchrow("select * from betjee.audit_figures($1)", number)
            assert figures is not None, "exchange_ids() names exchanges that exist in this snapshot"
            report.figures[f"exchange {number}"] = ", ".join(
                f"{name} {value}" for name, value in figures.items()
            )
    report.figures["exchanges"] = len(report.figures)
    return report


@asynccontextmanager
async def snapshot(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection in one repeatable-read transaction, so that all queries see the same moment."""
    async with (
        asking(database_url) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


@asynccontextmanager
async def asking(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of its own. Raises `ExchangeUnavailable` for what the operator must see to first."""
    connection = await connect(database_url)
    try:
        yield connection
    except CONNECTION_LOST as error:
        raise ExchangeUnavailable(str(error)) from error
    except (
        asyncpg.UndefinedFunctionError,
        asyncpg.UndefinedTableError,
        asyncpg.InvalidSchemaNameError,
    ) as error:
        raise ExchangeUnavailable("The database has not been migrated: run `betjee migrate`.") from error
    finally:
        await connection.close()


async def exchange_ids(connection: asyncpg.Connection, exchange_id: int | None) -> list[int]:
    """The exchanges to look at: the one that is asked for, or all. Raises `QuestionRefused`."""
    rows = await connection.fetch("select exchange_id from betjee.exchanges order by exchange_id")
    known = [row["exchange_id"] for row in rows]
    if exchange_id is None:
        return known
    if exchange_id not in known:
        raise QuestionRefused(f"There is no exchange {exchange_id}.")
    return [exchange_id]
