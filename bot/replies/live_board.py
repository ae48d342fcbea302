"""The live board that everyone looks at, and what moderators read about it."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import discord

from bot.replies.reply import AMBER, BLUE, GREEN, reply
from bot.replies.text import change, grouped, money, plain, safe
from exchange.live_boards import Board, BoardMarket
from exchange.models import Side

_MARKETS_SHOWN: Final = 25
_CODE_CHARACTERS: Final = 8
_LABEL_CHARACTERS: Final = 9
_BARS: Final = "▁▂▃▄▅▆▇█"
_SMALLEST_SPAN_PART: Final = 50
_WHOLE_PERCENT_FROM_BPS: Final = 10_000
_HEADINGS: Final = (
    f"{'market':<8}{'price ₹':>8}{'1 h %':>8}{'24 h %':>8}",
    f" {'':<9}{'traded':>8} {'price in 24 h':>13}",
)


@dataclass(frozen=True)
class Form:
    """The words of the form under Buy, Sell or Short; a label has at most 45 characters, a description 100."""

    title: str
    shares: str
    limit_name: str
    limit: str


_TO_OPEN: Final = "A number, 50% of your buying power, or max: all that one order may do now"
_LEAST: Final = (
    "At least, in coins (optional)",
    "The least you would take, tax deducted; else it is not executed",
)
FORMS: Final = {
    Side.BUY: Form(
        "Buy shares",
        _TO_OPEN,
        "At most, in coins (optional)",
        "The most you would pay, tax included; else it is not executed",
    ),
    Side.SELL: Form(
        "Sell shares that you hold", "A number, 50% of your position, or max: all of it", *_LEAST
    ),
    Side.SHORT: Form("Short: sell first, buy back later", _TO_OPEN, *_LEAST),
}


class Posting(enum.Enum):
    """What became of a board that was put somewhere."""

    PINNED = "posted and pinned"
    NOT_PINNED = "posted, and the bot may not pin it"
    FORBIDDEN = "the bot may not write there"
    LATER = "it is posted as soon as Discord takes it"


def board(figures: Board) -> discord.Embed:
    """All markets, two lines each, narrow enough for a phone; the time of the last change is the card's own."""
    shown = figures.markets[:_MARKETS_SHOWN]
    rows = [*_HEADINGS, *(row for market in shown for row in _rows(market))]
    notes = [_state(market) for market in shown if market.status != "open"]
    if len(figures.markets) > len(shown):
        notes.append(f"{grouped(len(figures.markets) - len(shown))} more: `/markets`.")
    embed = reply(
        BLUE,
        "Live board",
        "\n".join(["```", *rows, "```", *notes]),
        footer="Traded: shares within 24 h. Last change",
    )
    embed.timestamp = figures.updated_at
    return embed


def put(posting: Posting, channel_id: int) -> discord.Embed:
    """What became of the board, to the moderator who put it."""
    place = f"<#{channel_id}>"
    match posting:
        case Posting.PINNED:
            return reply(
                GREEN,
                "Live board",
                f"It is in {place}, pinned, and keeps itself up to date. `/board off` removes it.",
            )
        case Posting.NOT_PINNED:
            return reply(
                AMBER,
                "Live board",
                f"It is in {place} and keeps itself up to date. **I may not pin it there**: pin it yourself, or give "
                "me the permission to pin messages and use `/board here` again.",
            )
        case Posting.FORBIDDEN:
            return reply(
                AMBER,
                "No live board",
                f"I may not send messages with cards in {place}. Give me the permissions to view the channel, send "
                "messages and embed links, then use `/board here` again.",
            )
        case Posting.LATER:
            return reply(
                AMBER, "Live board", f"Discord is slow to take it: it comes into {place} as soon as it does."
            )


def removed(channel_id: str, *, is_deleted: bool) -> discord.Embed:
    """The board is off."""
    place = f"<#{int(channel_id)}>"
    rest = "" if is_deleted else " I could not delete its message there; delete it yourself."
    return reply(GREEN, "Live board removed", f"The board in {place} is off.{rest}")


def not_a_channel() -> str:
    """What to do where there can be no board."""
    return "A live board needs a text channel: use `/board here` in one."


def sparkline(prices: Sequence[int]) -> str:
    """Prices as a line of bars above the lowest of them; what moves by less than 2 % does not look like a crash."""
    lowest = min(prices)
    span = max(max(prices) - lowest, lowest // _SMALLEST_SPAN_PART, 1)
    top = len(_BARS) - 1
    return "".join(_BARS[round((price - lowest) * top / span)] for price in prices)


def _rows(market: BoardMarket) -> tuple[str, str]:
    code = _cell(market.market, _CODE_CHARACTERS)
    price = money(market.price_paise).replace("₹", "")
    first = f"{code:<8}{price:>8}{_change(market.hour_change_bps):>8}{_change(market.day_change_bps):>8}"
    label = _cell(market.label, _LABEL_CHARACTERS)
    middle = grouped(market.volume_shares) if market.status == "open" else market.status
    return first, f" {label:<9}{middle:>8} {sparkline(market.prices_paise)}"


def _cell(text: str, characters: int) -> str:
    """Text for a code block, which it cannot end."""
    return plain(text, characters).replace("`", "'")


def _change(bps: int) -> str:
    """A change as a number of percents; a very large one without decimals, so that it stays in its column."""
    number = change(bps).removesuffix(" %")
    return number if abs(bps) < _WHOLE_PERCENT_FROM_BPS else number.rpartition(".")[0].replace(",", "")


def _state(market: BoardMarket) -> str:
    """A market that is not open, and when it is again, as a time that Discord counts down for each reader."""
    code = safe(market.market, _CODE_CHARACTERS)
    if market.halted_until is None:
        return f"**{code}** is {market.status}."
    return f"**{code}** is {market.status}, and reopens {discord.utils.format_dt(market.halted_until, 'R')}."
