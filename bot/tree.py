"""The two places that every command passes: the check before it, and the errors after it."""

from typing import Any, Final

import discord
from discord import app_commands

from bot.delivery import Interaction, acknowledge, answer_error
from bot.intake import Intake
from runtime.logs import note_interaction

PUBLIC: Final = {"public": True}
"""A command's `extras` when everyone in the channel may read its answer; else only its sender does."""


class Tree(app_commands.CommandTree[Any]):
    """The bot's commands."""

    def __init__(self, client: discord.Client, intake: Intake) -> None:
        super().__init__(client, allowed_contexts=app_commands.AppCommandContext(guild=True))
        self._intake = intake

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Admit a command and acknowledge it before anything else, so that no slow database lets it fail."""
        note_interaction(interaction.id)
        if interaction.type is discord.InteractionType.autocomplete:
            return self._intake.is_open
        if not await self._intake.admit(interaction):
            return False
        command = interaction.command
        public = isinstance(command, app_commands.Command) and bool(command.extras.get("public"))
        return await acknowledge(interaction, public=public)

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        """Answer an error with a sentence; nothing else in the bot does."""
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        await answer_error(interaction, cause)
