"""Recomputing everything from the ledger: to compare, to look at the past, and to repair."""

from __future__ import annotations

from typing import Any

import asyncpg

from exchange.audit import AuditReport, exchange_ids, snapshot
from exchange.errors import QuestionRefused

# Beyond every sequence: the present.
_NOW = 2**63 - 1


async def rebuild(
    database_url: str, *, exchange_id: int | None = None, at: int | None = None, apply: bool = False
) -> AuditReport:
    """Recompute positions, cash, pools and remaining shares from the ledger, and compare.

    With `at`, the figures are those of one exchange after that sequence, and what is compared is
    the ledger with itself: its prices, its pools and its sums at that moment. With `apply`, what is
    stored is made what the ledger gives (`database_url` must be the owner's) and compared again.
    Raises what `audit` raises, and `QuestionRefused` for a moment that cannot be asked for.
    """
    if at is not None and apply:
        raise QuestionRefused("Only the present can be repaired: leave out --at or --apply.")
    report = AuditReport()
    async with snapshot(database_url, readonly=not apply) as connection:
        exchanges = await exchange_ids(connection, exchange_id)
        if at is not None and len(exchanges) > 1:
            raise QuestionRefused("Each exchange counts its own sequence: say which one with --exchange.")
        for number in exchanges:
            if at is None:
                await _compare_present(connection, number, apply, report)
            else:
                await _show_past(connection, number, at, report)
    return report


async def _compare_present(
    connection: asyncpg.Connection, number: int, apply: bool, report: AuditReport
) -> None:
    found = await _differences(connection, number)
    if apply:
        await connection.execute("select betjee.repair_exchange($1)", number)
        report.figures |= {f"repaired in exchange {number}: {name}": text for name, text in found.items()}
        found = await _differences(connection, number)
    report.discrepancies += [f"Exchange {number}: {name}: {text}" for name, text in found.items()]
    count = await connection.fetchval("select count(*) from betjee.replayed_state($1, $2)", number, _NOW)
    report.figures[f"exchange {number}"] = f"{count} records recomputed from the ledger and compared"


async def _show_past(connection: asyncpg.Connection, number: int, at: int, report: AuditReport) -> None:
    last = await connection.fetchval("select sequence from betjee.exchanges where exchange_id = $1", number)
    if not 0 <= at <= last:
        raise QuestionRefused(f"Exchange {number} has sequences 0 to {last}.")
    for row in await connection.fetch("select * from betjee.replayed_state($1, $2)", number, at):
        figures: dict[str, Any] | None = row["figures"]
        if figures:
            line = ", ".join(f"{name} {value}" for name, value in figures.items())
            report.figures[f"{row['kind']} {row['name']}".strip()] = line
    rows = await connection.fetch("select betjee.check_moment($1, $2)", number, at)
    report.discrepancies += [f"Exchange {number} at {at}: {row[0]}" for row in rows]


async def _differences(connection: asyncpg.Connection, number: int) -> dict[str, str]:
    rows = await connection.fetch(
        "select * from betjee.replayed_state($1, $2) where figures is distinct from stored", number, _NOW
    )
    return {
        f"{row['kind']} {row['name']}".strip(): f"stored {row['stored']}, the ledger gives {row['figures']}."
        for row in rows
    }
