"""The ledger as people read it: a member's own history, and the public tape."""

import json
from typing import Any

import asyncpg
import pytest

from tests.model.founding import WIDE, Founded, execute, found
from tests.model.state import Ask
from tests.sql.front import Front, owner_of

CASH = 100_000_000


@pytest.fixture
async def traded(connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection) -> Founded:
    """Two members; the first has made twelve fills, the second one."""
    founded = await found(connection_owner, [CASH, CASH], rules=WIDE)
    first, second = founded.users
    asks = [
        Ask(number, first, "22s1", "sell" if number % 3 == 0 else "buy", 10 + number, confirmed=True)
        for number in range(1, 13)
    ]
    asks.append(Ask(13, second, "22s1", "short", 5, confirmed=True))
    assert await execute(connection_service, founded.exchange_id, asks) == [
        founded.model.execute(ask) for ask in asks
    ]
    return founded


async def read(service: asyncpg.Connection, function: str, *arguments: object) -> list[dict[str, Any]]:
    places = ", ".join(f"${number}" for number in range(1, len(arguments) + 1))
    rows = await service.fetch(f"select betjee.{function}({places})", *arguments)
    return [json.loads(row[0]) for row in rows]


async def test_a_history_adds_up_to_the_cash(traded: Founded, connection_service: asyncpg.Connection) -> None:
    for user in traded.users:
        entries = await read(connection_service, "list_history", traded.exchange_id, user, None, None, 100)
        assert sum(entry["cash_change_paise"] for entry in entries) == traded.model.members[user].cash_paise
        assert entries == sorted(entries, key=lambda entry: -entry["sequence"])
        grant = entries[-1]
        assert (grant["kind"], grant["cause"], grant["cash_change_paise"]) == ("grant", "signup", CASH)
        assert grant["market"] is None


async def test_a_fill_is_told_with_its_figures(
    traded: Founded, connection_service: asyncpg.Connection
) -> None:
    short, _ = await read(
        connection_service, "list_history", traded.exchange_id, traded.users[1], None, None, 100
    )
    row = await connection_service.fetchrow(
        "select * from betjee.transactions where exchange_id = $1 and user_id = $2",
        traded.exchange_id,
        traded.users[1],
    )
    assert row is not None
    for figure in (
        "sequence",
        "shares",
        "price_paise",
        "gross_paise",
        "tax_paise",
        "price_after_paise",
        "position_shares",
        "cause",
    ):
        assert short[figure] == row[figure]
    assert (short["kind"], short["market"], short["label"]) == ("short", "22s1", "22S1")
    assert short["cash_change_paise"] == row["gross_paise"] - row["tax_paise"]


