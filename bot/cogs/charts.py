"""Commands that show a market in a picture."""

from discord import app_commands
from discord.app_commands import Choice
from discord.ext import commands

from bot import replies
from bot.chart_views import ChooseMarket
from bot.communities import Communities
from bot.delivery import Interaction, answer
from bot.gallery import Gallery
from bot.inputs import MarketInput
from bot.intake import Intake
from bot.pictures.scenes import CurveScene, PriceScene
from bot.suggestions import Choices, Suggestions
from bot.tree import PUBLIC
from exchange.exchange import Exchange
from exchange.prices import Period

_MARKET = "The market, such as 22s1"

MarketCode = app_commands.Transform[str, MarketInput]


class Charts(commands.Cog):
    """`/chart`, which shows what its sender holds and is theirs alone, and `/market`."""

    def __init__(
        self,
        exchange: Exchange,
        communities: Communities,
        intake: Intake,
        gallery: Gallery,
        suggestions: Suggestions,
    ) -> None:
        self._exchange = exchange
        self._communities = communities
        self._intake = intake
        self._gallery = gallery
        self._suggestions = suggestions

    @app_commands.command()
    @app_commands.describe(market=_MARKET, period="How far back; 24 hours if you leave it out")
    @app_commands.choices(period=[Choice(name=period.value, value=period.value) for period in Period])
    async def chart(
        self, interaction: Interaction, market: MarketCode, period: str = Period.DAY.value
    ) -> None:
        """Draw a market's price over time, with volume, halts, and what your own shares cost."""
        await self._draw(interaction, market, Period(period))

    async def offer(self, interaction: Interaction) -> None:
        """Answer a button that names no market with the choice of one."""
        exchange_id = await self._communities.exchange_of(interaction.guild)
        markets = await self._exchange.list_markets(exchange_id)

        async def draw(choice: Interaction, market: str) -> None:
            await self._draw(choice, market, Period.DAY)

        view = ChooseMarket(interaction, self._intake, markets, draw)
        await answer(interaction, replies.charts.choose_market(), view)

    async def _draw(self, interaction: Interaction, market: str, shown: Period) -> None:
        exchange_id = await self._communities.exchange_of(interaction.guild)
        account = await self._communities.find_account(interaction.guild, interaction.user)
        user_id = account.user.user_id if account else None
        history = await self._exchange.get_price_history(exchange_id, market, shown, user_id)
        embed = replies.charts.price_chart(history, shown)
        words = replies.charts.price_chart_words(history, shown)
        await self._gallery.answer(interaction, embed, PriceScene(history, shown), words)

    @app_commands.command(extras=PUBLIC)
    @app_commands.describe(market=_MARKET)
    async def market(self, interaction: Interaction, market: MarketCode) -> None:
        """Show one market: its price, what is left, what limits an order, and its curve."""
        exchange_id = await self._communities.exchange_of(interaction.guild)
        detail = await self._exchange.get_market(exchange_id, market)
        embed, words = replies.charts.market(detail), replies.charts.market_words(detail)
        await self._gallery.answer(interaction, embed, CurveScene(detail), words)

    @chart.autocomplete("market")
    @market.autocomplete("market")
    async def _suggest_markets(self, interaction: Interaction, typed: str) -> Choices:
        return await self._suggestions.markets(interaction, typed)
