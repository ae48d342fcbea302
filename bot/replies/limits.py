"""What a person reads who is too fast, or who has to wait because Redis is away."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import discord

from bot.replies.reply import AMBER, reply
from runtime.limits import Budget, Reason, Ruling

_TOO_MANY: Final[Mapping[Budget, str]] = {
    Budget.TRADES: "You have given many orders, waiting orders or alerts in a short time, more than this exchange takes of one member.",
    Budget.READS: "You have asked for a lot in a short time.",
    Budget.QUOTES: "You have asked for many quotes in a short time.",
    Budget.SIGN_UPS: "There were many sign-ups in a short time.",
    Budget.MODERATION: "You have given many moderators' commands in a short time.",
}


def refused(budget: Budget, ruling: Ruling, now: datetime) -> discord.Embed:
    """Why something was not done, and when it would be. Times are rounded up, so that the one that is shown is right."""
    if ruling.reason is Reason.AWAY:
        what = "Signing up" if budget is Budget.SIGN_UPS else "Moderating"
        return reply(
            AMBER,
            "Not just now",
            f"{what} has to wait, because a part of the exchange cannot be reached; members can trade meanwhile. "
            "Nothing has changed; try again in a minute.",
        )
    again = now + timedelta(seconds=ruling.wait_seconds + 1)
    why = _TOO_MANY[budget]
    if ruling.reason is Reason.NETWORK:
        why = (
            "The members on your network have together given more orders than this exchange takes of one network. "
            "Some you always keep for yourself, but you have used those of this minute."
        )
    return reply(
        AMBER,
        "Not so fast",
        f"{why} Nothing was done or charged for this one. Try again {discord.utils.format_dt(again, 'R')}.",
    )
