"""Who is ahead."""

from typing import Final, Literal

from discord import app_commands
from discord.app_commands import Choice
from discord.ext import commands

from bot.delivery import Interaction
from bot.leaderboard_views import LeaderboardDesk
from bot.tree import PUBLIC
from exchange.standings import Board, Period

_BOARDS: Final = {
    "worth": Board.NET_WORTH,
    "profit": Board.REALISED,
    "gain": Board.GAIN,
    "trade": Board.BEST_TRADE,
}
_PERIODS: Final = {"24h": Period.DAY, "7d": Period.WEEK, "all": Period.ALL}
"""As they are chosen, in the words of `/chart`."""


class Leaderboards(commands.Cog):
    """`/leaderboard`."""

    def __init__(self, desk: LeaderboardDesk) -> None:
        self._desk = desk

    @app_commands.command(extras=PUBLIC)
    @app_commands.choices(period=[Choice(name=name, value=period.value) for name, period in _PERIODS.items()])
    @app_commands.describe(
        by="Net worth (unless you say otherwise), realised profit, gain in percent, or the best trade",
        period="The last 24 hours, 7 days, or all time",
    )
    async def leaderboard(
        self,
        interaction: Interaction,
        by: Literal["worth", "profit", "gain", "trade"] = "worth",
        period: str = Period.ALL.value,
    ) -> None:
        """Show who is ahead: by net worth, realised profit, gain, or best trade."""
        await self._desk.show(interaction, _BOARDS[by], Period(period))
