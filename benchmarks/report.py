"""The table of figures, each beside its reference, and whether what we want to reach is reached."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.figures import Result
from benchmarks.stops import ARMED, ARMED_CALLERS, CASCADE, StopsMeasured

HOT, SPREAD = 1, 10
GOAL_CALLERS = 200
_NOISE = 0.05
"""Two measurements of one thing, one after the other, differ by up to this part: less is no difference."""


@dataclass(frozen=True)
class Measured:
    """Medians: through `Exchange` by callers and markets, naive by markets, pgbench by clients.

    `hot_to_spread` is the rate on one hot market as a part of that on ten, the median over pairs of
    measurements that followed each other.
    """

    through_exchange: dict[tuple[int, int], Result]
    hot_to_spread: float
    naive: dict[int, Result]
    tpcb: dict[int, float]
    stops: StopsMeasured
    discrepancies: list[str]

    @property
    def best_tpcb(self) -> float | None:
        """Pgbench's transactions a second at its best number of clients."""
        return max(self.tpcb.values(), default=None)


def report(measured: Measured) -> str:
    """All of it as text."""
    return "\n".join(
        [
            *_table(measured),
            "",
            *_references(measured),
            "",
            *_stops(measured.stops),
            "",
            *_goals(measured),
            "",
            _audit(measured),
        ]
    )


def _table(measured: Measured) -> Iterator[str]:
    yield ""
    yield "Durable trades (fsync and synchronous_commit on), callers and server on this one machine:"
    yield ""
    yield f"{'':34}{'trades/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'x naive':>9}{'x pgbench':>11}"
    for (callers, markets), result in sorted(measured.through_exchange.items()):
        yield _line(f"{_count(callers, 'caller')}, {_where(markets)}", result, measured, markets)
    for markets, result in measured.naive.items():
        yield _line(f"naive, 8 connections, {_where(markets)}", result, measured, markets)


def _line(name: str, result: Result, measured: Measured, markets: int) -> str:
    times_naive = result.per_second / measured.naive[markets].per_second
    tpcb = measured.best_tpcb
    times_tpcb = f"{result.per_second / tpcb:.1f}" if tpcb else "-"
    latencies = f"{result.p50_ms:>9.1f}{result.p99_ms:>9.1f}"
    return f"{name:34}{result.per_second:>10,.0f}{latencies}{times_naive:>9.1f}{times_tpcb:>11}"


def _references(measured: Measured) -> Iterator[str]:
    if not measured.tpcb:
        yield "pgbench is not installed here, so its reference is missing (on Debian: postgresql-contrib)."
        return
    rates = ", ".join(f"{_count(clients, 'client')} {rate:,.0f}" for clients, rate in measured.tpcb.items())
    yield f"pgbench, tpcb-like, prepared, transactions/s: {rates}"


def _stops(stops: StopsMeasured) -> Iterator[str]:
    seconds = statistics.median(stops.cascade_seconds)
    yield f"{CASCADE:,} stops set off by one trade, in its transaction: {seconds:.2f} s"
    for size, result in stops.naive.items():
        told = f"{result:.2f} s" if isinstance(result, float) else f"dies: {result}"
        yield f"the naive recursive function, {size:,} stops: {told}"
    rates = statistics.median(stops.with_armed), statistics.median(stops.without_armed)
    yield (
        f"{ARMED_CALLERS} callers beside {ARMED:,} armed stops that no trade reaches: "
        f"{rates[0]:,.0f} trades/s, {stops.rate_kept:.0%} of the {rates[1]:,.0f} without them"
    )


def _goals(measured: Measured) -> Iterator[str]:
    hot = measured.through_exchange[GOAL_CALLERS, HOT].per_second
    naive = measured.naive[HOT].per_second
    yield _goal("200 callers, hot: 10,000 trades/s", hot / 10_000)
    yield _goal("200 callers, hot: 10 times naive", hot / (10 * naive))
    if measured.best_tpcb:
        yield _goal("200 callers, hot: twice pgbench", hot / (2 * measured.best_tpcb))
    yield _goal("200 callers: hot no slower than ten", measured.hot_to_spread, noise=_NOISE)
    yield _goal("10,000 stops in a second", 1 / statistics.median(measured.stops.cascade_seconds))
    yield _goal("100,000 armed stops: 90 % of the rate", measured.stops.rate_kept / 0.9)


def _goal(name: str, part: float, noise: float = 0) -> str:
    """How far a goal is reached; for one of no difference, within what is noise."""
    return f"{name:42}{part:>6.0%}  {'reached' if part >= 1 - noise else 'missed'}"


def _audit(measured: Measured) -> str:
    if not measured.discrepancies:
        return "The audit after all these trades is clean."
    return "\n".join(["The audit found:", *measured.discrepancies])


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _where(markets: int) -> str:
    return "one hot market" if markets == HOT else f"{markets} markets"
