"""The two places that every command passes: the check before it, and the errors after it."""

from typing import Any, Final

import discord
from discord import app_commands

from bot.delivery import Interaction, acknowledge, answer_error
from bot.intake import Intake
from runtime.limits import Budget
from runtime.logs import note_interaction

PUBLIC: Final = {"public": True}
"""A command's `extras` when everyone in the channel may read its answer; else only its sender does."""

TRADE: Final = {"budget": Budget.TRADES}
"""A command's `extras` when it is an order, or else writes something down; most others only read."""

TRADE_OR_LIST: Final = {**TRADE, "budget_without_options": Budget.READS}
"""A command's `extras` when it writes something down if it is given options, and else lists what was written."""

PLEA: Final = {"budget": Budget.READS}
"""A command's `extras` when it tells the moderators something: orders that were refused before must not keep it
waiting, nor those of others on its network. How much may be written down is bounded by the exchange."""

QUOTE: Final = {"budget": Budget.QUOTES}
SIGN_UP: Final = {"budget": Budget.SIGN_UPS}


Command = app_commands.Command[Any, ..., Any] | app_commands.ContextMenu


def budget_of(command: Command | None, *, has_options: bool = True) -> Budget:
    """What a command is counted as: by its `extras`, for moderators' commands by that, else as one that reads.

    `has_options` is whether it was given any: for the few that only list without them, that makes the difference.
    """
    if not isinstance(command, app_commands.Command):
        return Budget.READS
    budget = command.extras.get("budget")
    if not has_options:
        budget = command.extras.get("budget_without_options", budget)
    if isinstance(budget, Budget):
        return budget
    root = command.root_parent or command
    return Budget.READS if root.default_permissions is None else Budget.MODERATION


class Tree(app_commands.CommandTree[Any]):
    """The bot's commands."""

    def __init__(self, client: discord.Client, intake: Intake) -> None:
        super().__init__(client, allowed_contexts=app_commands.AppCommandContext(guild=True))
        self._intake = intake

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Admit a command that does not come too fast, and acknowledge it before the database is asked for it."""
        note_interaction(interaction.id)
        if interaction.type is discord.InteractionType.autocomplete:
            return await self._intake.admit_typing(interaction)
        command = interaction.command
        budget = budget_of(command, has_options=any(interaction.namespace))
        if not await self._intake.admit(interaction, budget):
            return False
        public = isinstance(command, app_commands.Command) and bool(command.extras.get("public"))
        return await acknowledge(interaction, public=public)

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        """Answer an error with a sentence; nothing else in the bot does."""
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        await answer_error(interaction, cause)
