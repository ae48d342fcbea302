"""What a chart must show, computed in Python from the fills of the ledger and nothing else."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from tests.model import curve
from tests.model.curve import Terms

PERIODS = (3_600, 21_600, 86_400, 604_800, None)
COUNT = "select betjee.count_candles($1, $2)"
COUNTED = """
select count(*) from betjee.transactions t join betjee.candle_counts c using (exchange_id)
where t.exchange_id = $1 and t.sequence <= c.counted_sequence
"""
"""How many fills of the ledger are counted."""

_FILLS = """
select sequence, executed_at, shares, price_after_paise as price_paise from betjee.transactions
where exchange_id = $1 and shift_id = (select shift_id from betjee.markets where exchange_id = $1 and code = $2)
order by sequence
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CANDLES_SECONDS = (86_400, 3_600, 360, 15, 1)


async def counted(service: asyncpg.Connection, exchange_id: int, limit: int = 100_000) -> bool:
    """Count so many fills at most; whether there are more."""
    more: bool = await service.fetchval(COUNT, exchange_id, limit)
    return more


async def assert_charts_show_the_ledger(
    owner: asyncpg.Connection, service: asyncpg.Connection, exchange_id: int, market: str = "22s1"
) -> None:
    """Every period of a market shows what its fills say; a wipe, if there was one, is of this moment."""
    fills = await owner.fetch(_FILLS, exchange_id, market)
    opened_at = await owner.fetchval(
        "select opened_at from betjee.exchanges where exchange_id = $1", exchange_id
    )
    for seconds in PERIODS:
        before = await service.fetchval("select clock_timestamp()")
        chart = await _chart(service, exchange_id, market, seconds)
        after = await service.fetchval("select clock_timestamp()")
        start, length = datetime.fromisoformat(chart["starts_at"]), chart["bucket_seconds"]
        # The clock goes on, and so the chart may be that of any moment between.
        earliest, latest = [_reach(fills, opened_at, seconds, now) for now in (before, after)]
        assert length in (_bucket_seconds(before - earliest), _bucket_seconds(after - latest))
        assert earliest - timedelta(seconds=length) < start <= latest
        assert (start - _EPOCH) % timedelta(seconds=length) == timedelta(0), "bounds stand still"
        past = [fill["price_paise"] for fill in fills if fill["executed_at"] <= start]
        assert chart["opening_price_paise"] == (past or [curve.price(Terms(), 0)])[-1]
        assert chart["buckets"] == _buckets(fills, start, length), f"{seconds} seconds"
        assert all(0 <= bucket[0] < chart["bucket_count"] <= 242 for bucket in chart["buckets"])


async def _chart(
    service: asyncpg.Connection, exchange_id: int, market: str, seconds: int | None
) -> dict[str, Any]:
    query = "select betjee.get_price_history($1, $2, $3, null)"
    chart: dict[str, Any] = json.loads(await service.fetchval(query, exchange_id, market, seconds))
    return chart


def _reach(
    fills: Sequence[asyncpg.Record], opened_at: datetime, seconds: int | None, now: datetime
) -> datetime:
    if seconds is None:
        return min((fill["executed_at"] for fill in fills), default=opened_at)
    return max(now - timedelta(seconds=seconds), opened_at)


def _bucket_seconds(span: timedelta) -> int:
    """At most 240 buckets, each a whole multiple of the longest candle that fits into it."""
    least = max(1, span / timedelta(seconds=240))
    candle = next(seconds for seconds in _CANDLES_SECONDS if seconds <= least)
    return math.ceil(least / candle) * candle


def _buckets(fills: Sequence[asyncpg.Record], start: datetime, length: int) -> list[list[int]]:
    buckets: dict[int, list[asyncpg.Record]] = {}
    for fill in fills:
        if fill["executed_at"] >= start:
            number = (fill["executed_at"] - start) // timedelta(seconds=length)
            buckets.setdefault(number, []).append(fill)
    return [
        [
            number,
            inside[-1]["price_paise"],
            max(fill["price_paise"] for fill in inside),
            min(fill["price_paise"] for fill in inside),
            sum(abs(fill["shares"]) for fill in inside),
        ]
        for number, inside in sorted(buckets.items())
    ]
