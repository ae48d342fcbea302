"""What the integral promises to traders, whatever the terms; and what the average does not."""

from dataclasses import replace
from decimal import Decimal
from typing import Literal

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.exchange.histories import terms
from tests.model import curve
from tests.model.curve import Terms
from tests.model.founding import WIDE, Founded, execute, found, quote
from tests.model.state import Ask, Figures

RICH = 10**14

integral = terms(pricings=["integral"]).map(lambda drawn: replace(drawn, min_market_shares=0))
pieces_of_an_order = st.lists(st.integers(1, 12), min_size=1, max_size=8)


class Trader:
    """Somebody who trades without ever being asked twice, with request ids of their own."""

    def __init__(self, connection: asyncpg.Connection, founded: Founded, user: int = 0) -> None:
        self.connection, self.founded = connection, founded
        self.user_id = founded.users[user]
        self.request_id = user * 1_000_000

    async def trade(self, *orders: tuple[str, int]) -> list[Figures]:
        """Execute sides and shares as one batch; all of them must fill."""
        outcomes = await execute(
            self.connection, self.founded.exchange_id, [self._ask(*order) for order in orders]
        )
        assert {outcome["status"] for outcome in outcomes} <= {"filled"}, outcomes
        return outcomes

    async def quote(self, side: str, shares: int) -> Figures:
        """The figures of an order that is not sent."""
        return await quote(self.connection, self.founded.exchange_id, self._ask(side, shares))

    def _ask(self, side: str, shares: int) -> Ask:
        self.request_id += 1
        return Ask(self.request_id, self.user_id, "22s1", side, shares, confirmed=True)


async def rich_traders(owner: asyncpg.Connection, service: asyncpg.Connection, terms: Terms) -> list[Trader]:
    founded = await found(owner, (RICH, RICH), {"22s1": terms}, WIDE)
    return [Trader(service, founded, user) for user in (0, 1)]


@given(terms=integral, side=st.sampled_from(["buy", "sell", "short", "cover"]), pieces=pieces_of_an_order)
async def test_splitting_an_order_never_changes_its_gross(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    terms: Terms,
    side: str,
    pieces: list[int],
) -> None:
    trader, _ = await rich_traders(connection_owner, connection_service, terms)
    if side in ("sell", "cover"):
        await trader.trade(("buy" if side == "sell" else "short", sum(pieces)))
    whole = await trader.quote(side, sum(pieces))
    parts = await trader.trade(*((side, piece) for piece in pieces))
    assert sum(part["gross_paise"] for part in parts) == whole["gross_paise"]
    more_tax = sum(part["tax_paise"] for part in parts) - whole["tax_paise"]
    assert 0 <= more_tax < len(pieces)


def round_trip(moves: list[int]) -> list[tuple[str, int]]:
    """Orders that follow the moves, never through zero in one order, and end with nothing held."""
    orders: list[tuple[str, int]] = []
    held = 0
    for move in moves:
        if held * move < 0:
            closing = min(abs(move), abs(held))
            orders.append(("sell" if held > 0 else "cover", closing))
            held += closing if move > 0 else -closing
        else:
            orders.append(("buy" if move > 0 else "short", abs(move)))
            held += move
    return [*orders, ("sell" if held > 0 else "cover", abs(held))] if held else orders


@given(
    terms=integral,
    first=st.integers(-40, 40),
    moves=st.lists(st.integers(-12, 12).filter(bool), min_size=1, max_size=8),
)
async def test_no_round_trip_gains(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    terms: Terms,
    first: int,
    moves: list[int],
) -> None:
    trader, other = await rich_traders(connection_owner, connection_service, terms)
    if first:
        await other.trade(("buy" if first > 0 else "short", abs(first)))
    outcomes = await trader.trade(*round_trip(moves))
    assert outcomes[-1]["position_shares"] == 0
    assert outcomes[-1]["cash_paise"] == RICH - sum(outcome["tax_paise"] for outcome in outcomes)


@given(
    terms=terms(),
    shorted=st.integers(1, 50),
    others=st.lists(st.tuples(st.sampled_from(["buy", "short", "sell"]), st.integers(1, 10_000)), max_size=8),
)
async def test_nobody_can_keep_a_short_from_covering(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    terms: Terms,
    shorted: int,
    others: list[tuple[str, int]],
) -> None:
    collateral = shorted * terms.collateral_paise
    founded = await found(connection_owner, (collateral, RICH, RICH), {"22s1": terms}, WIDE)
    short, *rest = founded.users
    orders = [Ask(1, short, "22s1", "short", shorted, confirmed=True)]
    orders += [
        Ask(number, rest[number % 2], "22s1", side, portion_bps=portion, confirmed=True)
        for number, (side, portion) in enumerate([*others, ("buy", 10_000)], start=2)
    ]
    covering = Ask(100, short, "22s1", "cover", shorted, confirmed=True)
    outcomes = await execute(connection_service, founded.exchange_id, [*orders, covering])
    assert outcomes[0]["status"] == "filled"
    assert outcomes[-1]["status"] == "filled", outcomes[-1]
    assert outcomes[-1]["buying_power_paise"] >= 0


@pytest.mark.parametrize(("pricing", "returned_percent"), [("average", 165), ("integral", 97)])
async def test_blocks_bought_one_by_one_pump_money_out_of_the_average_only(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    pricing: Literal["average", "integral"],
    returned_percent: int,
) -> None:
    trader, _ = await rich_traders(connection_owner, connection_service, Terms(pricing=pricing))
    paid = 0
    for _ in range(20):
        bought = await trader.trade(*[("buy", 1)] * 200)
        paid += sum(outcome["total_paise"] for outcome in bought)
    (sold,) = await trader.trade(("sell", 4_000))
    assert round(100 * sold["total_paise"] / paid) == returned_percent


async def test_a_value_a_hair_above_half_a_paisa_is_rounded_up(
    connection_owner: asyncpg.Connection,
) -> None:
    # So far up, what the curve adds to a straight line is less than any digit that a division would keep.
    terms = Terms(
        price_min_paise=100,
        price_max_paise=101,
        steepness=Decimal("24.49"),
        max_tradable_shares=113,
        total_shares_cap=1_000,
    )
    founded = await found(connection_owner, markets={"22s1": terms})
    query = "select (betjee.point_on_curve(m, 344)).value_paise from betjee.markets m where exchange_id = $1"
    assert await connection_owner.fetchval(query, founded.exchange_id) == curve.value(terms, 344) == 34_688
