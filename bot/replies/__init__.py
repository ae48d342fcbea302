"""Pure functions from what the exchange answered to what a person reads."""

from bot.replies import (
    accounts,
    boards,
    charts,
    choices,
    errors,
    leaderboards,
    limits,
    moderation,
    notices,
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
    "moderation",
    "notices",
    "refusals",
    "stops",
    "trades",
]
