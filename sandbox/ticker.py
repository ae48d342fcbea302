"""What the channel shows of the exchange by itself: prices as they move, and now and then a fill."""

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import Sequence
from typing import Final

import discord

from bot.replies.boards import market_board
from bot.replies.text import money
from bot.replies.trades import public_line
from exchange.exchange import Exchange
from exchange.models import Market, Outcome
from sandbox.routine import repeat

LOOK_SECONDS: Final = 2.0
LOOKS_BETWEEN_LINES: Final = 7
"""So at most one line in 14 s."""

MOST_LINES: Final = 20
"""Older ones are deleted, so that a channel that is left alone for days does not fill up."""

NO_BREAK: Final = "\u00a0"
WELCOME: Final = (
    "**Welcome to the sandbox.** Bot and exchange are the real ones; Discord and the members who trade are simulated, "
    "and the coins buy nothing. Accounts, trades and the live board outlive a restart; what was said here does not.\nStart with `/register`, then `/buy 22s1 10`. `/help` tells the rest."
)


class Ticker:
    """Keeps the channel's topic and the welcome message at the newest prices, and tells a fill now and then.

    Everything it does to the simulated Discord it does in `turn`; the exchange it asks outside,
    so that a slow database does not keep people's actions waiting.
    """

    def __init__(
        self, exchange: Exchange, exchange_id: int, channel: discord.TextChannel, turn: asyncio.Lock
    ) -> None:
        self._exchange = exchange
        self._exchange_id = exchange_id
        self._channel = channel
        self._turn = turn
        self._board: discord.Message | None = None
        self._shown: list[Market] = []
        self._arrows: dict[str, str] = {}
        self._line: str | None = None
        self._lines: deque[discord.Message] = deque()
        self._looks_since_line = LOOKS_BETWEEN_LINES

    def tell(self, display_name: str, outcome: Outcome) -> None:
        """Remember a fill; only the newest is told when a line is due, so that the channel stays readable."""
        self._line = public_line(display_name, outcome)

    async def run(self) -> None:
        """Show prices at once and then for ever. While the exchange cannot be asked, the last ones stay."""
        pauses = itertools.chain([0.0], itertools.repeat(LOOK_SECONDS))
        await repeat("The ticker", self._look, lambda: next(pauses))

    async def _look(self) -> None:
        await self._show_prices()
        self._looks_since_line += 1
        if self._line is not None and self._looks_since_line >= LOOKS_BETWEEN_LINES:
            await self._tell(self._line)

    async def _show_prices(self) -> None:
        markets = await self._exchange.list_markets(self._exchange_id)
        if markets == self._shown:
            return
        async with self._turn:
            await self._channel.edit(topic=self._tape(markets))
            await self._show_board(market_board(markets))
        self._shown = markets

    async def _show_board(self, board: discord.Embed) -> None:
        """Bring the welcome message up to date; one that somebody deleted comes again."""
        if self._board is not None:
            try:
                await self._board.edit(embed=board)
            except discord.NotFound:
                self._board = None
        if self._board is None:
            self._board = await self._channel.send(WELCOME, embed=board)

    def _tape(self, markets: Sequence[Market]) -> str:
        """All prices in one line, each with the way it moved last."""
        before = {market.market: market.price_paise for market in self._shown}
        for market in markets:
            moved = market.price_paise - before.get(market.market, market.price_paise)
            if moved:
                self._arrows[market.market] = "▲" if moved > 0 else "▼"
        return "   ".join(
            NO_BREAK.join((market.market, money(market.price_paise), self._arrows.get(market.market, "·")))
            for market in markets
        )

    async def _tell(self, line: str) -> None:
        """Tell a fill, where the exchange's moderators let fills be told."""
        preferences = await self._exchange.get_preferences(self._exchange_id)
        if preferences.public_fills:
            async with self._turn:
                self._lines.append(await self._channel.send(line))
                if len(self._lines) > MOST_LINES:
                    with contextlib.suppress(discord.NotFound):
                        await self._lines.popleft().delete()
        self._line = None
        self._looks_since_line = 0
