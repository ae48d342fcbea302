"""Commands about accounts that come or trade as many. The exchange checks who may."""

from datetime import timedelta

import discord
from discord import app_commands
from discord.ext import commands

from bot import replies
from bot.communities import Communities
from bot.delivery import Interaction, answer
from bot.inputs import EndInput
from bot.suspect_views import cluster_buttons, show_suspects
from exchange.exchange import Exchange

_LARGEST_NUMBER = 2**53 - 1
"""Discord's own bound of a whole number."""


class Suspects(commands.Cog):
    """`/suspects`."""

    suspects = app_commands.Group(
        name="suspects",
        description="Accounts that come or trade as many",
        default_permissions=discord.Permissions(manage_guild=True),
    )

    def __init__(self, exchange: Exchange, communities: Communities) -> None:
        self._exchange = exchange
        self._communities = communities

    @suspects.command(name="list")
    async def list_suspects(self, interaction: Interaction) -> None:
        """Show which accounts look like many of one person, and why."""
        account = await self._communities.account_of_moderator(interaction)
        await show_suspects(interaction, self._exchange, account)

    @suspects.command(name="show")
    @app_commands.describe(number="The number of the suspicion; /suspects list shows it")
    async def show_cluster(
        self, interaction: Interaction, number: app_commands.Range[int, 1, _LARGEST_NUMBER]
    ) -> None:
        """Show who is suspected together, with what you can do."""
        account = await self._communities.account_of_moderator(interaction)
        cluster = await self._exchange.get_cluster(account.exchange_id, account.user.user_id, number)
        buttons = cluster_buttons(cluster.cluster_id, cluster.status)
        await answer(interaction, replies.suspects.details(cluster), buttons)

    @suspects.command(name="release")
    @app_commands.describe(
        number="The number of the suspicion", member="Only this member; leave it out to release all"
    )
    async def release_suspects(
        self,
        interaction: Interaction,
        number: app_commands.Range[int, 1, _LARGEST_NUMBER],
        member: discord.Member | None = None,
    ) -> None:
        """Say that it is nothing: the bonuses that wait are granted, and a Freeze of it ends."""
        account = await self._communities.account_of_moderator(interaction)
        target = (
            None if member is None else await self._communities.account_of_member(interaction.guild, member)
        )
        user_id = None if target is None else target.user.user_id
        release = await self._exchange.release_suspects(
            account.exchange_id, interaction.id, account.user.user_id, number, user_id
        )
        await answer(interaction, replies.suspects.released(release))

    @suspects.command(name="ban-network")
    @app_commands.describe(
        number="The number of the suspicion",
        reason="Why; it goes on the record",
        until="How long (12h, 3d, 2w) or the last day (2026-12-31); leave it out for good",
    )
    async def ban_suspects_network(
        self,
        interaction: Interaction,
        number: app_commands.Range[int, 1, _LARGEST_NUMBER],
        reason: app_commands.Range[str, 1, 300],
        until: app_commands.Transform[timedelta, EndInput] | None = None,
    ) -> None:
        """Let nobody new sign up from the network of a suspicion."""
        account = await self._communities.account_of_moderator(interaction)
        ban = await self._exchange.ban_suspects_network(
            account.exchange_id,
            interaction.id,
            account.user.user_id,
            number,
            reason=reason,
            duration=until,
        )
        await answer(interaction, replies.enforcement.network_banned(ban))
