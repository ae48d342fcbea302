"""At size, signing up reads a few rows by an index, and forgetting reads what is old."""

import hashlib

import asyncpg
import pytest

from tests.conftest import database
from tests.sql.front import DISCORD
from tests.sql.test_plans import WARM_UP, crowded, rows_read

__all__ = ["crowded", "database"]

TOKENS = """
insert into betjee.verification_tokens (
  exchange_id, token_hash, provider, provider_user_id, display_name, identity_hash, issued_at, expires_at)
select $1, sha256(('token ' || number)::bytea), 'discord', 'new ' || number, 'New', sha256(('new ' || number)::bytea),
  clock_timestamp(), clock_timestamp() + interval '10 minutes'
from generate_series(1, 20000) number
"""
ATTEMPTS = """
insert into betjee.verification_attempts (exchange_id, identity_hash, network_key, outcome, attempted_at)
select $1, sha256(('new ' || number)::bytea), sha256((number % 500)::text::bytea), 'registered',
  clock_timestamp() - number * interval '1 second'
from generate_series(1, 20000) number
"""
MARKS = """
insert into betjee.bonus_marks (exchange_id, season, identity_hash, marked_at)
select $1, 1, sha256(('old ' || number)::bytea), clock_timestamp() from generate_series(1, 20000) number
"""


@pytest.fixture
async def busy(
    crowded: tuple[int, list[int]], connection_owner: asyncpg.Connection, watcher: asyncpg.Connection
) -> int:
    """An exchange where thousands sign up on the page at the moment."""
    exchange_id, _ = crowded
    for statement in (TOKENS, ATTEMPTS, MARKS):
        await connection_owner.execute(statement, exchange_id)
    await connection_owner.execute(
        'update betjee.exchanges set settings = settings || \'{"verification": "web"}\' where exchange_id = $1',
        exchange_id,
    )
    await watcher.execute("analyze")
    return exchange_id


async def test_a_link_is_given_by_a_few_rows(busy: int, connection_service: asyncpg.Connection) -> None:
    calls: list[tuple[object, ...]] = [
        (busy, 7_000_000 + number, DISCORD, f"new {number}", f"new {number}".encode().ljust(32))
        for number in range(WARM_UP + 1)
    ]
    query = (
        "select betjee.register_user($1, $2, $3, $4, 'New', $5, null, null, sha256(convert_to($4, 'UTF8')))"
    )
    assert await rows_read(connection_service, query, calls) <= 10


async def test_a_link_is_used_by_a_few_rows(busy: int, connection_service: asyncpg.Connection) -> None:
    calls: list[tuple[object, ...]] = [
        (
            busy,
            8_000_000 + number,
            hashlib.sha256(f"token {number}".encode()).digest(),
            hashlib.sha256(b"7").digest(),
        )
        for number in range(1, WARM_UP + 2)
    ]
    query = (
        "select betjee.complete_verification($1, $2, $3, null, ($4::bytea, null, null)::betjee.network_keys)"
    )
    # Among them the attempts of its network within the last seconds, which are a burst, and who is in it.
    assert await rows_read(connection_service, query, calls) <= 120


async def test_forgetting_reads_nothing_young(busy: int, connection_service: asyncpg.Connection) -> None:
    calls: list[tuple[object, ...]] = [(1_000,)] * (WARM_UP + 1)
    read = await rows_read(connection_service, "select betjee.purge_verifications($1::integer)", calls)
    assert read <= 20
