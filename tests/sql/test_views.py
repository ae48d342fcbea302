"""What members see, against the model and against what closing would really bring."""

import asyncpg
import pytest

from tests.model import curve
from tests.model.curve import Terms
from tests.model.founding import WIDE, Founded, execute, found
from tests.model.state import Ask
from tests.sql.front import Front

MARKETS = {"21s1": Terms(), "22s1": Terms(pricing="average"), "23s1": Terms(midpoint=Terms().midpoint / 2)}
CASH = 50_000_000


@pytest.fixture
async def traded(connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection) -> Founded:
    """Three members with long, short and closed positions."""
    founded = await found(connection_owner, [CASH] * 3, MARKETS, WIDE)
    orders = [
        (0, "21s1", "buy", 300),
        (1, "21s1", "short", 120),
        (0, "22s1", "short", 40),
        (2, "23s1", "buy", 77),
        (0, "23s1", "buy", 10),
        (0, "23s1", "sell", 10),
        (0, "21s1", "sell", 33),
    ]
    asks = [
        Ask(number, founded.users[user], market, side, shares, confirmed=True)
        for number, (user, market, side, shares) in enumerate(orders, start=1)
    ]
    assert await execute(connection_service, founded.exchange_id, asks) == [
        founded.model.execute(ask) for ask in asks
    ]
    return founded


def front_of(service: asyncpg.Connection, founded: Founded) -> Front:
    opened = Front(service)
    opened.exchange_id = founded.exchange_id
    return opened


async def test_a_portfolio_is_worth_what_closing_it_would_really_bring(
    traded: Founded, connection_service: asyncpg.Connection
) -> None:
    portfolio = await front_of(connection_service, traded).document(
        "get_portfolio", traded.exchange_id, traded.users[0]
    )
    member = traded.model.members[traded.users[0]]
    assert portfolio["cash_paise"] == member.cash_paise
    assert portfolio["buying_power_paise"] == member.buying_power
    assert portfolio["granted_paise"] == CASH
    shown = {position["market"]: position for position in portfolio["positions"]}
    for market, held in member.holdings.items():
        assert shown[market]["shares"] == held.shares
        assert shown[market]["realised_paise"] == held.realised_paise
        assert shown[market]["taxes_paise"] == held.taxes_paise
        assert shown[market]["mark_price_paise"] == traded.model.pools[market].price_paise
    closing = [
        Ask(
            100 + number,
            traded.users[0],
            market,
            "sell" if held.shares > 0 else "cover",
            abs(held.shares),
            confirmed=True,
        )
        for number, (market, held) in enumerate(member.holdings.items())
        if held.shares
    ]
    outcomes = await execute(connection_service, traded.exchange_id, closing)
    assert outcomes[-1]["cash_paise"] == portfolio["net_worth_paise"]
    unrealised = {outcome["market"]: outcome["realised_paise"] for outcome in outcomes}
    assert sum(unrealised.values()) == portfolio["unrealised_paise"]
    assert unrealised == {market: shown[market]["unrealised_paise"] for market in unrealised}


async def test_a_stranger_has_no_portfolio(traded: Founded, connection_service: asyncpg.Connection) -> None:
    query = "select betjee.get_portfolio($1, $2)"
    assert await connection_service.fetchval(query, traded.exchange_id, 10**9) is None


async def test_markets_show_their_price_and_what_can_still_be_bought(
    traded: Founded, connection_service: asyncpg.Connection
) -> None:
    for market in await front_of(connection_service, traded).listing("list_markets"):
        pool = traded.model.pools[market["market"]]
        left = pool.remaining - pool.open_short_shares - pool.terms.min_market_shares
        assert market["price_paise"] == pool.price_paise
        assert market["sold_shares"] == pool.sold
        assert market["open_short_shares"] == pool.open_short_shares
        assert market["available_shares"] == left
        start = curve.price(pool.terms, 0)
        assert market["change_bps"] == int((pool.price_paise - start) * 10_000 / start)
