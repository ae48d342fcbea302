"""What a person reads with a picture: the figures beside it, and the picture in words for who cannot see it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import discord

from bot.replies.reply import BLUE, GREEN, RED, Figure, reply
from bot.replies.text import change, grouped, holding, money, percent, plain, safe, shares
from exchange.models import Market
from exchange.prices import MarketDetail, Period, PriceHistory

_WORDS: Final = 1_000
"""Discord takes 1,024 characters to describe a file."""
_TIMES: Final = {
    Period.HOUR: "the last hour",
    Period.SIX_HOURS: "the last 6 hours",
    Period.DAY: "the last 24 hours",
    Period.WEEK: "the last 7 days",
    Period.ALL: "all time",
}


def price_chart(history: PriceHistory, period: Period) -> discord.Embed:
    """What is beside the picture of a price."""
    colour = BLUE if not history.change_bps else GREEN if history.change_bps > 0 else RED
    figures: list[Figure] = [
        ("Lowest and highest", f"{money(history.lowest_paise)} – {money(history.highest_paise)}"),
        ("Traded", shares(history.volume_shares)),
    ]
    if history.average_cost_paise is not None:
        figures.append(
            ("You have", f"{holding(history.position_shares)} at {money(history.average_cost_paise)}")
        )
    return reply(
        colour,
        _title(history.market, history.label),
        f"**{money(history.price_paise)}** · {change(history.change_bps)} over {_TIMES[period]}"
        f"{_halted(history.status)}",
        figures,
    )


def price_chart_words(history: PriceHistory, period: Period) -> str:
    """The picture of a price in words."""
    moved = (
        f"Chart of the price of {plain(history.market)} over {_TIMES[period]}: from {money(history.opening_price_paise)} "
        f"to {money(history.price_paise)} ({change(history.change_bps)}), between {money(history.lowest_paise)} and "
        f"{money(history.highest_paise)}. {shares(history.volume_shares).capitalize()} were traded."
    )
    sentences = [moved]
    if history.halts:
        count = len(history.halts)
        sentences.append(f"The market was halted {'once' if count == 1 else f'{grouped(count)} times'}.")
    if history.average_cost_paise is not None:
        sentences.append(f"A dashed line marks your average cost, {money(history.average_cost_paise)}.")
    return " ".join(sentences)[:_WORDS]


def market(detail: MarketDetail) -> discord.Embed:
    """One market: its price, what is left, and what limits an order."""
    shown = detail.market
    return reply(
        BLUE,
        _title(shown.market, shown.label),
        f"**{money(shown.price_paise)}** · {change(shown.change_bps)} in 24 h{_reopening(shown)}",
        [
            ("Can still be bought", shares(shown.available_shares)),
            ("Sold", _sold(detail)),
            ("Short", shares(shown.open_short_shares)),
            ("Never leaves", f"{money(detail.price_min_paise)} – {money(detail.price_max_paise)}"),
            ("May move now within", _band(detail)),
            ("Largest order", shares(detail.max_order_shares)),
            ("Tax", percent(detail.tax_bps)),
            ("Reserved for a share short", money(detail.collateral_paise)),
        ],
        footer=f"The price may move by {percent(detail.band_bps)} within {grouped(detail.band_seconds)} s. "
        f"{shares(detail.min_market_shares).capitalize()} always stay in the market.",
    )


def market_words(detail: MarketDetail) -> str:
    """The picture of a curve in words."""
    shown = detail.market
    return (
        f"The price curve of {plain(shown.market)}, which rises from {money(detail.curve[0].price_paise)} to "
        f"{money(detail.curve[-1].price_paise)} as shares are sold. The market stands at {money(shown.price_paise)}, "
        f"with {_sold(detail)} sold. Orders may carry the price now to {_band(detail)}."
    )[:_WORDS]


def net_worth_words(points: tuple[tuple[datetime, int], ...]) -> str:
    """The picture of a net worth in words."""
    amounts = [paise for _, paise in points]
    return (
        f"Your net worth since {points[0][0].astimezone(UTC):%d %B %Y, %H:%M} UTC: from {money(amounts[0])} to "
        f"{money(amounts[-1])}, between {money(min(amounts))} and {money(max(amounts))}."
    )


def _sold(detail: MarketDetail) -> str:
    """How much of a market is sold, which short sales take back and can carry below nothing."""
    sold = detail.market.sold_shares
    if sold < 0:
        return f"none, and {grouped(-sold)} more sold short"
    return f"{grouped(sold)} of {grouped(detail.total_shares_cap)}"


def without_picture(embed: discord.Embed) -> discord.Embed:
    """The same card, where its picture could not be drawn."""
    embed.set_footer(text="The picture could not be drawn just now; ask again in a moment.")
    return embed


def _title(code: str, label: str) -> str:
    return f"{plain(code)} · {plain(label, 40)}"


def _halted(status: str) -> str:
    return "" if status == "open" else f" · **{safe(status)}**"


def _reopening(shown: Market) -> str:
    """Whether it is halted, and until when, as a time that Discord counts down for each reader."""
    end = shown.halted_until
    return _halted(shown.status) + ("" if end is None else f", reopens <t:{int(end.timestamp())}:R>")


def _band(detail: MarketDetail) -> str:
    return f"{money(detail.band_low_paise)} – {money(detail.band_high_paise)}"


def choose_market() -> discord.Embed:
    """The question of which market's chart."""
    return reply(BLUE, "Which market?", "Choose a market. `/chart` takes one, and a period, at once.")


def market_options(markets: Sequence[Market]) -> list[tuple[str, str]]:
    """Markets to choose from, each with its code and how it is offered."""
    return [
        (market.market, f"{market.market} · {plain(market.label, 40)} · {money(market.price_paise)}")
        for market in markets
    ]
