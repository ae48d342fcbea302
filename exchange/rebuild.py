"""Recomputing everything from the ledger: to compare, to look at the past, and to repair."""

from __future__ import annotations

from typing import Any

import asyncpg

from exchange.audit import AuditReport, asking, exchange_ids, snapshot
from exchange.database import ROLLED_BACK
from exchange.errors import ExchangeUnavailable, QuestionRefused

# Beyond every sequence: the present.
_NOW = 2**63 - 1


async def rebuild(
    database_url: str, *, exchange_id: int | None = None, at: int | None = None, apply: bool = False
) -> AuditReport:
    """Recompute positions, cash, pools and remaining shares from the ledger, and compare.

    With `at`, the figures are those of one exchange after that sequence, and what is compared is
    the ledger with itself: its prices, its pools and its sums at that moment. With `apply`, what is
    stored is made what the ledger gives (`database_url` must be the owner's), while members wait,
    and then compared and audited again. Raises what `audit` raises, and `QuestionRefused` for a
    moment that cannot be asked for and for a repair that the database does not allow.
    """
    if at is not None and apply:
        raise QuestionRefused("Only the present can be repaired: leave out --at or --apply.")
    report = AuditReport()
    if apply:
        async with asking(database_url) as connection:
            for number in await exchange_ids(connection, exchange_id):
                await _repair(connection, number, report)
        return report
    async with snapshot(database_url) as connection:
        exchanges = await exchange_ids(connection, exchange_id)
        if at is not None and len(exchanges) > 1:
            raise QuestionRefused("Each exchange counts its own sequence: say which one with --exchange.")
        for number in exchanges:
            if at is None:
                await _compare_present(connection, number, report)
            else:
                await _show_past(connection, number, at, report)
    return report


async def _repair(connection: asyncpg.Connection, number: int, report: AuditReport) -> None:
    """Repair one exchange in a transaction of its own.

    The lock comes first and each statement sees what is committed before it, so that trading is
    only paused; a snapshot from before the lock would be outdated by the first trade.
    """
    try:
        async with connection.transaction(isolation="read_committed"):
            await connection.execute("select from betjee.lock_exchange($1)", number)
            found = await _differences(connection, number)
            await connection.execute("select betjee.repair_exchange($1)", number)
    except ROLLED_BACK as error:
        raise ExchangeUnavailable(f"Exchange {number} was not repaired; try again. ({error})") from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise QuestionRefused("Only the owner of the database may repair: see DATABASE_OWNER_URL.") from error
    except asyncpg.IntegrityConstraintViolationError as error:
        raise QuestionRefused(
            f"Exchange {number} was not repaired, since what its ledger gives cannot be: {error}."
        ) from error
    report.figures |= {f"repaired in exchange {number}: {name}": text for name, text in found.items()}
    # Members trade again meanwhile.
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await _compare_present(connection, number, report)
        rows = await connection.fetch("select betjee.audit_exchange($1)", number)
        report.discrepancies += [f"Exchange {number}: {row[0]}" for row in rows]


async def _compare_present(connection: asyncpg.Connection, number: int, report: AuditReport) -> None:
    found = await _differences(connection, number)
    report.discrepancies += [f"Exchange {number}: {name}: {text}" for name, text in found.items()]
    count = await connection.fetchval("select count(*) from betjee.replayed_state($1, $2)", number, _NOW)
    report.figures[f"exchange {number}"] = f"{count} records recomputed from the ledger and compared"


async def _show_past(connection: asyncpg.Connection, number: int, at: int, report: AuditReport) -> None:
    last = await connection.fetchval("select sequence from betjee.exchanges where exchange_id = $1", number)
    if not 0 <= at <= last:
        raise QuestionRefused(f"Exchange {number} has sequences 0 to {last}.")
    rows = await connection.fetch("select * from betjee.list_members_at($1, $2)", number, at)
    members = {str(row["user_id"]): printable(row["display_name"]) for row in rows}
    for row in await connection.fetch("select * from betjee.replayed_state($1, $2)", number, at):
        figures: dict[str, Any] | None = row["figures"]
        is_stranger = row["kind"] == "user" and row["name"] not in members
        if figures and not is_stranger:
            line = ", ".join(f"{name} {value}" for name, value in figures.items())
            called = f" ({members[row['name']]})" if row["kind"] == "user" else ""
            report.figures[f"{row['kind']} {row['name']}{called}".strip()] = line
    rows = await connection.fetch("select betjee.check_moment($1, $2)", number, at)
    report.discrepancies += [f"Exchange {number} at {at}: {row[0]}" for row in rows]


def printable(name: str) -> str:
    """A person's name without the signs by which it could write elsewhere on a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in name)


async def _differences(connection: asyncpg.Connection, number: int) -> dict[str, str]:
    rows = await connection.fetch(
        "select * from betjee.replayed_state($1, $2) where figures is distinct from stored", number, _NOW
    )
    return {
        f"{row['kind']} {row['name']}".strip(): f"stored {row['stored']}, the ledger gives {row['figures']}."
        for row in rows
    }
