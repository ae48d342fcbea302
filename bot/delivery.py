"""How replies reach people. Every interaction is first acknowledged, then answered by editing that."""

import logging
from typing import Any

import discord

from bot import replies
from bot.errors import DISCORD_AWAY

Interaction = discord.Interaction[Any]

_ERROR = "error"

_log = logging.getLogger(__name__)


async def acknowledge(interaction: Interaction, *, public: bool) -> bool:
    """Tell Discord that an answer is coming, which it wants to know within 3 s, whatever the database does.

    Whether everyone will see the answer is fixed here. Returns False where Discord did not take it:
    the person then sees that the command failed, so nothing may be done for it.
    """
    try:
        await interaction.response.defer(ephemeral=not public, thinking=True)
    except DISCORD_AWAY as error:
        _log.warning(
            "Interaction %d could not be acknowledged, so it is not carried out: %s", interaction.id, error
        )
        return False
    return True


async def acknowledge_click(interaction: Interaction) -> bool:
    """Tell Discord that the message under the button will be edited. Returns False where Discord did not take it.

    It does not take the same click twice, so one that it delivers twice is carried out once.
    """
    try:
        await interaction.response.defer()
    except DISCORD_AWAY as error:
        _log.warning(
            "Click %d could not be acknowledged, so it is not carried out: %s", interaction.id, error
        )
        return False
    return True


async def answer(
    interaction: Interaction,
    embed: discord.Embed,
    view: discord.ui.View | None = None,
    *,
    picture: discord.File | None = None,
) -> None:
    """Answer an acknowledged interaction, in place of what its message showed before."""
    await interaction.edit_original_response(
        content=None,
        embed=embed,
        view=view,
        attachments=discord.utils.MISSING if picture is None else [picture],
        allowed_mentions=discord.AllowedMentions.none(),
    )


async def answer_with_file(interaction: Interaction, embed: discord.Embed, file: discord.File) -> None:
    """Answer an acknowledged interaction with a file."""
    await interaction.edit_original_response(
        content=None, embed=embed, attachments=[file], allowed_mentions=discord.AllowedMentions.none()
    )


async def answer_at_once(interaction: Interaction, embed: discord.Embed) -> None:
    """Answer an interaction that has not been acknowledged, to its sender alone."""
    await interaction.response.send_message(
        embed=embed, ephemeral=True, allowed_mentions=discord.AllowedMentions.none()
    )


async def offer_nothing(interaction: Interaction) -> None:
    """Answer someone who types with an empty list, so that they are not told of an error."""
    try:
        await interaction.response.autocomplete([])
    except DISCORD_AWAY as error:
        _log.debug("The typing %d could not be answered: %s", interaction.id, error)


async def announce(interaction: Interaction, line: str) -> None:
    """Post a line that everyone in the channel reads. It needs no permission of the bot's in that channel."""
    await interaction.followup.send(line, ephemeral=False, allowed_mentions=discord.AllowedMentions.none())


async def answer_error(interaction: Interaction, error: Exception) -> None:
    """Answer an interaction whose handling raised; the log has what the person is not told."""
    embed = _failed(interaction, error)
    try:
        if interaction.response.is_done():
            await answer(interaction, embed)
        else:
            await answer_at_once(interaction, embed)
    except DISCORD_AWAY as undelivered:
        _log.warning("Interaction %d could not be answered: %s", interaction.id, undelivered)


async def tell_error_aside(interaction: Interaction, error: Exception) -> None:
    """Tell an error to the person who pressed a button, beside the message that everyone reads."""
    embed = _failed(interaction, error)
    try:
        await interaction.followup.send(
            embed=embed, ephemeral=True, allowed_mentions=discord.AllowedMentions.none()
        )
    except DISCORD_AWAY as undelivered:
        _log.warning("Interaction %d could not be answered: %s", interaction.id, undelivered)


def _failed(interaction: Interaction, error: Exception) -> discord.Embed:
    interaction.extras[_ERROR] = error
    if not replies.errors.is_expected(error):
        _log.error("Interaction %d failed.", interaction.id, exc_info=error)
    return replies.errors.failed(error, interaction.id)


def error_of(interaction: Interaction) -> Exception | None:
    """The error by which an interaction's handling ended, or None."""
    error: Exception | None = interaction.extras.get(_ERROR)
    return error
