"""What a person reads when there is no outcome to tell: the one place that turns errors into words."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import discord
from discord import app_commands

from bot.errors import Banned, GuildNotReady, InputUnreadable, NotModerator, NotRegistered
from bot.replies import holds, privacy, sign_up, stops
from bot.replies.reply import AMBER, GREY, RED, reply
from bot.replies.text import name, safe
from exchange.errors import ExchangeBusy, ExchangeUnavailable, OutcomeUnknown, RequestRejected
from exchange.holds import Hold
from exchange.models import Order

_SENTENCE_CHARACTERS: Final = 300


def failed(error: Exception, reference: int) -> discord.Embed:
    """The answer to an error; `reference` is the interaction's id, by which operators find it in the log."""
    for kind, words in SENTENCES:
        if isinstance(error, kind):
            return words(error)
    return reply(
        RED,
        "Something went wrong on our side",
        "It is not known whether your request was carried out: `/portfolio` shows what you have, and `/orders` what waits. "
        "If it happens again, tell the moderators with `/report`, and give them the number below.",
        footer=f"Reference {reference}",
    )


def is_expected(error: Exception) -> bool:
    """Whether an error has a sentence of its own and needs no trace in the log."""
    return any(isinstance(error, kind) for kind, _ in SENTENCES)


def outcome_unknown() -> discord.Embed:
    """The answer when a request was sent and no answer came, where it cannot be asked again by a button."""
    return reply(
        AMBER,
        "No answer from the exchange",
        "Your request was sent, but it is not known whether it was carried out. Look before you repeat it: "
        "`/portfolio` shows what you have, and `/orders` what waits.",
    )


def order_unknown(order: Order, asked: str) -> discord.Embed:
    """The answer to an order whose outcome is unknown; a button beside it asks again."""
    return reply(
        AMBER,
        "No answer from the exchange",
        f"Your order ({safe(asked, 60)}) was sent, but it is **not known whether it was executed**. "
        "**Ask again** sends the same order with the same number: if it was executed, you get that fill and "
        "are not charged twice.",
        footer=f"Order {order.request_id}",
    )


def restarting() -> discord.Embed:
    """The answer to whatever comes while the bot shuts down."""
    return reply(
        GREY,
        "Restarting",
        "The exchange is restarting and did not take this. Nothing was charged for it; try again in a minute.",
    )


def button_expired() -> discord.Embed:
    """The answer to a button that nobody waits for any more."""
    return reply(
        GREY,
        "This button no longer works",
        "It was already answered, or it has expired. Nothing more was done; `/portfolio` shows what you have, "
        "and `/orders` what waits.",
    )


def not_your_button() -> discord.Embed:
    """The answer to someone who presses another person's button."""
    return reply(
        GREY, "Not yours", "Only the person who gave this command can answer it; you can give it yourself."
    )


def _unreadable(error: InputUnreadable) -> discord.Embed:
    return reply(AMBER, "Not understood", str(error), footer="Nothing was done.")


def _not_registered(error: NotRegistered) -> discord.Embed:
    if error.whose is not None:
        return reply(AMBER, "No account", f"{name(error.whose)} has no account on this server.")
    return reply(
        AMBER,
        "No account yet",
        "You have no account on this server. `/register` opens one, with free coins to start.",
    )


def _not_moderator(_: Exception) -> discord.Embed:
    return reply(
        AMBER,
        "Not allowed",
        "Only moderators of this exchange may do that; its owner adds them with `/moderators add`.",
    )


def _rejected(error: RequestRejected) -> discord.Embed:
    if stops.has_words(error.code, error.figures):
        return stops.refused(error.code, error.figures)
    if sign_up.has_words(error.code, error.figures):
        return sign_up.refused(error.code, error.figures)
    if error.code == "user_banned" and "reason" in error.figures:
        until = error.figures.get("banned_until")
        return _banned(
            error.figures["reason"],
            None,
            until and datetime.fromisoformat(until),
            can_appeal=bool(error.figures.get("can_appeal")),
        )
    if error.figures.get("hold"):
        return _held(error.detail, Hold.from_json(error.figures["hold"]))
    if privacy.has_words(error.code, error.figures):
        return privacy.refused(error.figures)
    return reply(AMBER, "Not done", safe(error.detail, _SENTENCE_CHARACTERS), footer="Nothing has changed.")


def _held(detail: str, hold: Hold) -> discord.Embed:
    """Something that neither the frozen nor the banned may do."""
    title = "You are banned" if hold.status == "banned" else "Your account is frozen"
    return reply(
        AMBER,
        title,
        f"{safe(detail, _SENTENCE_CHARACTERS)}\n\n{holds.explain(hold)}",
        footer="Nothing has changed.",
    )


def _kept_out(error: Banned) -> discord.Embed:
    """Somebody without an account who is banned: signing up would not help."""
    ban = error.ban
    embed = _banned(ban.reason, ban.banned_at, ban.banned_until, can_appeal=ban.can_appeal)
    return embed.set_footer(
        text="What is kept of you: a scrambled code of your id and, until /privacy delete, your name on moderators' record."
    )


def _banned(
    reason: str, since: datetime | None, until: datetime | None, *, can_appeal: bool
) -> discord.Embed:
    """Why somebody is banned, until when, and what they can do about it."""
    return reply(
        AMBER,
        "You are banned",
        f"{holds.banned(reason, since, until)}\n\n{holds.appeal(can_appeal=can_appeal)}",
        footer="Nothing has changed.",
    )


def _unavailable(_: Exception) -> discord.Embed:
    return reply(
        RED,
        "The exchange could not be reached",
        "Your request did not get through: **nothing was charged**, and nothing has changed. Try again in a minute.",
    )


def _busy(_: Exception) -> discord.Embed:
    return reply(
        AMBER,
        "The exchange is busy",
        "Too many orders are waiting. Nothing was charged; try again in a moment.",
    )


def _forbidden(_: Exception) -> discord.Embed:
    return reply(AMBER, "Not allowed", "This command is not for you here. `/help` shows what is.")


def _not_ready(_: Exception) -> discord.Embed:
    return reply(
        GREY,
        "Not ready yet",
        "The bot has just started and does not know this server yet. Try again in a few seconds.",
    )


SENTENCES: Final[tuple[tuple[type[Exception], Callable[[Any], discord.Embed]], ...]] = (
    (InputUnreadable, _unreadable),
    (NotRegistered, _not_registered),
    (Banned, _kept_out),
    (NotModerator, _not_moderator),
    (RequestRejected, _rejected),
    (ExchangeUnavailable, _unavailable),
    (ExchangeBusy, _busy),
    (OutcomeUnknown, lambda _: outcome_unknown()),
    (GuildNotReady, _not_ready),
    (app_commands.CheckFailure, _forbidden),
)
"""For each kind of error its words; the first kind that fits is taken."""
