"""Random histories agree with the model to the paisa, and leave books that add up."""

import asyncpg
from hypothesis import given

from tests.exchange.histories import WINDOW_PASSES, Attempt, Setting, Step, histories, settings_of_a_history
from tests.model import curve
from tests.model.founding import Founded, execute, found, pass_window, quote
from tests.model.invariants import discrepancies
from tests.model.state import Ask, Figures, Holding
from tests.model.worth import net_worth


@given(setting=settings_of_a_history(), steps=histories())
async def test_every_answer_is_the_models(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    setting: Setting,
    steps: list[Step],
) -> None:
    founded = await found(connection_owner, setting.cash_paise, setting.markets, setting.rules)
    request_id = 0
    for step in steps:
        if step == WINDOW_PASSES:
            await pass_window(connection_owner, founded)
            continue
        founded.model.begin_batch()
        asks: list[Ask] = []
        expected: list[Figures] = []
        for attempt in step:
            request_id += not attempt.repeats or request_id == 0
            ask = ask_for(founded, attempt, request_id)
            if not asks:
                assert await quote(connection_service, founded.exchange_id, ask) == founded.model.quote(ask)
            asks.append(ask)
            expected.append(founded.model.execute(ask))
        assert await execute(connection_service, founded.exchange_id, asks) == expected
    await assert_same_state(connection_owner, founded)
    assert await discrepancies(connection_owner, founded.exchange_id) == []
    assert await connection_service.fetch("select betjee.audit_exchange($1)", founded.exchange_id) == []


def ask_for(founded: Founded, attempt: Attempt, request_id: int) -> Ask:
    """The order that an attempt is at this moment of the model."""
    stranger = max(founded.users) + 1
    user_id = (*founded.users, stranger)[attempt.user]
    member, pool = founded.model.members.get(user_id), founded.model.pools.get(attempt.market)
    held = member.holdings.get(attempt.market, Holding()).shares if member else 0
    side: str = attempt.intent
    shares = attempt.shares
    if side in ("rise", "fall"):
        closes = held < 0 if side == "rise" else held > 0
        side = {"rise": ("buy", "cover"), "fall": ("short", "sell")}[side][closes]
        shares = min(shares, abs(held)) if shares and closes else shares
    limit = None
    if attempt.limit_percent is not None and pool is not None:
        likely = min(max(1, shares or abs(held)), 10_000)
        sign = 1 if side in ("buy", "cover") else -1
        limit = curve.gross(pool.terms, pool.sold, sign * likely) * attempt.limit_percent // 100
    return Ask(
        request_id, user_id, attempt.market, side, shares, attempt.portion_bps, limit, attempt.confirmed
    )


async def assert_same_state(owner: asyncpg.Connection, founded: Founded) -> None:
    """Compare every row of state with the model."""
    model = founded.model
    exchanges = await owner.fetch(
        "select treasury_paise, sequence from betjee.exchanges where exchange_id = $1", founded.exchange_id
    )
    assert [tuple(row) for row in exchanges] == [(model.treasury_paise, model.sequence)]
    markets = await owner.fetch(
        "select code, total_shares_cap - remaining_shares, open_short_shares, pool_paise"
        " from betjee.markets where exchange_id = $1",
        founded.exchange_id,
    )
    assert {tuple(row) for row in markets} == {
        (code, pool.sold, pool.open_short_shares, pool.pool_paise) for code, pool in model.pools.items()
    }
    users = await owner.fetch(
        "select user_id, cash_paise, reserved_paise from betjee.users where exchange_id = $1",
        founded.exchange_id,
    )
    assert {tuple(row) for row in users} == {
        (number, member.cash_paise, member.reserved_paise) for number, member in model.members.items()
    }
    worths = await owner.fetch(
        "select user_id, net_worth_paise from betjee.value_members($1)", founded.exchange_id
    )
    assert {tuple(row) for row in worths} == {
        (number, net_worth(model, number)) for number, member in model.members.items() if member.registered
    }
    positions = await owner.fetch(
        "select p.user_id, m.code, p.shares, p.basis_paise, p.realised_paise, p.taxes_paise"
        " from betjee.positions p join betjee.markets m using (exchange_id, shift_id) where exchange_id = $1",
        founded.exchange_id,
    )
    assert {tuple(row) for row in positions} == {
        (number, code, held.shares, held.basis_paise, held.realised_paise, held.taxes_paise)
        for number, member in model.members.items()
        for code, held in member.holdings.items()
    }