async def test_a_fill_is_told_as_the_order_that_it_filled_with_the_position_after_it(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    founded = await found(connection_owner, [CASH], rules=WIDE)
    (user,) = founded.users
    done = [
        ("buy", 10),
        ("sell", 4),
        ("sell", 6),
        ("short", 5),
        ("short", 2),
        ("cover", 3),
        ("cover", 4),
        ("buy", 1),
    ]
    asks = [
        Ask(number, user, "22s1", side, shares, confirmed=True)
        for number, (side, shares) in enumerate(done, 1)
    ]
    await execute(connection_service, founded.exchange_id, asks)

    async def told() -> list[tuple[str, int, int | None]]:
        entries = await read(
            connection_service, "list_history", founded.exchange_id, user, None, None, len(done)
        )
        return [
            (entry["kind"], abs(entry["shares"]), entry["position_shares"]) for entry in reversed(entries)
        ]

    held = [10, 6, 0, -5, -7, -4, 0, 1]
    assert await told() == [(*order, after) for order, after in zip(done, held, strict=True)]
    exported = await read(connection_service, "export_ledger", founded.exchange_id, user, 0, 100)
    fills = exported[0]["fills"]
    assert [(fill["side"], fill["position_shares"]) for fill in fills] == [
        (side, after) for (side, _), after in zip(done, held, strict=True)
    ]
    # Rows older than the column know no position, so they are told as shares that were bought or sold.
    await connection_owner.execute(
        "update betjee.transactions set position_shares = null where exchange_id = $1", founded.exchange_id
    )
    sides = {"short": "sell", "cover": "buy"}
    assert await told() == [(sides.get(side, side), shares, None) for side, shares in done]


@pytest.mark.parametrize("function", ["list_history", "list_tape"])
async def test_pages_go_back_and_forth_without_gaps(
    traded: Founded, connection_service: asyncpg.Connection, function: str
) -> None:
    whose = (traded.exchange_id, traded.users[0]) if function == "list_history" else (traded.exchange_id,)

    async def page(before: int | None, after: int | None, limit: int) -> list[int]:
        entries = await read(connection_service, function, *whose, before, after, limit)
        return [entry["sequence"] for entry in entries]

    everything = await page(None, None, 100)
    assert len(everything) == 13
    back: list[int] = []
    while step := await page(back[-1] if back else None, None, 5):
        back += step
    assert back == everything
    forth: list[int] = []
    while step := await page(None, forth[0] if forth else 0, 5):
        forth = step + forth
    assert forth == everything
    assert len(await page(None, None, -5)) == 1


async def test_nobody_reads_the_history_of_others(
    traded: Founded, connection_service: asyncpg.Connection
) -> None:
    own = await read(connection_service, "list_history", traded.exchange_id, traded.users[1], None, None, 100)
    assert len(own) == 2
    assert await read(connection_service, "list_history", traded.exchange_id, 10**9, None, None, 100) == []


@pytest.mark.parametrize("is_named", [True, False])
async def test_the_tape_names_people_where_fills_are_told_and_never_says_why(
    traded: Founded,
    connection_service: asyncpg.Connection,
    connection_owner: asyncpg.Connection,
    is_named: bool,
) -> None:
    await connection_owner.execute(
        "update betjee.exchanges set settings = settings || jsonb_build_object('public_fills', $2::boolean)"
        " where exchange_id = $1",
        traded.exchange_id,
        is_named,
    )
    tape = await read(connection_service, "list_tape", traded.exchange_id, None, None, 100)
    assert [fill["shares"] for fill in tape[:2]] == [-5, -22]
    assert {fill["display_name"] for fill in tape} == {"Trader" if is_named else None}
    told = {
        "sequence",
        "executed_at",
        "market",
        "label",
        "shares",
        "price_paise",
        "price_after_paise",
        "display_name",
    }
    assert {key for fill in tape for key in fill} == told


async def test_audits_are_remembered(front: Front) -> None:
    health = "select betjee.get_health()"
    record = "select betjee.record_audit($1, $2)"
    await front.service.fetch(record, front.exchange_id, 0)
    before = json.loads(await front.service.fetchval(health))
    await front.service.fetch(record, front.exchange_id, 3)
    found_some = json.loads(await front.service.fetchval(health))
    assert found_some["audit_discrepancies"] == before["audit_discrepancies"] + 3
    kept = "select clean_at < audited_at from betjee.audits where exchange_id = $1"
    assert await front.service.fetchval(kept, front.exchange_id), "the last clean one is still known"
    await front.service.fetch(record, front.exchange_id, 0)
    assert (
        json.loads(await front.service.fetchval(health))["audit_discrepancies"]
        == before["audit_discrepancies"]
    )


async def test_the_lag_is_that_of_the_oldest_notice_that_is_due(
    front: Front, connection_owner: asyncpg.Connection
) -> None:
    await connection_owner.execute("delete from betjee.outbox")
    user = await owner_of(front)
    await connection_owner.execute(
        "update betjee.users set notify_by = 'direct' where exchange_id = $1", front.exchange_id
    )
    await connection_owner.execute(
        "select betjee.queue_notices(e, array[($2, 'x', '{}'), ($2, 'x', '{}')]::betjee.notice[])"
        " from betjee.exchanges e where e.exchange_id = $1",
        front.exchange_id,
        user,
    )
    lag = "select (betjee.get_health() ->> 'outbox_lag_seconds')::numeric"
    for ago, least, most in (("-1 hour", 0, 0), ("100 seconds", 100, 160)):
        await connection_owner.execute(
            "update betjee.outbox set next_attempt_at = clock_timestamp() - $1::text::interval", ago
        )
        assert least <= await front.service.fetchval(lag) <= most
