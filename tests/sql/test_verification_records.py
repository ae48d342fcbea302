"""What is kept of sign-ups on the page: every attempt, in a bounded way, and nothing longer than it is meant to be."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.sql.front import Front
from tests.sql.test_sign_up import HOME, choose, consent, link, page, token_hash

__all__ = ["page"]

ATTEMPTS = "select outcome from betjee.verification_attempts where exchange_id = $1 order by attempt_id"
PURGE = "select betjee.purge_verifications(1000)"


async def outcomes(owner: asyncpg.Connection, front: Front) -> list[str]:
    return [row["outcome"] for row in await owner.fetch(ATTEMPTS, front.exchange_id)]


async def age(owner: asyncpg.Connection, front: Front, days: float) -> None:
    """Let everything that is kept grow older."""
    earlier = timedelta(days=days)
    for table, columns in {
        "verification_attempts": ("attempted_at",),
        "verification_tokens": ("issued_at", "expires_at"),
        "accounts": ("seen_at",),
    }.items():
        changes = ", ".join(f"{column} = {column} - $2::interval" for column in columns)
        await owner.execute(
            f"update betjee.{table} set {changes} where exchange_id = $1", front.exchange_id, earlier
        )


async def test_every_attempt_is_recorded_refused_or_not(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await link(page, "ada", "s")
    await consent(page, "s", proven="eve")
    await page.service.execute(
        "select betjee.refuse_verification($1, $2, $3, 'too_many_attempts')",
        page.exchange_id,
        token_hash("s"),
        HOME,
    )
    await consent(page, "s")
    await consent(page, "s")
    await consent(page, "guessed")
    assert await outcomes(connection_owner, page) == [
        "not_the_owner",
        "too_many_attempts",
        "registered",
        "token_used",
    ]


async def test_distinct_identities_of_a_network_within_fifteen_seconds_can_be_counted(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    for name in ("ada", "bob", "cyd", "dan"):
        await link(page, name, name)
        await consent(page, name)
        await consent(page, name)
    counted = await connection_owner.fetchval(
        "select count(distinct identity_hash) from betjee.verification_attempts"
        " where exchange_id = $1 and network_key = $2 and attempted_at > clock_timestamp() - interval '15 seconds'",
        page.exchange_id,
        HOME[0],
    )
    assert counted == 4


async def test_what_is_repeated_within_a_second_is_one_attempt(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await link(page, "ada", "s")
    for _ in range(50):
        await consent(page, "s")
    recorded = await outcomes(connection_owner, page)
    assert recorded[0] == "registered"
    assert len(recorded) < 50
    await consent(page, "s", networks=(b"i" * 32, None, None))
    assert len(await outcomes(connection_owner, page)) > len(recorded)


async def test_a_guess_leaves_nothing_behind(page: Front, connection_owner: asyncpg.Connection) -> None:
    tables = "verification_attempts", "requests", "users"
    counts = [f"(select count(*) from betjee.{table} where exchange_id = $1)" for table in tables]
    query = f"select {', '.join(counts)}"
    before = await connection_owner.fetchrow(query, page.exchange_id)
    for number in range(10):
        await consent(page, f"guess {number}")
    assert await connection_owner.fetchrow(query, page.exchange_id) == before


async def test_networks_are_forgotten_after_the_exchanges_retention(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await choose(connection_owner, page, network_key_retention_days=30)
    await link(page, "ada", "s")
    await consent(page, "s", proven="ada")
    await age(connection_owner, page, 29.9)
    await page.service.execute(PURGE)
    account = "select * from betjee.accounts where exchange_id = $1 and provider_user_id = 'ada'"
    kept: Any = await connection_owner.fetchrow(account, page.exchange_id)
    assert kept["network_key"] == HOME[0]
    assert await outcomes(connection_owner, page) == ["registered"]
    await age(connection_owner, page, 0.2)
    await page.service.execute(PURGE)
    forgotten: Any = await connection_owner.fetchrow(account, page.exchange_id)
    assert (forgotten["network_key"], forgotten["seen_at"]) == (None, None)
    assert (forgotten["verified_at"], forgotten["ownership_proven"]) == (kept["verified_at"], True)
    assert await outcomes(connection_owner, page) == []


async def test_the_network_of_a_banned_member_is_kept(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await link(page, "ada", "s")
    await consent(page, "s")
    status = "update betjee.users set status = $2 where exchange_id = $1"
    await connection_owner.execute(status, page.exchange_id, "banned")
    await age(connection_owner, page, 400)
    await page.service.execute(PURGE)
    key = "select network_key from betjee.accounts where exchange_id = $1 and provider_user_id = 'ada'"
    assert await connection_owner.fetchval(key, page.exchange_id) == HOME[0]
    await connection_owner.execute(status, page.exchange_id, "active")
    await page.service.execute(PURGE)
    assert await connection_owner.fetchval(key, page.exchange_id) is None


@pytest.mark.parametrize("used", [True, False])
async def test_links_are_forgotten_an_hour_after_their_end(
    page: Front, connection_owner: asyncpg.Connection, used: bool
) -> None:
    await link(page, "ada", "s")
    if used:
        await consent(page, "s")
    tokens = "select count(*) from betjee.verification_tokens where exchange_id = $1"
    await page.service.execute(PURGE)
    assert await connection_owner.fetchval(tokens, page.exchange_id) == 1
    await age(connection_owner, page, 1)
    await page.service.execute(PURGE)
    assert await connection_owner.fetchval(tokens, page.exchange_id) == 0
    assert (await consent(page, "s"))["refused"] == "token_unknown"


async def test_the_mark_of_a_bonus_is_never_forgotten(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await link(page, "ada", "s")
    await consent(page, "s")
    await age(connection_owner, page, 4_000)
    await page.service.execute(PURGE)
    marks = "select count(*) from betjee.bonus_marks where exchange_id = $1"
    assert await connection_owner.fetchval(marks, page.exchange_id) == 1
