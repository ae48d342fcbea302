"""The curve and its two pricing rules in exact decimals, written from the design's formulas alone."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import cache
from math import floor
from typing import Final, Literal

# Sixty digits leave more than forty behind the paisa for the largest market, where the exchange has twenty.
EXACT: Final = Context(prec=60)
ONE: Final = Decimal(1)


@dataclass(frozen=True)
class Terms:
    """A market's terms, fixed for its life. Prices are in paise."""

    pricing: Literal["integral", "average"] = "integral"
    price_min_paise: int = 1_000
    price_max_paise: int = 100_000
    steepness: Decimal = Decimal(10)
    midpoint: Decimal = Decimal("0.5")
    total_shares_cap: int = 10_000
    max_tradable_shares: int = 10_000
    min_market_shares: int = 100
    tax_bps: int = 167

    @property
    def collateral_paise(self) -> int:
        """What one share sold short reserves: the most that buying it back can cost."""
        return ceil_div(self.price_max_paise * (10_000 + self.tax_bps), 10_000)


FLAT = Decimal(-10_000)
"""So far down the curve, no digit of the price differs from its floor's."""


@cache
def exact_price(terms: Terms, sold: int) -> Decimal:
    """The price in paise, unrounded."""
    exponent = _exponent(terms, sold)
    if exponent < FLAT:
        return Decimal(terms.price_min_paise)
    growth = EXACT.exp(-exponent)
    span = Decimal(terms.price_max_paise - terms.price_min_paise)
    return EXACT.add(Decimal(terms.price_min_paise), EXACT.divide(span, EXACT.add(ONE, growth)))


def price(terms: Terms, sold: int) -> int:
    """The price as it is shown: to the paisa, halves away from zero."""
    return round_half_away(exact_price(terms, sold))


@cache
def value(terms: Terms, sold: int) -> int:
    """V(sold): the integral of the price from minus infinity's floor, to the paisa."""
    # ln(1 + e^x) is max(0, x) and a rest, of which the former must be exact, since it may end on half a paisa.
    rest = EXACT.ln(EXACT.add(ONE, EXACT.exp(-abs(_exponent(terms, sold)))))
    span = terms.price_max_paise - terms.price_min_paise
    straight = span * max(Fraction(0), sold - Fraction(terms.midpoint) * terms.max_tradable_shares)
    scale = EXACT.divide(Decimal(span * terms.max_tradable_shares), terms.steepness)
    curved = Fraction(EXACT.multiply(scale, rest))
    return floor(terms.price_min_paise * sold + straight + curved + Fraction(1, 2))


FAR_SHARES = 20_000_000


def trigger(terms: Terms, price_paise: int, sign: int) -> int | None:
    """Where a rising price (sign 1) is first, or a falling one (-1) first, at a given one; None where it never is."""
    if not terms.price_min_paise <= price_paise <= terms.price_max_paise:
        return None
    there, not_there = sign * FAR_SHARES, -sign * FAR_SHARES
    if sign * (price(terms, there) - price_paise) < 0:
        return None
    while abs(there - not_there) > 1:
        middle = (there + not_there) // 2
        there, not_there = (
            (middle, not_there) if sign * (price(terms, middle) - price_paise) >= 0 else (there, middle)
        )
    return there


def gross(terms: Terms, sold: int, signed_shares: int) -> int:
    """What moving the pool from `sold` by `signed_shares` costs (positive) or brings (negative), never signed."""
    end = sold + signed_shares
    if terms.pricing == "integral":
        return abs(value(terms, end) - value(terms, sold))
    both = EXACT.add(exact_price(terms, sold), exact_price(terms, end))
    exact = EXACT.divide(EXACT.multiply(both, Decimal(abs(signed_shares))), Decimal(2))
    # A millionth of a paisa is no reason to round up: prices that mirror each other add up to a whole number.
    settled = exact.quantize(Decimal("1e-6"), context=EXACT)
    return int(settled.to_integral_value(ROUND_CEILING if signed_shares > 0 else ROUND_FLOOR))


def tax(terms: Terms, gross_paise: int) -> int:
    """The tax on a gross, rounded up."""
    return ceil_div(gross_paise * terms.tax_bps, 10_000)


def ceil_div(dividend: int, divisor: int) -> int:
    """Division rounded up."""
    return -(-dividend // divisor)


def round_half_away(number: Decimal) -> int:
    """To the nearest whole number, halves away from zero."""
    return int(number.to_integral_value(ROUND_HALF_UP))


def _exponent(terms: Terms, sold: int) -> Decimal:
    share = EXACT.divide(Decimal(sold), Decimal(terms.max_tradable_shares))
    return EXACT.multiply(terms.steepness, EXACT.subtract(share, terms.midpoint))
