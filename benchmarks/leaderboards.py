"""`python -m benchmarks.leaderboards`: a hundred thousand members in ten markets, valued, ranked, and read.

Beside them stand the naive ways: each position priced for itself, a leaderboard sorted for each page, and
the same trades with nothing else going on. Beside a run, trades are counted for precisely as long as it lasts.
"""

import argparse
import asyncio
import contextlib
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil

from benchmarks.ours import MARKETS, RICH_PAISE, Ours
from exchange.database import Database
from exchange.exchange import Exchange
from exchange.migrations import migrate
from exchange.standings import Board, Period
from runtime.servers import EmbeddedServers
from tests.model.curve import Terms
from tests.model.founding import WIDE, found

MEMBERS = 100_000
CALLERS = 200
HOURS = 24 * 8
PAGES_A_SECOND = 20
PAIRS = 7
"""How often a round measures trades alone and beside something, since each such measurement is noisy."""

NAIVE_PART = 20
"""Pricing every position for itself takes minutes, so a part of the members is measured."""

_HUGE = Terms(total_shares_cap=10_000_000, max_tradable_shares=10_000_000)

_MEMBERS = """
with members as (
  insert into betjee.users (exchange_id, display_name, cash_paise, reserved_paise, registered_at)
  select $1, 'Member ' || number, 300000000, 101670 * 10 * 200, clock_timestamp() from generate_series(1, $2::integer) number
  returning user_id),
granted as (
  insert into betjee.grants (exchange_id, sequence, user_id, kind, amount_paise, granted_at)
  select $1, 1000000 + row_number() over (order by user_id), user_id, 'signup', 2000000, clock_timestamp() from members)
insert into betjee.positions (exchange_id, user_id, shift_id, shares, basis_paise, realised_paise, taxes_paise)
select $1, user_id, shift_id, case when random() < 0.3 then -1 else 1 end * ceil(200 * random() * random()), 1000,
  (random() * 200000)::bigint - 80000, 100
from members, generate_series(1, $3::integer) shift_id
"""
"""Long and short, mostly small: some 200 different sizes on either side."""

_MARKETS = """
update betjee.markets m
set remaining_shares = total_shares_cap - p.sold, open_short_shares = p.short
from (
  select shift_id, sum(shares) as sold, sum(greatest(-shares, 0)) as short
  from betjee.positions where exchange_id = $1 group by shift_id) p
where m.exchange_id = $1 and m.shift_id = p.shift_id
"""

_HISTORY = """
with hours as (
  insert into betjee.snapshots (exchange_id, taken_at)
  select $1, s.taken_at - number * interval '1 hour'
  from betjee.snapshots s, generate_series(1, $2::integer) number where s.exchange_id = $1
  returning taken_at)
insert into betjee.net_worths
select w.exchange_id, w.block, h.taken_at, w.user_ids,
  array(select v + (random() * 100000)::bigint from unnest(w.net_worths_paise) v),
  array(select v - (random() * 100000)::bigint from unnest(w.medians_paise) v),
  array(select v - (random() * 100000)::bigint from unnest(w.realised_paise) v)
from hours h, betjee.net_worths w where w.exchange_id = $1
"""

_UNPREPARED = """
with unbounded as (delete from betjee.median_bounds where exchange_id = $1)
update betjee.leaderboards set prepared_at = null where exchange_id = $1
"""

_DUE = "update betjee.leaderboards set refreshed_at = refreshed_at - interval '1 day'"
_FORGET_HOUR = """
with gone as (
  delete from betjee.net_worths where exchange_id = $1 and taken_at = date_trunc('hour', clock_timestamp(), 'UTC'))
delete from betjee.snapshots where exchange_id = $1 and taken_at = date_trunc('hour', clock_timestamp(), 'UTC')
"""

_IS_TAKEN = """
select exists (
  select from betjee.snapshots where exchange_id = $1 and taken_at = date_trunc('hour', clock_timestamp(), 'UTC'))
"""

