"""What must hold of an exchange's rows at any moment, recomputed here from the ledger, apart from its own audit."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from tests.model import curve
from tests.model.curve import Terms

Row = Mapping[str, Any]
Book = Mapping[str, Sequence[Row]]


async def discrepancies(connection: asyncpg.Connection, exchange_id: int) -> list[str]:
    """Every sentence is something that does not add up. One snapshot, whatever happens meanwhile."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        book: dict[str, Sequence[Row]] = {
            table: [
                dict(row)
                for row in await connection.fetch(
                    f"select * from betjee.{table} where exchange_id = $1", exchange_id
                )
            ]
            for table in ("exchanges", "markets", "users", "positions", "transactions", "grants", "burns")
        }
    return [*_of_markets(book), *_of_positions(book), *_of_users(book), *_of_money(book)]


def _signed_gross(row: Row) -> int:
    """Paid into the market's pool, negative where the pool paid out."""
    gross: int = row["gross_paise"]
    return gross if row["shares"] > 0 else -gross


def _terms(market: Row) -> Terms:
    return Terms(**{name: market[name] for name in Terms.__dataclass_fields__})


def _of_markets(book: Book) -> list[str]:
    found = []
    for market in book["markets"]:
        of_market = [row for row in book["transactions"] if row["shift_id"] == market["shift_id"]]
        burned = [row for row in book["burns"] if row["shift_id"] == market["shift_id"]]
        terms, name = _terms(market), market["code"]
        sold = terms.total_shares_cap - market["remaining_shares"]
        shorts = sum(
            max(0, -row["shares"]) for row in book["positions"] if row["shift_id"] == market["shift_id"]
        )
        pool = sum(map(_signed_gross, of_market)) + sum(row["gross_paise"] for row in burned)
        if market["open_short_shares"] != shorts:
            found.append(f"{name}: {market['open_short_shares']} shares are kept for shorts of {shorts}")
        if market["remaining_shares"] < terms.min_market_shares + shorts:
            found.append(f"{name}: too few shares remain for its shorts")
        if market["status"] == "settled":
            continue
        if sold != sum(row["shares"] for row in [*of_market, *burned]):
            found.append(f"{name}: {sold} shares sold are not those of the ledger")
        if market["pool_paise"] != pool:
            found.append(f"{name}: the pool {market['pool_paise']} is not the ledger's {pool}")
        if terms.pricing == "integral" and pool != curve.value(terms, sold) - curve.value(terms, 0):
            found.append(f"{name}: the pool {pool} is not the curve's")
    return found


def _of_positions(book: Book) -> list[str]:
    held: dict[tuple[int, int], int] = defaultdict(int)
    found = []
    for row in sorted(book["transactions"], key=lambda row: row["sequence"]):
        key = row["user_id"], row["shift_id"]
        held[key] += row["shares"]
        if row["position_shares"] not in (None, held[key]):
            found.append(
                f"transaction {row['sequence']}: {row['position_shares']} shares after it, not {held[key]}"
            )
    kept = {(row["user_id"], row["shift_id"]): row["shares"] for row in book["positions"]}
    return found + [
        f"position {key}: {kept.get(key, 0)} shares, by the ledger {held.get(key, 0)}"
        for key in sorted(held.keys() | kept.keys())
        if kept.get(key, 0) != held.get(key, 0)
    ]


def _of_users(book: Book) -> list[str]:
    collateral = {market["shift_id"]: _terms(market).collateral_paise for market in book["markets"]}
    cash: dict[int, int] = defaultdict(int)
    reserved: dict[int, int] = defaultdict(int)
    for row in book["grants"]:
        cash[row["user_id"]] += row["amount_paise"]
    for row in book["transactions"]:
        cash[row["user_id"]] -= _signed_gross(row) + row["tax_paise"]
    for row in book["burns"]:
        cash[row["user_id"]] -= row["cash_paise"]
    for row in book["positions"]:
        reserved[row["user_id"]] += max(0, -row["shares"]) * collateral[row["shift_id"]]
    found = []
    for user in book["users"]:
        number = user["user_id"]
        if user["cash_paise"] != cash[number]:
            found.append(f"user {number}: cash {user['cash_paise']}, by the ledger {cash[number]}")
        if user["reserved_paise"] != reserved[number]:
            found.append(
                f"user {number}: reserved {user['reserved_paise']}, by the positions {reserved[number]}"
            )
        if user["cash_paise"] < user["reserved_paise"]:
            found.append(f"user {number}: buying power below zero")
    return found


def _of_money(book: Book) -> list[str]:
    minted = sum(row["amount_paise"] for row in book["grants"])
    minted += sum(row["granted_paise"] for row in book["burns"])
    there = sum(row["cash_paise"] for row in [*book["users"], *book["burns"]])
    there += sum(row["pool_paise"] for row in book["markets"])
    there += sum(row["treasury_paise"] for row in book["exchanges"])
    return [] if there == minted else [f"{there} paise are there, {minted} were minted"]
