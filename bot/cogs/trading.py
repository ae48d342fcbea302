"""Orders: buying, selling, going short, covering, and quotes of them."""

from typing import Literal

from discord import app_commands
from discord.app_commands import Choice, Transform
from discord.ext import commands

from bot import replies
from bot.communities import Communities
from bot.delivery import Interaction, answer
from bot.desk import OrderDesk
from bot.inputs import CoinsInput, MarketInput, SizeInput
from bot.suggestions import Suggestions
from bot.tree import QUOTE, TRADE
from exchange.exchange import Exchange
from exchange.models import Order, Side, Size, Status

Market = Transform[str, MarketInput]
Shares = Transform[Size, SizeInput]
Coins = Transform[int, CoinsInput]

_MARKET = "A market's code, such as 22s1"
_TO_OPEN = {
    "market": _MARKET,
    "shares": "How many: a number, 50% of your buying power, or max: all that one order may do now",
}
_TO_CLOSE = {"market": _MARKET, "shares": "How many: a number, 50% of your position, or max: all of it"}
_TO_QUOTE = {
    "market": _MARKET,
    "shares": "A number, 50% (of buying power; to sell or cover, of your position), or max",
}


class Trading(commands.Cog):
    """`/buy`, `/sell`, `/short`, `/cover` and `/quote`."""

    def __init__(
        self, exchange: Exchange, communities: Communities, desk: OrderDesk, suggestions: Suggestions
    ) -> None:
        self._exchange = exchange
        self._communities = communities
        self._desk = desk
        self._suggestions = suggestions

    @app_commands.command(extras=TRADE)
    @app_commands.describe(**_TO_OPEN, max_cost="The most you would pay in coins, tax included")
    async def buy(
        self, interaction: Interaction, market: Market, shares: Shares, max_cost: Coins | None = None
    ) -> None:
        """Buy shares: you gain when their price rises."""
        await self._execute(interaction, Side.BUY, market, shares, max_cost)

    @app_commands.command(extras=TRADE)
    @app_commands.describe(**_TO_CLOSE, min_proceeds="The least you would take in coins, tax deducted")
    async def sell(
        self, interaction: Interaction, market: Market, shares: Shares, min_proceeds: Coins | None = None
    ) -> None:
        """Sell shares that you hold."""
        await self._execute(interaction, Side.SELL, market, shares, min_proceeds)

    @app_commands.command(extras=TRADE)
    @app_commands.describe(**_TO_OPEN, min_proceeds="The least you would take in coins, tax deducted")
    async def short(
        self, interaction: Interaction, market: Market, shares: Shares, min_proceeds: Coins | None = None
    ) -> None:
        """Sell shares that you do not have: you gain when their price falls."""
        await self._execute(interaction, Side.SHORT, market, shares, min_proceeds)

    @app_commands.command(extras=TRADE)
    @app_commands.describe(**_TO_CLOSE, max_cost="The most you would pay in coins, tax included")
    async def cover(
        self, interaction: Interaction, market: Market, shares: Shares, max_cost: Coins | None = None
    ) -> None:
        """Buy back shares that you are short of."""
        await self._execute(interaction, Side.COVER, market, shares, max_cost)

    @app_commands.command(extras=QUOTE)
    @app_commands.describe(**_TO_QUOTE, side="What the order would do")
    async def quote(
        self,
        interaction: Interaction,
        side: Literal["buy", "sell", "short", "cover"],
        market: Market,
        shares: Shares,
    ) -> None:
        """Show what an order would do now, without trading."""
        account = await self._communities.account_of(interaction)
        order = Order(interaction.id, account.user.user_id, market, Side(side), shares)
        outcome = await self._exchange.quote_order(account.exchange_id, order)
        if outcome.status is Status.REFUSED:
            await self._desk.refuse(interaction, account.exchange_id, order.user_id, outcome)
        else:
            halt = await self._exchange.find_halt(account.exchange_id, market)
            await answer(interaction, replies.trades.quoted(outcome, halt))

    @buy.autocomplete("market")
    @sell.autocomplete("market")
    @short.autocomplete("market")
    @cover.autocomplete("market")
    @quote.autocomplete("market")
    async def suggest_markets(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        """Offer the markets that fit."""
        return await self._suggestions.markets(interaction, typed)

    @buy.autocomplete("shares")
    @sell.autocomplete("shares")
    @short.autocomplete("shares")
    @cover.autocomplete("shares")
    @quote.autocomplete("shares")
    async def suggest_sizes(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        """Offer sizes with their costs."""
        return await self._suggestions.sizes(interaction, typed)

    async def _execute(
        self, interaction: Interaction, side: Side, market: str, size: Size, limit_paise: int | None
    ) -> None:
        account = await self._communities.account_of(interaction)
        order = Order(interaction.id, account.user.user_id, market, side, size, limit_paise)
        await self._desk.execute(interaction, account.exchange_id, order)
