"""Founds the same exchange twice: as rows of the database and as the model."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import asyncpg

from tests.model.curve import Terms
from tests.model.judgement import Rules
from tests.model.moderation import ModeratedExchange
from tests.model.state import Ask, Figures, Member, Pool

ONE_MARKET: Mapping[str, Terms] = {"22s1": Terms()}
WIDE = Rules(max_order_shares=1_000_000, band_bps=1_000_000_000, confirm_impact_bps=1_000_000)
"""Rules that refuse no size and no price."""


@dataclass(frozen=True)
class Founded:
    """An exchange in the database, its model, the numbers of its users, and the cash they began with."""

    exchange_id: int
    model: ModeratedExchange
    users: tuple[int, ...]
    cash_paise: Mapping[int, int] = field(default_factory=dict)


async def found(
    owner: asyncpg.Connection,
    cash_paise: Sequence[int] = (2_000_000,),
    markets: Mapping[str, Terms] = ONE_MARKET,
    rules: Rules | None = None,
) -> Founded:
    """An exchange with these markets, and a registered user for each amount of cash."""
    model = ModeratedExchange(rules=rules or Rules())
    async with owner.transaction():
        exchange_id = await owner.fetchval(
            "insert into betjee.exchanges (name, settings, sequence)"
            " values ('Test', betjee.default_settings() || $1::jsonb, $2) returning exchange_id",
            json.dumps(asdict(model.rules)),
            len(cash_paise),
        )
        for shift_id, (code, terms) in enumerate(markets.items(), start=1):
            await _open_market(owner, exchange_id, shift_id, code, terms)
            model.pools[code] = Pool(label=code.upper(), terms=terms)
        users = [
            await _register(owner, exchange_id, sequence, amount)
            for sequence, amount in enumerate(cash_paise, start=1)
        ]
    model.sequence = len(users)
    model.members = {user: Member(cash_paise=amount) for user, amount in zip(users, cash_paise, strict=True)}
    return Founded(exchange_id, model, tuple(users), dict(zip(users, cash_paise, strict=True)))


async def _open_market(
    owner: asyncpg.Connection, exchange_id: int, shift_id: int, code: str, terms: Terms
) -> None:
    row = {
        "exchange_id": exchange_id,
        "shift_id": shift_id,
        "code": code,
        "label": code.upper(),
        **asdict(terms),
    }
    row["remaining_shares"] = terms.total_shares_cap
    await insert(owner, "markets", row)


async def _register(owner: asyncpg.Connection, exchange_id: int, sequence: int, cash_paise: int) -> int:
    user_id: int = await owner.fetchval(
        "insert into betjee.users (exchange_id, display_name, cash_paise, registered_at)"
        " values ($1, 'Trader', $2, clock_timestamp()) returning user_id",
        exchange_id,
        cash_paise,
    )
    await owner.execute(
        "insert into betjee.grants (exchange_id, sequence, user_id, kind, amount_paise, granted_at)"
        " values ($1, $2, $3, 'signup', $4, clock_timestamp())",
        exchange_id,
        sequence,
        user_id,
        cash_paise,
    )
    return user_id


async def insert(connection: asyncpg.Connection, table: str, row: Mapping[str, Any]) -> None:
    """Insert one row, its columns named by the keys."""
    places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await connection.execute(
        f"insert into betjee.{table} ({', '.join(row)}) values ({places})", *row.values()
    )


async def pass_window(owner: asyncpg.Connection, founded: Founded) -> None:
    """Make every fill and burn so far older than the band's window, and halts and cool-downs over, and
    wipes due, here and in the model."""
    for query in (
        "update betjee.transactions set executed_at = executed_at - interval '1 hour' where exchange_id = $1",
        """
        update betjee.markets set halted_until = halted_until - interval '1 hour',
          reopened_at = reopened_at - interval '1 hour', stops_due_at = stops_due_at - interval '1 hour'
        where exchange_id = $1
        """,
        """
        update betjee.positions set cooldown_until = cooldown_until - interval '1 hour',
          set_off_until = set_off_until - interval '1 hour'
        where exchange_id = $1
        """,
        "update betjee.wipes set due_at = due_at - interval '1 hour' where exchange_id = $1",
        "update betjee.burns set burned_at = burned_at - interval '1 hour' where exchange_id = $1",
    ):
        await owner.execute(query, founded.exchange_id)
    founded.model.pass_window()


async def execute(connection: asyncpg.Connection, exchange_id: int, asks: Iterable[Ask]) -> list[Figures]:
    """Send orders as one batch and return what was answered, in their order."""
    rows = await connection.fetch(
        "select * from betjee.execute_orders($1, $2::betjee.order_request[])",
        exchange_id,
        [as_row(ask) for ask in asks],
    )
    return [_figures(row) for row in rows]


async def quote(connection: asyncpg.Connection, exchange_id: int, ask: Ask) -> Figures:
    """What the exchange says that an order would give."""
    rows = await connection.fetch(
        "select * from betjee.quote_order($1, $2::betjee.order_request)", exchange_id, as_row(ask)
    )
    return _figures(rows[0])


def _figures(row: asyncpg.Record) -> Figures:
    # How long a halt lasts is the clock's matter, which the model does not have.
    return {name: figure for name, figure in row.items() if figure is not None and name != "wait_seconds"}


def as_row(ask: Ask) -> tuple[Any, ...]:
    """The order as the database's composite type takes it."""
    return (
        ask.request_id,
        ask.user_id,
        ask.market,
        ask.side,
        ask.shares,
        ask.portion_bps,
        ask.limit_paise,
        ask.confirmed,
    )
