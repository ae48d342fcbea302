"""What is offered while someone types. It is a convenience: it is never late and never fails."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Final

from discord.app_commands import Choice

from bot import replies
from bot.communities import Communities
from bot.delivery import Interaction
from bot.errors import InputUnreadable
from bot.inputs import read_size
from exchange.exchange import Exchange
from exchange.models import Order, Side, Size

_SECONDS: Final = 1.5
"""Discord drops suggestions after 3 s."""

_CHOICES: Final = 25
_USUAL_SIZES: Final = (
    Size(shares=1),
    Size(shares=10),
    Size(shares=100),
    Size(portion_bps=5_000),
    Size.maximum(),
)

_log = logging.getLogger(__name__)

Choices = list[Choice[str]]


class Suggestions:
    """Markets, sizes and settings that fit what has been typed so far, with live prices."""

    def __init__(self, exchange: Exchange, communities: Communities) -> None:
        self._exchange = exchange
        self._communities = communities

    async def markets(self, interaction: Interaction, typed: str) -> Choices:
        """Markets whose code or label has what was typed in it, each with its price."""
        as_typed = [Choice(name=typed, value=typed)] if typed else []
        return await _in_time(self._live_markets(interaction, typed), as_typed)

    async def sizes(self, interaction: Interaction, typed: str) -> Choices:
        """The size that was typed and the usual ones, each with its cost to the person who types."""
        offered = _sizes_for(typed)
        plain = [
            Choice(name=replies.choices.size(size), value=replies.choices.size(size)) for size in offered
        ]
        return await _in_time(self._priced_sizes(interaction, offered), plain)

    async def settings(self, interaction: Interaction, typed: str) -> Choices:
        """Settings whose name has what was typed in it."""
        return await _in_time(self._setting_names(interaction, typed), [])

    async def _live_markets(self, interaction: Interaction, typed: str) -> Choices:
        exchange_id = await self._communities.exchange_of(interaction.guild)
        markets = await self._exchange.list_markets(exchange_id)
        wanted = typed.strip().lower()
        return [
            Choice(name=replies.choices.market(market), value=market.market)
            for market in markets
            if wanted in market.market.lower() or wanted in market.label.lower()
        ][:_CHOICES]

    async def _priced_sizes(self, interaction: Interaction, offered: list[Size]) -> Choices:
        account = await self._communities.account_of(interaction)
        side = Side(interaction.namespace.side or _command_name(interaction))
        market = str(interaction.namespace.market or "").strip().lower()
        orders = [Order(interaction.id, account.user.user_id, market, side, size) for size in offered]
        quotes = await self._exchange.quote_orders(account.exchange_id, orders)
        return [
            Choice(name=replies.choices.size_with_cost(size, quote), value=replies.choices.size(size))
            for size, quote in zip(offered, quotes, strict=True)
        ]

    async def _setting_names(self, interaction: Interaction, typed: str) -> Choices:
        exchange_id = await self._communities.exchange_of(interaction.guild)
        settings = await self._exchange.list_settings(exchange_id)
        wanted = typed.strip().lower()
        return [
            Choice(name=f"{setting.name} · {setting.value}"[:100], value=setting.name)
            for setting in settings
            if wanted in setting.name
        ][:_CHOICES]


def _sizes_for(typed: str) -> list[Size]:
    try:
        first = [read_size(typed)]
    except InputUnreadable:
        first = []
    return list(dict.fromkeys([*first, *_USUAL_SIZES]))


def _command_name(interaction: Interaction) -> str:
    return interaction.command.name if interaction.command else ""


async def _in_time(offers: Awaitable[Choices], otherwise: Choices) -> Choices:
    """The offers, or the plain ones where the exchange is slow, away, or does not know who asks."""
    try:
        async with asyncio.timeout(_SECONDS):
            return await offers
    except Exception as error:  # noqa: BLE001  # whatever it is, typing must go on
        _log.debug("Suggestions without prices: %r", error)
        return otherwise