_NAIVE_RUN = """
select sum((betjee.closing_value(m, p.shares)).total_paise)
from (select user_id from betjee.users where exchange_id = $1 limit $2) u
join betjee.positions p on p.exchange_id = $1 and p.user_id = u.user_id
join betjee.markets m on m.exchange_id = $1 and m.shift_id = p.shift_id
"""

_NAIVE_PAGE = """
select u.user_id, u.display_name, m.paise, rank() over (order by m.paise desc)
from betjee.snapshots s
join betjee.net_worths w on w.exchange_id = s.exchange_id and w.taken_at = s.taken_at
cross join unnest(w.user_ids, w.medians_paise) m(user_id, paise)
join betjee.users u on u.exchange_id = s.exchange_id and u.user_id = m.user_id
where s.exchange_id = $1 and s.taken_at = (select max(taken_at) from betjee.snapshots where exchange_id = $1)
order by m.paise desc limit 10
"""

_NAIVE_ROWS = """
create table betjee.naive_net_worths (
  exchange_id bigint, user_id bigint, taken_at timestamptz, net_worth_paise bigint, median_paise bigint, realised_paise bigint,
  primary key (exchange_id, user_id, taken_at));
insert into betjee.naive_net_worths
select 1, number, timestamptz '2026-01-01' + hour * interval '1 hour', number, number, number
from generate_series(1, 4) hour, generate_series(1, 100000) number
"""

_SIZES = """
select pg_total_relation_size('betjee.net_worths') / 2 ^ 20 as net_worths,
  pg_total_relation_size('betjee.standings') / 2 ^ 20 as standings,
  pg_total_relation_size('betjee.naive_net_worths') / 2 ^ 20 / 4 as naive_hour
"""


@dataclass
class Measured:
    """Milliseconds of pages and references, seconds of runs; trades a second alone, right before and after, and beside something.

    A run takes seconds with its rests, and beside trades some until its snapshot is taken; the processors' seconds are those
    of all the server's processes.
    """

    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    run_seconds: list[float] = field(default_factory=list)
    run_processor_seconds: list[float] = field(default_factory=list)
    preparing_processor_seconds: list[float] = field(default_factory=list)
    busy_run_seconds: list[float] = field(default_factory=list)
    snapshot_seconds: list[float] = field(default_factory=list)
    naive_run_seconds: list[float] = field(default_factory=list)
    beside_runs: list[tuple[float, float]] = field(default_factory=list)
    beside_pages: list[tuple[float, float]] = field(default_factory=list)

    def note(self, name: str, milliseconds: float) -> None:
        """Note how long a read took."""
        self.milliseconds.setdefault(name, []).append(milliseconds)


