"""Newcomers who must wait: accounts that are too young, members who have only just come."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tests.sql.front import Front, newcomer
from tests.sql.test_sign_up import choose, token_hash


@pytest.fixture
def now() -> datetime:
    """The moment of the test, which may run long after it was collected."""
    return datetime.now(UTC)


@pytest.mark.parametrize(
    ("days_ago", "joined_hours_ago", "code"),
    [
        (6.99, None, "account_too_young"),
        (7.01, None, None),
        (None, None, None),
        (8, 0.5, None),
        (6, 0.5, "account_too_young"),
    ],
)
async def test_a_young_account_waits(
    front: Front, now: datetime, days_ago: float | None, joined_hours_ago: float | None, code: str | None
) -> None:
    created_at = None if days_ago is None else now - timedelta(days=days_ago)
    joined_at = None if joined_hours_ago is None else now - timedelta(hours=joined_hours_ago)
    answer = await front.call("register_user", *newcomer("ada"), created_at, joined_at)
    assert answer.get("refused") == code
    if code is not None:
        assert created_at is not None
        assert datetime.fromisoformat(answer["welcome_at"]) == created_at + timedelta(days=7)
        assert answer["detail"].startswith("Accounts must be 7 days old to sign up here. Come back after ")


async def test_a_young_account_gets_no_link_either(
    front: Front, connection_owner: asyncpg.Connection, now: datetime
) -> None:
    await choose(connection_owner, front, verification="web")
    answer = await front.call("register_user", *newcomer("ada"), now, None, token_hash("s"))
    assert answer["refused"] == "account_too_young"


async def test_a_new_member_of_the_community_waits_where_it_is_set(
    front: Front, connection_owner: asyncpg.Connection, now: datetime
) -> None:
    await choose(connection_owner, front, min_membership_hours=24)
    old = now - timedelta(days=100)
    waits = await front.call("register_user", *newcomer("ada"), old, now - timedelta(hours=23))
    assert waits["refused"] == "member_too_new"
    assert datetime.fromisoformat(waits["welcome_at"]) == now + timedelta(hours=1)
    both = await front.call("register_user", *newcomer("bob"), now - timedelta(days=6.5), now)
    assert (both["refused"], datetime.fromisoformat(both["welcome_at"])) == (
        "account_too_young",
        now + timedelta(hours=24),
    )
    assert (await front.call("register_user", *newcomer("ada"), old, now - timedelta(hours=25)))["created"]


async def test_a_member_does_not_wait_again(
    front: Front, connection_owner: asyncpg.Connection, now: datetime
) -> None:
    await front.register("ada")
    await choose(connection_owner, front, min_account_age_days=3_650, verification="web")
    again = await front.call("register_user", *newcomer("ada"), now)
    assert (again["created"], again["cash_paise"]) == (False, 2_000_000)
