"""From Discord's guilds and members to the exchange's communities and users."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import discord

from bot.errors import DISCORD_AWAY, Banned, GuildNotReady, NotModerator, NotRegistered
from exchange.exchange import Exchange
from exchange.models import Identity, User

PROVIDER: Final = "discord"

NO_EXCHANGE: Final = 0
"""Instead of the number of an exchange that is not known yet; no exchange has it."""

_OPENINGS_AT_ONCE: Final = 4
"""A start with thousands of guilds must not crowd out the orders that already come in."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """A member's account on the exchange of their guild."""

    exchange_id: int
    user: User


def identity_of(member: discord.abc.User) -> Identity:
    """Who a Discord user is to the exchange."""
    created_at = discord.utils.snowflake_time(member.id)
    joined_at = member.joined_at if isinstance(member, discord.Member) else None
    return Identity(PROVIDER, str(member.id), member.display_name, created_at, joined_at)


class Communities:
    """Finds the exchange of a guild, opens it where there is none, and finds members in it.

    The exchange of a guild never changes, so its number is kept; everything else is asked each time.
    `verification` is how members of an exchange that is opened here sign up, until its moderators say otherwise.
    """

    def __init__(self, exchange: Exchange, verification: str = "off") -> None:
        self._exchange = exchange
        self._verification = verification
        self._exchange_ids: dict[int, int] = {}
        self._openings = asyncio.Semaphore(_OPENINGS_AT_ONCE)

    async def exchange_of(self, guild: discord.Guild | None) -> int:
        """The exchange of a guild, opened if need be; its owner becomes the first moderator.

        Raises GuildNotReady for a guild that Discord has not described yet, and what `Exchange` raises.
        """
        if guild is None:
            raise GuildNotReady
        if guild.id not in self._exchange_ids:
            async with self._openings:
                self._exchange_ids[guild.id] = await self._find_or_open(guild)
        return self._exchange_ids[guild.id]

    def known_exchange_of(self, guild_id: int | None) -> int:
        """The exchange of a guild if it has been found before, without asking for it; else NO_EXCHANGE."""
        return NO_EXCHANGE if guild_id is None else self._exchange_ids.get(guild_id, NO_EXCHANGE)

    async def account_of(self, interaction: discord.Interaction[Any]) -> Account:
        """The account of the person who gave a command.

        Raises NotRegistered where they have none or have not signed up, Banned where a ban keeps them from
        that, and what `exchange_of` does.
        """
        account = await self.find_account(interaction.guild, interaction.user)
        if account is None or not account.user.registered:
            await self.refuse_stranger(interaction, account)
        return account

    async def refuse_stranger(
        self, interaction: discord.Interaction[Any], account: Account | None = None
    ) -> NoReturn:
        """Raise what somebody without an account, or with one that was never signed up, is told."""
        if account is None:
            exchange_id = await self.exchange_of(interaction.guild)
            ban = await self._exchange.find_ban(exchange_id, PROVIDER, str(interaction.user.id))
            if ban is not None:
                raise Banned(ban)
        raise NotRegistered

    async def account_of_moderator(self, interaction: discord.Interaction[Any]) -> Account:
        """The account of the person who gave a moderators' command, signed up or not.

        Raises NotModerator where the exchange does not know them; whether they moderate, it checks itself.
        """
        account = await self.find_account(interaction.guild, interaction.user)
        if account is None:
            raise NotModerator
        return account

    async def account_of_member(self, guild: discord.Guild | None, member: discord.abc.User) -> Account:
        """The account of any member, signed up or not (an owner is known before).

        Raises NotRegistered with their name where the exchange does not know them.
        """
        account = await self.find_account(guild, member)
        if account is None:
            raise NotRegistered(member.display_name)
        return account

    async def find_account(self, guild: discord.Guild | None, member: discord.abc.User) -> Account | None:
        """The account of a member, or None."""
        exchange_id = await self.exchange_of(guild)
        user = await self._exchange.find_user(exchange_id, PROVIDER, str(member.id))
        return None if user is None else Account(exchange_id, user)

    async def follow_owner(self, guild: discord.Guild) -> None:
        """Make who owns a guild now the owner of its exchange, as after its owner has left.

        Raises what `exchange_of` does.
        """
        exchange_id = await self.exchange_of(guild)
        owner = next(
            (m for m in await self._exchange.list_moderators(exchange_id) if m.rank == "owner"), None
        )
        if owner is None or (owner.provider, owner.provider_user_id) != (PROVIDER, str(guild.owner_id)):
            # No interaction asks for it, so the request gets the number that one of this moment would have.
            request_id = discord.utils.time_snowflake(discord.utils.utcnow())
            await self._exchange.transfer_ownership(exchange_id, request_id, await _owner_of(guild))
            _log.info("Guild %d has another owner, and so has exchange %d.", guild.id, exchange_id)

    async def _find_or_open(self, guild: discord.Guild) -> int:
        known = await self._exchange.find_exchange(PROVIDER, str(guild.id))
        if known is not None:
            return known
        owner = await _owner_of(guild)
        exchange_id = await self._exchange.open_exchange(
            guild.id, PROVIDER, str(guild.id), guild.name, owner, verification=self._verification
        )
        _log.info("Opened exchange %d for guild %d.", exchange_id, guild.id)
        return exchange_id


async def _owner_of(guild: discord.Guild) -> Identity:
    """The owner's identity. Without the members intent only their id comes with the guild, so their name is asked for."""
    if guild.owner_id is None:
        raise GuildNotReady
    try:
        return identity_of(guild.owner or await guild.fetch_member(guild.owner_id))
    except DISCORD_AWAY:
        # The name is only shown to moderators and is corrected when the owner signs up.
        return Identity(PROVIDER, str(guild.owner_id), "The owner")
