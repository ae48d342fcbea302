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
from bot.inputs import read_coins, read_size
from exchange.exchange import Exchange
from exchange.models import Market, Order, Side, Size
from exchange.stops import StopKind

_SECONDS: Final = 1.5
"""Discord drops suggestions after 3 s."""

_CHOICES: Final = 25
_CHOICE_CHARACTERS: Final = 100
_USUAL_SIZES: Final = (
    Size(shares=1),
    Size(shares=10),
    Size(shares=100),
    Size(portion_bps=5_000),
    Size.maximum(),
)

_USUAL_PARTS: Final = (Size.maximum(), Size(portion_bps=5_000), Size(portion_bps=2_500))

_log = logging.getLogger(__name__)

Choices = list[Choice[str]]


class Suggestions:
    """Markets, sizes and settings that fit what has been typed so far, with live prices."""

    def __init__(self, exchange: Exchange, communities: Communities) -> None:
        self._exchange = exchange
        self._communities = communities

    async def markets(self, interaction: Interaction, typed: str) -> Choices:
        """Markets whose code or label has what was typed in it, each with its price."""
        return await _in_time(self._live_markets(interaction, typed), _as_typed(typed))

    async def sizes(self, interaction: Interaction, typed: str) -> Choices:
        """The size that was typed and the usual ones, each with its cost to the person who types."""
        offered = _sizes_for(typed, _USUAL_SIZES)
        plain = [
            Choice(name=replies.choices.size(size), value=replies.choices.size(size)) for size in offered
        ]
        return await _in_time(self._priced_sizes(interaction, offered), plain)

    async def held_markets(self, interaction: Interaction, typed: str) -> Choices:
        """Markets that fit, each with its price; first those in which the person who types has a position."""
        return await _in_time(self._own_markets(interaction, typed), _as_typed(typed))

    async def triggers(self, interaction: Interaction, typed: str, kind: StopKind) -> Choices:
        """The price that was typed and usual distances from that of now, for a waiting order."""
        return await _in_time(self._trigger_prices(interaction, typed, kind), _as_typed(typed))

    async def held_sizes(self, interaction: Interaction, typed: str) -> Choices:
        """The size that was typed and usual parts of a position, each with its number of shares."""
        offered = _sizes_for(typed, _USUAL_PARTS)
        plain = [
            Choice(name=replies.choices.size(size), value=replies.choices.size(size)) for size in offered
        ]
        return await _in_time(self._own_sizes(interaction, offered), plain)

    async def settings(self, interaction: Interaction, typed: str) -> Choices:
        """Settings whose name has what was typed in it."""
        return await _in_time(self._setting_names(interaction, typed), [])

    async def _live_markets(self, interaction: Interaction, typed: str) -> Choices:
        exchange_id = await self._communities.exchange_of(interaction.guild)
        markets = _fitting(await self._exchange.list_markets(exchange_id), typed)
        return [Choice(name=replies.choices.market(market), value=market.market) for market in markets][
            :_CHOICES
        ]

    async def _own_markets(self, interaction: Interaction, typed: str) -> Choices:
        account = await self._communities.account_of(interaction)
        markets = _fitting(await self._exchange.list_markets(account.exchange_id), typed)
        portfolio = await self._exchange.get_portfolio(account.exchange_id, account.user.user_id)
        held = {position.market: position.shares for position in portfolio.positions if position.shares}
        markets.sort(key=lambda market: market.market not in held)
        return [
            Choice(name=replies.choices.market(market, held.get(market.market)), value=market.market)
            for market in markets
        ][:_CHOICES]

    async def _trigger_prices(self, interaction: Interaction, typed: str, kind: StopKind) -> Choices:
        account = await self._communities.account_of(interaction)
        prices = await self._exchange.suggest_triggers(
            account.exchange_id, account.user.user_id, _market_typed(interaction), kind, _price_in(typed)
        )
        return [
            Choice(
                name=replies.choices.trigger(price), value=replies.choices.price(price.trigger_price_paise)
            )
            for price in prices
        ]

    async def _own_sizes(self, interaction: Interaction, offered: list[Size]) -> Choices:
        account = await self._communities.account_of(interaction)
        user_id, market = account.user.user_id, _market_typed(interaction)
        portfolio = await self._exchange.get_portfolio(account.exchange_id, user_id)
        held = sum(position.shares for position in portfolio.positions if position.market == market)
        side = Side.COVER if held < 0 else Side.SELL
        orders = [Order(interaction.id, user_id, market, side, size) for size in offered]
        quotes = await self._exchange.quote_orders(account.exchange_id, orders)
        return [
            Choice(name=replies.choices.size_of_position(size, quote), value=replies.choices.size(size))
            for size, quote in zip(offered, quotes, strict=True)
        ]

    async def _priced_sizes(self, interaction: Interaction, offered: list[Size]) -> Choices:
        account = await self._communities.account_of(interaction)
        side = Side(interaction.namespace.side or _command_name(interaction))
        market = _market_typed(interaction)
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


def _as_typed(typed: str) -> Choices:
    """What was typed, where nothing better is known; Discord takes no longer choices."""
    return [Choice(name=typed, value=typed)] if 0 < len(typed) <= _CHOICE_CHARACTERS else []


def _fitting(markets: list[Market], typed: str) -> list[Market]:
    """The markets whose code or label has what was typed in it."""
    wanted = typed.strip().lower()
    return [market for market in markets if wanted in market.market.lower() or wanted in market.label.lower()]


def _market_typed(interaction: Interaction) -> str:
    return str(interaction.namespace.market or "").strip().lower()


def _price_in(typed: str) -> int | None:
    try:
        return read_coins(typed)
    except InputUnreadable:
        return None


def _sizes_for(typed: str, usual: tuple[Size, ...]) -> list[Size]:
    try:
        first = [read_size(typed)]
    except InputUnreadable:
        first = []
    return list(dict.fromkeys([*first, *usual]))


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
