"""What people type, read once into what the exchange takes. Only shape is checked here; SQL rules on the rest."""

import difflib
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import discord
from discord import app_commands

from bot.errors import InputUnreadable
from bot.replies.text import safe
from exchange.models import Size

_TYPED_CHARACTERS: Final = 40
_GROUPED: Final = r"\d+|\d{1,3}(?:,\d{2,3})*,\d{3}"
_SHARES: Final = re.compile(_GROUPED, re.ASCII)
_PORTION: Final = re.compile(r"(\d{1,3})(?:\.(\d{1,2}))?\s*%", re.ASCII)
_COINS: Final = re.compile(rf"₹?\s*({_GROUPED})(?:\.(\d{{1,2}}))?", re.ASCII)
_MEMBER: Final = re.compile(r"<@!?(\d{15,20})>|(\d{15,20})", re.ASCII)
_MEMBERS: Final = 100
_SPAN: Final = re.compile(r"(\d{1,5})\s*(h|d|w|hours?|days?|weeks?)", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DIGITS: Final = 12
"""No market has as many shares, and nobody as many coins, as have more digits than this."""


def read_size(text: str) -> Size:
    """A number of shares (`10`, `1,000`), a portion (`50%`, `12.5%`) or `max`.

    Raises InputUnreadable, with what to type instead.
    """
    typed = text.strip().lower()
    if typed in {"max", "all"}:
        return Size.maximum()
    if portion := _PORTION.fullmatch(typed):
        bps = int(portion[1]) * 100 + int((portion[2] or "").ljust(2, "0"))
        if 1 <= bps <= Size.maximum().portion_bps:  # type: ignore[operator]  # a maximum is a portion
            return Size(portion_bps=bps)
        raise InputUnreadable("A part is more than 0% and at most 100%, such as `50%`.")
    digits = typed.replace(",", "")
    if _SHARES.fullmatch(typed) and len(digits) <= _DIGITS:
        return Size(shares=int(digits))
    raise InputUnreadable(
        f"“{safe(text, _TYPED_CHARACTERS)}” is not a number of shares. "
        "Type a whole number such as `10` or `1,000`, a part such as `50%`, or `max`."
    )


def read_coins(text: str) -> int:
    """An amount of coins (`500`, `₹1,234.50`) in paise, read digit by digit so that nothing is rounded.

    Raises InputUnreadable, with what to type instead.
    """
    amount = _COINS.fullmatch(text.strip())
    if amount is None or len(amount[1].replace(",", "")) > _DIGITS:
        raise InputUnreadable(
            f"“{safe(text, _TYPED_CHARACTERS)}” is not an amount of coins. Type one such as `500` or `1,234.50`."
        )
    return int(amount[1].replace(",", "")) * 100 + int((amount[2] or "").ljust(2, "0"))


def read_members(text: str) -> list[str]:
    """The Discord ids of one or more mentions or ids, each once, in their order.

    Raises InputUnreadable, with what to type instead.
    """
    words = text.replace(",", " ").replace("><", "> <").split()
    found = [_MEMBER.fullmatch(word) for word in words]
    for word, match in zip(words, found, strict=True):
        if match is None:
            raise InputUnreadable(
                f"“{safe(word, _TYPED_CHARACTERS)}” is no member. Type mentions such as `@name`, or Discord's ids, "
                "with spaces between them."
            )
    ids = list(dict.fromkeys(match[1] or match[2] for match in found if match))
    if not 1 <= len(ids) <= _MEMBERS:
        raise InputUnreadable(
            f"Name 1 to {_MEMBERS} members at once: mentions such as `@name`, or Discord's ids, with spaces between them."
        )
    return ids


def read_end(text: str, now: datetime) -> timedelta:
    """How long from `now` something lasts: `12h`, `3d`, `2 weeks`, or the end of a day of UTC, such as `2026-12-31`.

    Raises InputUnreadable, with what to type instead.
    """
    typed = text.strip().lower()
    if span := _SPAN.fullmatch(typed):
        hours = {"h": 1, "d": 24, "w": 7 * 24}[span[2][0]]
        return int(span[1]) * timedelta(hours=hours)
    if _DATE.fullmatch(typed):
        try:
            end = datetime.fromisoformat(typed).replace(tzinfo=UTC) + timedelta(days=1)
        except (ValueError, OverflowError):
            raise InputUnreadable(f"The calendar has no day {typed}.") from None
        if end > now:
            return end - now
        raise InputUnreadable(f"{typed} is over. Type a day to come, or a time such as `3d`.")
    raise InputUnreadable(
        f"“{safe(text, _TYPED_CHARACTERS)}” is no end. Type `12h`, `3d`, `2w`, or the last day, such as "
        f"`{now + timedelta(days=30):%Y-%m-%d}`; leave it out for good."
    )


def read_setting(text: str, names: Sequence[str]) -> str:
    """The one of the settings' names that was typed, in whatever case, with spaces or underscores.

    Raises InputUnreadable, with the name that comes nearest.
    """
    typed = "_".join(text.lower().split())
    if typed in names:
        return typed
    near = nearest(typed, names)
    advice = "`/settings list` shows them all." if near is None else f"Did you mean `{near}`?"
    raise InputUnreadable(f"There is no setting “{safe(text, _TYPED_CHARACTERS)}”. {advice}")


def nearest(typed: str, offered: Sequence[str]) -> str | None:
    """What was most likely meant by a word that is none of those offered, or None."""
    containing = [word for word in offered if typed and typed in word]
    likely = containing or difflib.get_close_matches(typed, offered, n=1, cutoff=0.5)
    return likely[0] if likely else None


def read_market(text: str) -> str:
    """A market's code as people type it; whether there is such a market is for the exchange to say."""
    return text.strip().lower()[:_TYPED_CHARACTERS]


class SizeInput(app_commands.Transformer):
    """The `shares` of an order."""

    async def transform(self, _interaction: discord.Interaction, value: str, /) -> Size:  # noqa: D102  # the class says it
        return read_size(value)


class CoinsInput(app_commands.Transformer):
    """A limit in coins, in paise."""

    async def transform(self, _interaction: discord.Interaction, value: str, /) -> int:  # noqa: D102  # the class says it
        return read_coins(value)


class MarketInput(app_commands.Transformer):
    """A market's code."""

    async def transform(self, _interaction: discord.Interaction, value: str, /) -> str:  # noqa: D102  # the class says it
        return read_market(value)


class EndInput(app_commands.Transformer):
    """When something ends, as how long it lasts from the command on."""

    async def transform(self, interaction: discord.Interaction, value: str, /) -> timedelta:  # noqa: D102  # the class says it
        return read_end(value, interaction.created_at)


class MembersInput(app_commands.Transformer):
    """One or more members in one text, as their Discord ids."""

    async def transform(self, _interaction: discord.Interaction, value: str, /) -> list[str]:  # noqa: D102  # the class says it
        return read_members(value)