class Crowd:
    """One exchange with a hundred thousand members, positions in every market, and eight days of snapshots."""

    def __init__(self, owner: asyncpg.Connection, exchange: Exchange, ours: Ours) -> None:
        self._owner = owner
        self._exchange = exchange
        self._ours = ours
        self.measured = Measured()

    @classmethod
    async def prepare(cls, owner: asyncpg.Connection, exchange: Exchange) -> "Crowd":
        """Found it in bulk."""
        founded = await found(owner, [RICH_PAISE] * CALLERS, dict.fromkeys(MARKETS, _HUGE), WIDE)
        await owner.execute(_MEMBERS, founded.exchange_id, MEMBERS, len(MARKETS))
        await owner.execute(_MARKETS, founded.exchange_id)
        await owner.execute(
            "update betjee.exchanges set sequence = 10000000 where exchange_id = $1", founded.exchange_id
        )
        await owner.execute("analyze")
        await exchange.refresh_leaderboards()
        await owner.execute(_HISTORY, founded.exchange_id, HOURS - 1)
        # Else the server would clean up after all that was inserted in bulk while something is measured.
        await owner.execute("vacuum analyze")
        return cls(owner, exchange, Ours(exchange, founded))

    async def measure(self, seconds: float) -> None:
        """One round of everything."""
        self.measured.preparing_processor_seconds.append(await self._processor_seconds(self._prepare_medians))
        self.measured.run_processor_seconds.append(await self._processor_seconds(self._run_alone))
        self.measured.naive_run_seconds.append(
            await _timed(lambda: self._owner.fetch(_NAIVE_RUN, self._ours.exchange_id, MEMBERS // NAIVE_PART))
            * NAIVE_PART
        )
        await self._pages()

        def nothing_else() -> Awaitable[object]:
            return asyncio.sleep(seconds)

        before = await self._trades(nothing_else)
        for _ in range(PAIRS):
            for pairs, beside in (
                (self.measured.beside_runs, self._one_run),
                (self.measured.beside_pages, lambda: self._pages_for(seconds)),
            ):
                during, after = await self._trades(beside), await self._trades(nothing_else)
                pairs.append(((before + after) / 2, during))
                before = after

    async def sizes(self) -> dict[str, float]:
        """Megabytes of eight days of snapshots, and of the leaderboards."""
        await self._owner.execute(_NAIVE_ROWS)
        (sizes,) = await self._owner.fetch(_SIZES)
        return dict(sizes)

    async def _make_due(self) -> None:
        """Make a run due that takes a snapshot and makes all leaderboards anew."""
        await self._owner.execute(_DUE)
        await self._owner.execute(_FORGET_HOUR, self._ours.exchange_id)

    async def _run_alone(self) -> None:
        await self._make_due()
        self.measured.run_seconds.append(await _timed(self._exchange.refresh_leaderboards))

    async def _one_run(self) -> None:
        await self._make_due()
        begin = time.perf_counter()
        run = asyncio.create_task(_timed(self._exchange.refresh_leaderboards))
        # A look each twentieth of a second is near enough, and costs trades nothing.
        while not (run.done() or await self._owner.fetchval(_IS_TAKEN, self._ours.exchange_id)):  # noqa: ASYNC110  # the database tells nobody
            await asyncio.sleep(0.05)
        self.measured.snapshot_seconds.append(time.perf_counter() - begin)
        self.measured.busy_run_seconds.append(await run)

    async def _prepare_medians(self) -> None:
        """What is done ahead of an hour, a little at a time."""
        await self._owner.execute(_FORGET_HOUR, self._ours.exchange_id)
        await self._owner.execute(_UNPREPARED, self._ours.exchange_id)
        while not await self._exchange.prepare_medians():
            pass

    async def _processor_seconds(self, act: Callable[[], Awaitable[object]]) -> float:
        """How long all processes of the server were at work meanwhile, those that write and clean up included."""
        server = psutil.Process(await self._owner.fetchval("select pg_backend_pid()")).parent()
        if server is None:
            raise RuntimeError("The server has no process of its own.")
        before = _times(server)
        await act()
        after = _times(server)
        return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())

    async def _pages(self) -> None:
        exchange, exchange_id = self._exchange, self._ours.exchange_id
        user_id = self._ours.users[0] + MEMBERS
        for _ in range(20):
            for board in Board:
                for page in (1, 5_000):
                    await self._read(
                        "a page", exchange.get_leaderboard(exchange_id, board, Period.WEEK, page)
                    )
            await self._read("the own rank", exchange.get_standing(exchange_id, user_id))
            await self._read("eight days of one member", exchange.list_net_worth(exchange_id, user_id, HOURS))
            await self._read("select 1", exchange.check())
        for _ in range(3):
            await self._read("a page, naively", self._owner.fetch(_NAIVE_PAGE, exchange_id))

    async def _read(self, name: str, reading: Awaitable[object]) -> None:
        begin = time.perf_counter()
        await reading
        self.measured.note(name, 1_000 * (time.perf_counter() - begin))

    async def _pages_for(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            await self._exchange.get_leaderboard(self._ours.exchange_id)
            # Members ask at their own pace, however fast they are answered.
            await asyncio.sleep(1 / PAGES_A_SECOND)

    async def _trades(self, act: Callable[[], Awaitable[object]]) -> float:
        """Trades a second of the callers while something else goes on."""
        return await self._ours.measure_during(CALLERS, len(MARKETS), act)


def _times(server: psutil.Process) -> dict[int, float]:
    """The processors' seconds of each process of a server; one that has just ended has none."""
    times: dict[int, float] = {}
    for process in server.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            used = process.cpu_times()
            times[process.pid] = used.user + used.system
    return times


async def _timed(act: Callable[[], Awaitable[object]]) -> float:
    begin = time.perf_counter()
    await act()
    return time.perf_counter() - begin


async def measure(servers: EmbeddedServers, rounds: int, seconds: float) -> tuple[Measured, dict[str, float]]:
    """Measure everything once a round, so that whatever disturbs this machine disturbs all alike."""
    await migrate(servers.database_owner_url)
    owner = await asyncpg.connect(servers.database_owner_url)
    exchange = Exchange(Database(servers.database_url))
    crowd = await Crowd.prepare(owner, exchange)
    for number in range(1, rounds + 1):
        print(f"Round {number} of {rounds} ...", flush=True)
        await crowd.measure(seconds)
    sizes = await crowd.sizes()
    await exchange.close()
    await owner.close()
    return crowd.measured, sizes


def report(measured: Measured, sizes: dict[str, float]) -> str:
    """All of it as text, each figure beside its reference of the same run."""
    median = statistics.median
    run, naive_run = median(measured.run_seconds), median(measured.naive_run_seconds)
    work, preparing = median(measured.run_processor_seconds), median(measured.preparing_processor_seconds)
    busy_run, snapshot = median(measured.busy_run_seconds), median(measured.snapshot_seconds)
    lines = [
        "",
        f"{MEMBERS:,} members with positions in {len(MARKETS)} markets, {HOURS} hours of snapshots:",
        f"a run, snapshot and all leaderboards: {work:.1f} s of a processor; with its rests {run:.1f} s, beside trades {busy_run:.1f} s",
        f"beside trades the snapshot is taken after {snapshot:.1f} s (at most {max(measured.snapshot_seconds):.1f})",
        f"preparing the medians of the next hour, a little at a time: {preparing:.1f} s of a processor",
        f"pricing each position for itself: {naive_run:.0f} s, {naive_run / work:.0f} times the work of a run",
    ]
    once = median(measured.milliseconds["select 1"])
    for name, taken in measured.milliseconds.items():
        worst = sorted(taken)[len(taken) * 99 // 100]
        lines.append(
            f"{name}: {median(taken):.1f} ms, p99 {worst:.1f} ms ({median(taken) / once:.0f} times select 1)"
        )
    for name, pairs in (
        ("while a run is made", measured.beside_runs),
        (f"beside {PAGES_A_SECOND} pages a second", measured.beside_pages),
    ):
        alone, beside = (median(rates) for rates in zip(*pairs, strict=True))
        kept = median(rate / free for free, rate in pairs)
        lines.append(
            f"{CALLERS} callers {name}: {beside:,.0f} trades/s, {kept:.0%} of the {alone:,.0f} alone (medians of {len(pairs)})"
        )
    lines.append(
        f"runs are so far apart that their work takes 1 % of the time: {work * 100 / 60:.0f} minutes; "
        f"one an hour with what is prepared for it is {(work + preparing) / 36:.2f} % of a processor"
    )
    lines.append(
        f"on disk: {sizes['net_worths']:.0f} MB of snapshots ({sizes['net_worths'] / HOURS:.1f} an hour; "
        f"a row for each member would be {sizes['naive_hour']:.1f}), {sizes['standings']:.0f} MB of leaderboards"
    )
    return "\n".join(lines)


def main() -> None:
    """Start a PostgreSQL for the purpose, measure, print, and throw it away."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leaderboards", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="how often each figure is measured")
    parser.add_argument(
        "--seconds",
        type=float,
        default=10,
        help="how long each measurement of trades takes, other than beside a run, which takes its own time",
    )
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="betjee-bench-"))
    try:
        with EmbeddedServers(folder, valkey=False) as servers:
            measured, sizes = asyncio.run(measure(servers, options.rounds, options.seconds))
    finally:
        shutil.rmtree(folder)
    print(report(measured, sizes))


if __name__ == "__main__":
    main()
