"""Random histories in which orders wait: whatever they set off, the exchange and the model agree to the paisa."""

import json
import random
from dataclasses import dataclass
from typing import Literal

import asyncpg
from hypothesis import given
from hypothesis import strategies as st

from tests.exchange.histories import (
    WINDOW_PASSES,
    Attempt,
    Setting,
    Step,
    attempts,
    rarely,
    settings_of_a_history,
)
from tests.exchange.test_random_histories import ask_for, assert_same_state
from tests.model.founding import WIDE, Founded, execute, found, pass_window
from tests.model.invariants import discrepancies
from tests.model.state import Ask, Entry, Waiting


@dataclass(frozen=True)
class Arming:
    """An order that somebody lets wait, its trigger so many percent from the price of the moment."""

    user: int
    market: str
    kind: Literal["stop_loss", "take_profit"]
    trigger_percent: int
    shares: int | None


@dataclass(frozen=True)
class Cancelling:
    """A waiting order, counted from the oldest, that its owner takes back."""

    number: int


Event = Step | Arming | Cancelling


def armings() -> st.SearchStrategy[Arming]:
    """Triggers near and far, on either side."""
    return st.builds(
        Arming,
        user=st.integers(0, 2),
        market=st.sampled_from(["21s1", "21s1", "22s1"]),
        kind=st.sampled_from(["stop_loss", "take_profit"]),
        trigger_percent=st.integers(60, 99) | st.integers(101, 160) | st.integers(1, 400),
        shares=st.none() | st.integers(1, 60),
    )


def waiting_histories() -> st.SearchStrategy[list[Event]]:
    """Batches, some of them empty, pauses, and orders that are left to wait or taken back."""
    batch: st.SearchStrategy[Event] = st.lists(attempts(), max_size=8).map(tuple)
    cancelling: st.SearchStrategy[Event] = st.builds(Cancelling, st.integers(0, 20))
    pause: st.SearchStrategy[Event] = st.just(WINDOW_PASSES)
    waiting: st.SearchStrategy[Event] = rarely(cancelling, armings(), odds=8)
    return st.lists(batch | waiting | waiting | rarely(pause, batch, odds=3), max_size=24)


@given(setting=settings_of_a_history(), steps=waiting_histories())
async def test_what_waits_fires_as_in_the_model(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    setting: Setting,
    steps: list[Event],
) -> None:
    founded = await found(connection_owner, setting.cash_paise, setting.markets, setting.rules)
    for number, step in enumerate(steps, start=1):
        if step == WINDOW_PASSES:
            await pass_window(connection_owner, founded)
        elif isinstance(step, Arming):
            await arm(connection_service, founded, step, number)
        elif isinstance(step, Cancelling):
            await cancel(connection_service, founded, step, number)
        else:
            await trade(connection_service, founded, step, number)
    await assert_same_state(connection_owner, founded)
    await assert_same_stops(connection_owner, founded)
    assert await discrepancies(connection_owner, founded.exchange_id) == []
    assert await connection_service.fetch("select betjee.audit_exchange($1)", founded.exchange_id) == []


async def arm(service: asyncpg.Connection, founded: Founded, arming: Arming, request_id: int) -> None:
    """Let an order wait, in the database and in the model."""
    if arming.market not in founded.model.pools:
        return
    user_id = founded.users[arming.user]
    trigger = founded.model.pools[arming.market].price_paise * arming.trigger_percent // 100
    document = await service.fetchval(
        "select betjee.arm_stop($1, $2, $3, $4, $5, $6, $7, null)",
        founded.exchange_id,
        10_000 + request_id,
        user_id,
        arming.kind,
        arming.market,
        trigger,
        arming.shares,
    )
    expected = founded.model.arm(user_id, arming.market, arming.kind, trigger, arming.shares)
    assert json.loads(document).get("refused") == expected


async def cancel(
    service: asyncpg.Connection, founded: Founded, cancelling: Cancelling, request_id: int
) -> None:
    """Take a waiting order back, in the database and in the model."""
    armed = [stop for stop in founded.model.stops if stop.status == "armed"]
    if cancelling.number < len(armed):
        stop = armed[cancelling.number]
        await service.fetchval(
            "select betjee.cancel_stop($1, $2, $3, $4)",
            founded.exchange_id,
            10_000 + request_id,
            stop.user_id,
            stop.stop_id,
        )
        founded.model.cancel(stop)


