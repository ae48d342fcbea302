"""Measured figures and how they are summed up."""

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field


@dataclass
class Stopwatch:
    """Counts trades and their latencies for some seconds, after a warm-up that does not count."""

    seconds: float
    warm_up_seconds: float = 0.5
    latencies: list[float] = field(default_factory=list)
    begin: float = field(default_factory=time.perf_counter)

    @property
    def is_running(self) -> bool:
        """Whether there is time for another trade."""
        return time.perf_counter() < self.begin + self.warm_up_seconds + self.seconds

    async def time(self, trade: Callable[[], Awaitable[object]]) -> None:
        """Do a trade and note how long its caller waited, if it ended within the time that counts."""
        start = time.perf_counter()
        await trade()
        end = time.perf_counter()
        counted_from = self.begin + self.warm_up_seconds
        if counted_from <= end <= counted_from + self.seconds:
            self.latencies.append(end - start)

    def result(self) -> "Result":
        """Trades a second and latencies."""
        ordered = sorted(self.latencies)
        return Result(
            per_second=len(ordered) / self.seconds,
            p50_ms=1_000 * ordered[len(ordered) // 2],
            p99_ms=1_000 * ordered[len(ordered) * 99 // 100],
        )


@dataclass(frozen=True)
class Result:
    """One measurement."""

    per_second: float
    p50_ms: float
    p99_ms: float


def median(results: Sequence[Result]) -> Result:
    """The median of each figure over several rounds."""
    return Result(
        per_second=statistics.median(result.per_second for result in results),
        p50_ms=statistics.median(result.p50_ms for result in results),
        p99_ms=statistics.median(result.p99_ms for result in results),
    )
