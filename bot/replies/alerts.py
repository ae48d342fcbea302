"""What a member reads of the price alerts that they arm, list and cancel; `notices` tells of one that has fired."""

from typing import Final

import discord

from bot.replies.reply import BLUE, GREEN, lines_that_fit, reply
from bot.replies.text import grouped, money, safe
from exchange.notices import Alert

_MARKET_CHARACTERS: Final = 20
_LABEL_CHARACTERS: Final = 40


def armed(alert: Alert) -> discord.Embed:
    """An alert waits for its price."""
    way = "risen" if alert.is_above else "fallen"
    return reply(
        GREEN,
        f"Price alert: {alert.market}",
        f"**{safe(alert.label, _LABEL_CHARACTERS)}** is at {money(alert.price_paise)}. Once it has {way} to "
        f"**{money(alert.alert_price_paise)}** you are told, once. `/notifications` chooses how, `/alerts` lists your alerts.",
    )


def listed(alerts: list[Alert], said: str = "") -> discord.Embed:
    """A member's waiting alerts, numbered as the buttons under them; `said` is what the last click did."""
    lines = (
        f"`{number}` **{safe(alert.market, _MARKET_CHARACTERS)}** {'rises' if alert.is_above else 'falls'} to "
        f"**{money(alert.alert_price_paise)}**, now {money(alert.price_paise)}"
        for number, alert in enumerate(alerts, start=1)
    )
    none = "None are waiting. `/alerts 22s1 50` tells you, once, when the price of 22s1 reaches ₹50."
    waiting = lines_that_fit(lines) or none
    return reply(BLUE, "Your price alerts", "\n\n".join(part for part in (said, waiting) if part))


def cancelled(alert: Alert) -> str:
    """That an alert was cancelled."""
    return f"Cancelled: alert for **{safe(alert.market, _MARKET_CHARACTERS)}** at {money(alert.alert_price_paise)}."


def all_cancelled(alerts: list[Alert]) -> str:
    """That all alerts that waited were cancelled."""
    if not alerts:
        return "Nothing was waiting any more."
    return f"Cancelled: {'your one alert' if len(alerts) == 1 else f'all {grouped(len(alerts))} alerts'}."


def incomplete() -> str:
    """What to type for an alert of which only a half was given."""
    return "An alert needs a market and a price, such as `/alerts market:22s1 price:50`; without both, `/alerts` lists yours."
