"""What a person reads about signing up."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import discord

from bot.replies.reply import AMBER, BLUE, GREEN, GREY, reply
from bot.replies.text import grouped, money, name
from exchange.verification import PendingRegistration, Registration

NO_MONETARY_VALUE: Final = (
    "Coins are play money: they have no monetary value, and cannot be bought, sold or exchanged for anything."
)

Figures = Mapping[str, Any]


def registered(registration: Registration) -> discord.Embed:
    """The welcome, or, the second time, what one already has."""
    if not registration.created:
        waits = f" {_waits(registration.withheld_paise)}" if registration.withheld_paise else ""
        return reply(
            GREY,
            "You already have an account",
            f"Your balance is **{money(registration.cash_paise)}**. `/portfolio` shows all you have.{waits}",
        )
    if registration.withheld_paise:
        return _bonus_waits(registration)
    if registration.had_bonus_before:
        return reply(
            GREEN,
            "Welcome back to the exchange",
            f"{name(registration.display_name)}, your account is open. You have had this season's bonus before, "
            f"so you start with **{money(registration.cash_paise)}**.",
            footer=NO_MONETARY_VALUE,
        )
    return reply(
        GREEN,
        "Welcome to the exchange",
        f"{name(registration.display_name)}, you have been granted **{money(registration.bonus_paise)}** to start with.\n"
        "`/markets` shows what is traded, `/buy` and `/short` take a side, `/help` explains the rest.",
        footer=NO_MONETARY_VALUE,
    )


def _bonus_waits(registration: Registration) -> discord.Embed:
    return reply(
        AMBER,
        "Your account is open",
        f"{name(registration.display_name)}, {_waits(registration.withheld_paise)[0].lower()}{_waits(registration.withheld_paise)[1:]}",
        footer=NO_MONETARY_VALUE,
    )


def _waits(withheld_paise: int) -> str:
    """Why a bonus is not there yet, and what to do."""
    return (
        f"Your bonus of **{money(withheld_paise)}** waits for a moderator's look, since many people signed up from your "
        "network at the same time. You need not do anything; `/report` tells the moderators if it takes long."
    )


def goes_on(pending: PendingRegistration) -> discord.Embed:
    """The way to the page, which stands under it as a button."""
    return reply(
        BLUE,
        "One more step",
        f"{name(pending.display_name)}, your sign-up continues on a page, which says what is kept of you, why, and for how "
        "long, and asks whether you agree.\n"
        f"The link is for **you alone**, works **once**, and expires {_in(pending.link_expires_at)}.",
        footer=NO_MONETARY_VALUE,
    )


def has_words(code: str, figures: Figures) -> bool:
    """Whether a refusal of a sign-up has words of its own; it needs the figures that they tell."""
    return code in _REFUSALS and (code not in _WAITS or "welcome_at" in figures)


def refused(code: str, figures: Figures) -> discord.Embed:
    """Why somebody cannot sign up, or not yet, and what to do."""
    return _REFUSALS[code](figures)


def _account_too_young(figures: Figures) -> discord.Embed:
    return _too_early(
        f"Your Discord account must be **{_count(figures['min_account_age_days'], 'day')} old** to sign up here.",
        figures,
    )


def _member_too_new(figures: Figures) -> discord.Embed:
    return _too_early(
        f"You must have been on this server for **{_count(figures['min_membership_hours'], 'hour')}** to sign up.",
        figures,
    )


def _too_early(sentence: str, figures: Figures) -> discord.Embed:
    welcome_at = datetime.fromisoformat(figures["welcome_at"])
    return reply(
        AMBER,
        "Not yet",
        f"{sentence}\nCome back {_in(welcome_at)} ({discord.utils.format_dt(welcome_at, 'f')}) and type `/register`.",
        footer="Nothing has changed.",
    )


def _unavailable(_: Figures) -> discord.Embed:
    return reply(
        AMBER,
        "The sign-up page is missing",
        "New members sign up on a page here, and the page has no address yet. Tell the moderators.\n"
        "**For moderators:** whoever runs the bot must set `BETJEE_PUBLIC_URL` and run `betjee web`; or let members "
        "sign up without a page, and without limits by address: `/settings set verification off`.",
        footer="Nothing has changed.",
    )


def _in(moment: datetime) -> str:
    """A time as everyone's Discord tells it: in 10 minutes."""
    return discord.utils.format_dt(moment, "R")


def _count(number: int, noun: str) -> str:
    return f"{grouped(number)} {noun if number == 1 else noun + 's'}"


_WAITS: Final = frozenset({"account_too_young", "member_too_new"})
_REFUSALS: Final[Mapping[str, Callable[[Figures], discord.Embed]]] = {
    "account_too_young": _account_too_young,
    "member_too_new": _member_too_new,
    "verification_unavailable": _unavailable,
}
