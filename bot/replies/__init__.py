"""Pure functions from what the exchange answered to what a person reads."""

from bot.replies import (
    accounts,
    boards,
    choices,
    enforcement,
    errors,
    moderation,
    notices,
    refusals,
    sign_up,
    stops,
    suspects,
    trades,
)

__all__ = [
    "accounts",
    "boards",
    "choices",
    "enforcement",
    "errors",
    "moderation",
    "notices",
    "refusals",
    "sign_up",
    "stops",
    "suspects",
    "trades",
]
