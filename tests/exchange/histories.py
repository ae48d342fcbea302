"""Random histories of an exchange: markets with sane terms, people with cash, and what they try."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from hypothesis import strategies as st

from tests.model.curve import Terms
from tests.model.judgement import Rules

T = TypeVar("T")

Intent = Literal["rise", "fall", "buy", "sell", "short", "cover"]


@dataclass(frozen=True)
class Attempt:
    """What somebody tries. The limit is a part of what it would cost or bring, since paise would rarely matter.

    Who means the price to rise buys, or covers while short; the other way round to fall. The four sides
    themselves are tried whatever the position is.
    """

    user: int
    market: str
    intent: Intent
    shares: int | None = None
    portion_bps: int | None = None
    limit_percent: int | None = None
    confirmed: bool = True
    repeats: bool = False


@dataclass(frozen=True)
class Setting:
    """Where a history happens."""

    markets: dict[str, Terms]
    rules: Rules
    cash_paise: tuple[int, ...]


WINDOW_PASSES: Literal["the window passes"] = "the window passes"
Step = Literal["the window passes"] | tuple[Attempt, ...]


@st.composite
def terms(
    draw: st.DrawFn, pricings: Sequence[Literal["integral", "average"]] = ("integral", "average")
) -> Terms:
    """Any terms that a market may have, small markets more often."""
    tradable = draw(st.integers(100, 400) | st.integers(100, 20_000))
    cap = draw(st.integers(tradable, tradable * 2))
    price_min = draw(st.integers(100, 5_000))
    return Terms(
        pricing=draw(st.sampled_from(pricings)),
        price_min_paise=price_min,
        price_max_paise=draw(st.integers(price_min + 1, price_min + 200_000)),
        steepness=draw(st.decimals(1, 50, places=2)),
        midpoint=draw(st.decimals(0, 1, places=2)),
        total_shares_cap=cap,
        max_tradable_shares=tradable,
        min_market_shares=draw(st.integers(0, cap // 2)),
        tax_bps=draw(st.sampled_from([0, 1, 167, 1_000]) | st.integers(0, 1_000)),
    )


def rules() -> st.SearchStrategy[Rules]:
    """Settings of an exchange, from tight to so wide that they refuse nothing."""
    return st.builds(
        Rules,
        max_order_shares=st.sampled_from([50, 1_000, 1_000_000]),
        band_bps=st.sampled_from([100, 3_000, 20_000, 1_000_000_000]),
        confirm_impact_bps=st.sampled_from([1, 500, 1_000_000]),
        confirm_slippage_bps=st.sampled_from([0, 100, 10_000]),
    )


def rarely(
    strange: st.SearchStrategy[T], usual: st.SearchStrategy[T], odds: int = 20
) -> st.SearchStrategy[T]:
    """Something strange once in a while: hypothesis gives alternatives equal weight, and most orders are sane."""
    return st.integers(1, odds).flatmap(lambda drawn: strange if drawn == odds else usual)


@st.composite
def settings_of_a_history(draw: st.DrawFn) -> Setting:
    """One or two markets and three people, rich or not."""
    markets = {code: draw(terms()) for code in ("21s1", "22s1")[: draw(st.integers(1, 2))]}
    cash = rarely(st.integers(0, 3_000_000), st.sampled_from([2_000_000, 30_000_000, 3_000_000_000]), odds=5)
    return Setting(markets, draw(rules()), (draw(cash), draw(cash), draw(cash)))


@st.composite
def attempts(draw: st.DrawFn) -> Attempt:
    """Mostly sensible attempts, by people and in markets that exist; some not."""
    shares, portion = draw(rarely(impossible_sizes(), sizes()))
    return Attempt(
        user=draw(rarely(st.just(3), st.integers(0, 2))),
        market=draw(rarely(st.just("99s9"), st.sampled_from(["21s1", "21s1", "22s1"]))),
        intent=draw(
            rarely(
                st.sampled_from(["buy", "sell", "short", "cover"]), st.sampled_from(["rise", "fall"]), odds=5
            )
        ),
        shares=shares,
        portion_bps=portion,
        limit_percent=draw(rarely(st.integers(50, 150), st.none(), odds=3)),
        confirmed=draw(st.integers(1, 4)) < 4,
        repeats=draw(st.integers(1, 15)) == 15,
    )


def sizes() -> st.SearchStrategy[tuple[int | None, int | None]]:
    """Shares or a portion."""
    shares = st.tuples(st.integers(1, 60) | st.integers(1, 60) | st.integers(1, 2_000), st.none())
    return shares | shares | st.tuples(st.none(), st.integers(1, 10_000) | st.just(10_000))


def impossible_sizes() -> st.SearchStrategy[tuple[int | None, int | None]]:
    """Sizes that no order may have."""
    return st.sampled_from(
        [(0, None), (-5, None), (10_000_001, None), (None, 0), (None, 10_001), (None, None), (3, 3)]
    )


def histories() -> st.SearchStrategy[list[Step]]:
    """Batches of orders, single ones too, and sometimes a pause longer than the price band's window."""
    batch = st.lists(attempts(), min_size=1, max_size=12).map(tuple)
    return st.lists(rarely(st.just(WINDOW_PASSES), batch, odds=4), min_size=1, max_size=10)
