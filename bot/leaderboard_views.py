"""The leaderboards and the buttons under them, which turn pages for ever: each one's id says what it shows."""

import re
from typing import Any, Final, Self

import discord

from bot import replies
from bot.communities import Communities
from bot.delivery import Interaction, acknowledge, acknowledge_click, answer, answer_at_once, tell_error_aside
from bot.intake import Intake
from bot.views import take
from exchange.exchange import Exchange
from exchange.standings import Board, Leaderboard, Period

_SHOWN: Final = f"(?P<board>{'|'.join(Board)}):(?P<period>{'|'.join(Period)})"


class LeaderboardDesk:
    """Shows leaderboards, for the command and for the buttons under its answer."""

    def __init__(self, exchange: Exchange, communities: Communities, intake: Intake) -> None:
        self._exchange = exchange
        self._communities = communities
        self.intake = intake

    async def show(self, interaction: Interaction, board: Board, period: Period, page: int = 1) -> None:
        """Answer an acknowledged interaction with a page, in place of the one that was shown before."""
        exchange_id = await self._communities.exchange_of(interaction.guild)
        shown = await self._exchange.get_leaderboard(exchange_id, board, period, page)
        await answer(interaction, replies.leaderboards.leaderboard(shown), _buttons(shown))

    async def show_own(self, interaction: Interaction, board: Board, period: Period) -> None:
        """Answer an acknowledged interaction with the line of the person who asks."""
        account = await self._communities.account_of(interaction)
        standing = await self._exchange.get_standing(account.exchange_id, account.user.user_id, board, period)
        await answer(
            interaction,
            replies.leaderboards.own_standing(account.user, board, period, standing),
        )


class _BoardButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=""):
    """A button whose id says which leaderboard it is about, so that it outlives the process that sent it."""

    def __init__(self, label: str, custom_id: str, board: Board, period: Period) -> None:
        super().__init__(discord.ui.Button(label=label, custom_id=custom_id))
        self.board = board
        self.period = period

    async def callback(self, interaction: Interaction, /) -> None:
        """Do what it is for; an error is told to the person who pressed it, and the message stays as it is."""
        desk: LeaderboardDesk = interaction.client.leaderboards
        try:
            await self.press(interaction, desk)
        except Exception as error:  # noqa: BLE001  # the library would log it and leave the person without an answer
            await tell_error_aside(interaction, error)

    async def press(self, interaction: Interaction, desk: LeaderboardDesk) -> None:
        """What the button does."""
        raise NotImplementedError


class TurnPage(_BoardButton, template=rf"betjee:leaderboard:{_SHOWN}:(?P<page>[0-9]{{1,9}})"):
    """Previous or Next: shows another page. Only the person whose command was answered may turn pages."""

    def __init__(self, label: str, board: Board, period: Period, page: int) -> None:
        super().__init__(label, f"betjee:leaderboard:{board}:{period}:{page}", board, period)
        self.page = page

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Read what to show."""
        take(interaction)
        return cls("", Board(match["board"]), Period(match["period"]), int(match["page"]))

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Take the click if it is the owner's, and acknowledge it."""
        desk: LeaderboardDesk = interaction.client.leaderboards
        origin = interaction.message.interaction_metadata if interaction.message else None
        if origin is not None and origin.user.id != interaction.user.id:
            await answer_at_once(interaction, replies.leaderboards.not_yours())
            return False
        return await desk.intake.admit(interaction) and await acknowledge_click(interaction)

    async def press(self, interaction: Interaction, desk: LeaderboardDesk) -> None:
        """Show the page."""
        await desk.show(interaction, self.board, self.period, self.page)


class OwnRank(_BoardButton, template=rf"betjee:rank:{_SHOWN}"):
    """My rank: tells whoever presses it where they stand, and nobody else."""

    def __init__(self, board: Board, period: Period) -> None:
        super().__init__("My rank", f"betjee:rank:{board}:{period}", board, period)

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Read which leaderboard it is about."""
        take(interaction)
        return cls(Board(match["board"]), Period(match["period"]))

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Take anyone's click, and acknowledge it; the answer is a message of its own."""
        desk: LeaderboardDesk = interaction.client.leaderboards
        return await desk.intake.admit(interaction) and await acknowledge(interaction, public=False)

    async def press(self, interaction: Interaction, desk: LeaderboardDesk) -> None:
        """Tell the rank."""
        await desk.show_own(interaction, self.board, self.period)


def _buttons(shown: Leaderboard) -> discord.ui.View | None:
    """Where there is anybody, My rank, and the way to other pages. The library is told to keep nothing for the message."""
    if not shown.members:
        return None
    view = discord.ui.View(timeout=None)
    if shown.page > 1:
        view.add_item(TurnPage("Previous", shown.board, shown.period, shown.page - 1))
    if shown.page < shown.pages:
        view.add_item(TurnPage("Next", shown.board, shown.period, shown.page + 1))
    view.add_item(OwnRank(shown.board, shown.period))
    view.stop()
    return view
