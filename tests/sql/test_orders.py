"""Each kind of order and each refusal, once, with figures worked out by hand or by the model."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from tests.model.curve import Terms
from tests.model.founding import WIDE, Founded, execute, found, pass_window, quote
from tests.model.judgement import Rules
from tests.model.state import Ask, Figures

FLAT = Terms(price_min_paise=1_000, price_max_paise=1_001, tax_bps=1_000)
"""Nearly flat, so that hand-made figures stay simple: a share costs ₹10.00 or a paisa more, and a tax of 10 %."""


class Desk:
    """Sends orders of one founded exchange, and holds every answer against the model."""

    def __init__(self, service: asyncpg.Connection, founded: Founded) -> None:
        self.service, self.founded = service, founded
        self._last_id = 0

    async def order(
        self, side: str, shares: int | None = 1, *, user: int = 0, market: str = "22s1", **more: Any
    ) -> Figures:
        """The answer to one order."""
        self._last_id += 1
        user_id = self.founded.users[user] if user < len(self.founded.users) else 10**9
        ask = Ask(self._last_id, user_id, market, side, shares, **{"confirmed": True, **more})
        (answer,) = await execute(self.service, self.founded.exchange_id, [ask])
        assert answer == self.founded.model.execute(ask)
        return answer


async def desk(
    owner: asyncpg.Connection,
    service: asyncpg.Connection,
    cash: int = 2_000_000,
    terms: Terms | None = None,
    rules: Rules | None = None,
) -> Desk:
    return Desk(service, await found(owner, [cash, cash], {"22s1": terms or Terms()}, rules))


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


async def test_an_order_of_great_impact_asks_first_and_leaves_no_trace(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    trading = await desk(connection_owner, connection_service)
    asked = await trading.order("buy", 200, confirmed=False)
    assert asked["status"] == "unconfirmed"
    assert asked["protected_limit_paise"] == asked["total_paise"] * 101 // 100
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


@pytest.mark.parametrize("orders", [0, 201])
async def test_a_batch_has_one_to_two_hundred_orders(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection, orders: int
) -> None:
    founded = await found(connection_owner)
    asks = [Ask(number, founded.users[0], "22s1", "buy", 1) for number in range(1, orders + 1)]
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await execute(connection_service, founded.exchange_id, asks)


async def test_an_exchange_that_does_not_exist_is_an_error(connection_service: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.PostgresError, match="no exchange"):
        await execute(connection_service, 404, [Ask(1, 1, "22s1", "buy", 1)])
