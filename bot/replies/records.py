"""What a person reads of the ledger: their own history, and the public tape."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import discord

from bot.replies.columns import PHONE_COLUMNS, cell, columns_of
from bot.replies.reply import BLUE, GREEN, GREY, lines_that_fit, reply
from bot.replies.text import TIMES, grouped, holding, money, plain, profit, safe
from bot.replies.trades import WORDINGS
from exchange.models import Side
from exchange.records import Entry, Page, PublicFill

_MARKET_CHARACTERS: Final = 20
_MARKET_COLUMNS: Final = 12
_NAME_COLUMNS: Final = 8
"""A name is cut to no fewer, however long the figures are."""

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_CAUSES: Final = {
    "stop_loss": ", by your stop-loss",
    "take_profit": ", by your take-profit",
    "wipe": ", by a moderator",
    "settlement": ", at the settlement",
}

_GRANTS: Final = {
    "signup": "Sign-up bonus granted",
    "withheld": "Sign-up bonus taken back: a moderator looks at it first, since many people signed up from your network "
    "at the same time",
    "released": "Sign-up bonus granted, after a moderator's look",
}


def history(page: Page[Entry]) -> discord.Embed:
    """A page of a member's own ledger."""
    lines = lines_that_fit((_entry(entry) for entry in page.lines), between="\n\n")
    return reply(
        BLUE,
        "Your history",
        lines or "Nothing has happened yet. `/register` opens your account, `/buy` makes your first trade.",
        footer="Each change of your balance includes the tax. CSV: all of it, as a file.",
    )


def tape(page: Page[PublicFill], now: datetime) -> discord.Embed:
    """A page of the last trades, as a table that is narrow enough for a phone; how long ago each was, as of `now`."""
    if not page.lines:
        return reply(BLUE, "Last trades", "Nobody has traded yet. `/buy` makes the first trade.")
    return reply(
        BLUE,
        "Last trades",
        f"{_tape_table(page.lines, now)}\nThe first column is how long ago, as of {discord.utils.format_dt(now, 'T')}.",
    )


def export(entries: int, *, is_whole: bool, is_compressed: bool) -> discord.Embed:
    """What comes with the file of a member's ledger."""
    what = "your whole ledger" if is_whole else f"the newest {grouped(entries)} entries of your ledger"
    packed = " It is compressed with gzip, since Discord takes no file of its size." if is_compressed else ""
    noun = "entry" if entries == 1 else "entries"
    return reply(
        GREEN,
        "Your ledger",
        f"This is {what}: {grouped(entries)} {noun}, the newest first.{packed} Amounts are in coins, times in UTC. "
        "Shares that were sold, and a position that is short, are below 0.",
    )


def not_yours() -> discord.Embed:
    """The answer to someone who turns another person's pages."""
    return reply(
        GREY,
        "Not yours",
        "Only the person who asked can turn these pages; `/history` and `/tape` are for you.",
    )


def _entry(entry: Entry) -> str:
    change = f"**{profit(entry.cash_change_paise)}** · {_when(entry)}"
    if entry.market is None or entry.shares is None or entry.price_paise is None:
        return f"{_grant(entry)}\n{change}"
    market = safe(entry.market, _MARKET_CHARACTERS)
    verb = WORDINGS[Side(entry.kind)].done
    terms = f"at {money(entry.price_paise)}, tax {money(entry.tax_paise or 0)}{_CAUSES.get(entry.cause, '')}"
    lines = [f"{verb} **{grouped(abs(entry.shares))} {TIMES} {market}** {terms}", change]
    if entry.position_shares is not None:
        # On a line of its own, since a phone would break the one above.
        lines.append(f"Position after: {holding(entry.position_shares)}")
    return "\n".join(lines)


def _grant(entry: Entry) -> str:
    if entry.cause == "signup" and not entry.cash_change_paise:
        return "Signed up; no bonus was granted then"
    return _GRANTS.get(entry.cause, "Coins granted")


def _when(entry: Entry) -> str:
    return discord.utils.format_dt(entry.happened_at, "f")


def _tape_table(fills: Sequence[PublicFill], now: datetime) -> str:
    """A line for each: how long ago, who, what they did, and at what price. A name takes what the others leave.

    What they did is bought or sold, since a tape does not tell who is short.
    """
    rows = [
        (
            _age(now - fill.executed_at),
            "bought" if fill.shares > 0 else "sold",
            grouped(abs(fill.shares)),
            plain(fill.market, _MARKET_COLUMNS).replace("`", "'"),
            money(fill.price_paise),
        )
        for fill in fills
    ]
    age, side, size, market, price = (max(map(len, column)) for column in zip(*rows, strict=True))
    names = [fill.display_name for fill in fills if fill.display_name is not None]
    room = max(_NAME_COLUMNS, PHONE_COLUMNS - (age + side + size + market + price + 5))
    who = min(room, max(map(columns_of, names), default=0))
    lines = [
        f"{row[0]:>{age}} {f'{cell(fill.display_name, who)} ' if fill.display_name is not None else ''}"
        f"{row[1]:<{side}} {row[2]:>{size}} {row[3]:<{market}} {row[4]:>{price}}"
        for fill, row in zip(fills, rows, strict=True)
    ]
    return "```\n" + "\n".join(lines) + "\n```"


def _age(length: timedelta) -> str:
    """How long ago something was, in the largest unit of which it is at least one: `5s`, `12m`, `3h`, `40d`."""
    seconds = max(0, int(length.total_seconds()))
    unit, unit_seconds = next((unit for unit in _UNITS if seconds >= unit[1]), _UNITS[-1])
    return f"{seconds // unit_seconds}{unit}"
