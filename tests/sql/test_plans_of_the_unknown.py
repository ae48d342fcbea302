"""On tables that were never analysed, which is when plans go wrong, nothing reads more than in proportion."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest

from tests.model.curve import Terms
from tests.model.founding import WIDE, execute, found
from tests.model.state import Ask

MARKETS = {f"{number}s1": Terms() for number in range(1, 6)}
MEMBERS = 300
FILLS = MEMBERS * len(MARKETS)
MOST_ROWS = 10 * FILLS
"""For each node of a plan: linear in the fills, and far from members times members."""

TABLES = ("users", "positions", "transactions", "markets", "grants", "exchanges", "stop_losses")

EXPLAINING = """
load 'auto_explain';
set auto_explain.log_min_duration = 0;
set auto_explain.log_analyze = on;
set auto_explain.log_timing = off;
set auto_explain.log_nested_statements = on;
set auto_explain.log_format = json;
set client_min_messages = log;
"""


@pytest.fixture
async def unknown(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> tuple[int, int]:
    """A fresh exchange in which every member bought in every market; its number and a member's."""
    for table in TABLES:
        await connection_owner.execute(f"alter table betjee.{table} set (autovacuum_enabled = off)")
    founded = await found(connection_owner, [10**9] * MEMBERS, MARKETS, WIDE)
    asks = [
        Ask(number, user, market, "buy", 3, confirmed=True)
        for number, (user, market) in enumerate(
            ((user, market) for user in founded.users for market in MARKETS), start=1
        )
    ]
    for start in range(0, len(asks), 200):
        await execute(connection_service, founded.exchange_id, asks[start : start + 200])
    return founded.exchange_id, founded.users[0]


@pytest.fixture
async def plans(watcher: asyncpg.Connection) -> AsyncIterator[list[dict[str, Any]]]:
    """The plans of all that the superuser's session executes, those inside of functions too."""
    seen: list[dict[str, Any]] = []

    def note(_: object, message: Any) -> None:
        _, marker, plan = message.message.partition("plan:\n")
        if marker:
            seen.append(json.loads(plan))

    watcher.add_log_listener(note)
    await watcher.execute(EXPLAINING)
    yield seen
    watcher.remove_log_listener(note)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def rows_of(node: dict[str, Any]) -> int:
    """The rows that a node gave and those that it looked at for nothing."""
    looked_at = node["Actual Rows"] + sum(
        figure for name, figure in node.items() if name.startswith("Rows Removed")
    )
    return int(looked_at * node["Actual Loops"])


@pytest.mark.parametrize(
    "query",
    [
        "select betjee.refresh_leaderboards($1) from betjee.users where user_id = $2",
        "select betjee.get_leaderboard($1, 'net_worth', 'all', 1, 10) from betjee.users where user_id = $2",
        "select betjee.list_markets($1) from betjee.users where user_id = $2",
        "select betjee.get_portfolio($1, $2)",
        "select betjee.get_board($1) from betjee.users where user_id = $2",
        "select betjee.list_history($1, $2, null, null, 100)",
        "select betjee.list_tape($1, null, null, 100) from betjee.users where user_id = $2",
        "select betjee.list_stops($1, $2)",
        "select betjee.audit_exchange($1) from betjee.users where user_id = $2",
        "select betjee.replayed_state($1, 1000000) from betjee.users where user_id = $2",
        "select betjee.check_moment($1, 1000000) from betjee.users where user_id = $2",
    ],
)
async def test_no_plan_is_quadratic(
    unknown: tuple[int, int], watcher: asyncpg.Connection, plans: list[dict[str, Any]], query: str
) -> None:
    exchange_id, member = unknown
    await watcher.execute("set statement_timeout = '60s'")
    await watcher.fetch(query, exchange_id, member)
    assert plans
    worst = max(
        (rows_of(node), plan["Query Text"][:60], node["Node Type"])
        for plan in plans
        for node in nodes(plan["Plan"])
    )
    assert worst[0] <= MOST_ROWS, worst
