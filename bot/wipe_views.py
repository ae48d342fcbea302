"""The buttons of a wipe: Confirm under its preview, and Undo while it can be undone."""

from collections.abc import Awaitable, Callable
from typing import Final

import discord

from bot import replies
from bot.delivery import Interaction, answer
from bot.intake import Intake
from bot.views import OwnersView
from exchange.acts import Wipe
from runtime.limits import Budget

CONFIRM_SECONDS: Final = 120
UNDO_SECONDS: Final = 600
"""The message can be edited for 15 minutes after the command; later, `/wipes undo` does the same."""

Decide = Callable[[Interaction], Awaitable[Wipe]]


class ConfirmWipe(OwnersView):
    """Confirm and Cancel under the preview of a wipe."""

    budget = Budget.MODERATION

    def __init__(
        self, origin: Interaction, intake: Intake, plan: Decide, undo: Callable[[Wipe], Decide]
    ) -> None:
        super().__init__(origin, intake, seconds=CONFIRM_SECONDS)
        self._plan = plan
        self._undo = undo

    def expired(self) -> discord.Embed:
        """A preview that nobody confirmed."""
        return replies.enforcement.wipe_dropped()

    @discord.ui.button(label="Confirm", style=discord.ButtonStyle.danger)
    async def confirm(self, interaction: Interaction, _: discord.ui.Button["ConfirmWipe"]) -> None:
        """Freeze the members and plan the wipe."""
        wipe = await self._plan(interaction)
        undo = UndoWipe(self._origin, self._intake, wipe, self._undo(wipe)) if wipe.ended_at is None else None
        await answer(interaction, replies.enforcement.wipe_state(wipe), undo)

    @discord.ui.button(label="Cancel", style=discord.ButtonStyle.secondary)
    async def cancel(self, interaction: Interaction, _: discord.ui.Button["ConfirmWipe"]) -> None:
        """Do nothing."""
        await answer(interaction, replies.enforcement.wipe_dropped())


class UndoWipe(OwnersView):
    """Undo under a wipe that is planned."""

    budget = Budget.MODERATION

    def __init__(self, origin: Interaction, intake: Intake, wipe: Wipe, undo: Decide) -> None:
        super().__init__(origin, intake, seconds=UNDO_SECONDS)
        self._wipe = wipe
        self._undo = undo

    def expired(self) -> discord.Embed:
        """The wipe as it was planned."""
        return replies.enforcement.wipe_state(self._wipe)

    @discord.ui.button(label="Undo", style=discord.ButtonStyle.primary)
    async def undo(self, interaction: Interaction, _: discord.ui.Button["UndoWipe"]) -> None:
        """Let everyone go."""
        await answer(interaction, replies.enforcement.wipe_state(await self._undo(interaction)))
