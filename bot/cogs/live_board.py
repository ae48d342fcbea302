"""The live board: one message that shows the markets of this server, kept up to date."""

import discord
from discord import app_commands
from discord.ext import commands

from bot import replies
from bot.board_editor import BoardEditor
from bot.communities import Communities
from bot.delivery import Interaction, answer
from bot.errors import InputUnreadable
from bot.postman import may_speak
from bot.replies.live_board import Posting
from exchange.exchange import Exchange


class LiveBoard(commands.Cog):
    """`/board here` and `/board off`."""

    board = app_commands.Group(
        name="board",
        description="The live board: one pinned message with all prices, kept up to date",
        default_permissions=discord.Permissions(manage_guild=True),
    )

    def __init__(self, exchange: Exchange, communities: Communities, editor: BoardEditor) -> None:
        self._exchange = exchange
        self._communities = communities
        self._editor = editor

    @board.command()
    async def here(self, interaction: Interaction) -> None:
        """Put the live board into this channel and pin it; an earlier one is removed."""
        account = await self._communities.account_of_moderator(interaction)
        channel = interaction.channel
        if not isinstance(channel, discord.TextChannel):
            raise InputUnreadable(replies.live_board.not_a_channel())
        posting = Posting.FORBIDDEN
        if _may_post(channel):
            posting = await self._editor.put(
                account.exchange_id, interaction.id, account.user.user_id, channel.id
            )
        await answer(interaction, replies.live_board.put(posting, channel.id))

    @board.command()
    async def off(self, interaction: Interaction) -> None:
        """Remove the live board."""
        account = await self._communities.account_of_moderator(interaction)
        removed = await self._exchange.remove_board(account.exchange_id, interaction.id, account.user.user_id)
        is_deleted = await self._editor.delete(removed.channel_id, removed.message_id)
        await answer(interaction, replies.live_board.removed(removed.channel_id, is_deleted=is_deleted))


def _may_post(channel: discord.TextChannel) -> bool:
    """Whether the bot may send a card there, as far as it knows."""
    me: discord.Member | None = channel.guild.me  # Not every guild brings it along.
    return may_speak(channel) and (me is None or channel.permissions_for(me).embed_links)
