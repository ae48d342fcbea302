"""Pure functions from what the exchange answered to what a person reads."""

from bot.replies import (
    accounts,
    boards,
    charts,
    choices,
    errors,
    leaderboards,
    limits,
    live_board,
    moderation,
    notices,
    records,
    refusals,
    stops,
    trades,
)

__all__ = [
    "accounts",
    "boards",
    "charts",
    "choices",
    "errors",
    "leaderboards",
    "limits",
    "live_board",
    "moderation",
    "notices",
    "records",
    "refusals",
    "stops",
    "trades",
]
