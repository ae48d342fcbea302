"""Commands of moderators. Discord offers them to those who manage the server; the exchange checks who may."""

import discord
from discord import app_commands
from discord.app_commands import Choice
from discord.ext import commands

from bot import replies
from bot.communities import PROVIDER, Communities, identity_of
from bot.delivery import Interaction, answer
from bot.inputs import read_setting
from bot.postman import is_open_to_all, may_speak
from bot.suggestions import Suggestions
from exchange.exchange import Exchange

_FOR_MODERATORS = discord.Permissions(manage_guild=True)
_NAME_CHARACTERS = 40
_VALUE_CHARACTERS = 40


class Moderation(commands.Cog):
    """`/settings`, `/moderators` and `/reports`."""

    settings = app_commands.Group(
        name="settings",
        description="See and change how the exchange works",
        default_permissions=_FOR_MODERATORS,
    )
    moderators = app_commands.Group(
        name="moderators", description="See and change who moderates", default_permissions=_FOR_MODERATORS
    )

    def __init__(self, exchange: Exchange, communities: Communities, suggestions: Suggestions) -> None:
        self._exchange = exchange
        self._communities = communities
        self._suggestions = suggestions

    @settings.command(name="list")
    @app_commands.describe(about="One subject, with what each setting means, its default and bounds")
    @app_commands.choices(
        about=[Choice(name=subject, value=subject) for subject in replies.moderation.SUBJECTS]
    )
    async def list_settings(self, interaction: Interaction, about: str | None = None) -> None:
        """Show what can be set."""
        exchange_id = await self._communities.exchange_of(interaction.guild)
        settings = await self._exchange.list_settings(exchange_id)
        await answer(interaction, replies.moderation.setting_list(settings, about))

    @settings.command(name="set")
    @app_commands.describe(name="The setting", value="Its new value; /settings list shows the bounds")
    async def change_setting(
        self,
        interaction: Interaction,
        name: app_commands.Range[str, 1, _NAME_CHARACTERS],
        value: app_commands.Range[str, 1, _VALUE_CHARACTERS],
    ) -> None:
        """Change a setting, on the record."""
        account = await self._communities.account_of_moderator(interaction)
        known = [setting.name for setting in await self._exchange.list_settings(account.exchange_id)]
        change = await self._exchange.change_setting(
            account.exchange_id, interaction.id, account.user.user_id, read_setting(name, known), value
        )
        await answer(interaction, replies.moderation.setting_changed(change))

    @change_setting.autocomplete("name")
    async def suggest_settings(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        """Offer the settings that fit."""
        return await self._suggestions.settings(interaction, typed)

    @settings.command(name="channel")
    @app_commands.describe(channel="Where; leave it out for the server's own channel for system messages")
    async def set_channel(self, interaction: Interaction, channel: discord.TextChannel | None = None) -> None:
        """Choose where the exchange speaks: halts, the leaderboard, and pings of those who asked for them."""
        account = await self._communities.account_of_moderator(interaction)
        chosen = await self._exchange.set_channel(
            account.exchange_id,
            interaction.id,
            account.user.user_id,
            PROVIDER,
            None if channel is None else str(channel.id),
        )
        may_send = channel is None or may_speak(channel)
        await answer(interaction, replies.channels.channel_chosen(chosen, may_send=may_send))

    @settings.command(name="moderators-channel")
    @app_commands.describe(channel="Where; leave it out to tell each moderator alone")
    async def set_moderators_channel(
        self, interaction: Interaction, channel: discord.TextChannel | None = None
    ) -> None:
        """Choose where moderators are told of suspicions."""
        account = await self._communities.account_of_moderator(interaction)
        number = None if channel is None else str(channel.id)
        chosen = await self._exchange.set_moderators_channel(
            account.exchange_id, interaction.id, account.user.user_id, PROVIDER, number
        )
        may_send = channel is None or may_speak(channel)
        is_public = channel is not None and is_open_to_all(channel)
        embed = replies.channels.moderators_channel_chosen(chosen, may_send=may_send, is_public=is_public)
        await answer(interaction, embed)

    @settings.command(name="audit-channel")
    @app_commands.describe(channel="Where; leave it out to post it nowhere")
    async def set_audit_channel(
        self, interaction: Interaction, channel: discord.TextChannel | None = None
    ) -> None:
        """Choose where everything that moderators do is posted."""
        account = await self._communities.account_of_moderator(interaction)
        number = None if channel is None else str(channel.id)
        chosen = await self._exchange.set_audit_channel(
            account.exchange_id, interaction.id, account.user.user_id, PROVIDER, number
        )
        may_send = channel is None or may_speak(channel)
        is_public = channel is not None and is_open_to_all(channel)
        embed = replies.channels.audit_channel_chosen(chosen, may_send=may_send, is_public=is_public)
        await answer(interaction, embed)

    @moderators.command(name="list")
    async def list_moderators(self, interaction: Interaction) -> None:
        """Show who moderates this exchange."""
        exchange_id = await self._communities.exchange_of(interaction.guild)
        moderators = await self._exchange.list_moderators(exchange_id)
        await answer(interaction, replies.moderation.moderator_list(moderators))

    @moderators.command(name="add")
    @app_commands.describe(member="Who shall moderate")
    async def add_moderator(self, interaction: Interaction, member: discord.Member) -> None:
        """Make a member a moderator, on the record; only the owner may."""
        account = await self._communities.account_of_moderator(interaction)
        added = await self._exchange.add_moderator(
            account.exchange_id, interaction.id, account.user.user_id, identity_of(member)
        )
        await answer(interaction, replies.moderation.moderator_added(added))

    @moderators.command(name="remove")
    @app_commands.describe(member="Who shall moderate no longer")
    async def remove_moderator(self, interaction: Interaction, member: discord.Member) -> None:
        """Take the role from a moderator, on the record; only the owner may."""
        account = await self._communities.account_of_moderator(interaction)
        target = await self._communities.account_of_member(interaction.guild, member)
        removed = await self._exchange.remove_moderator(
            account.exchange_id, interaction.id, account.user.user_id, target.user.user_id
        )
        await answer(interaction, replies.moderation.moderator_removed(removed))

    @app_commands.command()
    @app_commands.default_permissions(manage_guild=True)
    async def reports(self, interaction: Interaction) -> None:
        """Show the newest reports of members."""
        account = await self._communities.account_of_moderator(interaction)
        reports = await self._exchange.list_reports(account.exchange_id, account.user.user_id)
        await answer(interaction, replies.moderation.report_list(reports))
