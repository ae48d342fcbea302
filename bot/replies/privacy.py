"""What a person reads of what is kept of them, and before and after they delete it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import discord

from bot.replies.refusals import REASONS
from bot.replies.reply import AMBER, BLUE, GREEN, GREY, PURPLE, Figure, reply
from bot.replies.text import TIMES, grouped, money, plain, safe
from exchange.acts import Deletion
from exchange.models import Json, Refusal

_LABEL_CHARACTERS: Final = 40
_POSITIONS_SHOWN: Final = 30
_GONE: Final = (
    "Your name, your id and your network are gone from here, also from the record of moderators. Answers to your earlier commands, which may hold the name, go "
    "within 30 days."
)
_STAYS: Final = (
    "**What stays**: your trades, under a number and without a name, since the books must add up; the mark that your identity "
    "has had its bonus, so a new account starts without one; a ban, if there is one; attempts to sign up and suspicions, for a while; "
    "and for a week at most, which number and which network were yours, so that nobody hides many accounts by deleting them. "
    "All of these know you by a scrambled code of your id alone, made with a secret key. "
    "Answers to your commands go within 30 days; what was said in Discord's channels stays there."
)
_COUNTED: Final = (
    ("Trades in the ledger", "fills"),
    ("Positions, also closed ones", "positions"),
    ("Waiting orders, also of the last 30 days", "waiting_orders"),
    ("Price alerts, also of the last 30 days", "price_alerts"),
    ("Notices of the last 30 days", "notices"),
    ("Reports to moderators", "reports"),
    ("Snapshots of your net worth", "net_worths"),
    ("Best trades for the leaderboard", "best_trades"),
    ("Bonuses and their corrections", "grants"),
    ("Links to the sign-up page", "sign_up_links"),
    ("Attempts to sign up on the page", "sign_up_attempts"),
    ("Times a rule noticed you beside other accounts", "suspicions"),
    ("Times your name stands on the record of moderators", "recorded_names"),
    ("Marks by such rules", "marks"),
    ("Accounts that you deleted within a week", "departures"),
    ("Bans", "bans"),
)
"""What is told as a number, by its name in the export, where it is not none."""


def kept(about: Json) -> discord.Embed:
    """What an exchange keeps of a member, in words and figures. Hashes and other people are left out."""
    figures: list[Figure] = [
        ("Name that is shown", safe(about["display_name"])),
        ("Number here", f"`{about['user_id']}`"),
        ("Account", _standing(about)),
        *(figure for account in about["accounts"] for figure in _account(account)),
        ("Balance", money(about["cash_paise"])),
        ("Reserved for shorts", money(about["reserved_paise"])),
        ("Bonus paid, which is remembered", "yes" if about["bonus_marks"] else "no"),
        *((label, grouped(_count(about[key]))) for label, key in _COUNTED if _count(about[key])),
    ]
    return reply(
        BLUE,
        "What is kept of you here",
        "Only what an exchange needs. No address is ever stored, and nobody in the chat sees your network or when you consented. "
        "Answers to your commands are kept for 30 days, so that a repeated one does nothing twice.",
        figures,
        footer="/privacy export gives you all of it as a file, /privacy delete deletes it.",
    )


def kept_by_hash(about: Json) -> discord.Embed:
    """What an exchange keeps of somebody without an account, such as one that they have deleted."""
    figures: list[Figure] = [
        ("Bonus paid, which is remembered", "yes" if about["bonus_marks"] else "no"),
        *(
            (label, grouped(_count(about[key])))
            for label, key in _COUNTED
            if key in about and _count(about[key])
        ),
    ]
    named = (
        " Since moderators decided something about you, their record has your name too: `/privacy delete` takes it away."
        if about["recorded_names"]
        else ""
    )
    return reply(
        BLUE,
        "What is kept of you here",
        "You have no account here. What is still known of you is known by a scrambled code of your id, and goes when its time is "
        f"over; that the bonus was paid, and a ban, stay as long as the exchange.{named}",
        figures,
        footer="/privacy export gives you all of it as a file.",
    )


def exported_by_hash() -> discord.Embed:
    """What comes with the file of somebody without an account."""
    return reply(
        GREEN,
        "Everything about you",
        "You have no account here; `about.json` is what is still known of you by a scrambled code of your id. Times are in UTC, lists have "
        "their newest 1,000 entries.",
        footer="Only you see this message.",
    )


def exported(entries: int, *, is_whole: bool) -> discord.Embed:
    """What comes with the file."""
    what = "your whole ledger" if is_whole else f"the newest {grouped(entries)} entries of your ledger"
    return reply(
        GREEN,
        "Everything about you",
        f"`ledger.csv` is {what}, the newest first, with amounts in coins; `about.json` is all else that is kept of you, with "
        "amounts in paise (100 to a coin). Times are in UTC, lists have their newest 1,000 entries. What moderators wrote down "
        "is theirs and not in it, but for a reason that was given to you.",
        footer="Only you see this message. Keep the file to yourself: it has your id at Discord in it.",
    )


def deletion_preview(preview: Deletion) -> discord.Embed:
    """What deleting an account would do, before anything is done."""
    closes = (
        "Your positions are closed at the market, as if you closed them now; that can fill waiting orders of others:\n"
        + "\n".join(_closings(preview, "Sell", "Buy back"))
        if preview.closed
        else "You hold no positions."
    )
    return reply(
        PURPLE,
        "Delete your account?",
        "\n\n".join(
            [
                f"**What goes**: your name, your id, your network, waiting orders, alerts, notices and reports. {closes}",
                _STAYS,
            ]
        ),
        [("Coins that are burned, about", money(preview.burned_cash_paise))],
        footer="Confirm deletes it at once, for good. /privacy export first, if you want your data.",
    )


def deleted(deletion: Deletion) -> discord.Embed:
    """An account was deleted."""
    return reply(
        GREY,
        "Your account is deleted",
        "\n".join([*_closings(deletion, "Sold", "Bought back"), "", _GONE]),
        [("Coins burned", money(deletion.burned_cash_paise))],
        footer="/register opens a new account, unless you are banned; the bonus is paid once.",
    )


def names_forgotten() -> discord.Embed:
    """Somebody without an account is no longer named on the record of moderators."""
    return reply(
        GREY,
        "Your name is deleted",
        "You have no account here. The record of moderators had your name, since something was decided about you; it is gone "
        "from there now. What was decided stays, and a ban too: it knows you by a scrambled code of your id alone.",
        footer="What was posted in Discord's channels stays there.",
    )


def kept_after_all() -> discord.Embed:
    """A deletion that nobody confirmed."""
    return reply(GREY, "Nothing deleted", "Your account is as it was.")


def has_words(code: str, figures: Mapping[str, Any]) -> bool:
    """Whether a refusal is one that this module tells better than its own sentence."""
    return code == "cannot_close" and {"label", "code", "shares", "possible_shares"} <= figures.keys()


def refused(figures: Mapping[str, Any]) -> discord.Embed:
    """Why an account cannot be deleted now, and what to do."""
    code, possible = str(figures["code"]), int(figures["possible_shares"])
    known = code in Refusal.__members__.values()
    reason = REASONS[Refusal(code)].title if known else plain(code.replace("_", " "))
    now = f" {grouped(possible)} of them can be closed now, with `/sell` or `/cover`." if possible else ""
    return reply(
        AMBER,
        "Not deleted yet",
        f"Your {grouped(int(figures['shares']))} shares of **{safe(str(figures['label']), _LABEL_CHARACTERS)}** cannot all be "
        f"closed now: {reason}.{now} Close the position first, then ask again.",
        footer="Nothing has changed.",
    )


def _count(kept_of_it: Any) -> int:
    return kept_of_it if isinstance(kept_of_it, int) else len(kept_of_it)


def _standing(about: Json) -> str:
    rank = {"owner": ", owner of the exchange", "moderator": ", moderator"}.get(about["rank"] or "", "")
    since = about["registered_at"]
    signed_up = f", signed up {_moment(since)}" if since else ", not signed up"
    return f"{plain(about['status'])}{rank}{signed_up}"


def _account(account: Json) -> list[Figure]:
    """Whose account somewhere else this is, and what was seen of it."""
    consented = account["verified_at"]
    seen = account["seen_at"]
    return [
        (f"Id at {plain(account['provider']).capitalize()}", f"`{plain(account['provider_user_id'])}`"),
        ("Consent on the page", _moment(consented) if consented else "none asked"),
        ("Confirmed by Discord that it was you", "yes" if account["ownership_proven"] else "no"),
        ("Network", f"a scrambled code, of {_moment(seen)}" if seen else "nothing"),
    ]


def _closings(deletion: Deletion, sell: str, cover: str) -> list[str]:
    """The positions that are closed, as many as surely fit, and how many more."""
    shown, more = deletion.closed[:_POSITIONS_SHOWN], len(deletion.closed) - _POSITIONS_SHOWN
    lines = [
        f"{sell if position.side == 'sell' else cover} **{grouped(position.shares)} {TIMES} {safe(position.market)}** "
        f"for {money(position.total_paise)}"
        for position in shown
    ]
    return lines + ([f"… and {grouped(more)} more."] if more > 0 else [])


def _moment(moment: str) -> str:
    return discord.utils.format_dt(datetime.fromisoformat(moment), "f")
