"""What everyone may see: markets, and help."""

from discord import app_commands
from discord.ext import commands

from bot import replies
from bot.communities import Communities
from bot.delivery import Interaction, answer
from bot.tree import PUBLIC
from exchange.exchange import Exchange


class Boards(commands.Cog):
    """`/markets` and `/help`."""

    def __init__(self, exchange: Exchange, communities: Communities) -> None:
        self._exchange = exchange
        self._communities = communities

    @app_commands.command(extras=PUBLIC)
    async def markets(self, interaction: Interaction) -> None:
        """Show all markets with their prices."""
        await self.show_markets(interaction)

    @app_commands.command()
    async def help(self, interaction: Interaction) -> None:
        """Explain the exchange: prices, shorts, tax, and all commands."""
        await answer(interaction, replies.boards.help_page())

    async def show_markets(self, interaction: Interaction) -> None:
        """Show all markets to whoever asked, by the command or by a button."""
        exchange_id = await self._communities.exchange_of(interaction.guild)
        await answer(interaction, replies.boards.market_board(await self._exchange.list_markets(exchange_id)))
