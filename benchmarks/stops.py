"""Waiting orders: ten thousand that one trade sets off, and a hundred thousand that none does.

Beside the cascade stands the naive way, a function that fires the nearest crossed stop and calls itself.
"""

import statistics
import time
from dataclasses import dataclass, field

import asyncpg

from benchmarks.ours import RICH_PAISE, Ours
from exchange.exchange import Exchange
from tests.model.curve import Terms
from tests.model.founding import WIDE, found

CASCADE = 10_000
ARMED = 100_000
ARMED_CALLERS = 200
NAIVE_SIZES = (250, 500, 1_000, CASCADE)
_BATCH = 200
_HELD = 2
_HOLDERS = 1_000
_HUGE = Terms(total_shares_cap=10_000_000, max_tradable_shares=10_000_000)

_STOPS = """
insert into betjee.stop_losses (
  exchange_id, stop_id, user_id, shift_id, kind, shares, trigger_price_paise, trigger_sold, trigger_sign,
  request_id, armed_at)
select $1, 1000000 + number, ($2::bigint[])[1 + number % cardinality($2)], 1,
  case when number % cardinality($2) % 2 = 0 or $4 then 'stop_loss' else 'take_profit' end, -1, 1000,
  case when number % cardinality($2) % 2 = 0 or $4 then $3 - 1 - number else 1000000 + number end,
  case when number % cardinality($2) % 2 = 0 or $4 then -1 else 1 end, 0, clock_timestamp()
from generate_series(0, $5 - 1) number
"""
_COUNT_STOPS = """
update betjee.exchanges e set sequence = (select max(s.stop_id) from betjee.stop_losses s where s.exchange_id = $1)
where e.exchange_id = $1
"""

NAIVE = """
create schema naive_stops;
create table naive_stops.markets (market_id int primary key, sold bigint not null);
create table naive_stops.stops (
  stop_id bigint generated always as identity primary key, trigger_sold bigint not null, is_armed boolean not null);
create index on naive_stops.stops (trigger_sold desc, stop_id) where is_armed;
create table naive_stops.trades (
  trade_id bigint generated always as identity primary key, shares bigint not null, gross_paise numeric not null);

create function naive_stops.sell(p_shares bigint) returns void language plpgsql as $$
declare
  v_sold bigint;
  v_stop naive_stops.stops;
begin
  update naive_stops.markets set sold = sold - p_shares where market_id = 1 returning sold into v_sold;
  insert into naive_stops.trades (shares, gross_paise)
  values (-p_shares, round(p_shares * (1000 + 99000 / (1 + exp(-10 * (v_sold / 10000000.0 - 0.5))))));
  select * into v_stop from naive_stops.stops
  where is_armed and trigger_sold >= v_sold order by trigger_sold desc, stop_id limit 1;
  if found then
    update naive_stops.stops set is_armed = false where stop_id = v_stop.stop_id;
    perform naive_stops.sell(1);
  end if;
end
$$;
"""


@dataclass
class StopsMeasured:
    """Seconds of our cascades; seconds, or how it died, of the naive one by size; rates with and without armed stops."""

    cascade_seconds: list[float] = field(default_factory=list)
    naive: dict[int, float | str] = field(default_factory=dict)
    without_armed: list[float] = field(default_factory=list)
    with_armed: list[float] = field(default_factory=list)

    @property
    def rate_kept(self) -> float:
        """The part of the rate that trades keep, the median over the pairs of measurements."""
        return statistics.median(
            armed / free for armed, free in zip(self.with_armed, self.without_armed, strict=True)
        )


class Stops:
    """Two exchanges to trade on, one of which has a hundred thousand orders waiting; and one for each cascade."""

    def __init__(self, owner: asyncpg.Connection, exchange: Exchange, free: Ours, armed: Ours) -> None:
        self._owner = owner
        self._exchange = exchange
        self._free = free
        self._armed = armed
        self.measured = StopsMeasured()

    @classmethod
    async def prepare(cls, owner: asyncpg.Connection, exchange: Exchange) -> "Stops":
        """Found both, and let the orders wait far from any price that the callers can make."""
        await owner.execute(NAIVE)
        free, armed = [await Ours.prepare(owner, exchange, ARMED_CALLERS + _HOLDERS) for _ in range(2)]
        for ours in (free, armed):
            await _buy(owner, ours.exchange_id, ours.users[ARMED_CALLERS:], "m0")
        holders = armed.users[ARMED_CALLERS:]
        await _arm(owner, armed.exchange_id, list(holders), 0, ARMED, falling_only=False)
        await owner.execute("analyze betjee.stop_losses")
        return cls(owner, exchange, free, armed)

    async def measure(self, seconds: float) -> None:
        """One round of everything."""
        self.measured.cascade_seconds.append(await self._cascade())
        for size in NAIVE_SIZES:
            self.measured.naive[size] = await self._naive(size)
        self.measured.without_armed.append((await self._free.measure(ARMED_CALLERS, 1, seconds)).per_second)
        self.measured.with_armed.append((await self._armed.measure(ARMED_CALLERS, 1, seconds)).per_second)

    async def _cascade(self) -> float:
        """How long the one trade takes, from its call to its answer."""
        founded = await found(self._owner, [RICH_PAISE] * (CASCADE + 1), {"m0": _HUGE}, WIDE)
        *holders, hunter = founded.users
        await _buy(self._owner, founded.exchange_id, tuple(holders), "m0")
        await _arm(
            self._owner, founded.exchange_id, holders, _HELD * len(holders), CASCADE, falling_only=True
        )
        begin = time.perf_counter()
        await _send(self._owner, founded.exchange_id, [(10**6, hunter, "m0", "short", 10, None, None, True)])
        took = time.perf_counter() - begin
        fired = await self._owner.fetchval(
            "select count(*) from betjee.transactions where exchange_id = $1 and cause = 'stop_loss'",
            founded.exchange_id,
        )
        if fired != CASCADE:
            raise RuntimeError(f"Of {CASCADE} stops {fired} were executed.")
        return took

    async def _naive(self, size: int) -> float | str:
        await self._owner.execute("truncate naive_stops.markets, naive_stops.stops, naive_stops.trades")
        await self._owner.execute("insert into naive_stops.markets values (1, 0)")
        await self._owner.execute(
            "insert into naive_stops.stops (trigger_sold, is_armed)"
            " select -number, true from generate_series(1, $1::int) number",
            size,
        )
        begin = time.perf_counter()
        try:
            await self._owner.execute("select naive_stops.sell(1)")
        except asyncpg.StatementTooComplexError as error:
            return str(error).splitlines()[0]
        return time.perf_counter() - begin


async def _arm(
    owner: asyncpg.Connection,
    exchange_id: int,
    holders: list[int],
    sold: int,
    stops: int,
    *,
    falling_only: bool,
) -> None:
    """Let so many orders wait, numbered by the exchange's counter as all records are."""
    await owner.execute(_STOPS, exchange_id, holders, sold, falling_only, stops)
    await owner.execute(_COUNT_STOPS, exchange_id)


async def _buy(owner: asyncpg.Connection, exchange_id: int, users: tuple[int, ...], market: str) -> None:
    for begin in range(0, len(users), _BATCH):
        await _send(
            owner,
            exchange_id,
            [
                (10**12 + user, user, market, "buy", _HELD, None, None, True)
                for user in users[begin : begin + _BATCH]
            ],
        )


async def _send(owner: asyncpg.Connection, exchange_id: int, orders: list[tuple[object, ...]]) -> None:
    await owner.execute(
        "select from betjee.execute_orders($1, $2::betjee.order_request[])", exchange_id, orders
    )
