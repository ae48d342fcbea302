"""Delivering one notice through Discord: by direct message, or in a channel where the bot may speak."""

import enum
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, cast

import discord

from bot import replies
from bot.communities import PROVIDER
from bot.errors import GuildNotReady
from bot.lasting import row_of_buttons
from bot.suspect_views import cluster_buttons
from exchange.notices import DueNotice, NotifyBy

CHANNELS_TRIED: Final = 3
"""Each refusal counts towards Discord's limit of invalid requests, so not every channel of a guild is tried."""

_CHANNELS_REMEMBERED: Final = 10_000

_REFUSALS: Final = frozenset({50007, 50278, 10013})
"""Discord's codes for people who take no direct messages, share no server any more, or are gone."""

_NONCE_OF_DELETED: Final = 10008
"""Discord's code for a message that was sent before with the same nonce, and has been deleted since."""


class Receipt(enum.Enum):
    """What became of a notice that Discord was asked to take."""

    DIRECT = "sent by direct message"
    CHANNEL = "sent in a channel"
    REFUSED = "the person takes no direct messages"
    NOWHERE = "there is no channel for it"


class _Mentioned(NamedTuple):
    """A person who may be mentioned. The library would send the number, and Discord describes a string."""

    id: str


class Postman:
    """Sends notices as the bot. Every message has its notice's nonce, so Discord drops a repetition of it.

    It raises what a request to Discord raises (`DISCORD_AWAY`), and GuildNotReady for a guild that is not known yet.
    """

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._direct_channels: dict[str, int] = {}

    @property
    def is_ready(self) -> bool:
        """Whether the bot is connected and knows its guilds."""
        return self._client.is_ready()

    async def deliver(self, notice: DueNotice) -> Receipt:
        """Send a notice as its receiver wants it."""
        if notice.provider != PROVIDER:
            return Receipt.NOWHERE
        if notice.is_for_moderators and notice.user_id is None:
            return await self._tell_moderators(notice)
        if notice.user_id is None:
            text = replies.notices.channel_message(notice.kind, notice.detail)
            return await self._post(notice, text, discord.AllowedMentions.none())
        if notice.provider_user_id is None:
            return Receipt.NOWHERE
        if notice.notify_by == NotifyBy.DIRECT:
            return await self._write_to(notice, notice.provider_user_id)
        mentioned = cast("Any", _Mentioned(notice.provider_user_id))
        only_them = discord.AllowedMentions(
            everyone=False, roles=False, replied_user=False, users=[mentioned]
        )
        return await self._post(notice, replies.notices.ping(notice.provider_user_id), only_them)

    async def _tell_moderators(self, notice: DueNotice) -> Receipt:
        """Post in the moderators' or the audit channel and nowhere else: what it says is not for everyone."""
        if notice.channel_id is None:
            return Receipt.NOWHERE
        channel = self._client.get_partial_messageable(int(notice.channel_id))
        embed = replies.notices.moderators_message(notice.kind, notice.detail)
        try:
            await channel.send(
                embed=embed,
                nonce=notice.dedupe_key,
                allowed_mentions=discord.AllowedMentions.none(),
                view=moderators_buttons(notice),
            )
        except (discord.Forbidden, discord.NotFound) as error:
            return Receipt.CHANNEL if error.code == _NONCE_OF_DELETED else Receipt.NOWHERE
        return Receipt.CHANNEL

    async def _write_to(self, notice: DueNotice, discord_id: str) -> Receipt:
        embed = replies.notices.direct_message(notice.kind, notice.detail, notice.exchange_name)
        try:
            channel = self._client.get_partial_messageable(await self._direct_channel(discord_id))
            await channel.send(
                embed=embed, nonce=notice.dedupe_key, allowed_mentions=discord.AllowedMentions.none()
            )
        except (discord.Forbidden, discord.NotFound) as error:
            if error.code in _REFUSALS:
                return Receipt.REFUSED
            if error.code != _NONCE_OF_DELETED:
                raise
        return Receipt.DIRECT

    async def _direct_channel(self, discord_id: str) -> int:
        """The channel between the bot and a person, which never changes."""
        if discord_id not in self._direct_channels:
            # The library's own `create_dm` sends a number where Discord describes a string.
            channel = await self._client.http.start_private_message(discord_id)
            if len(self._direct_channels) >= _CHANNELS_REMEMBERED:
                self._direct_channels.clear()
            self._direct_channels[discord_id] = int(channel["id"])
        return self._direct_channels[discord_id]

    async def _post(self, notice: DueNotice, text: str, mentions: discord.AllowedMentions) -> Receipt:
        for channel_id in self._channels(notice):
            channel = self._client.get_partial_messageable(channel_id)
            try:
                await channel.send(text, nonce=notice.dedupe_key, allowed_mentions=mentions)
            except (discord.Forbidden, discord.NotFound) as error:
                if error.code != _NONCE_OF_DELETED:
                    continue
            return Receipt.CHANNEL
        return Receipt.NOWHERE

    def _channels(self, notice: DueNotice) -> list[int]:
        """Where a notice may go, the best first: the chosen channel, the system's, and the others in their order."""
        guild = self._client.get_guild(int(notice.community_id or 0))
        chosen = [] if notice.channel_id is None else [int(notice.channel_id)]
        if guild is None and not chosen:
            raise GuildNotReady
        usual = [] if guild is None else [channel.id for channel in _usual_channels(guild)]
        return list(dict.fromkeys([*chosen, *usual]))[:CHANNELS_TRIED]


def moderators_buttons(notice: DueNotice) -> discord.ui.View:
    """What moderators can do at once about what they are told; nothing about a kind that is not known here."""
    is_cluster = notice.kind == "suspects_found"
    return cluster_buttons(int(notice.detail["cluster_id"])) if is_cluster else row_of_buttons()


def _usual_channels(guild: discord.Guild) -> Iterator[discord.TextChannel]:
    channels = [guild.system_channel, *guild.text_channels]
    return (channel for channel in channels if channel is not None and may_speak(channel))


def is_open_to_all(channel: discord.TextChannel) -> bool:
    """Whether everyone on the server can read a channel."""
    return channel.permissions_for(channel.guild.default_role).view_channel


def may_speak(channel: discord.TextChannel) -> bool:
    """Whether the bot may send messages there, as far as it knows."""
    me: discord.Member | None = (
        channel.guild.me
    )  # The library promises it, but not every guild brings it along.
    if me is None:
        return True
    permissions = channel.permissions_for(me)
    return permissions.view_channel and permissions.send_messages
