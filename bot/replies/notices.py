"""What a person reads of what happened while they were away: by direct message, in the channel, and in the list."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import discord

from bot.replies import leaderboards, moderation_log, signals, suspects
from bot.replies.refusals import REASONS
from bot.replies.reply import AMBER, BLUE, GREEN, GREY, Figure, lines_that_fit, reply
from bot.replies.text import TIMES, grouped, money, plain, profit, safe
from exchange.acts import Act
from exchange.models import Json, Refusal
from exchange.notices import Notice, NoticeList, NotifyBy

CHOICES: Final = {
    NotifyBy.DIRECT: "direct message",
    NotifyBy.CHANNEL: "ping in the channel",
    NotifyBy.NONE: "nothing",
}
"""How each way of being told is spoken of."""

LISTED: Final = 8
"""As many notices as surely fit into one card, since what is listed counts as seen."""

_MARKET_CHARACTERS: Final = 20
_LABEL_CHARACTERS: Final = 40
_NAME_CHARACTERS: Final = 100
_REASON_CHARACTERS: Final = 100
"""As much as lets a full list of notices fit into one card."""
_FOOTERS: Final = {"suspects_found": "A signal is no proof. What you decide is recorded with your name."}
_STOPS: Final = {"stop_loss": "Stop-loss", "take_profit": "Take-profit"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Told:
    """A notice in words: a title without markdown, a sentence, and figures."""

    colour: int
    title: str
    sentence: str
    figures: tuple[Figure, ...] = ()


def told(kind: str, detail: Json) -> Told:
    """A notice in words. One of a kind that is not known here, or without its figures, is told in general words."""
    words = KINDS.get(kind)
    if words is None:
        return _NEWS
    try:
        return words(detail)
    except (KeyError, TypeError, ValueError):
        _log.warning("A notice of kind %s lacks what its words need.", kind, exc_info=True)
        return _NEWS


def direct_message(kind: str, detail: Json, exchange_name: str) -> discord.Embed:
    """A notice to its owner alone, with its figures; they may be on several servers, so it names this one."""
    words = told(kind, detail)
    footer = f"{plain(exchange_name, _NAME_CHARACTERS)} · /notifications changes how you are told."
    return reply(words.colour, words.title, words.sentence, words.figures, footer=footer)


def moderators_message(kind: str, detail: Json) -> discord.Embed:
    """A notice in the moderators' channel or the audit channel."""
    words = told(kind, detail)
    return reply(words.colour, words.title, words.sentence, words.figures, footer=_FOOTERS.get(kind))


def channel_message(kind: str, detail: Json) -> str:
    """A notice to everyone."""
    words = told(kind, detail)
    return f"**{safe(words.title, _NAME_CHARACTERS)}**\n{words.sentence}"


def ping(provider_user_id: str) -> str:
    """That there is something, and nothing of what it is: waiting orders and alerts are private."""
    return f"<@{int(provider_user_id)}>, you have a notice: `/notifications` shows it to you alone."


def notice_list(notices: NoticeList) -> discord.Embed:
    """A member's notices, those missed marked, and how they are told."""
    listed = lines_that_fit((_line(notice) for notice in notices.notices), between="\n\n")
    more = notices.missed - sum(notice.is_missed for notice in notices.notices)
    unlisted = f"\n\n… and {grouped(more)} more that you missed: ask again." if more > 0 else ""
    return reply(
        BLUE,
        "Your notifications",
        (
            listed
            or "Nothing yet. What happens to your waiting orders, alerts and account while you are away is listed here."
        )
        + unlisted,
        [("You are told by", CHOICES[notices.notify_by])],
        footer="● is new to you. A choice is for what happens from now on; this list is always here, for 30 days.",
    )


