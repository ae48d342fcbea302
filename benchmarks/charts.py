"""`python -m benchmarks.charts`: how long pictures take, and how long they hold up the event loop."""

import argparse
import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncpg
import psutil

from bot.pictures.scenes import CurveScene, PriceScene
from bot.pictures.studio import Studio
from exchange.charts import STEP_FILLS
from exchange.database import Database
from exchange.exchange import Exchange
from exchange.migrations import migrate
from exchange.prices import Period
from runtime.servers import EmbeddedServers
from tests.model.founding import found

READ_GOAL_MS = 50
WARM_GOAL_MS = 150
STALL_GOAL_MS = 20
PROBE_SECONDS = 0.001
FILLS = """
insert into betjee.transactions (
  exchange_id, sequence, user_id, shift_id, shares, price_paise, gross_paise, tax_paise,
  price_after_paise, cause, request_id, executed_at)
select $1, 1000 + number, $2, 1, 1 + number % 7, 1663, 1663, 28, 1600 + (number::bigint * 7919) % 311, 'order', number,
  clock_timestamp() - interval '7 days' + number * interval '7 days' / $3
from generate_series(1, $3) number
"""


@dataclass
class Stalls:
    """How long the event loop was held up: what a short sleep took longer than it should."""

    gaps_ms: list[float] = field(default_factory=list)

    @property
    def longest_ms(self) -> float:
        """The longest."""
        return max(self.gaps_ms)

    @property
    def p99_ms(self) -> float:
        """All but one in a hundred were shorter."""
        return statistics.quantiles(self.gaps_ms, n=100)[-1]


@asynccontextmanager
async def watched_loop() -> AsyncIterator[Stalls]:
    """Watch the event loop meanwhile."""
    stalls = Stalls()

    async def probe() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(PROBE_SECONDS)
            stalls.gaps_ms.append(1_000 * (time.perf_counter() - before - PROBE_SECONDS))

    task = asyncio.create_task(probe())
    await asyncio.sleep(0)
    try:
        yield stalls
    finally:
        task.cancel()


async def milliseconds(act: Callable[[], Awaitable[object]]) -> float:
    """How long something takes."""
    start = time.perf_counter()
    await act()
    return 1_000 * (time.perf_counter() - start)


async def measure(servers: EmbeddedServers, charts: int, fills: int) -> bool:
    """Measure and print; whether all goals are reached."""
    await migrate(servers.database_owner_url)
    owner = await asyncpg.connect(servers.database_owner_url)
    founded = await found(owner, [10**9])
    await owner.execute(FILLS, founded.exchange_id, founded.users[0], fills)
    await owner.execute(
        "update betjee.exchanges set opened_at = clock_timestamp() - interval '9 days', sequence = 2000000000"
    )
    await owner.execute("analyze")
    await owner.close()
    exchange = Exchange(Database(servers.database_url))
    try:
        print(f"Reading what is drawn, of a market with {fills:,} fills in a week:")
        await _read(exchange, founded.exchange_id, "not counted")
        await _count(exchange, founded.exchange_id)
        slowest_ms = await _read(exchange, founded.exchange_id, "counted")
        print(f"each read ≤ {READ_GOAL_MS} ms: {'reached' if slowest_ms <= READ_GOAL_MS else 'missed'}")
        scene = await _scene(exchange, founded.exchange_id)
        return await _draw(scene, charts) and slowest_ms <= READ_GOAL_MS
    finally:
        await exchange.close()


async def _read(exchange: Exchange, exchange_id: int, state: str) -> float:
    """Read each period, and print how long that takes; the longest, in milliseconds."""
    medians = []
    for period in Period:
        took = [
            await milliseconds(lambda: exchange.get_price_history(exchange_id, "22s1", period))  # noqa: B023  # it is called before the loop goes on
            for _ in range(5)
        ]
        medians.append(statistics.median(took))
        print(f"  {period.value:>4} {state:<12}{medians[-1]:8.1f} ms")
    return max(medians)


async def _count(exchange: Exchange, exchange_id: int) -> None:
    """Count the fills as the job does, but without its rests."""
    took, more = [], True

    async def step() -> None:
        nonlocal more
        more = await exchange.count_candles(exchange_id)

    while more:
        took.append(await milliseconds(step))
    print(
        f"  counting them {sum(took) / 1_000:.1f} s in steps of {STEP_FILLS:,}, median {statistics.median(took):.0f} ms, longest {max(took):.0f} ms"
    )


async def _scene(exchange: Exchange, exchange_id: int) -> PriceScene:
    detail = CurveScene(await exchange.get_market(exchange_id, "22s1"))
    async with Studio() as studio:
        await studio.open()
        print(f"  the curve, read and drawn {await milliseconds(lambda: studio.draw(detail)):.0f} ms")
    return PriceScene(await exchange.get_price_history(exchange_id, "22s1", Period.DAY), Period.DAY)


async def _draw(scene: PriceScene, charts: int) -> bool:
    def another(version: int) -> PriceScene:
        return replace(scene, history=replace(scene.history, version=version))

    async with Studio() as studio:
        async with watched_loop() as starting:
            cold = await milliseconds(lambda: studio.draw(another(-1)))
        process = _drawing_process()
        start, used = time.perf_counter(), sum(process.cpu_times()[:2])
        async with watched_loop() as drawing:
            warm = [await milliseconds(lambda: studio.draw(another(number))) for number in range(charts)]  # noqa: B023  # as above
        took, used = time.perf_counter() - start, sum(process.cpu_times()[:2]) - used
        async with watched_loop() as resting:
            await asyncio.sleep(took)
        cached = [await milliseconds(lambda: studio.draw(another(0))) for _ in range(charts)]
    median = statistics.median(warm)
    print(f"Drawing: cold, with the start of the process, {cold:.0f} ms")
    print(
        f"  warm    {median:7.1f} ms median of {charts}, {max(warm):.0f} ms at most; {1_000 * used / charts:.0f} ms of a processor each"
    )
    print(f"  cached  {statistics.median(cached):7.3f} ms")
    print("The event loop's stalls:            p99 ms   longest ms")
    for name, stalls in (
        ("starting the process", starting),
        (f"drawing {charts} charts", drawing),
        ("without charts", resting),
    ):
        print(f"  {name:<32}{stalls.p99_ms:>8.1f}{stalls.longest_ms:>13.1f}")
    reached = median <= WARM_GOAL_MS, drawing.longest_ms <= STALL_GOAL_MS
    print(
        f"warm ≤ {WARM_GOAL_MS} ms: {'reached' if reached[0] else 'missed'}; stall ≤ {STALL_GOAL_MS} ms: {'reached' if reached[1] else 'missed'}"
    )
    return all(reached)


def _drawing_process() -> psutil.Process:
    return next(child for child in psutil.Process().children() if "bot.pictures.worker" in child.cmdline())


def main() -> int:
    """Exit code 0 if both goals are reached, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.charts", description=__doc__)
    parser.add_argument("--charts", type=int, default=50)
    parser.add_argument("--fills", type=int, default=100_000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="betjee-charts-"))
    try:
        with EmbeddedServers(folder, valkey=False) as servers:
            return 0 if asyncio.run(measure(servers, options.charts, options.fills)) else 1
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
