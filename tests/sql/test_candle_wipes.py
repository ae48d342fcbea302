"""Candles and whoever changes the ledger of the past: they are right at once, whoever counts meanwhile."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from tests.sql.blocking import holding, wait_for_waiting
from tests.sql.court import Court
from tests.sql.tape import COUNTED, assert_charts_show_the_ledger, counted

AGE = """
update betjee.transactions t
set executed_at = clock_timestamp() - (20 - f.number) / 2 * $2::interval - (20 - f.number) * interval '7 seconds'
from (
  select sequence, row_number() over (order by sequence) as number from betjee.transactions where exchange_id = $1) f
where t.exchange_id = $1 and t.sequence = f.sequence
"""


@pytest.fixture
async def aged(court: Court) -> Court:
    """Ann has traded each month for ten, on one day of it twice; bob came in the seventh, and was the first on his days."""
    for number in range(20):
        await court.order("bob" if number in (12, 14) else "ann", "buy", 10 + number)
    await court.owner_connection.execute(AGE, court.front.exchange_id, timedelta(days=30))
    await court.owner_connection.execute(
        "update betjee.exchanges set opened_at = opened_at - interval '400 days' where exchange_id = $1",
        court.front.exchange_id,
    )
    await court.call("change_setting", court["olga"], "wipe_undo_seconds", "0")
    return court


class TestWipes:
    async def show_the_ledger(self, court: Court) -> None:
        await assert_charts_show_the_ledger(
            court.owner_connection, court.front.service, court.front.exchange_id
        )

    async def test_charts_are_right_at_once_and_what_was_before_is_not_counted_again(
        self, aged: Court
    ) -> None:
        service, exchange_id = aged.front.service, aged.front.exchange_id
        await counted(service, exchange_id)
        assert (await aged.plan("olga", ["bob"], "burn"))["status"] == "executed"
        assert await aged.owner_connection.fetchval(COUNTED, exchange_id) == 12
        await self.show_the_ledger(aged)
        while await counted(service, exchange_id, 2):
            await self.show_the_ledger(aged)
        await self.show_the_ledger(aged)
        assert await aged.owner_connection.fetchval(COUNTED, exchange_id) == 18

    @pytest.mark.parametrize("before", [3, 12, 14])
    async def test_a_wipe_of_what_is_counted_in_part(self, aged: Court, before: int) -> None:
        service, exchange_id = aged.front.service, aged.front.exchange_id
        assert await counted(service, exchange_id, before)
        assert (await aged.plan("olga", ["bob"], "unwind"))["status"] == "executed"
        assert await aged.owner_connection.fetchval(COUNTED, exchange_id) == min(before, 12)
        await self.show_the_ledger(aged)
        await counted(service, exchange_id)
        await self.show_the_ledger(aged)

    async def test_a_wipe_of_what_was_traded_today(self, aged: Court) -> None:
        service, exchange_id = aged.front.service, aged.front.exchange_id
        await aged.owner_connection.execute(AGE, exchange_id, timedelta(minutes=6))
        await counted(service, exchange_id)
        assert (await aged.plan("olga", ["bob"], "burn"))["status"] == "executed"
        await self.show_the_ledger(aged)
        while await counted(service, exchange_id, 5):
            await self.show_the_ledger(aged)
        await self.show_the_ledger(aged)

    @pytest.mark.parametrize("mode", ["burn", "unwind"])
    async def test_board_and_markets_and_chart_tell_one_change_of_a_day(self, aged: Court, mode: str) -> None:
        front = aged.front
        await aged.owner_connection.execute(AGE, front.exchange_id, timedelta(hours=7))
        assert (await aged.plan("olga", ["bob"], mode))["status"] == "executed"
        (board,) = await front.listing("get_board")
        (chart,) = await front.listing("get_price_history", "22s1", 86_400, None)
        on_board = next(market for market in board["markets"] if market["market"] == "22s1")
        told = (await aged.market())["change_bps"]
        assert on_board["day_change_bps"] == told == chart["change_bps"] != 0

    async def test_a_wipe_of_who_never_traded_forgets_nothing(self, aged: Court) -> None:
        service, exchange_id = aged.front.service, aged.front.exchange_id
        await counted(service, exchange_id)
        assert (await aged.plan("olga", ["cid"], "burn"))["status"] == "executed"
        assert await aged.owner_connection.fetchval(COUNTED, exchange_id) == 20
        await self.show_the_ledger(aged)

    @pytest.mark.parametrize("is_first", [True, False])
    async def test_a_wipe_waits_for_the_count_in_hand(
        self, aged: Court, sessions: list[asyncpg.Connection], watcher: asyncpg.Connection, is_first: bool
    ) -> None:
        exchange_id = aged.front.exchange_id
        if not is_first:
            await counted(sessions[0], exchange_id, 5)
        async with asyncio.TaskGroup() as group, sessions[0].transaction():
            await counted(sessions[0], exchange_id)
            wiping = group.create_task(aged.plan("olga", ["bob"], "burn"))
            await wait_for_waiting(watcher, "plan_wipe")
        assert wiping.result()["status"] == "executed"
        await self.show_the_ledger(aged)
        await counted(sessions[0], exchange_id)
        await self.show_the_ledger(aged)

    @pytest.mark.parametrize("is_executed", [True, False])
    async def test_no_count_begins_while_a_wipe_is_in_hand(
        self, aged: Court, sessions: list[asyncpg.Connection], is_executed: bool
    ) -> None:
        service, exchange_id = aged.front.service, aged.front.exchange_id
        await counted(service, exchange_id, 16)
        wiping = service.transaction()
        await wiping.start()
        assert (await aged.plan("olga", ["bob"], "burn"))["status"] == "executed"
        await sessions[0].execute("set lock_timeout = '1s'")
        assert not await counted(sessions[0], exchange_id)
        await (wiping.commit() if is_executed else wiping.rollback())
        await self.show_the_ledger(aged)
        await counted(sessions[0], exchange_id)
        await self.show_the_ledger(aged)

    async def test_no_count_begins_while_candles_are_forgotten(
        self, aged: Court, sessions: list[asyncpg.Connection], watcher: asyncpg.Connection
    ) -> None:
        exchange_id = aged.front.exchange_id
        await counted(sessions[0], exchange_id, 16)
        candles = "select from betjee.candles where exchange_id = $1 and candle_seconds = 86400 for update"
        async with asyncio.TaskGroup() as group, holding(aged.owner_connection, candles, exchange_id):
            wiping = group.create_task(aged.plan("olga", ["bob"], "burn"))
            await wait_for_waiting(watcher, "plan_wipe")
            assert not await counted(sessions[0], exchange_id, 2)
        assert wiping.result()["status"] == "executed"
        await self.show_the_ledger(aged)
        await counted(sessions[0], exchange_id)
        await self.show_the_ledger(aged)

    async def test_an_audit_finds_a_fill_counted_twice_and_a_repair_has_all_counted_anew(
        self, aged: Court
    ) -> None:
        service, exchange_id = aged.front.service, aged.front.exchange_id
        await counted(service, exchange_id, 15)
        assert await aged.audit() == []
        await aged.owner_connection.execute(
            "update betjee.candles set volume_shares = volume_shares + 1 where exchange_id = $1", exchange_id
        )
        (discrepancy,) = await aged.audit()
        assert "its candles have" in discrepancy
        await aged.owner_connection.execute("select betjee.repair_exchange($1)", exchange_id)
        assert await aged.audit() == []
        await self.show_the_ledger(aged)
        await counted(service, exchange_id)
        await self.show_the_ledger(aged)
