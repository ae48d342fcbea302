"""Price alerts: when they are armed, refused, cancelled and fired, and that firing them is a look-up."""

import json
from typing import Any

import asyncpg
import pytest

from tests.model import curve
from tests.model.curve import Terms
from tests.model.founding import found
from tests.sql.front import Front

FIRE = """
select betjee.fire_alerts(e, m, $2, $3) from betjee.exchanges e join betjee.markets m using (exchange_id)
where exchange_id = $1 and m.code = '22s1'
"""
NOTICES = "select user_id, kind, detail from betjee.outbox where exchange_id = $1 order by notice_id"
HIGHEST_PAISE = curve.price(Terms(), Terms().total_shares_cap - Terms().min_market_shares)
"""When all but the shares that are never sold are sold: below the ceiling of the curve, which it never reaches."""

NOW = 1_663
"""The price of a new market, in paise."""


async def fire(owner: asyncpg.Connection, exchange_id: int, lowest: int, highest: int) -> list[Any]:
    """Let a market's price have moved between two points of its curve; the notices there are then."""
    await owner.execute(FIRE, exchange_id, lowest, highest)
    return [
        (row["user_id"], row["kind"], json.loads(row["detail"]))
        for row in await owner.fetch(NOTICES, exchange_id)
    ]


async def test_an_alert_fires_once_when_its_price_is_reached(
    front: Front, connection_owner: asyncpg.Connection
) -> None:
    ada = await front.register("ada")
    alert = await front.call("arm_alert", ada, "22s1", 2_000)
    assert alert | {"alert_id": 0} == {
        "alert_id": 0,
        "market": "22s1",
        "label": "22 JAN S1",
        "alert_price_paise": 2_000,
        "is_above": True,
        "price_paise": NOW,
    }
    trigger = await connection_owner.fetchval(
        "select trigger_sold from betjee.price_alerts where exchange_id = $1", front.exchange_id
    )
    assert trigger > 0
    assert await fire(connection_owner, front.exchange_id, 0, trigger - 1) == []
    fired = await fire(connection_owner, front.exchange_id, 0, trigger)
    detail = {"market": "22s1", "label": "22 JAN S1", "alert_price_paise": 2_000, "price_paise": NOW}
    assert fired == [(ada, "price_alert", detail)]
    assert await fire(connection_owner, front.exchange_id, 0, trigger) == fired, "once"
    assert await front.listing("list_alerts", ada) == []


async def test_an_alert_below_the_price_waits_for_a_fall(
    front: Front, connection_owner: asyncpg.Connection
) -> None:
    ada = await front.register("ada")
    alert = await front.call("arm_alert", ada, "22s1", 1_500)
    assert not alert["is_above"]
    trigger = await connection_owner.fetchval(
        "select trigger_sold from betjee.price_alerts where exchange_id = $1", front.exchange_id
    )
    assert trigger < 0
    assert await fire(connection_owner, front.exchange_id, trigger + 1, 10_000) == []
    assert len(await fire(connection_owner, front.exchange_id, trigger, 0)) == 1


async def test_alerts_of_other_markets_and_exchanges_stay(
    front: Front, connection_owner: asyncpg.Connection
) -> None:
    ada = await front.register("ada")
    await front.call("arm_alert", ada, "22s2", 2_000)
    assert await fire(connection_owner, front.exchange_id, -10_000, 10_000) == []
    assert len(await front.listing("list_alerts", ada)) == 1


async def test_alerts_are_listed_and_cancelled_by_their_owner(front: Front) -> None:
    ada, bob = await front.register("ada"), await front.register("bob")
    first = await front.call("arm_alert", ada, "22s1", 2_000)
    second = await front.call("arm_alert", ada, "21s1", 1_200)
    listed = await front.listing("list_alerts", ada)
    assert [alert["alert_id"] for alert in listed] == [second["alert_id"], first["alert_id"]]
    assert (await front.call("cancel_alert", bob, first["alert_id"]))["refused"] == "unknown_alert"
    assert await front.call("cancel_alert", ada, first["alert_id"]) == first
    assert (await front.call("cancel_alert", ada, first["alert_id"]))["refused"] == "unknown_alert"
    assert await front.listing("list_alerts", ada) == [second]


async def test_a_repeated_request_arms_once(front: Front) -> None:
    ada = await front.register("ada")
    first = await front.call("arm_alert", ada, "22s1", 2_000, request_id=50)
    assert await front.call("arm_alert", ada, "22s1", 2_000, request_id=50) == first
    reused = await front.call("arm_alert", ada, "22s1", 2_001, request_id=50)
    assert reused["refused"] == "request_reused"
    assert len(await front.listing("list_alerts", ada)) == 1


