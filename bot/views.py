"""Buttons under a reply, which only the person who was answered may press."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import discord

from bot import replies
from bot.delivery import Interaction, answer, answer_at_once, answer_error
from bot.errors import DISCORD_AWAY
from bot.intake import Intake
from bot.replies.trades import CONFIRM_SECONDS

ASK_AGAIN_SECONDS: Final = 600
"""The message can be edited for 15 minutes after the command; later a dead button would stay."""

_TAKEN: Final = "taken"

_log = logging.getLogger(__name__)

Proceed = Callable[[Interaction], Awaitable[None]]


def is_taken(interaction: Interaction) -> bool:
    """Whether a living view has taken a click; one that none takes is on a button of before a restart."""
    return _TAKEN in interaction.extras


class OwnersView(discord.ui.View):
    """Buttons of which one is pressed once, by the person whose command was answered with them."""

    def __init__(
        self, origin: Interaction, intake: Intake, proceed: Proceed, *, seconds: float, expired: discord.Embed
    ) -> None:
        super().__init__(timeout=seconds)
        self._origin = origin
        self._intake = intake
        self._proceed = proceed
        self._expired = expired

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Take the click if it is the owner's and the first, and acknowledge it."""
        interaction.extras[_TAKEN] = True
        if interaction.user.id != self._origin.user.id:
            await answer_at_once(interaction, replies.errors.not_your_button())
            return False
        if not await self._intake.admit(interaction):
            return False
        if self.is_finished():
            # A second click that was under way before the first had ended the view.
            await interaction.response.defer()
            return False
        self.stop()
        await interaction.response.defer()
        return True

    async def on_timeout(self) -> None:
        """Take the buttons away, so that no dead ones remain."""
        try:
            await answer(self._origin, self._expired)
        except DISCORD_AWAY as error:
            _log.warning("The buttons of interaction %d could not be removed: %s", self._origin.id, error)

    async def on_error(
        self, interaction: Interaction, error: Exception, _item: discord.ui.Item[Any], /
    ) -> None:
        """Answer an error as one of a command is answered."""
        await answer_error(interaction, error)


class ConfirmOrder(OwnersView):
    """Confirm and Cancel under the quote of an order that moves the price far."""

    def __init__(self, origin: Interaction, intake: Intake, proceed: Proceed) -> None:
        super().__init__(origin, intake, proceed, seconds=CONFIRM_SECONDS, expired=replies.trades.expired())

    @discord.ui.button(label="Confirm", style=discord.ButtonStyle.success)
    async def confirm(self, interaction: Interaction, _: discord.ui.Button["ConfirmOrder"]) -> None:
        """Execute the order."""
        await self._proceed(interaction)

    @discord.ui.button(label="Cancel", style=discord.ButtonStyle.secondary)
    async def cancel(self, interaction: Interaction, _: discord.ui.Button["ConfirmOrder"]) -> None:
        """Drop the order, of which the exchange has kept nothing."""
        await answer(interaction, replies.trades.cancelled())


class AskAgain(OwnersView):
    """One button under an order whose outcome is unknown: the same order again, under the same request id."""

    def __init__(self, origin: Interaction, intake: Intake, proceed: Proceed) -> None:
        super().__init__(
            origin, intake, proceed, seconds=ASK_AGAIN_SECONDS, expired=replies.errors.outcome_unknown()
        )

    @discord.ui.button(label="Ask again", style=discord.ButtonStyle.primary)
    async def ask_again(self, interaction: Interaction, _: discord.ui.Button["AskAgain"]) -> None:
        """Send the order again."""
        await self._proceed(interaction)
