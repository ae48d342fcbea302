"""Each refusal of an order, once, with the size that would have been possible."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from tests.model import curve
from tests.model.curve import Terms
from tests.model.founding import WIDE, pass_window
from tests.model.judgement import Rules
from tests.sql.desk import FLAT, desk


async def test_strangers_and_those_who_may_not_trade_are_refused(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    trading = await desk(connection_owner, connection_service)
    assert (await trading.order("buy", user=2))["code"] == "unknown_user"
    member = trading.founded.model.members[trading.founded.users[0]]
    for status in ("frozen", "banned"):
        member.status = status
        await connection_owner.execute("update betjee.users set status = $1", status)
        assert (await trading.order("buy"))["code"] == f"user_{status}"
    member.registered = False
    await connection_owner.execute("update betjee.users set registered_at = null")
    assert (await trading.order("buy"))["code"] == "not_registered"


@pytest.mark.parametrize("status", ["halted", "settled"])
async def test_markets_that_are_not_there_or_not_open_are_refused(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection, status: str
) -> None:
    trading = await desk(connection_owner, connection_service)
    assert (await trading.order("buy", market="99s9"))["code"] == "unknown_market"
    trading.founded.model.pools["22s1"].status = status
    await connection_owner.execute("update betjee.markets set status = $1", status)
    assert (await trading.order("buy"))["code"] == "market_not_open"


@pytest.mark.parametrize(
    ("shares", "portion"),
    [(0, None), (-1, None), (10_000_001, None), (None, 0), (None, 10_001), (None, None), (1, 1)],
)
async def test_sizes_that_are_none_are_refused(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    shares: int | None,
    portion: int | None,
) -> None:
    trading = await desk(connection_owner, connection_service)
    more: dict[str, Any] = {} if portion is None else {"portion_bps": portion}
    assert (await trading.order("buy", shares, **more))["code"] == "invalid_shares"


@pytest.mark.parametrize(
    ("first", "then", "code"),
    [
        ("short", "buy", "position_is_short"),
        ("short", "sell", "position_is_short"),
        ("buy", "short", "position_is_long"),
        ("buy", "cover", "position_is_long"),
    ],
)
async def test_a_position_is_closed_before_it_is_turned(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    first: str,
    then: str,
    code: str,
) -> None:
    trading = await desk(connection_owner, connection_service)
    await trading.order(first, 2)
    assert (await trading.order(then))["code"] == code


@pytest.mark.parametrize(("opening", "closing"), [("buy", "sell"), ("short", "cover")])
async def test_no_more_is_closed_than_is_held(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection, opening: str, closing: str
) -> None:
    trading = await desk(connection_owner, connection_service)
    nothing = await trading.order(closing)
    assert (nothing["code"], nothing["possible_shares"]) == ("exceeds_position", 0)
    await trading.order(opening, 5)
    too_much = await trading.order(closing, 6)
    assert (too_much["code"], too_much["possible_shares"]) == ("exceeds_position", 5)


@dataclass(frozen=True)
class TooBig:
    """An order beyond a limit, and the largest that is within."""

    code: str
    side: str
    shares: int
    possible: int
    terms: Terms = FLAT
    rules: Rules = WIDE
    cash: int = 10**10


TOO_BIG = [
    TooBig("order_too_large", "buy", 11, 10, rules=Rules(max_order_shares=10)),
    TooBig("order_too_large", "short", 11, 10, rules=Rules(max_order_shares=10)),
    TooBig("market_dry", "buy", 9_901, 9_900),
    TooBig("insufficient_funds", "buy", 9_500, 9_086, cash=10**7),
    TooBig("insufficient_funds", "short", 60_000, 49_504, cash=10**7),
    TooBig("price_band", "buy", 1_000, 566, terms=Terms(), rules=Rules()),
    TooBig("price_band", "short", 1_000, 632, terms=Terms(midpoint=Decimal(0)), rules=Rules()),
]


@pytest.mark.parametrize("case", TOO_BIG, ids=lambda case: f"{case.code} {case.side}")
async def test_an_order_too_big_is_refused_with_the_size_that_is_possible(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection, case: TooBig
) -> None:
    trading = await desk(connection_owner, connection_service, case.cash, case.terms, case.rules)
    refused = await trading.order(case.side, case.shares)
    assert (refused["code"], refused["possible_shares"]) == (case.code, case.possible)
    assert (await trading.order(case.side, case.possible + 1))["status"] == "refused"
    assert (await trading.order(case.side, case.possible))["status"] == "filled"


async def test_shares_that_shorts_need_are_kept_for_them(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    small = Terms(total_shares_cap=200, max_tradable_shares=100, min_market_shares=100)
    trading = await desk(connection_owner, connection_service, 10**9, small, WIDE)
    await trading.order("short", 30)
    await trading.order("buy", 100, user=1)
    refused = await trading.order("buy", 1, user=1)
    assert (refused["code"], refused["possible_shares"]) == ("market_dry", 0)
    assert (await trading.order("cover", 30))["status"] == "filled"


async def test_the_band_moves_with_the_price_of_two_minutes_ago(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    trading = await desk(connection_owner, connection_service, 10**9)
    assert (await trading.order("buy", 566))["status"] == "filled"
    assert (await trading.order("buy", 100))["code"] == "price_band"
    await pass_window(connection_owner, trading.founded)
    assert (await trading.order("buy", 100))["status"] == "filled"


@pytest.mark.parametrize(("side", "midpoint", "edge_paise"), [("buy", 1, 1_100), ("sell", 0, 1_800)])
async def test_the_band_ends_at_its_own_price_and_not_before(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    side: str,
    midpoint: int,
    edge_paise: int,
) -> None:
    # So flat that every paisa from ₹10 to ₹20 is the price of some size; the references are ₹10.00 and ₹20.00.
    gentle = Terms(price_max_paise=2_000, midpoint=Decimal(midpoint), min_market_shares=0)
    trading = await desk(connection_owner, connection_service, 10**10, gentle, WIDE)
    if side == "sell":
        await trading.order("buy", 10_000)
        await pass_window(connection_owner, trading.founded)
        last = max(shares for shares in range(10_000) if curve.price(gentle, 10_000 - shares) >= edge_paise)
    else:
        last = max(shares for shares in range(10_000) if curve.price(gentle, shares) <= edge_paise)
    await trading.set_band(connection_owner, 1_000)
    refused = await trading.order(side, last + 1)
    assert (refused["code"], refused["possible_shares"]) == ("price_band", last)
    assert (await trading.order(side, last))["price_after_paise"] == edge_paise


@pytest.mark.parametrize(
    ("side", "enough", "too_little"),
    [("buy", 11_000, 10_999), ("short", 9_000, 9_001), ("cover", 11_000, 10_999)],
)
async def test_a_fill_is_never_worse_than_its_limit(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    side: str,
    enough: int,
    too_little: int,
) -> None:
    flat = await desk(connection_owner, connection_service, 100_000, FLAT)
    if side == "cover":
        await flat.order("short", 10)
    assert (await flat.order(side, 10, limit_paise=too_little))["code"] == "limit_not_met"
    assert (await flat.order(side, 10, limit_paise=enough))["status"] == "filled"
