"""Leaderboards and net worth over time, as members see them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from exchange.models import FromJson, Json


class Board(enum.StrEnum):
    """What a leaderboard ranks by.

    Net worth is the median of the last 24 hourly snapshots, at liquidation value; gain is how far that has
    risen within the period; realised is the profit before tax that closing has realised in it; best trade
    is the one fill of the period that has realised most.
    """

    NET_WORTH = "net_worth"
    REALISED = "realised"
    GAIN = "gain"
    BEST_TRADE = "best_trade"


class Period(enum.StrEnum):
    """Over which time: the last 24 hours, the last 7 days, or since the exchange was opened."""

    DAY = "day"
    WEEK = "week"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Standing:
    """One line of a leaderboard; equals have one rank, and `place` counts on.

    `net_worth_paise` and `gain_bps` (hundredths of a percent, within the period; None where nothing was
    granted) are of the boards of net worth and gain; `realised_paise` of the others; `market`,
    `shares` and `executed_at` of the best trade. `place`, and how many `members` are on the leaderboard, are only
    known of one's own line.
    """

    rank: int
    user_id: int
    display_name: str
    net_worth_paise: int | None = None
    gain_bps: int | None = None
    realised_paise: int | None = None
    market: str | None = None
    shares: int | None = None
    executed_at: datetime | None = None
    place: int | None = None
    members: int | None = None

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read one line."""
        moment = document.get("executed_at")
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        return cls(**{**known, "executed_at": moment and datetime.fromisoformat(moment)})


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """A page (from 1) of a leaderboard, as it was made at `refreshed_at`; None: never yet.

    `members` counts all for whom it has a place. Who has been frozen or banned since is missing from the page, which
    has so many `empty_places`; the ranks of the others stay.
    """

    board: Board
    period: Period
    page: int
    pages: int
    members: int
    refreshed_at: datetime | None
    standings: tuple[Standing, ...]
    empty_places: int = 0

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read the page and its lines."""
        moment = document["refreshed_at"]
        return cls(
            Board(document["board"]),
            Period(document["period"]),
            document["page"],
            document["pages"],
            document["members"],
            moment and datetime.fromisoformat(moment),
            tuple(Standing.from_json(item) for item in document["standings"]),
            document["empty_places"],
        )


@dataclass(frozen=True, slots=True)
class NetWorthPoint(FromJson):
    """What a member was worth in a snapshot, at liquidation value."""

    at: datetime
    net_worth_paise: int

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read one point."""
        return cls(datetime.fromisoformat(document["at"]), document["net_worth_paise"])
