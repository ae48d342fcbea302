"""The model itself: its shortcuts against trying everything, and its curve against known figures."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.model import curve
from tests.model.curve import Terms
from tests.model.judgement import Judgement, Rules
from tests.model.reference import ReferenceExchange
from tests.model.state import Ask, Holding, Member, Pool

SMALL = Terms(total_shares_cap=160, max_tradable_shares=120, min_market_shares=20)


def test_the_default_curve_is_where_it_is_meant_to_be() -> None:
    assert curve.price(Terms(), 5_000) == 50_500
    assert curve.price(Terms(), 0) == 1_663
    assert curve.price(Terms(), 10**9) == 100_000
    assert curve.gross(Terms(), 0, 1) == 1_662
    assert Terms().collateral_paise == 101_670


def test_the_value_is_the_integral_of_the_price() -> None:
    for sold in range(-50, 160, 7):
        middle = (curve.exact_price(SMALL, sold) + curve.exact_price(SMALL, sold + 1)) / 2
        assert abs(curve.value(SMALL, sold + 1) - curve.value(SMALL, sold) - middle) < 50


def test_prices_that_mirror_each_other_average_to_the_middle() -> None:
    odd = Terms(pricing="average", price_max_paise=100_001, midpoint=Decimal("0.5"))
    assert curve.gross(odd, 4_000, 2_000) == 2_000 * 101_001 // 2
    assert curve.gross(odd, 6_000, -2_000) == 2_000 * 101_001 // 2


@pytest.mark.parametrize("side", ["buy", "short", "sell", "cover"])
@pytest.mark.parametrize("cash", [0, 100_000, 2_000_000, 10**9])
@pytest.mark.parametrize("band_bps", [500, 3_000, 10**6])
@pytest.mark.parametrize("limit", [None, 150_000])
def test_the_largest_size_is_the_one_that_trying_them_all_finds(
    side: str, cash: int, band_bps: int, limit: int | None
) -> None:
    held = {"sell": 60, "cover": -60}.get(side, 0)
    pool = Pool("Small", replace(SMALL, tax_bps=300), sold=30, open_short_shares=max(0, -held))
    member = Member(cash, reserved_paise=0, holdings={"m": Holding(held)})
    ask = Ask(1, 1, "m", side, 10**7, limit_paise=limit, confirmed=True)
    rules = Rules(max_order_shares=90, band_bps=band_bps)
    possible = Judgement(rules, member, pool, ask).decide()["possible_shares"]

    def is_filled(shares: int) -> bool:
        answer = Judgement(rules, member, pool, replace(ask, shares=shares)).decide()
        return bool(answer["status"] == "filled")

    assert possible == max((shares for shares in range(1, 200) if is_filled(shares)), default=0)


def test_the_model_answers_a_repeated_request_as_it_did_first() -> None:
    model = ReferenceExchange(members={1: Member(2_000_000)}, pools={"m": Pool("Small", Terms())})
    ask = Ask(1, 1, "m", "buy", 10)
    assert model.execute(ask) is model.execute(ask)
    assert model.pools["m"].sold == 10
    assert model.execute(replace(ask, shares=11))["code"] == "request_reused"