async def trade(
    service: asyncpg.Connection, founded: Founded, batch: tuple[Attempt, ...], number: int
) -> None:
    """Send a batch, which may be empty, and compare every answer."""
    founded.model.begin_batch()
    asks: list[Ask] = []
    expected = []
    for place, attempt in enumerate(batch):
        asks.append(ask_for(founded, attempt, number * 100 + place))
        expected.append(founded.model.execute(asks[-1]))
    assert await execute(service, founded.exchange_id, asks) == expected


async def assert_same_stops(owner: asyncpg.Connection, founded: Founded) -> None:
    """Compare every waiting order, and why every row of the ledger is there, with the model."""
    stops = await owner.fetch(
        "select stop_id, shares, case status when 'held' then 'armed' else status end, code"
        " from betjee.stop_losses where exchange_id = $1 order by stop_id",
        founded.exchange_id,
    )
    assert [tuple(row) for row in stops] == [
        (stop.stop_id, stop.shares, stop.status, stop.code) for stop in founded.model.stops
    ]
    ledger = await owner.fetch(
        "select sequence, user_id, betjee.fill_side(shares, position_shares), shares, position_shares,"
        " gross_paise, cause, stop_id, set_off_by"
        " from betjee.transactions where exchange_id = $1 order by sequence",
        founded.exchange_id,
    )
    assert [Entry(*row) for row in ledger] == founded.model.ledger
    halted = await owner.fetch(
        "select code from betjee.markets where exchange_id = $1 and status = 'halted'", founded.exchange_id
    )
    assert {row["code"] for row in halted} == {
        code for code, pool in founded.model.pools.items() if pool.status == "halted"
    }


async def test_thousands_of_stops_in_both_directions_end(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    chance = random.Random(20_26)  # a history, not a secret
    founded = await found(connection_owner, [3_000_000_000] * 200, rules=WIDE)
    await _take_positions(connection_service, founded, chance)
    await _fill_book(connection_owner, founded, chance, stops=4_000)
    founded.model.begin_batch()
    asks = [
        Ask(900_000, founded.users[1], "22s1", "buy", 700, confirmed=True),
        Ask(900_001, founded.users[0], "22s1", "short", 1_500, confirmed=True),
    ]
    expected = [founded.model.execute(ask) for ask in asks]
    assert await execute(connection_service, founded.exchange_id, asks) == expected
    assert sum(entry.stop_id is not None for entry in founded.model.ledger) > 1_000
    await assert_same_state(connection_owner, founded)
    await assert_same_stops(connection_owner, founded)
    assert await connection_service.fetch("select betjee.audit_exchange($1)", founded.exchange_id) == []


async def _take_positions(service: asyncpg.Connection, founded: Founded, chance: random.Random) -> None:
    """Half of them long, half of them short, of a few shares each."""
    asks = [
        Ask(number, user, "22s1", ("buy", "short")[number % 2], chance.randint(5, 40), confirmed=True)
        for number, user in enumerate(founded.users, start=1)
    ]
    assert await execute(service, founded.exchange_id, asks) == [founded.model.execute(ask) for ask in asks]


async def _fill_book(owner: asyncpg.Connection, founded: Founded, chance: random.Random, stops: int) -> None:
    """Waiting orders all around the price, of every kind, more than anyone could arm alone."""
    model = founded.model
    pool = model.pools["22s1"]
    rows = []
    for _ in range(stops):
        user_id = chance.choice(founded.users)
        held = model.members[user_id].holdings["22s1"].shares
        kind = chance.choice(["stop_loss", "take_profit"])
        shares = chance.randint(1, 4) * (-1 if held > 0 else 1)
        sign = 1 if (shares > 0) == (kind == "stop_loss") else -1
        model.sequence += 1
        trigger = pool.sold + sign * chance.randint(1, 900)
        stop = Waiting(model.sequence, 0, user_id, "22s1", kind, shares, sign, trigger)
        model.stops.append(stop)
        rows.append((founded.exchange_id, stop.stop_id, user_id, kind, shares, trigger, sign))
    await owner.executemany(
        "insert into betjee.stop_losses (exchange_id, stop_id, user_id, shift_id, kind, shares,"
        " trigger_price_paise, trigger_sold, trigger_sign, request_id, armed_at)"
        " values ($1, $2, $3, 1, $4, $5, 1000, $6, $7, 0, clock_timestamp())",
        rows,
    )
    await owner.execute(
        "update betjee.exchanges set sequence = $2 where exchange_id = $1",
        founded.exchange_id,
        model.sequence,
    )
