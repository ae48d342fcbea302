"""What a person reads of the ledger: their own history, and the public tape."""

from typing import Final

import discord

from bot.replies.reply import BLUE, GREEN, GREY, lines_that_fit, reply
from bot.replies.text import TIMES, grouped, holding, money, name, profit, safe
from bot.replies.trades import WORDINGS
from exchange.models import Side
from exchange.records import Entry, Page, PublicFill

_MARKET_CHARACTERS: Final = 20
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


def tape(page: Page[PublicFill]) -> discord.Embed:
    """A page of the last trades."""
    lines = lines_that_fit(_public_fill(fill) for fill in page.lines)
    return reply(BLUE, "Last trades", lines or "Nobody has traded yet. `/buy` makes the first trade.")


def export(entries: int, *, is_whole: bool, is_compressed: bool) -> discord.Embed:
    """What comes with the file of a member's ledger."""
    what = "your whole ledger" if is_whole else f"the newest {grouped(entries)} entries of your ledger"
    packed = " It is compressed with gzip, since Discord takes no file of its size." if is_compressed else ""
    noun = "entry" if entries == 1 else "entries"
    return reply(
        GREEN,
        "Your ledger",
        f"This is {what}: {grouped(entries)} {noun}, the newest first.{packed} Amounts are in coins, times in UTC.",
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
    cause = _CAUSES.get(entry.cause, "")
    lines = [
        f"{verb} **{grouped(abs(entry.shares))} {TIMES} {market}** at {money(entry.price_paise)}{cause}",
        f"{change} · tax {money(entry.tax_paise or 0)}",
    ]
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


def _public_fill(fill: PublicFill) -> str:
    """A trade as everybody may read it: bought or sold, since a tape does not tell who is short."""
    verb = "bought" if fill.shares > 0 else "sold"
    who = name(fill.display_name) if fill.display_name is not None else "Someone"
    return (
        f"{discord.utils.format_dt(fill.executed_at, 'R')} {who} {verb} {grouped(abs(fill.shares))} {TIMES} "
        f"{safe(fill.market, _MARKET_CHARACTERS)} at {money(fill.price_paise)}"
    )
