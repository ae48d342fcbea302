"""What a member reads who may not trade: since when and why, what still works, and who hears them."""

from datetime import datetime
from typing import Final

import discord

from bot.replies.text import money, safe
from exchange.holds import Hold

_REASON_CHARACTERS: Final = 300
_STILL_WORKS: Final = (
    "What you have stays yours, and your waiting orders are suspended. `/portfolio`, `/history`, `/notifications` and "
    "`/privacy` still work."
)


def explain(hold: Hold) -> str:
    """Why a frozen or banned member may not trade, and what they can do about it."""
    if hold.status == "banned":
        return f"{banned(hold.reason, hold.since, hold.until)}\n{_STILL_WORKS}\n\n{appeal(can_appeal=hold.can_appeal)}"
    return (
        f"Your account was frozen{_since(hold.since)}{_why(hold.reason)}\n{_STILL_WORKS}\n\n"
        "A moderator decides how it goes on; `/report` tells the moderators your side."
    )


def banned(reason: str | None, since: datetime | None, until: datetime | None) -> str:
    """That somebody is banned, since when, until when, and why."""
    end = "until a moderator ends it" if until is None else f"until {discord.utils.format_dt(until, 'f')}"
    return f"You were banned from this exchange{_since(since)}, {end}{_why(reason)}"


def appeal(*, can_appeal: bool) -> str:
    """What the banned can do about it."""
    if can_appeal:
        return "If that is wrong, say so with `/appeal`, once: the moderators will read it."
    return "You have appealed already; the moderators decide."


def waiting_bonus(withheld_paise: int) -> str:
    """That a bonus is not there yet, to somebody who has not enough coins without it; empty where none waits."""
    if not withheld_paise:
        return ""
    return (
        f" Your sign-up bonus of **{money(withheld_paise)}** is not in it: a moderator looks at it first, since many people "
        "signed up from your network at the same time. `/report` asks them if it takes long."
    )


def _since(since: datetime | None) -> str:
    return "" if since is None else f" {discord.utils.format_dt(since, 'R')}"


def _why(reason: str | None) -> str:
    return "." if reason is None else f": {safe(reason, _REASON_CHARACTERS)}"
