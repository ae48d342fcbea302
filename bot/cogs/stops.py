"""Orders that wait for a price."""

from discord import app_commands
from discord.app_commands import Choice, Transform
from discord.ext import commands

from bot import replies
from bot.communities import Communities
from bot.delivery import Interaction, answer
from bot.inputs import CoinsInput, MarketInput, SizeInput
from bot.intake import Intake
from bot.notice_views import offer_to_tell
from bot.stop_views import OrderList
from bot.suggestions import Suggestions
from bot.tree import TRADE
from exchange.exchange import Exchange
from exchange.models import Size
from exchange.stops import StopKind, StopOrder

Market = Transform[str, MarketInput]
Price = Transform[int, CoinsInput]
Shares = Transform[Size, SizeInput]

_ORDER = {
    "market": "A market in which you have a position, such as 22s1",
    "trigger_price": "The price of a share in coins that sets the order off, such as 12.50",
    "shares": "How many: a number, a part such as 50%, or max; leave it out for the whole position",
}


class Stops(commands.Cog):
    """`/stoploss`, `/takeprofit` and `/orders`."""

    def __init__(
        self, exchange: Exchange, communities: Communities, intake: Intake, suggestions: Suggestions
    ) -> None:
        self._exchange = exchange
        self._communities = communities
        self._intake = intake
        self._suggestions = suggestions

    @app_commands.command(extras=TRADE)
    @app_commands.describe(**_ORDER)
    async def stoploss(
        self, interaction: Interaction, market: Market, trigger_price: Price, shares: Shares | None = None
    ) -> None:
        """Close a position by itself once its price has turned against you."""
        await self._arm(interaction, StopOrder(StopKind.STOP_LOSS, market, trigger_price, shares))

    @app_commands.command(extras=TRADE)
    @app_commands.describe(**_ORDER)
    async def takeprofit(
        self, interaction: Interaction, market: Market, trigger_price: Price, shares: Shares | None = None
    ) -> None:
        """Close a position by itself once its price has gone your way."""
        await self._arm(interaction, StopOrder(StopKind.TAKE_PROFIT, market, trigger_price, shares))

    @app_commands.command()
    async def orders(self, interaction: Interaction) -> None:
        """List your waiting orders, and cancel them."""
        account = await self._communities.account_of(interaction)
        await OrderList(interaction, self._intake, self._exchange, account).show()

    @stoploss.autocomplete("market")
    @takeprofit.autocomplete("market")
    async def suggest_markets(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        """Offer the markets in which there is a position, then the others."""
        return await self._suggestions.held_markets(interaction, typed)

    @stoploss.autocomplete("trigger_price")
    async def suggest_losses(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        """Offer worse prices than that of now."""
        return await self._suggestions.triggers(interaction, typed, StopKind.STOP_LOSS)

    @takeprofit.autocomplete("trigger_price")
    async def suggest_profits(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        """Offer better prices than that of now."""
        return await self._suggestions.triggers(interaction, typed, StopKind.TAKE_PROFIT)

    @stoploss.autocomplete("shares")
    @takeprofit.autocomplete("shares")
    async def suggest_sizes(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        """Offer parts of the position."""
        return await self._suggestions.held_sizes(interaction, typed)

    async def _arm(self, interaction: Interaction, order: StopOrder) -> None:
        account = await self._communities.account_of(interaction)
        exchange_id, user_id = account.exchange_id, account.user.user_id
        # Asked before, so that nothing can go wrong between the order and its answer.
        offer = await offer_to_tell(self._exchange, exchange_id, user_id)
        taken = await self._exchange.arm_stop(exchange_id, interaction.id, user_id, order)
        await answer(interaction, replies.stops.armed(taken), offer)