def chosen(notify_by: NotifyBy) -> discord.Embed:
    """How a member will be told from now on."""
    sentences = {
        NotifyBy.DIRECT: "I will write to you when a waiting order of yours is filled or fails, or a price alert fires.",
        NotifyBy.CHANNEL: "I will mention you in the exchange's channel when there is something, without saying what.",
        NotifyBy.NONE: "I will send you nothing.",
    }
    return reply(
        GREEN, "Chosen", f"{sentences[notify_by]} `/notifications` lists everything, and changes this."
    )


def not_yours() -> discord.Embed:
    """The answer to someone who presses a button under another person's reply."""
    return reply(
        GREY, "Not yours", "Only the person who was answered can press this; `/notifications` is for you."
    )


def _line(notice: Notice) -> str:
    words = told(notice.kind, notice.detail)
    mark = "● " if notice.is_missed else ""
    return f"{mark}**{safe(words.title, _NAME_CHARACTERS)}** {_when(notice.created_at)}\n{words.sentence}{_brief(words.figures)}"


def _brief(figures: Iterable[Figure]) -> str:
    return "".join(f"\n{label}: {value}" for label, value in figures)


def _when(moment: datetime) -> str:
    return discord.utils.format_dt(moment, "R")


def _label(label: Any) -> str:
    return f"**{safe(str(label), _LABEL_CHARACTERS)}**"


def _market(detail: Json) -> str:
    return plain(str(detail["market"]), _MARKET_CHARACTERS)


def _stop_filled(detail: Json) -> Told:
    stop, pays = _STOPS[detail["kind"]], detail["side"] in ("buy", "cover")
    verb, total = ("bought back", "You paid") if pays else ("sold", "You received")
    figures = [
        (total, money(detail["total_paise"])),
        ("Average price", f"{money(detail['average_price_paise'])} a share"),
        (f"Tax, {'included' if pays else 'deducted'}", money(detail["tax_paise"])),
        ("Profit before tax", profit(detail["realised_paise"])),
    ]
    if detail["remaining_shares"]:
        figures.append(("Still waiting to be filled", grouped(detail["remaining_shares"])))
    return Told(
        GREEN,
        f"{stop} filled: {_market(detail)}",
        f"Your {stop.lower()} of {_label(detail['label'])} at {money(detail['trigger_price_paise'])} "
        f"{verb} **{grouped(detail['shares'])} {TIMES} {safe(_market(detail))}**.",
        tuple(figures),
    )


def _stop_failed(detail: Json) -> Told:
    stop, code = _STOPS[detail["kind"]], str(detail["code"])
    known = code in Refusal.__members__.values()
    reason = REASONS[Refusal(code)].title if known else safe(code.replace("_", " "), _LABEL_CHARACTERS)
    return Told(
        AMBER,
        f"{stop} not executed: {_market(detail)}",
        f"Your {stop.lower()} of {_label(detail['label'])} at {money(detail['trigger_price_paise'])} was set off for "
        f"{grouped(detail['shares'])} {TIMES} {safe(_market(detail))} and could not be executed: {reason}. "
        "It no longer waits, and your position is as it was; `/stoploss` and `/takeprofit` set a new one.",
    )


def _market_halted(detail: Json) -> Told:
    reopens = discord.utils.format_dt(datetime.fromisoformat(detail["reopens_at"]), "T")
    return Told(
        AMBER,
        f"{_market(detail)} is halted",
        f"Orders that waited for a price have carried {_label(detail['label'])} from "
        f"{money(detail['price_before_paise'])} to {money(detail['price_paise'])} within a short time, so trading pauses "
        f"for {grouped(detail['halt_seconds'])} seconds. It reopens at {reopens}; `/portfolio` and `/quote` work meanwhile.",
    )


def _reason(detail: Json) -> str:
    return safe(detail["reason"], _REASON_CHARACTERS)


def _market_halted_by_hand(detail: Json) -> Told:
    return Told(
        AMBER,
        f"{_market(detail)} is halted",
        f"A moderator has halted {_label(detail['label'])} at {money(detail['price_paise'])} until further notice: "
        f"{_reason(detail)}",
    )


