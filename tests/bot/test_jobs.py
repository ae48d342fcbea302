"""The jobs: which there are, that only the leader does them, and that what fails is tried again."""

import asyncio

import asyncpg
import pytest

from bot.jobs import scheduled_jobs
from exchange.database import Database as Connections
from exchange.errors import ExchangeUnavailable
from exchange.exchange import Exchange
from exchange.leader import Leadership
from exchange.models import Identity, Order, Side, Size
from tests.bot.conftest import IMPATIENT
from tests.conftest import HASHES, Database


async def does(exchange: Exchange, job: str, leadership: Leadership | None = None) -> bool:
    """Do a job as the scheduler does, now; whether it woke the relay."""
    nudge = asyncio.Event()
    scheduled = scheduled_jobs(exchange, leadership, nudge).get_job(job)
    await scheduled.func(*scheduled.args)
    return nudge.is_set()


async def test_the_jobs(exchange: Exchange):
    names = {job.id for job in scheduled_jobs(exchange).get_jobs()}
    assert names == {
        "sweep_outbox",
        "reopen_markets",
        "audit_exchanges",
        "count_candles",
        "find_suspects",
        "make_leaderboards",
        "purge_names",
        "purge_outbox",
        "purge_requests",
        "purge_suspects",
        "purge_verifications",
    }


async def test_only_the_leader_wakes_its_relay(exchange: Exchange, database: Database):
    leadership = Leadership(database.service_url)
    assert not await does(exchange, "sweep_outbox", leadership)
    leadership.gained.set()
    assert await does(exchange, "sweep_outbox", leadership)
    assert await does(exchange, "sweep_outbox"), "without an election every process does its jobs"


async def test_an_order_wakes_the_relay_of_its_process(database: Database):
    nudge = asyncio.Event()
    exchange = Exchange(Connections(database.service_url), on_order=nudge.set, hash_identity=HASHES.identity)
    owner = Identity("discord", "1", "Owner")
    exchange_id = await exchange.open_exchange(1, "discord", "1", "Guild", owner)
    member = await exchange.register_user(exchange_id, 2, owner)
    assert not nudge.is_set()
    await exchange.execute_order(exchange_id, Order(3, member.user_id, "22s1", Side.BUY, Size(1)))
    assert nudge.is_set()
    await exchange.close()


async def test_old_notices_are_forgotten(exchange: Exchange, connection_owner: asyncpg.Connection):
    exchange_id = await exchange.open_exchange(1, "discord", "1", "Guild", Identity("discord", "1", "Owner"))
    await connection_owner.execute(
        "insert into betjee.outbox (exchange_id, kind, detail, state, created_at)"
        " values ($1, 'old', '{}', 'kept', clock_timestamp() - interval '31 days')",
        exchange_id,
    )
    await does(exchange, "purge_outbox")
    assert await connection_owner.fetchval("select count(*) from betjee.outbox") == 0


async def test_halts_and_cool_downs_that_ended_are_found(
    exchange: Exchange, connection_owner: asyncpg.Connection
):
    meera = Identity("discord", "1", "Owner")
    halted, cooling, waiting = [
        await exchange.open_exchange(number, "discord", str(number), "Guild", meera) for number in (1, 2, 3)
    ]
    halt = (
        "update betjee.markets set status = 'halted', halted_until = clock_timestamp() + $2::interval"
        " where exchange_id = $1 and code = '22s1'"
    )
    await connection_owner.execute(halt.replace("$2::interval", "interval '-1 second'"), halted)
    await connection_owner.execute(halt.replace("$2::interval", "interval '1 hour'"), waiting)
    member = await exchange.register_user(cooling, 10, meera)
    await connection_owner.execute(
        "insert into betjee.positions values ($1, $2, 1, 0, 0, 0, 0, 1, clock_timestamp(), 1)",
        cooling,
        member.user_id,
    )
    due = await connection_owner.fetch("select betjee.list_due_exchanges()")
    assert {row[0] for row in due} == {halted, cooling}


