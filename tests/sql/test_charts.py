"""What charts are drawn from, against the ledger and the model."""

import json
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.model import curve
from tests.model.curve import Terms
from tests.model.founding import WIDE, Founded, execute, found
from tests.model.state import Ask
from tests.sql.floor import Floor, narrow

HISTORY = "select betjee.get_price_history($1, $2, $3, $4)"
HOUR = 3_600


@pytest.fixture
async def traded(connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection) -> Founded:
    """An exchange of two days' age with four fills, ten and five minutes ago and just now."""
    founded = await found(connection_owner, [50_000_000] * 2, {"22s1": Terms(), "22s2": Terms()}, WIDE)
    await connection_owner.execute(
        "update betjee.exchanges set opened_at = clock_timestamp() - interval '2 days' where exchange_id = $1",
        founded.exchange_id,
    )
    buyer, seller = founded.users
    orders = [(buyer, "buy", 300), (seller, "buy", 100), (seller, "sell", 50), (buyer, "sell", 150)]
    for number, (user, side, shares) in enumerate(orders, start=1):
        ask = Ask(number, user, "22s1", side, shares, confirmed=True)
        assert await execute(connection_service, founded.exchange_id, [ask]) == [founded.model.execute(ask)]
    # Two of them have one time to the microsecond, as in a batch: else a bucket may end between them.
    now = await connection_owner.fetchval("select clock_timestamp()")
    for sequence, minutes in ((1, 10), (2, 5), (3, 5)):
        await connection_owner.execute(
            "update betjee.transactions set executed_at = $3"
            " where exchange_id = $1 and sequence = (select min(sequence) + $2 - 1 from betjee.transactions where exchange_id = $1)",
            founded.exchange_id,
            sequence,
            now - timedelta(minutes=minutes),
        )
    return founded


async def history(
    service: asyncpg.Connection, founded: Founded, seconds: int | None = HOUR, user: int | None = None
) -> dict[str, Any]:
    document = await service.fetchval(HISTORY, founded.exchange_id, "22s1", seconds, user)
    read: dict[str, Any] = json.loads(document)
    return read


def price(sold: int) -> int:
    return curve.price(Terms(), sold)


async def test_a_price_is_summed_up_in_buckets(
    traded: Founded, connection_service: asyncpg.Connection
) -> None:
    shown = await history(connection_service, traded)
    assert shown["bucket_seconds"] == 15
    assert shown["opening_price_paise"] == price(0)
    assert shown["price_paise"] == price(200)
    assert shown["change_bps"] == (price(200) - price(0)) * 10_000 // price(0)
    first, middle, last = shown["buckets"]
    assert first[1:] == [price(300), price(300), price(300), 300]
    assert middle[1:] == [price(350), price(400), price(350), 150], "two fills, the last of them lower"
    assert last[1:] == [price(200), price(200), price(200), 150]
    assert first[0] < middle[0] < last[0] < shown["bucket_count"] <= 242


async def test_the_price_before_the_period_is_carried_into_it(
    traded: Founded, connection_service: asyncpg.Connection
) -> None:
    shown = await history(connection_service, traded, seconds=7 * 60)
    assert shown["opening_price_paise"] == price(300)
    assert [bucket[1] for bucket in shown["buckets"]] == [price(350), price(200)]


async def test_all_begins_with_the_first_fill_and_nothing_before_the_exchange_was_opened(
    traded: Founded, connection_service: asyncpg.Connection, connection_owner: asyncpg.Connection
) -> None:
    everything = await history(connection_service, traded, seconds=None)
    assert everything["buckets"][0][0] in (0, 1, 2)
    assert everything["opening_price_paise"] == price(0)
    week = await history(connection_service, traded, seconds=7 * 24 * HOUR)
    opened_at = await connection_owner.fetchval(
        "select opened_at from betjee.exchanges where exchange_id = $1", traded.exchange_id
    )
    before = opened_at - datetime.fromisoformat(week["starts_at"])
    assert timedelta(0) <= before <= timedelta(seconds=week["bucket_seconds"])


async def test_buckets_stand_still_while_time_goes_on(
    traded: Founded, connection_service: asyncpg.Connection
) -> None:
    day = [await history(connection_service, traded, seconds=24 * HOUR) for _ in range(3)]
    starts = {datetime.fromisoformat(shown["starts_at"]).timestamp() for shown in day}
    assert all(start % 360 == 0 for start in starts)
    assert {shown["bucket_seconds"] for shown in day} == {360}


async def test_a_market_in_which_nobody_traded_is_flat(
    traded: Founded, connection_service: asyncpg.Connection
) -> None:
    for seconds in (HOUR, None, -5, 2**31 - 1):
        document = await connection_service.fetchval(HISTORY, traded.exchange_id, "22s2", seconds, None)
        shown = json.loads(document)
        assert shown["buckets"] == []
        assert shown["price_paise"] == shown["opening_price_paise"] == price(0)
        assert 1 <= shown["bucket_count"] <= 242


