"""What a moderator reads of a channel that they chose, or turned off: where the exchange speaks, and of what."""

import discord

from bot.replies.reply import AMBER, GREEN, reply
from exchange.notices import AuditChannel


def channel_chosen(channel_id: str | None, *, may_send: bool) -> discord.Embed:
    """Where the exchange speaks from now on."""
    if channel_id is None:
        return reply(
            GREEN, "Channel", "The exchange speaks in the server's own channel for messages of the system."
        )
    return _chosen(
        "Channel",
        f"The exchange speaks in <#{channel_id}> from now on: halted and reopened markets, the leaderboard of the day, "
        "and pings of those who asked for them. The change is recorded with your name.",
        needs_care=not may_send,
        warnings=[] if may_send else [_cannot_send("I speak elsewhere")],
    )


def moderators_channel_chosen(channel_id: str | None, *, may_send: bool, is_public: bool) -> discord.Embed:
    """Where moderators are told from now on."""
    if channel_id is None:
        return reply(
            GREEN,
            "Moderators' channel",
            "Moderators are told one by one from now on, as each has chosen; `/notifications` lists it.",
        )
    warnings = [] if may_send else [_cannot_send("nobody is told")]
    if is_public:
        warnings.append(
            "**Everyone on this server can read that channel**, and a suspicion is not for everyone."
        )
    return _chosen(
        "Moderators' channel",
        f"Moderators are told of suspicions in <#{channel_id}> from now on. The change is recorded with your name.",
        needs_care=bool(warnings),
        warnings=warnings,
    )


def audit_channel_chosen(chosen: AuditChannel, *, may_send: bool, is_public: bool) -> discord.Embed:
    """Where the record is posted from now on. That everyone can read it may be what is wanted."""
    if chosen.channel_id is None:
        return reply(GREEN, "Audit channel", _turned_off(chosen.earlier_channel_id))
    warnings = [] if may_send else [_cannot_send("nothing is posted")]
    if is_public:
        warnings.append(
            "Everyone on this server can read that channel: reasons and names of members are public there."
        )
    return _chosen(
        "Audit channel",
        f"Everything that moderators do is posted in <#{chosen.channel_id}> from now on, in the words of `/modlog`.",
        needs_care=not may_send,
        warnings=warnings,
    )


def _turned_off(earlier_channel_id: str | None) -> str:
    if earlier_channel_id is None:
        return "There was no audit channel: what moderators do is posted nowhere, and `/modlog` shows it."
    return (
        "What moderators do is posted nowhere from now on; `/modlog` shows it. "
        f"That you turned it off is still posted in <#{earlier_channel_id}>."
    )


def _chosen(title: str, sentence: str, *, needs_care: bool, warnings: list[str]) -> discord.Embed:
    return reply(AMBER if needs_care else GREEN, title, "\n".join([sentence, *warnings]))


def _cannot_send(instead: str) -> str:
    return f"**I may not send messages there yet**: give me that permission, or {instead}."
