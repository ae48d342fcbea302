"""What is kept of oneself: seen, taken along, deleted. Every answer is for its owner alone."""

import io

import discord
from discord import app_commands
from discord.ext import commands

from bot import replies
from bot.communities import Account, Communities, identity_of
from bot.delivery import Interaction, answer, answer_with_file
from bot.intake import Intake
from bot.ledger_file import LedgerFiles, bundle_of_no_account
from bot.privacy_views import ConfirmDeletion, Delete
from bot.tree import TRADE
from exchange.acts import Deletion
from exchange.exchange import Exchange
from exchange.models import Json


class Privacy(commands.Cog):
    """`/privacy`."""

    privacy = app_commands.Group(
        name="privacy", description="What is kept of you here: see, take along, delete"
    )

    def __init__(self, exchange: Exchange, communities: Communities, intake: Intake) -> None:
        self._exchange = exchange
        self._communities = communities
        self._intake = intake
        self._files = LedgerFiles(exchange)

    @privacy.command()
    async def show(self, interaction: Interaction) -> None:
        """Show what this exchange keeps of you, also after you have deleted your account."""
        account = await self._communities.find_account(interaction.guild, interaction.user)
        if account is None:
            await answer(interaction, replies.privacy.kept_by_hash(await self._without_account(interaction)))
            return
        about = await self._exchange.export_user(account.exchange_id, account.user.user_id)
        await answer(interaction, replies.privacy.kept(about))

    @privacy.command()
    async def export(self, interaction: Interaction) -> None:
        """Get everything about you as one file, with your ledger as CSV in it."""
        account = await self._communities.find_account(interaction.guild, interaction.user)
        if account is None:
            made = bundle_of_no_account(await self._without_account(interaction))
            embed = replies.privacy.exported_by_hash()
        else:
            about = await self._exchange.export_user(account.exchange_id, account.user.user_id)
            made = await self._files.bundle(account.exchange_id, account.user.user_id, about)
            embed = replies.privacy.exported(made.entries, is_whole=made.is_whole)
        await answer_with_file(interaction, embed, discord.File(io.BytesIO(made.content), filename=made.name))

    @privacy.command(extras=TRADE)
    async def delete(self, interaction: Interaction) -> None:
        """Delete your account for good. Shows first what that does."""
        account = await self._communities.find_account(interaction.guild, interaction.user)
        if account is None:
            await self._forget_names(interaction)
            return
        preview = await self._exchange.preview_deletion(account.exchange_id, account.user.user_id)
        view = ConfirmDeletion(interaction, self._intake, self._deleting(account))
        await answer(interaction, replies.privacy.deletion_preview(preview), view)

    async def _without_account(self, interaction: Interaction) -> Json:
        """What is kept of who asks and has no account. Raises NotRegistered or Banned where that is nothing."""
        exchange_id = await self._communities.exchange_of(interaction.guild)
        about = await self._exchange.export_identity(exchange_id, identity_of(interaction.user))
        if about is None:
            await self._communities.refuse_stranger(interaction)
        return about

    async def _forget_names(self, interaction: Interaction) -> None:
        """Take somebody without an account off the record of moderators: they were wiped, or banned without one."""
        exchange_id = await self._communities.exchange_of(interaction.guild)
        identity = identity_of(interaction.user)
        if not await self._exchange.forget_names(exchange_id, interaction.id, identity):
            await self._communities.refuse_stranger(interaction)
        await answer(interaction, replies.privacy.names_forgotten())

    def _deleting(self, account: Account) -> Delete:
        async def delete(interaction: Interaction) -> Deletion:
            return await self._exchange.delete_user(
                account.exchange_id, interaction.id, account.user.user_id, identity_of(interaction.user)
            )

        return delete
