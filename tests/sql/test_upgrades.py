"""What a migration does to an exchange that was there before it."""

import json
import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

import sql
from exchange.migrations import migrate
from tests.conftest import Database, Servers

BEFORE_SIGN_UP_PAGES = "0004_outbox"
BEFORE_MARKS_OF_SIGNALS = "0012_audit_channel"
BEFORE_CANDLES = "0017_market_hours"

DECIDED = """
with e as (
  insert into exchanges (name, settings) values ('Old', '{}') returning exchange_id),
c as (
  insert into clusters (exchange_id, cluster_id, kind, subject_hash, detail, found_at, last_at, status, decided_by, decided_at)
  select exchange_id, n, kind, sha256(kind::bytea), '{}', '2026-01-01', '2026-01-01', status, nullif(4, n), d.at
  from e, (values (1, 'burst', 'upheld'), (2, 'crowd', 'upheld'), (3, 'transfer', 'released'), (4, 'crowd', 'open')) k(n, kind, status)
  cross join lateral (select case when status <> 'open' then timestamptz '2026-01-02' + n * interval '1 hour' end as at) d),
s as (
  insert into suspects (exchange_id, cluster_id, identity_hash, added_at)
  select exchange_id, n, sha256(n::text::bytea), '2026-01-01' from e, generate_series(1, 4) n),
m as (
  insert into marks (exchange_id, identity_hash, cluster_id, marked_at) select exchange_id, sha256('1'), 1, '2026-01-01' from e),
w as (
  insert into wipes (
    exchange_id, wipe_id, mode, reason, status, needs_second, planned_by, planned_at, due_at, request_id)
  select exchange_id, 9, 'burn', 'Bots.', 'planned', false, 4, '2026-01-02 01:00', '2026-01-02 02:00', 1 from e),
b as (
  insert into bans (exchange_id, ban_id, subject, subject_hash, moderator_user_id, reason, banned_at)
  select exchange_id, n, 'identity', sha256(n::text::bytea), 4, 'Bots.', timestamptz '2026-01-02' + n * interval '1 hour'
  from e, generate_series(1, 3) n)
select exchange_id from e
"""


@pytest.fixture
async def empty(
    servers: Servers, administrator: asyncpg.Connection, template: str
) -> AsyncIterator[asyncpg.Connection]:
    """The owner of a database without anything in it; the template is there, so the roles are."""
    assert template
    name = f"betjee_upgrade_{secrets.token_hex(6)}"
    await administrator.execute(f'create database "{name}" owner exchange_owner')
    owner = await asyncpg.connect(servers.address("exchange_owner", servers.owner_password, name))
    try:
        yield owner
    finally:
        await owner.close()
        await administrator.execute(f'drop database "{name}" with (force)')


async def upgrade(owner: asyncpg.Connection, after: str, founding: str, *arguments: object) -> None:
    """All migrations, with an exchange that was there after one of them."""
    async with owner.transaction():
        for script in sql.migrations():
            await owner.execute(script.text)
            if script.name == after:
                await owner.execute(founding, *arguments)


async def test_functions_are_applied_anew_to_a_database_that_has_them(
    database: Database, connection_owner: asyncpg.Connection
) -> None:
    listed = "select array_agg(p::text order by p) from (select oid::regprocedure from pg_proc where pronamespace = 'betjee'::regnamespace) f(p)"
    before = await connection_owner.fetchval(listed)
    await connection_owner.execute(
        "update public.betjee_migrations set checksum = 'of another version' where name = 'functions'"
    )
    assert await migrate(database.owner_url) == ["functions"]
    assert sorted(await connection_owner.fetchval(listed)) == sorted(before)


async def test_an_exchange_of_before_the_sign_up_page_goes_on_without_it(empty: asyncpg.Connection) -> None:
    founding = "insert into exchanges (name, settings) values ('Old', $1)"
    await upgrade(empty, BEFORE_SIGN_UP_PAGES, founding, json.dumps({"tax_bps": 150}))
    exchange = await empty.fetchrow("select settings, season from betjee.exchanges")
    assert exchange is not None
    assert exchange["season"] == 1
    assert (
        json.loads(exchange["settings"]).items()
        >= {
            "tax_bps": 150,
            "verification": "off",
            "min_account_age_days": 7,
            "min_membership_hours": 0,
            "network_key_retention_days": 90,
        }.items()
    )


async def test_whom_a_signal_named_before_is_marked_and_what_was_decided_can_be_taken_back(
    empty: asyncpg.Connection,
) -> None:
    await upgrade(empty, BEFORE_MARKS_OF_SIGNALS, DECIDED)
    marks = await empty.fetch("select kind, cluster_id, decision from betjee.marks order by cluster_id")
    assert [tuple(row) for row in marks] == [
        ("burst", 1, None),
        ("crowd", 2, "upheld"),
        ("transfer", 3, "released"),
        ("crowd", 4, None),
    ]
    wiped = await empty.fetch("select cluster_id from betjee.clusters where wipe_id = 9")
    assert [row["cluster_id"] for row in wiped] == [1]
    bans = await empty.fetch("select ban_id, cluster_id, wipe_id from betjee.bans order by ban_id")
    assert [tuple(row) for row in bans] == [(1, 1, 9), (2, 2, None), (3, None, None)]


async def test_a_board_of_before_candles_stays_where_it_is(empty: asyncpg.Connection) -> None:
    founding = """
    with e as (insert into exchanges (name, settings) values ('Old', '{}') returning exchange_id),
    h as (
      insert into market_hours (exchange_id, shift_id, hour, shares, gross_paise)
      select exchange_id, 1, '2026-01-01', 5, 5 from e)
    insert into live_boards (exchange_id, board_id, provider, channel_id, message_id, next_look_at, counted_sequence)
    select exchange_id, 7, 'discord', '100', '200', '2026-01-01', 5 from e
    """
    await upgrade(empty, BEFORE_CANDLES, founding)
    board = await empty.fetchrow("select board_id, message_id from betjee.live_boards")
    assert board is not None
    assert tuple(board) == (7, "200")
