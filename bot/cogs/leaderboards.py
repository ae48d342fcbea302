"""Who is ahead."""

from typing import Final, Literal

from discord import app_commands
from discord.ext import commands

from bot import replies
from bot.delivery import Interaction
from bot.leaderboard_views import LeaderboardDesk
from bot.tree import PUBLIC

_BOARDS: Final = {words: board for board, words in replies.leaderboards.BOARDS.items()}
_PERIODS: Final = {words: period for period, words in replies.leaderboards.PERIODS.items()}


class Leaderboards(commands.Cog):
    """`/leaderboard`."""

    def __init__(self, desk: LeaderboardDesk) -> None:
        self._desk = desk

    @app_commands.command(extras=PUBLIC)
    @app_commands.describe(by="What to rank by: net worth, if you leave it out", period="Over which time")
    async def leaderboard(
        self,
        interaction: Interaction,
        by: Literal["net worth", "realised profit", "gain", "best trade"] = "net worth",
        period: Literal["day", "week", "all time"] = "all time",
    ) -> None:
        """Show who is ahead: by net worth, realised profit, gain, or best trade."""
        await self._desk.show(interaction, _BOARDS[by], _PERIODS[period])