def _account_frozen(detail: Json) -> Told:
    return Told(
        AMBER,
        "Your account is frozen",
        f"You keep what you have, and cannot trade until a moderator has decided; `/report` tells them your side. "
        f"The reason: {_reason(detail)}",
    )


def _account_unfrozen(_: Json) -> Told:
    return Told(GREEN, "Your account is no longer frozen", "Your waiting orders wait again.")


def _account_banned(detail: Json) -> Told:
    until = detail["banned_until"]
    end = f" until {discord.utils.format_dt(datetime.fromisoformat(until), 'f')}" if until else ""
    return Told(
        AMBER,
        "You are banned from the exchange",
        f"You can neither trade nor sign up again{end}; `/appeal` tells the moderators your side, once. "
        f"The reason: {_reason(detail)}",
    )


def _account_unbanned(_: Json) -> Told:
    return Told(
        GREEN, "You are no longer banned", "Your waiting orders wait again, unless your account is frozen."
    )


def _market_reopened(detail: Json) -> Told:
    return Told(
        BLUE,
        f"{_market(detail)} is open again",
        f"{_label(detail['label'])} trades again, at {money(detail['price_paise'])}.",
    )


def _price_alert(detail: Json) -> Told:
    return Told(
        BLUE,
        f"Price alert: {_market(detail)}",
        f"The price of {_label(detail['label'])} reached {money(detail['alert_price_paise'])}; "
        f"it was then **{money(detail['price_paise'])}**.",
    )


def _leaderboard_post(detail: Json) -> Told:
    return Told(BLUE, "Leaderboard of the day", leaderboards.post(detail))


def _board_lost(detail: Json) -> Told:
    reason = {
        "deleted": "Somebody has deleted its message",
        "channel_deleted": "Its channel has been deleted",
        "forbidden": "I may no longer write",
    }.get(detail["reason"], "I can no longer reach it")
    return Told(
        AMBER,
        "The live board is gone",
        f"{reason} in <#{int(detail['channel_id'])}>, so it is off. `/board here` puts a new one.",
    )


def _suspects_found(detail: Json) -> Told:
    kind, number = str(detail["signal"]), int(detail["cluster_id"])
    return Told(
        AMBER,
        signals.title(kind, number),
        f"{signals.reason(kind, detail, detail['accounts'])}{suspects.left(detail.get('left', 0))} `/suspects show {number}` shows who they are, and what you can do.",
    )


def _moderator_act(detail: Json) -> Told:
    return Told(GREY, "On the record", moderation_log.act_line(Act.from_json(detail)))


def _bonus_withheld(detail: Json) -> Told:
    return Told(
        AMBER,
        "Your bonus waits for a moderator",
        f"Many people signed up from your network at the same time, so a moderator looks at it before your bonus of "
        f"**{money(detail['amount_paise'])}** is granted. You need not do anything; your account stays open.",
    )


def _bonus_released(detail: Json) -> Told:
    return Told(
        GREEN,
        "Your bonus has been granted",
        f"A moderator has looked: **{money(detail['amount_paise'])}** are yours. `/markets` shows what is traded.",
    )


_NEWS: Final = Told(
    GREY, "News from the exchange", "Something has happened: `/portfolio` and `/markets` show what is."
)

KINDS: Final[dict[str, Callable[[Json], Told]]] = {
    "stop_filled": _stop_filled,
    "stop_failed": _stop_failed,
    "bonus_released": _bonus_released,
    "bonus_withheld": _bonus_withheld,
    "moderator_act": _moderator_act,
    "suspects_found": _suspects_found,
    "account_banned": _account_banned,
    "account_frozen": _account_frozen,
    "account_unbanned": _account_unbanned,
    "account_unfrozen": _account_unfrozen,
    "market_halted": _market_halted,
    "market_halted_by_hand": _market_halted_by_hand,
    "market_reopened": _market_reopened,
    "price_alert": _price_alert,
    "leaderboard_post": _leaderboard_post,
    "board_lost": _board_lost,
}
"""The words for each kind of notice."""
