"""A rebuild repairs an exchange while members trade, and says in words what it cannot repair."""

import asyncio

import asyncpg
import pytest

from exchange.errors import QuestionRefused
from exchange.exchange import Exchange
from exchange.models import Order, Side, Size, Status
from exchange.rebuild import rebuild
from tests.conftest import Database
from tests.model.founding import Founded, execute, found
from tests.model.invariants import discrepancies
from tests.model.state import Ask
from tests.sql.blocking import holding_exchange, wait_for_waiting


@pytest.fixture
async def damaged(connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection) -> Founded:
    """An exchange with a fill, some cash that came from nowhere, and a pool that lost as much."""
    founded = await found(connection_owner, [10**7] * 2)
    await execute(
        connection_service, founded.exchange_id, [Ask(1, founded.users[0], "22s1", "buy", 5, confirmed=True)]
    )
    await connection_owner.execute(
        "update betjee.users set cash_paise = cash_paise + 7 where exchange_id = $1", founded.exchange_id
    )
    return founded


async def test_a_repair_waits_for_the_trade_in_hand_and_repairs_what_it_left(
    damaged: Founded, database: Database, connection_owner: asyncpg.Connection, watcher: asyncpg.Connection
) -> None:
    async with holding_exchange(connection_owner, damaged.exchange_id):
        repair = asyncio.create_task(rebuild(database.owner_url, exchange_id=damaged.exchange_id, apply=True))
        await wait_for_waiting(watcher, "_exchange(")
        # What the trade changes after the repair has begun to wait, the repair must see.
        await execute(
            connection_owner,
            damaged.exchange_id,
            [Ask(2, damaged.users[1], "22s1", "buy", 3, confirmed=True)],
        )
    report = await repair
    assert report.discrepancies == []
    assert [name for name in report.figures if name.startswith("repaired")] == [
        f"repaired in exchange {damaged.exchange_id}: user {user}" for user in damaged.users
    ]
    assert await discrepancies(connection_owner, damaged.exchange_id) == []


async def test_members_trade_through_a_repair(
    damaged: Founded, database: Database, exchange: Exchange, connection_owner: asyncpg.Connection
) -> None:
    async def trade(user: int) -> list[Status]:
        orders = [
            Order(1_000 * (1 + user) + number, damaged.users[user], "22s1", side, Size(1), confirmed=True)
            for number, side in enumerate([Side.BUY, Side.SELL] * 40)
        ]
        return [(await exchange.execute_order(damaged.exchange_id, order)).status for order in orders]

    async def repair() -> list[str]:
        reports = [
            await rebuild(database.owner_url, exchange_id=damaged.exchange_id, apply=True) for _ in range(5)
        ]
        return [line for report in reports for line in report.discrepancies]

    *statuses, left = await asyncio.gather(trade(0), trade(1), repair())
    assert left == []
    assert {status for each in statuses for status in each} == {Status.FILLED}
    assert await discrepancies(connection_owner, damaged.exchange_id) == []


async def test_the_application_may_not_repair(damaged: Founded, database: Database) -> None:
    with pytest.raises(QuestionRefused, match="Only the owner"):
        await rebuild(database.service_url, exchange_id=damaged.exchange_id, apply=True)


async def test_a_ledger_that_gives_the_impossible_is_refused_in_words(
    damaged: Founded, database: Database, connection_owner: asyncpg.Connection
) -> None:
    await connection_owner.execute(
        "update betjee.grants set amount_paise = 0 where exchange_id = $1", damaged.exchange_id
    )
    with pytest.raises(QuestionRefused, match="was not repaired"):
        await rebuild(database.owner_url, exchange_id=damaged.exchange_id, apply=True)


async def test_what_a_repair_cannot_heal_is_left_as_a_discrepancy(
    damaged: Founded, database: Database, connection_owner: asyncpg.Connection
) -> None:
    await connection_owner.execute(
        "update betjee.transactions set price_after_paise = 1 where exchange_id = $1", damaged.exchange_id
    )
    report = await rebuild(database.owner_url, exchange_id=damaged.exchange_id, apply=True)
    assert len(report.discrepancies) == 1
    assert "the price after it is 1" in report.discrepancies[0]


async def test_the_past_knows_those_who_were_there_by_name(
    database: Database, connection_owner: asyncpg.Connection
) -> None:
    founded = await found(connection_owner, [10**7] * 2)
    first = await connection_owner.fetchval(
        "select min(sequence) from betjee.grants where exchange_id = $1", founded.exchange_id
    )
    await connection_owner.execute(
        "update betjee.users set display_name = $2 where exchange_id = $1 and user_id = $3",
        founded.exchange_id,
        "Ada\x1b[2J",
        founded.users[0],
    )
    report = await rebuild(database.service_url, exchange_id=founded.exchange_id, at=first)
    listed = [name for name in report.figures if name.startswith("user")]
    assert listed == [f"user {founded.users[0]} (Ada?[2J)"]
