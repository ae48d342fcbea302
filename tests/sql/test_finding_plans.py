"""At size, the first rule reads its own network's last seconds, and the search what is recent."""

import hashlib
from datetime import UTC, datetime

import asyncpg
import pytest

from tests.conftest import database
from tests.model.founding import found
from tests.sql.test_plans import WARM_UP, rows_read

__all__ = ["database"]

MEMBERS = """
insert into betjee.users (exchange_id, display_name, cash_paise, registered_at)
select $1, 'Member', 1000000000, clock_timestamp() - interval '30 days' from generate_series(1, 5000)
"""
ACCOUNTS = """
insert into betjee.accounts (
  exchange_id, provider, provider_user_id, user_id, identity_hash, network_key, network_key_56, network_key_48, seen_at)
select $1, 'discord', user_id::text, user_id, sha256(user_id::text::bytea), sha256((user_id % 50)::text::bytea),
  sha256((user_id % 10)::text::bytea), sha256('site'), clock_timestamp() - interval '30 days'
from betjee.users where exchange_id = $1
"""
ATTEMPTS = """
insert into betjee.verification_attempts (
  exchange_id, identity_hash, network_key, network_key_56, network_key_48, outcome, attempted_at)
select $1, sha256(n::text::bytea), sha256((n % 50)::text::bytea), sha256((n % 10)::text::bytea), sha256('site'),
  'too_many_attempts', clock_timestamp() - interval '1 hour' - n * interval '1 second'
from generate_series(1, 20000) n
"""
FILLS = """
insert into betjee.transactions (
  exchange_id, sequence, user_id, shift_id, shares, price_paise, gross_paise, tax_paise,
  price_after_paise, cause, request_id, executed_at)
select $1, 1000 + n, $2, 1, 1, 1663, 1663, 28, 1663, 'order', n, clock_timestamp() - interval '1 day' + n * interval '1 second'
from generate_series(1, 20000) n
"""
DEPARTURES = """
insert into betjee.departures (exchange_id, user_id, identity_hash, network_key, seen_at, departed_at)
select $1, -n, sha256(('gone ' || n)::bytea), sha256((n % 50)::text::bytea), clock_timestamp() - interval '6 days',
  clock_timestamp() - interval '6 days'
from generate_series(1, 5000) n
"""
TOKENS = """
insert into betjee.verification_tokens (
  exchange_id, token_hash, provider, provider_user_id, display_name, identity_hash, issued_at, expires_at)
select $1, sha256(('token ' || n)::bytea), 'discord', 'new ' || n, 'New', sha256(('new ' || n)::bytea), clock_timestamp(),
  clock_timestamp() + interval '10 minutes'
from generate_series(1, 3000) n
"""
COMPLETE = "select betjee.complete_verification($1, $2, $3, null, ($4::bytea, $5::bytea, $6::bytea)::betjee.network_keys)"


@pytest.fixture
async def crowded(connection_owner: asyncpg.Connection, watcher: asyncpg.Connection) -> int:
    """An exchange with thousands of members, attempts, links and fills, none of them recent."""
    founded = await found(connection_owner, [10**9])
    exchange_id = founded.exchange_id
    for table in (MEMBERS, ACCOUNTS, ATTEMPTS, DEPARTURES, TOKENS):
        await connection_owner.execute(table, exchange_id)
    await connection_owner.execute(FILLS, exchange_id, founded.users[0])
    await connection_owner.execute(
        "update betjee.exchanges set sequence = 100000 where exchange_id = $1", exchange_id
    )
    await watcher.execute("analyze")
    return exchange_id


def key(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


async def test_who_signs_up_costs_a_few_rows_and_a_burst_a_few_for_each(
    crowded: int, connection_service: asyncpg.Connection
) -> None:
    calls: list[tuple[object, ...]] = [
        (crowded, 10**9 + number, key(f"token {number + 1}"), key("7"), key("7"), key("site"))
        for number in range(WARM_UP + 1)
    ]
    assert await rows_read(connection_service, COMPLETE, calls) < 200


async def test_a_search_reads_what_is_recent(crowded: int, connection_service: asyncpg.Connection) -> None:
    calls: list[tuple[object, ...]] = [(crowded,)] * (WARM_UP + 1)
    assert await rows_read(connection_service, "select betjee.find_suspects($1)", calls) < 100


async def test_a_search_of_what_is_recent_is_bounded(
    crowded: int, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    for table, column in (("verification_attempts", "attempted_at"), ("accounts", "seen_at")):
        await connection_owner.execute(
            f"update betjee.{table} set {column} = $2 where exchange_id = $1", crowded, datetime.now(UTC)
        )
    calls: list[tuple[object, ...]] = [(crowded,)] * (WARM_UP + 1)
    # 2,000 moments of at most 500 attempts each is the most that the first rule looks at.
    assert await rows_read(connection_service, "select betjee.find_suspects($1)", calls) < 1_300_000


async def test_the_network_of_a_member_is_found_by_its_key(
    crowded: int, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    names = await connection_owner.fetch(
        "select provider_user_id from betjee.accounts where exchange_id = $1 and network_key is not null limit $2",
        crowded,
        WARM_UP + 1,
    )
    calls: list[tuple[object, ...]] = [(crowded, row["provider_user_id"]) for row in names]
    query = "select betjee.find_network($1, 'discord', $2)"
    assert await rows_read(connection_service, query, calls) < 400
