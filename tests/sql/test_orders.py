"""Each kind of order, once, with figures worked out by hand or by the model."""

import asyncpg
import pytest

from tests.model.founding import execute, found, quote
from tests.model.state import Ask
from tests.sql.desk import FLAT, desk


async def test_buying_and_selling_at_a_flat_price(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    flat = await desk(connection_owner, connection_service, 100_000, FLAT)
    bought = await flat.order("buy", 10)
    assert (bought["gross_paise"], bought["tax_paise"], bought["total_paise"]) == (10_000, 1_000, 11_000)
    assert (bought["cash_paise"], bought["position_shares"], bought["worst_loss_paise"]) == (
        89_000,
        10,
        11_000,
    )
    sold = await flat.order("sell", 4)
    assert (sold["gross_paise"], sold["tax_paise"], sold["total_paise"]) == (4_000, 400, 3_600)
    assert (sold["cash_paise"], sold["position_shares"], sold["realised_paise"]) == (92_600, 6, 0)


async def test_a_short_reserves_its_worst_case_and_a_cover_releases_it(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    flat = await desk(connection_owner, connection_service, 100_000, FLAT)
    shorted = await flat.order("short", 10)
    collateral = 10 * 1_102  # ₹10.01 and its tax, rounded up to a paisa.
    assert (shorted["total_paise"], shorted["reserved_paise"]) == (9_000, collateral)
    assert shorted["buying_power_paise"] == 100_000 + 9_000 - collateral
    assert shorted["worst_loss_paise"] == collateral - 9_000
    covered = await flat.order("cover", 10)
    assert (covered["reserved_paise"], covered["cash_paise"], covered["position_shares"]) == (0, 98_000, 0)


@pytest.mark.parametrize(("side", "portion", "shares"), [("buy", 5_000, 45), ("short", 10_000, 495)])
async def test_a_portion_of_an_opening_order_is_of_the_buying_power(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    side: str,
    portion: int,
    shares: int,
) -> None:
    flat = await desk(connection_owner, connection_service, 100_000, FLAT)
    outcome = await flat.order(side, None, portion_bps=portion)
    assert outcome["shares"] == shares


async def test_a_portion_of_a_closing_order_is_of_the_position(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    flat = await desk(connection_owner, connection_service, 100_000, FLAT)
    await flat.order("buy", 7)
    assert (await flat.order("sell", None, portion_bps=5_000))["shares"] == 3
    assert (await flat.order("sell", None, portion_bps=1))["shares"] == 1
    assert (await flat.order("sell", None, portion_bps=10_000))["position_shares"] == 0


async def test_an_order_of_great_impact_asks_first_and_leaves_no_trace(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    trading = await desk(connection_owner, connection_service)
    asked = await trading.order("buy", 200, confirmed=False)
    assert asked["status"] == "unconfirmed"
    assert asked["protected_limit_paise"] == asked["total_paise"] * 101 // 100
    ask = Ask(1, trading.founded.users[0], "22s1", "buy", 200, confirmed=False)
    quoted = await quote(connection_service, trading.founded.exchange_id, ask)
    assert quoted["protected_limit_paise"] == asked["protected_limit_paise"], "a live quote is confirmed too"
    for table in ("requests", "transactions"):
        assert (
            await connection_owner.fetchval(
                f"select count(*) from betjee.{table} where exchange_id = $1", trading.founded.exchange_id
            )
            == 0
        )
    confirmed = await trading.order("buy", 200, limit_paise=asked["protected_limit_paise"])
    assert confirmed["total_paise"] == asked["total_paise"]


async def test_a_quote_changes_nothing_and_the_order_costs_what_it_said(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    trading = await desk(connection_owner, connection_service)
    ask = Ask(1, trading.founded.users[0], "22s1", "buy", 50)
    quoted = await quote(connection_service, trading.founded.exchange_id, ask)
    assert quoted == await quote(connection_service, trading.founded.exchange_id, ask)
    filled = await trading.order("buy", 50)
    assert quoted["status"] == "quoted"
    for figure in ("total_paise", "price_after_paise", "cash_paise", "worst_loss_paise"):
        assert quoted[figure] == filled[figure]


async def test_a_batch_has_at_most_two_hundred_orders(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    founded = await found(connection_owner)
    asks = [Ask(number, founded.users[0], "22s1", "buy", 1) for number in range(1, 202)]
    assert await execute(connection_service, founded.exchange_id, []) == []
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await execute(connection_service, founded.exchange_id, asks)


@pytest.mark.parametrize("bounds", ["[0:1]", "[5:6]"])
async def test_a_batch_that_counts_its_orders_otherwise_is_refused(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection, bounds: str
) -> None:
    founded = await found(connection_owner)
    order = "row(1, $2, '22s1', 'buy', 1, null, null, true)::betjee.order_request"
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await connection_service.fetch(
            f"select * from betjee.execute_orders($1, ('{bounds}=' || array[{order}, {order}]::text)::betjee.order_request[])",
            founded.exchange_id,
            founded.users[0],
        )


async def test_an_exchange_that_does_not_exist_is_an_error(connection_service: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.PostgresError, match="no exchange"):
        await execute(connection_service, 404, [Ask(1, 1, "22s1", "buy", 1)])
