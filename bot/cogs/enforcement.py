"""What moderators do to members and markets. Discord offers it to those who manage the server; the exchange checks who may."""

from datetime import timedelta
from typing import Final, Literal

import discord
from discord import app_commands
from discord.app_commands import Choice, Range, Transform
from discord.ext import commands

from bot import replies
from bot.communities import PROVIDER, Account, Communities, identity_of
from bot.delivery import Interaction, answer
from bot.errors import InputUnreadable
from bot.inputs import EndInput, MarketInput, MembersInput
from bot.intake import Intake
from bot.suggestions import Suggestions
from bot.tree import PLEA
from bot.wipe_views import ConfirmWipe, Decide
from exchange.acts import Suspect, Wipe, WipeMode
from exchange.exchange import Exchange

_FOR_MODERATORS: Final = discord.Permissions(manage_guild=True)
_LARGEST_NUMBER: Final = 2**53 - 1
"""Discord's own bound of a whole number."""

Reason = Range[str, 1, 300]
Market = Transform[str, MarketInput]
Members = Transform[list[str], MembersInput]
End = Transform[timedelta, EndInput]


class Enforcement(commands.Cog):
    """`/freeze`, `/unfreeze`, `/ban`, `/unban`, `/bans`, `/wipe`, `/wipes`, `/halt`, `/resume`, `/modlog`; and `/appeal` for the banned."""

    wipes = app_commands.Group(
        name="wipes", description="See, undo and second wipes", default_permissions=_FOR_MODERATORS
    )

    def __init__(
        self, exchange: Exchange, communities: Communities, intake: Intake, suggestions: Suggestions
    ) -> None:
        self._exchange = exchange
        self._communities = communities
        self._intake = intake
        self._suggestions = suggestions

    @app_commands.command()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.describe(member="Whose account", reason="Why; they are told, and it goes on the record")
    async def freeze(self, interaction: Interaction, member: discord.User, reason: Reason) -> None:
        """Freeze an account: it keeps everything and cannot trade."""
        account, target = await self._both(interaction, member)
        frozen = await self._exchange.freeze_user(
            account.exchange_id, interaction.id, account.user.user_id, target.user.user_id, reason
        )
        await answer(interaction, replies.enforcement.frozen(frozen))

    @app_commands.command()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.describe(member="Whose account")
    async def unfreeze(self, interaction: Interaction, member: discord.User) -> None:
        """End a freeze."""
        account, target = await self._both(interaction, member)
        unfrozen = await self._exchange.unfreeze_user(
            account.exchange_id, interaction.id, account.user.user_id, target.user.user_id
        )
        await answer(interaction, replies.enforcement.unfrozen(unfrozen))

    @app_commands.command()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.describe(
        member="Who",
        reason="Why; they are told, and it goes on the record",
        until="How long (12h, 3d, 2w) or the last day (2026-12-31); leave it out for good",
    )
    async def ban(
        self,
        interaction: Interaction,
        member: discord.User,
        reason: Reason,
        until: End | None = None,
    ) -> None:
        """Ban someone from the exchange, also someone who has no account."""
        account = await self._communities.account_of_moderator(interaction)
        target = await self._communities.find_account(interaction.guild, member)
        ban = await self._exchange.ban_user(
            account.exchange_id,
            interaction.id,
            account.user.user_id,
            None if target is None else target.user.user_id,
            identity_of(member),
            reason=reason,
            duration=until,
        )
        await answer(interaction, replies.enforcement.banned(ban, member.display_name))

    @app_commands.command()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.describe(
        member="Who", number="Or the number of the ban, as /bans shows it; a network has no other"
    )
    async def unban(
        self,
        interaction: Interaction,
        member: discord.User | None = None,
        number: Range[int, 1, _LARGEST_NUMBER] | None = None,
    ) -> None:
        """End a ban."""
        account = await self._communities.account_of_moderator(interaction)
        ban_id = await self._ban_of(account, member, number)
        if ban_id is None:
            await answer(interaction, replies.enforcement.not_banned(member.display_name if member else ""))
            return
        ban = await self._exchange.unban(account.exchange_id, interaction.id, account.user.user_id, ban_id)
        await answer(interaction, replies.enforcement.unbanned(ban, member.display_name if member else None))

    @app_commands.command()
    @app_commands.default_permissions(manage_guild=True)
    async def bans(self, interaction: Interaction) -> None:
        """Show the bans in force, those that were appealed first."""
        account = await self._communities.account_of_moderator(interaction)
        bans = await self._exchange.list_bans(account.exchange_id, account.user.user_id)
        await answer(interaction, replies.enforcement.ban_list(bans))

    @app_commands.command(extras=PLEA)
    @app_commands.describe(text="What the moderators should know; you can say it once")
    async def appeal(self, interaction: Interaction, text: Range[str, 1, 1000]) -> None:
        """Tell the moderators why you should not be banned; while you are frozen, use /report."""
        exchange_id = await self._communities.exchange_of(interaction.guild)
        await self._exchange.appeal(exchange_id, interaction.id, identity_of(interaction.user), text)
        await answer(interaction, replies.enforcement.appealed())

    @app_commands.command()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.describe(
        members="Whom: mentions or ids, one or more",
        reason="Why; they are told, and it goes on the record",
        mode="burn keeps the price; unwind (for pumps) gives the shares back along the curve",
    )
    async def wipe(
        self,
        interaction: Interaction,
        members: Members,
        reason: Reason,
        mode: Literal["burn", "unwind"] = "burn",
    ) -> None:
        """Delete accounts with all that they traded, and ban them. Shows first what it would do."""
        account = await self._communities.account_of_moderator(interaction)
        suspects = await self._suspects(account, members)
        chosen = WipeMode(mode)
        preview = await self._exchange.preview_wipe(
            account.exchange_id, account.user.user_id, [suspect.user_id for suspect in suspects]
        )
        plan = self._planning(account, suspects, chosen, reason)
        view = ConfirmWipe(interaction, self._intake, plan, lambda wipe: self._undoing(account, wipe.wipe_id))
        await answer(interaction, replies.enforcement.wipe_preview(preview, chosen, reason), view)

    @wipes.command(name="list")
    async def list_wipes(self, interaction: Interaction) -> None:
        """Show wipes, those that can still be undone first."""
        account = await self._communities.account_of_moderator(interaction)
        wipes = await self._exchange.list_wipes(account.exchange_id, account.user.user_id)
        await answer(interaction, replies.enforcement.wipe_list(wipes))

    @wipes.command(name="undo")
    @app_commands.describe(number="The number of the wipe")
    async def undo_wipe(self, interaction: Interaction, number: Range[int, 1]) -> None:
        """Undo a wipe before it is executed."""
        account = await self._communities.account_of_moderator(interaction)
        wipe = await self._undoing(account, number)(interaction)
        await answer(interaction, replies.enforcement.wipe_state(wipe))

    @wipes.command(name="second")
    @app_commands.describe(number="The number of the wipe")
    async def second_wipe(self, interaction: Interaction, number: Range[int, 1]) -> None:
        """Agree to another moderator's large wipe."""
        account = await self._communities.account_of_moderator(interaction)
        wipe = await self._exchange.second_wipe(
            account.exchange_id, interaction.id, account.user.user_id, number
        )
        await answer(interaction, replies.enforcement.wipe_state(wipe))

    @app_commands.command(name="halt")
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.describe(market="Which market", reason="Why; everyone is told, and it goes on the record")
    async def halt_market(self, interaction: Interaction, market: Market, reason: Reason) -> None:
        """Halt a market until it is resumed; waiting orders stay."""
        account = await self._communities.account_of_moderator(interaction)
        halt = await self._exchange.halt_market(
            account.exchange_id, interaction.id, account.user.user_id, market, reason
        )
        await answer(interaction, replies.enforcement.market_halted(halt))

    @app_commands.command(name="resume")
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.describe(market="Which market")
    async def resume_market(self, interaction: Interaction, market: Market) -> None:
        """Reopen a halted market."""
        account = await self._communities.account_of_moderator(interaction)
        halt = await self._exchange.resume_market(
            account.exchange_id, interaction.id, account.user.user_id, market
        )
        await answer(interaction, replies.enforcement.market_resumed(halt))

    @halt_market.autocomplete("market")
    @resume_market.autocomplete("market")
    async def suggest_markets(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        """Offer the markets that fit."""
        return await self._suggestions.markets(interaction, typed)

    @app_commands.command()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.describe(before="Show what is older than this number")
    async def modlog(self, interaction: Interaction, before: Range[int, 1] | None = None) -> None:
        """Show what moderators did, the newest first."""
        account = await self._communities.account_of_moderator(interaction)
        acts = await self._exchange.list_moderation_log(account.exchange_id, account.user.user_id, before)
        await answer(interaction, replies.moderation_log.moderation_log(acts))

    async def _ban_of(self, account: Account, member: discord.User | None, number: int | None) -> int | None:
        """The number of the ban that is meant; None where the member is not banned. Raises InputUnreadable."""
        if (member is None) == (number is None):
            raise InputUnreadable(
                "Say whose ban ends, or the number of the ban, as `/bans` shows it; not both."
            )
        if member is None:
            return number
        ban = await self._exchange.find_ban(account.exchange_id, PROVIDER, str(member.id))
        return None if ban is None else ban.ban_id

    async def _both(self, interaction: Interaction, member: discord.abc.User) -> tuple[Account, Account]:
        """The moderator who gave a command, and the member it is about."""
        account = await self._communities.account_of_moderator(interaction)
        return account, await self._communities.account_of_member(interaction.guild, member)

    async def _suspects(self, account: Account, provider_user_ids: list[str]) -> list[Suspect]:
        """The members with these ids; whoever has no account here is number 0, whom the exchange refuses."""
        users = [
            await self._exchange.find_user(account.exchange_id, PROVIDER, number)
            for number in provider_user_ids
        ]
        return [
            Suspect(user.user_id if user else 0, PROVIDER, number)
            for user, number in zip(users, provider_user_ids, strict=True)
        ]

    def _planning(self, account: Account, suspects: list[Suspect], mode: WipeMode, reason: str) -> Decide:
        async def plan(interaction: Interaction) -> Wipe:
            return await self._exchange.plan_wipe(
                account.exchange_id,
                interaction.id,
                account.user.user_id,
                suspects,
                mode=mode,
                reason=reason,
            )

        return plan

    def _undoing(self, account: Account, wipe_id: int) -> Decide:
        async def undo(interaction: Interaction) -> Wipe:
            return await self._exchange.undo_wipe(
                account.exchange_id, interaction.id, account.user.user_id, wipe_id
            )

        return undo
