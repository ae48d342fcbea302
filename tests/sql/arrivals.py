"""People who sign up on the page, each from a network, and time that passes by dating everything back."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from tests.sql.front import DISCORD, Front, newcomer

Networks = tuple[bytes, bytes | None, bytes | None]

_COMPLETE = "select betjee.complete_verification($1, $2, $3, $4, ($5::bytea, $6::bytea, $7::bytea)::betjee.network_keys)"
_REFUSE = (
    "select betjee.refuse_verification($1, $2, ($3::bytea, $4::bytea, $5::bytea)::betjee.network_keys, $6)"
)
_TIMES = (
    ("verification_attempts", "attempted_at"),
    ("accounts", "seen_at"),
    ("users", "registered_at"),
    ("transactions", "executed_at"),
    ("clusters", "last_at"),
)


BONUS = 2_000_000
"""What a new member is granted, in paise."""


def key(name: str) -> bytes:
    """The key of a network, or the hash of anything else with a name."""
    return hashlib.sha256(name.encode()).digest()


def ipv4(name: str) -> Networks:
    """A network that stands for itself alone."""
    return key(name), None, None


def ipv6(site: str, number: int, *, subnets: int = 256) -> Networks:
    """The number-th /64 of a site that has a /48, and `subnets` of them in each /56."""
    return key(f"{site}/64/{number}"), key(f"{site}/56/{number // subnets}"), key(f"{site}/48")


def hash_of(name: str) -> bytes:
    """The keyed hash of somebody's identity."""
    return newcomer(name)[3]


HOSTEL = ipv4("hostel")


async def begin(front: Front, name: str, days: int = 0) -> bytes:
    """Somebody who has been in the community for so many days types /register; the hash of their link's token."""
    token = key(f"token {front.last_id} of {name}")
    joined_at = datetime.now(UTC) - timedelta(days=days)
    await front.call("register_user", *newcomer(name), None, joined_at, token)
    return token


async def arrive(
    front: Front, name: str, networks: Networks, *, proven: bool = False, days: int = 0
) -> dict[str, Any]:
    """Somebody signs up on the page; what the page says."""
    token = await begin(front, name, days)
    front.last_id += 1
    answer = await front.service.fetchval(
        _COMPLETE, front.exchange_id, front.last_id, token, name if proven else None, *networks
    )
    document: dict[str, Any] = json.loads(answer)
    return document


async def be_refused(front: Front, name: str, networks: Networks, code: str = "too_many_attempts") -> None:
    """Somebody is refused by the page itself, such as by its limiter, which records it."""
    token = await begin(front, name)
    await front.service.fetchval(_REFUSE, front.exchange_id, token, *networks, code)


async def pass_time(owner: asyncpg.Connection, exchange_id: int, seconds: float) -> None:
    """Let time pass."""
    for table, column in _TIMES:
        await owner.execute(
            f"update betjee.{table} set {column} = {column} - make_interval(secs => $2)"
            f" where exchange_id = $1 and {column} is not null",
            exchange_id,
            seconds,
        )


async def search(front: Front) -> int:
    """What the leader's job does."""
    found: int = await front.service.fetchval("select betjee.find_suspects($1)", front.exchange_id)
    return found


async def clusters(front: Front, moderator: int) -> list[dict[str, Any]]:
    """What `/suspects` lists."""
    return await front.listing("list_suspects", moderator, 50)


async def cash(owner: asyncpg.Connection, front: Front, name: str) -> int:
    """What somebody has."""
    query = (
        "select u.cash_paise from betjee.users u join betjee.accounts a using (exchange_id, user_id)"
        " where u.exchange_id = $1 and a.provider_user_id = $2"
    )
    paise: int = await owner.fetchval(query, front.exchange_id, name)
    return paise


async def user_of(front: Front, name: str) -> dict[str, Any]:
    """A member as the exchange knows them."""
    return await front.document("find_user", front.exchange_id, DISCORD, name)


async def trade(front: Front, name: str, side: str, shares: int, market: str = "22s1") -> None:
    """A member's order, which must be filled."""
    front.last_id += 1
    order = (front.last_id, (await user_of(front, name))["user_id"], market, side, shares, None, None, True)
    (outcome,) = await front.service.fetch(
        "select * from betjee.execute_orders($1, $2::betjee.order_request[])", front.exchange_id, [order]
    )
    assert outcome["status"] == "filled", outcome["code"]


async def marked(owner: asyncpg.Connection, front: Front, kind: str = "burst") -> set[bytes]:
    """Whom a signal of a kind has marked."""
    query = "select identity_hash from betjee.marks where exchange_id = $1 and kind = $2"
    return {row["identity_hash"] for row in await owner.fetch(query, front.exchange_id, kind)}


async def notices(owner: asyncpg.Connection, front: Front, kind: str) -> list[dict[str, object]]:
    rows = await owner.fetch(
        "select user_id, detail from betjee.outbox where exchange_id = $1 and kind = $2 order by notice_id",
        front.exchange_id,
        kind,
    )
    return [{"user_id": row["user_id"], **json.loads(row["detail"])} for row in rows]


async def burst(front: Front, names: str, *, proven: bool = False) -> None:
    for name in names:
        await arrive(front, name, HOSTEL, proven=proven)


async def audited(front: Front) -> None:
    assert await front.service.fetch("select betjee.audit_exchange($1)", front.exchange_id) == []
