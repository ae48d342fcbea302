"""What a picture is of. A scene has all its figures; whoever draws it asks nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from exchange.prices import MarketDetail, Period, PriceHistory

Key = tuple[object, ...]
"""Two scenes with the same key are the same picture."""


@dataclass(frozen=True, slots=True)
class PriceScene:
    """How a price has moved, with volume, halts, and what the reader's own shares cost on average."""

    history: PriceHistory
    period: Period

    @property
    def key(self) -> Key:
        """The market's version stands for its price, fills and halts; the rest is time and reader."""
        shown = self.history
        market = (shown.exchange_id, shown.market, shown.version, shown.status)
        time = (self.period, shown.starts_at, shown.bucket_seconds, shown.bucket_count)
        return ("price", *market, *time, shown.average_cost_paise)


@dataclass(frozen=True, slots=True)
class CurveScene:
    """A market's curve, where the market stands on it, and how far its price may go now."""

    detail: MarketDetail

    @property
    def key(self) -> Key:
        """The market's version stands for all but the band, which moves with time."""
        shown = self.detail
        market = (shown.exchange_id, shown.market.market, shown.market.version)
        return ("curve", *market, shown.band_low_paise, shown.band_high_paise)


@dataclass(frozen=True, slots=True)
class NetWorthScene:
    """What a member was worth, from the first of these moments to the last; there are at least two."""

    points: tuple[tuple[datetime, int], ...]
    """Each moment with the net worth in paise."""

    @property
    def key(self) -> Key:
        """The points themselves: there are few, and nothing else tells them apart."""
        return ("net worth", self.points)


Scene = PriceScene | CurveScene | NetWorthScene
