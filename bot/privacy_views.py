"""Confirm and Cancel under what deleting one's account would do."""

from collections.abc import Awaitable, Callable
from typing import Final

import discord

from bot import replies
from bot.delivery import Interaction, answer
from bot.intake import Intake
from bot.views import OwnersView
from exchange.acts import Deletion

CONFIRM_SECONDS: Final = 120

Delete = Callable[[Interaction], Awaitable[Deletion]]


class ConfirmDeletion(OwnersView):
    """Confirm and Cancel, for the owner of the account alone."""

    def __init__(self, origin: Interaction, intake: Intake, delete: Delete) -> None:
        super().__init__(origin, intake, seconds=CONFIRM_SECONDS)
        self._delete = delete

    def expired(self) -> discord.Embed:
        """Nobody has confirmed."""
        return replies.privacy.kept_after_all()

    @discord.ui.button(label="Confirm", style=discord.ButtonStyle.danger)
    async def confirm(self, interaction: Interaction, _: discord.ui.Button["ConfirmDeletion"]) -> None:
        """Delete the account."""
        await answer(interaction, replies.privacy.deleted(await self._delete(interaction)))

    @discord.ui.button(label="Cancel", style=discord.ButtonStyle.secondary)
    async def cancel(self, interaction: Interaction, _: discord.ui.Button["ConfirmDeletion"]) -> None:
        """Keep it."""
        await answer(interaction, replies.privacy.kept_after_all())