@pytest.mark.parametrize(
    ("market", "price", "code", "sentence"),
    [
        ("99s9", 2_000, "unknown_market", "There is no market 99s9; /markets lists them."),
        ("22s1", 999, "price_out_of_range", "from ₹10.00 to ₹992.68 and no further"),
        ("22s1", HIGHEST_PAISE + 1, "price_out_of_range", "from ₹10.00 to ₹992.68 and no further"),
        ("22s1", 100_001, "price_out_of_range", "and no further"),
        ("22s1", 0, "price_out_of_range", "and no further"),
        ("22s1", None, "price_out_of_range", "and no further"),
        ("22s1", NOW, "price_already_there", "is ₹16.63 already"),
        ("22s1", 3_000, "duplicate_alert", "at ₹30.00 already"),
    ],
)
async def test_refusals(front: Front, market: str, price: int | None, code: str, sentence: str) -> None:
    ada = await front.register("ada")
    await front.call("arm_alert", ada, "22s1", 3_000)
    refused = await front.call("arm_alert", ada, market, price)
    assert refused["refused"] == code
    assert sentence in refused["detail"]


async def test_the_highest_and_the_lowest_price_that_trading_reaches_can_be_told(front: Front) -> None:
    ada = await front.register("ada")
    assert (await front.call("arm_alert", ada, "22s1", HIGHEST_PAISE))["is_above"]
    assert not (await front.call("arm_alert", ada, "22s1", 1_000))["is_above"]


@pytest.mark.parametrize(("status", "code"), [("frozen", "user_frozen"), ("banned", "user_banned")])
async def test_whoever_is_frozen_or_banned_arms_nothing_and_may_cancel(
    front: Front, connection_owner: asyncpg.Connection, status: str, code: str
) -> None:
    ada = await front.register("ada")
    alert = await front.call("arm_alert", ada, "22s1", 3_000)
    await connection_owner.execute("update betjee.users set status = $2 where user_id = $1", ada, status)
    assert (await front.call("arm_alert", ada, "22s1", 2_000))["refused"] == code
    assert await front.call("cancel_alert", ada, alert["alert_id"]) == alert


async def test_strangers_and_settled_markets(front: Front, connection_owner: asyncpg.Connection) -> None:
    ada = await front.register("ada")
    assert (await front.call("arm_alert", 10**9, "22s1", 2_000))["refused"] == "not_registered"
    await connection_owner.execute(
        "update betjee.markets set status = 'settled' where exchange_id = $1", front.exchange_id
    )
    assert (await front.call("arm_alert", ada, "22s1", 2_000))["refused"] == "market_not_open"


async def test_alerts_are_bounded_in_number_by_a_setting(front: Front) -> None:
    ada = await front.register("ada")
    for price in range(2_000, 2_020):
        assert "alert_id" in await front.call("arm_alert", ada, "22s1", price)
    refused = await front.call("arm_alert", ada, "22s1", 2_020)
    assert refused["refused"] == "too_many_alerts"
    assert "20 price alerts" in refused["detail"]


async def test_ended_alerts_are_forgotten(front: Front, connection_owner: asyncpg.Connection) -> None:
    ada = await front.register("ada")
    alert = await front.call("arm_alert", ada, "22s1", 2_000)
    await front.call("arm_alert", ada, "22s1", 3_000)
    await front.call("cancel_alert", ada, alert["alert_id"])
    await connection_owner.execute("update betjee.price_alerts set ended_at = ended_at - interval '31 days'")
    await front.service.execute("select betjee.purge_outbox(100)")
    left = await connection_owner.fetchval(
        "select count(*) from betjee.price_alerts where exchange_id = $1", front.exchange_id
    )
    assert left == 1


MANY = """
insert into betjee.price_alerts (
  exchange_id, alert_id, user_id, shift_id, price_paise, trigger_sold, trigger_sign, armed_at)
select $1, 1000 + n, $2, 1, 5000, case n % 2 when 0 then 1000 + n else -1000 - n end,
  case n % 2 when 0 then 1 else -1 end, clock_timestamp()
from generate_series(1, 100000) n
"""
ROWS_READ = """
select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables
where schemaname = 'betjee' and relname = 'price_alerts'
"""


async def test_finding_crossed_alerts_is_a_look_up_however_many_are_armed(
    connection_owner: asyncpg.Connection,
) -> None:
    founded = await found(connection_owner)
    await connection_owner.execute(MANY, founded.exchange_id, founded.users[0])
    for analyzed in (False, True):
        if analyzed:
            await connection_owner.execute("analyze betjee.price_alerts")
        for _ in range(6):
            await connection_owner.execute(FIRE, founded.exchange_id, -1_000, 1_000)
        for highest, crossed in ((1_000, 0), (1_004, 2)):
            transaction = connection_owner.transaction()
            await transaction.start()
            before = await connection_owner.fetchval(ROWS_READ)
            await connection_owner.execute(FIRE, founded.exchange_id, -1_000, highest)
            read = await connection_owner.fetchval(ROWS_READ) - (before or 0)
            await transaction.rollback()
            assert read <= 3 * crossed, "only those that were crossed"
