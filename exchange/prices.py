"""What charts are drawn from: how a price has moved, and a market with its curve."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self

from exchange.models import Json, Market


class Period(enum.Enum):
    """How far back a chart reaches."""

    HOUR = "1h"
    SIX_HOURS = "6h"
    DAY = "24h"
    WEEK = "7d"
    ALL = "all"

    @property
    def seconds(self) -> int | None:
        """Its length; None for everything since the first fill."""
        return {"1h": 3_600, "6h": 21_600, "24h": 86_400, "7d": 604_800}.get(self.value)


class PriceBucket(NamedTuple):
    """The fills of a short time, summed up: the price after the last of them, the highest and lowest, and shares."""

    number: int
    last_paise: int
    highest_paise: int
    lowest_paise: int
    volume_shares: int


class Halt(NamedTuple):
    """When a market was halted; `ends_at` is None where nobody knows yet."""

    halted_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """How a market's price has moved since `starts_at`.

    The time is cut into `bucket_count` buckets (at most 242) of `bucket_seconds`; those in which nothing
    was traded are left out, and the price stays what it was. `opening_price_paise` is the price at
    `starts_at`; `change_bps` is how far it has moved since, in hundredths of a percent. The position is
    that of the member who asks (negative: short), 0 shares and None where there is none.
    """

    exchange_id: int
    market: str
    label: str
    version: int
    status: str
    price_paise: int
    opening_price_paise: int
    change_bps: int
    starts_at: datetime
    bucket_seconds: int
    bucket_count: int
    buckets: tuple[PriceBucket, ...]
    halts: tuple[Halt, ...]
    position_shares: int
    average_cost_paise: int | None

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read the document of `betjee.get_price_history`."""
        values = {name: document[name] for name in cls.__dataclass_fields__}
        values["starts_at"] = datetime.fromisoformat(document["starts_at"])
        values["buckets"] = tuple(PriceBucket(*bucket) for bucket in document["buckets"])
        values["halts"] = tuple(
            Halt(datetime.fromisoformat(start), end and datetime.fromisoformat(end))
            for start, end in document["halts"]
        )
        return cls(**values)

    @property
    def highest_paise(self) -> int:
        """The highest price within the time."""
        return max(
            [self.opening_price_paise, self.price_paise, *(item.highest_paise for item in self.buckets)]
        )

    @property
    def lowest_paise(self) -> int:
        """The lowest price within the time."""
        return min(
            [self.opening_price_paise, self.price_paise, *(item.lowest_paise for item in self.buckets)]
        )

    @property
    def volume_shares(self) -> int:
        """How many shares were traded within the time."""
        return sum(bucket.volume_shares for bucket in self.buckets)


class CurvePoint(NamedTuple):
    """The price where so many shares are sold."""

    sold_shares: int
    price_paise: int


@dataclass(frozen=True, slots=True)
class MarketDetail:
    """A market with its terms, its limits and its curve.

    `curve` reaches from where nothing is sold, or where shorts have carried it, to where no more can be
    bought. Within `band_seconds` no order may carry the price out of the band. `collateral_paise` is
    reserved for each share sold short.
    """

    exchange_id: int
    market: Market
    price_min_paise: int
    price_max_paise: int
    total_shares_cap: int
    remaining_shares: int
    min_market_shares: int
    tax_bps: int
    collateral_paise: int
    max_order_shares: int
    band_bps: int
    band_seconds: int
    band_low_paise: int
    band_high_paise: int
    curve: tuple[CurvePoint, ...]

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read the document of `betjee.get_market`."""
        values = {name: document[name] for name in cls.__dataclass_fields__ if name != "market"}
        values["market"] = Market.from_json(document)
        values["curve"] = tuple(CurvePoint(*point) for point in document["curve"])
        return cls(**values)