async def test_only_the_member_who_asks_is_shown_what_they_hold(
    traded: Founded, connection_service: asyncpg.Connection
) -> None:
    buyer, _ = traded.users
    held = traded.model.members[buyer].holdings["22s1"]
    shown = await history(connection_service, traded, user=buyer)
    assert shown["position_shares"] == held.shares == 150
    assert shown["average_cost_paise"] == round(held.basis_paise / held.shares)
    nobody = await history(connection_service, traded)
    assert (nobody["position_shares"], nobody["average_cost_paise"]) == (0, None)


async def test_an_unknown_market_has_no_history_and_no_curve(
    traded: Founded, connection_service: asyncpg.Connection
) -> None:
    assert await connection_service.fetchval(HISTORY, traded.exchange_id, "99s9", HOUR, None) is None
    query = "select betjee.get_market($1, $2)"
    assert await connection_service.fetchval(query, traded.exchange_id, "99s9") is None
    assert await connection_service.fetchval(query, 10**9, "22s1") is None


async def test_a_market_is_shown_with_its_terms_and_its_curve(
    traded: Founded, connection_service: asyncpg.Connection
) -> None:
    document = await connection_service.fetchval("select betjee.get_market($1, '22s1')", traded.exchange_id)
    shown = json.loads(document)
    terms = Terms()
    assert shown["price_paise"] == price(200)
    assert shown["remaining_shares"] == terms.total_shares_cap - 200
    assert (shown["price_min_paise"], shown["price_max_paise"]) == (
        terms.price_min_paise,
        terms.price_max_paise,
    )
    assert shown["tax_bps"] == terms.tax_bps
    points = shown["curve"]
    assert len(points) == 121
    assert points == sorted(points)
    assert points[0] == [0, price(0)]
    assert points[-1] == [9_900, price(9_900)]
    assert all(paise == price(sold) for sold, paise in points)


async def test_a_curve_reaches_to_where_shorts_have_carried_it(
    traded: Founded, connection_service: asyncpg.Connection
) -> None:
    ask = Ask(50, traded.users[0], "22s2", "short", 400, confirmed=True)
    await execute(connection_service, traded.exchange_id, [ask])
    document = await connection_service.fetchval("select betjee.get_market($1, '22s2')", traded.exchange_id)
    assert json.loads(document)["curve"][0] == [-400, price(-400)]


async def test_the_band_is_where_orders_are_stopped(
    floor: Floor, connection_service: asyncpg.Connection
) -> None:
    await narrow(floor, 1_000)
    document = await connection_service.fetchval(
        "select betjee.get_market($1, '22s1')", floor.founded.exchange_id
    )
    shown = json.loads(document)
    for side, shares in (("buy", 1_000), ("short", 1_000)):
        refused = await floor.order(5, side, shares)
        assert refused["code"] == "price_band"
        most = await floor.service.fetchval(
            "select (betjee.quote_order($1, (1, $2, '22s1', $3, $4, null, null, true)::betjee.order_request)).price_after_paise",
            floor.founded.exchange_id,
            floor.founded.users[5],
            side,
            refused["possible_shares"],
        )
        assert shown["band_low_paise"] <= most <= shown["band_high_paise"]
        edge = shown["band_high_paise"] if side == "buy" else shown["band_low_paise"]
        assert abs(most - edge) <= 25, "one share more would pass the edge"


async def test_a_halt_by_the_rules_is_recorded_with_its_end(
    floor: Floor, connection_service: asyncpg.Connection
) -> None:
    await narrow(floor, 3_000)
    price_paise = await floor.price()
    for user in range(4):
        await floor.arm(user, "stop_loss", price_paise - 100 * (1 + user), 400)
    await floor.order(5, "short", 20)
    (halt,) = await floor.rows("select * from betjee.halts where")
    (market,) = await floor.rows("select * from betjee.markets where", "shift_id")
    assert (halt["halted_at"], halt["ends_at"]) == (market["updated_at"], market["halted_until"])
    shown = await history(connection_service, floor.founded)
    ((halted_at, ends_at),) = shown["halts"]
    assert datetime.fromisoformat(halted_at) == halt["halted_at"]
    assert datetime.fromisoformat(ends_at) == halt["ends_at"]
    assert shown["status"] == "halted"


END_HALT = """
select betjee.record_halt_end(e, m) from betjee.exchanges e, betjee.markets m
where e.exchange_id = $1 and m.exchange_id = $1
"""


async def test_a_halt_without_a_time_lasts_until_it_is_ended(
    traded: Founded, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    await connection_owner.execute(
        "select betjee.record_halt(e, m) from betjee.exchanges e, betjee.markets m"
        " where e.exchange_id = $1 and m.exchange_id = $1 and m.code = '22s1'",
        traded.exchange_id,
    )
    ((_, ends_at),) = (await history(connection_service, traded))["halts"]
    assert ends_at is None
    await connection_owner.execute(END_HALT, traded.exchange_id)
    ((_, ends_at),) = (await history(connection_service, traded))["halts"]
    assert ends_at is not None