async def test_leaderboards_are_made_and_posted(exchange: Exchange, connection_owner: asyncpg.Connection):
    meera = Identity("discord", "1", "Owner")
    exchange_id = await exchange.open_exchange(1, "discord", "1", "Guild", meera)
    await exchange.register_user(exchange_id, 2, meera)
    await connection_owner.execute(
        "update betjee.exchanges set settings = settings || jsonb_build_object('utc_offset', '+00:00',"
        " 'leaderboard_post_at', to_char(clock_timestamp() at time zone 'UTC', 'HH24:MI'))"
    )
    for _ in range(2):
        await does(exchange, "make_leaderboards")
    assert (await exchange.get_leaderboard(exchange_id)).members == 1
    kinds = await connection_owner.fetch("select kind from betjee.outbox")
    assert [row["kind"] for row in kinds] == ["leaderboard_post"]


async def test_fills_are_counted(exchange: Exchange, connection_owner: asyncpg.Connection):
    meera = Identity("discord", "1", "Owner")
    exchange_id = await exchange.open_exchange(1, "discord", "1", "Guild", meera)
    member = await exchange.register_user(exchange_id, 2, meera)
    await exchange.execute_order(exchange_id, Order(3, member.user_id, "22s1", Side.BUY, Size(7)))
    await does(exchange, "count_candles")
    shares = "select sum(volume_shares) from betjee.candles where exchange_id = $1 and candle_seconds = 3600"
    assert await connection_owner.fetchval(shares, exchange_id) == 7
    assert await connection_owner.fetch("select betjee.list_uncounted_exchanges()") == []


async def test_reopening_nothing_does_nothing(exchange: Exchange):
    assert await exchange.reopen_markets() == 0
    await does(exchange, "reopen_markets")


async def test_a_database_that_is_away_ends_no_schedule(caplog: pytest.LogCaptureFixture):
    away = Exchange(Connections("postgresql://nobody@127.0.0.1:1/nowhere", patience=IMPATIENT))
    with pytest.raises(ExchangeUnavailable):
        await away.purge_outbox()
    for job in ("reopen_markets", "make_leaderboards", "count_candles", "purge_requests", "purge_outbox"):
        await does(away, job)
        assert f"The job {job} was not done" in caplog.text


async def test_every_exchange_is_audited_and_what_does_not_balance_is_told(
    exchange: Exchange,
    database: Database,
    connection_owner: asyncpg.Connection,
    caplog: pytest.LogCaptureFixture,
):
    meera = Identity("discord", "1", "Owner")
    fine, wrong = [
        await exchange.open_exchange(number, "discord", str(number), "Guild", meera) for number in (1, 2)
    ]
    job = scheduled_jobs(exchange, audited_url=database.service_url).get_job("audit_exchanges")
    await connection_owner.execute("update betjee.exchanges set opened_at = opened_at - interval '1 hour'")
    assert (await exchange.get_health()).audit_age_seconds >= 3_600, "it counts from the opening"
    await job.func(*job.args)
    health = await exchange.get_health()
    assert (health.audit_discrepancies, health.exchanges) == (0, 2)
    assert health.audit_age_seconds < 60
    await connection_owner.execute(
        "update betjee.markets set pool_paise = 5 where exchange_id = $1 and shift_id = 1", wrong
    )
    await job.func(*job.args)
    assert (await exchange.get_health()).audit_discrepancies == 0, "not twice within an hour"
    await connection_owner.execute(
        "update betjee.audits set clean_at = clean_at - interval '2 hours', audited_at = audited_at - interval '2 hours'"
    )
    await job.func(*job.args)
    health = await exchange.get_health()
    assert health.audit_discrepancies >= 1
    assert health.audit_age_seconds >= 7_200, "that of the exchange which is not clean"
    assert f"Exchange {wrong} does not balance" in caplog.text
    assert f"Exchange {fine} does" not in caplog.text
