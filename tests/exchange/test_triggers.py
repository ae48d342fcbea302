"""The price of a waiting order as a number of shares: the first at which it is reached, on any curve."""

from decimal import Overflow

import asyncpg
from hypothesis import given
from hypothesis import strategies as st

from tests.exchange.histories import terms
from tests.model import curve
from tests.model.curve import Terms
from tests.model.founding import found

SEARCHED = 20_000_000
"""How far either way the exchange looks: twice the largest cap."""

TRIGGER = "select betjee.trigger_of_price(m, $2, $3) from betjee.markets m where exchange_id = $1"


@given(
    terms=terms(),
    place=st.floats(0, 1),
    outside=st.sampled_from([0, 0, 0, -1, 1]),
    sign=st.sampled_from([-1, 1]),
)
async def test_a_trigger_is_the_first_place_where_its_price_is_reached(
    connection_owner: asyncpg.Connection,
    terms: Terms,
    place: float,
    outside: int,
    sign: int,
) -> None:
    founded = await found(connection_owner, (1,), {"22s1": terms})
    span = terms.price_max_paise - terms.price_min_paise
    wanted = terms.price_min_paise + round(span * place)
    if outside:
        wanted = terms.price_max_paise + 1 if outside > 0 else terms.price_min_paise - 1
    trigger = await connection_owner.fetchval(TRIGGER, founded.exchange_id, wanted, sign)

    def is_reached(sold: int) -> bool:
        return sign * (price(terms, sold) - wanted) >= 0

    if trigger is None:
        assert outside or not is_reached(sign * SEARCHED)
    else:
        assert not outside
        assert is_reached(trigger)
        reached_everywhere = trigger == sign * (1 - SEARCHED)
        assert reached_everywhere or not is_reached(trigger - sign)


def price(terms: Terms, sold: int) -> int:
    """The model's price, whose decimals do not reach as far down as the exchange searches."""
    try:
        return curve.price(terms, sold)
    except Overflow:
        return terms.price_min_paise
