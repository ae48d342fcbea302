"""The search for suspects in all exchanges: what is wrong with one is no matter of the others."""

import secrets

import asyncpg
import pytest

from exchange.database import Database as ConnectionPool
from exchange.database import Patience
from exchange.exchange import Exchange
from exchange.models import Identity
from tests.conftest import Database
from tests.sql.blocking import holding_exchange, wait_for_end

IMPATIENT = Patience(statement_seconds=3.0, request_seconds=3.0)
BURST = """
insert into betjee.verification_attempts (exchange_id, identity_hash, network_key, outcome, attempted_at)
select $1, sha256(n::text::bytea), sha256('hostel'), 'too_many_attempts', clock_timestamp() from generate_series(1, 4) n
"""


@pytest.fixture
async def two(exchange: Exchange, connection_owner: asyncpg.Connection) -> list[int]:
    """Two exchanges, in each of which there is something to find; the first is searched first."""
    owner = Identity("discord", "1", "Owner")
    numbers = [
        await exchange.open_exchange(number, "discord", secrets.token_hex(8), "Guild", owner)
        for number in (21, 22)
    ]
    for exchange_id in numbers:
        await connection_owner.execute(BURST, exchange_id)
    return numbers


async def found(owner: asyncpg.Connection, exchange_id: int) -> int:
    count: int = await owner.fetchval(
        "select count(*) from betjee.clusters where exchange_id = $1", exchange_id
    )
    return count


async def test_a_fault_in_one_exchange_ends_the_search_of_no_other(
    exchange: Exchange, two: list[int], connection_owner: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = two
    settings = "update betjee.exchanges set settings = settings || $2 where exchange_id = $1"
    await connection_owner.execute(settings, broken, '{"burst_accounts": "many"}')
    assert await exchange.find_suspects() == 1
    assert [await found(connection_owner, number) for number in two] == [0, 1]
    assert f"Exchange {broken} could not be searched for suspects" in caplog.text
    assert f"Exchange {sound} could" not in caplog.text
    await connection_owner.execute(settings, broken, '{"burst_accounts": 3}')
    assert await exchange.find_suspects() == 1


async def test_an_exchange_that_is_held_locked_is_searched_another_time(
    database: Database,
    two: list[int],
    connection_owner: asyncpg.Connection,
    watcher: asyncpg.Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    held, _ = two
    impatient = Exchange(ConnectionPool(database.service_url, patience=IMPATIENT))
    async with holding_exchange(connection_owner, held):
        assert await impatient.find_suspects() == 1
    assert f"Exchange {held} could not be searched for suspects" in caplog.text
    # What nobody waits for any more may still get the lock, and find it.
    await wait_for_end(watcher, "find_suspects")
    await impatient.find_suspects()
    assert [await found(connection_owner, number) for number in two] == [1, 1]
    await impatient.close()
