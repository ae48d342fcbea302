"""Buttons that outlive the process that made them: all they need to know stands in their id."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Self

import discord

from bot.delivery import Interaction, answer_error
from bot.intake import Intake
from bot.views import take
from runtime.limits import Budget

Press = Callable[[Interaction, re.Match[str]], Awaitable[None]]

LastingButton = type[discord.ui.DynamicItem[discord.ui.Button[Any]]]


def lasting_button(
    template: str, intake: Intake, press: Press, budget: Budget = Budget.READS
) -> LastingButton:
    """What answers every button whose id fits `template` (a regular expression), also those of before a restart.

    `press` is given the click, not yet acknowledged, and the match; a click counts in `budget`. It is
    registered once, when the bot starts, with `add_dynamic_items`.
    """

    class Lasting(discord.ui.DynamicItem[discord.ui.Button[Any]], template=template):
        def __init__(self, button: discord.ui.Button[Any], match: re.Match[str]) -> None:
            super().__init__(button)
            self._match = match

        @classmethod
        async def from_custom_id(
            cls, _interaction: Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
        ) -> Self:
            assert isinstance(item, discord.ui.Button), "no other item has such an id"
            return cls(item, match)

        async def interaction_check(self, interaction: Interaction, /) -> bool:
            take(interaction)
            return await intake.admit(interaction, budget)

        async def callback(self, interaction: Interaction, /) -> None:
            # The library would only log what is raised here.
            try:
                await press(interaction, self._match)
            except Exception as error:  # noqa: BLE001  # every error is answered, as one of a command is
                await answer_error(interaction, error)

    return Lasting


def row_of_buttons(*buttons: discord.ui.Button[Any]) -> discord.ui.View:
    """Buttons for a message; lasting ones answer them, so the library is told to keep nothing for it."""
    view = discord.ui.View(timeout=None)
    for button in buttons:
        view.add_item(button)
    view.stop()
    return view


def was_asked_by(interaction: Interaction) -> bool:
    """Whether who pressed a button is the person whose command was answered with it."""
    origin = interaction.message.interaction_metadata if interaction.message else None
    return origin is None or origin.user.id == interaction.user.id
