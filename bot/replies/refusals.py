"""What a person reads about an order that was refused: what was asked, what is possible, what to do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import discord

from bot.replies import holds
from bot.replies.reply import AMBER, Figure, reply
from bot.replies.text import TIMES, grouped, holding, money, safe, shares
from bot.replies.trades import portion
from exchange.holds import Halt, Hold
from exchange.models import Outcome, Refusal, Side

_MARKET_CHARACTERS: Final = 20
_REASON_CHARACTERS: Final = 300
_WORKS_MEANWHILE: Final = "Meanwhile `/portfolio`, `/quote` and `/orders` work."


@dataclass(frozen=True)
class Reason:
    """A refusal in words: a title, and a sentence or two that say why and what to do about it."""

    title: str
    explain: Callable[[Outcome], str]


def refused(outcome: Outcome, hold: Hold | None = None, halt: Halt | None = None) -> discord.Embed:
    """The refusal, to the one who asked. Nothing was charged, and it says so.

    `hold` is what holds them back, where the refusal is one of HELD and that could be found; `halt` is how the market
    stands where it `is_closed_by_hand`.
    """
    assert outcome.code is not None, "a refusal has a code"
    reason = REASONS[outcome.code]
    explained = reason.explain(outcome)
    if hold is not None and outcome.code is Refusal.INSUFFICIENT_FUNDS:
        explained += holds.waiting_bonus(hold.withheld_paise)
    elif hold is not None and hold.status != "active":
        explained = holds.explain(hold)
    elif halt is not None:
        explained = _closed(outcome, halt)
    return reply(
        AMBER,
        f"Not done: {reason.title}",
        f"You asked to {asked(outcome)}. {explained}",
        _figures(outcome),
        footer="Nothing was charged.",
    )


def is_closed_by_hand(outcome: Outcome) -> bool:
    """Whether it was refused because its market is closed, and not for a time."""
    return outcome.code is Refusal.MARKET_NOT_OPEN and outcome.wait_seconds is None


def asked(outcome: Outcome) -> str:
    """The order in its owner's words; the market may be any text, so it is made harmless."""
    market = f"**{safe(outcome.market, _MARKET_CHARACTERS)}**"
    if outcome.asked_bps is not None:
        return f"{outcome.side.value} {portion(outcome.asked_bps)} of {market}"
    return f"{outcome.side.value} {grouped(outcome.asked_shares or 0)} {TIMES} {market}"


def _figures(outcome: Outcome) -> list[Figure]:
    """The figures that the refusal carries, those that mean nothing for it left out."""
    fields: list[Figure] = []
    if outcome.code in _SIZE_MATTERS:
        fields.append(("Possible now", _possible(outcome)))
    if outcome.price_before_paise is not None:
        fields.append(("Price now", money(outcome.price_before_paise)))
    if outcome.position_shares is not None and outcome.label is not None:
        fields.append(("Your position", f"{holding(outcome.position_shares)} of {outcome.market}"))
    if outcome.cash_paise is not None:
        fields.append(("Your balance", money(outcome.cash_paise)))
    if outcome.buying_power_paise is not None:
        fields.append(("Your buying power", money(outcome.buying_power_paise)))
    return fields


def _unknown_market(_: Outcome) -> str:
    return "There is no such market. `/markets` lists them, and the market field suggests them as you type."


def _market_not_open(outcome: Outcome) -> str:
    market = outcome.label or "the market"
    if outcome.wait_seconds is not None:
        return (
            f"{_begun(market)} is halted, because its price moved far in a short time; it reopens in about "
            f"{grouped(outcome.wait_seconds)} s. Until then `/portfolio`, `/quote` and `/orders` work."
        )
    return f"A moderator has halted {market}, or it is settled: `/markets` tells which. {_WORKS_MEANWHILE}"


def _closed(outcome: Outcome, halt: Halt) -> str:
    """Why a market is closed, as it was found a moment after the refusal."""
    market = outcome.label or "the market"
    if halt.status == "settled":
        return f"{_begun(market)} is settled; nothing is traded there any more."
    if halt.status == "open":
        return f"A moderator had halted {market}; it is open again now."
    if halt.reason is None:
        return _market_not_open(outcome)
    return (
        f"A moderator has halted {market} until further notice: {safe(halt.reason, _REASON_CHARACTERS)}\n"
        f"{_WORKS_MEANWHILE}"
    )


def _begun(words: str) -> str:
    """Words that begin a sentence."""
    return f"{words[0].upper()}{words[1:]}"


def _cooling_down(outcome: Outcome) -> str:
    barred = "buy or cover" if outcome.side.pays else "sell or short"
    wait = "for a while" if outcome.wait_seconds is None else f"for about {grouped(outcome.wait_seconds)} s"
    return (
        f"Your order there set off waiting orders of others, so {wait} you may not {barred} in that market."
    )


def _invalid_shares(_: Outcome) -> str:
    return "An order is for at least 1 share: type a number such as 10, a part such as 50%, or max."


def _order_too_large(outcome: Outcome) -> str:
    if not outcome.possible_shares:
        return "That is more than one order may open."
    return f"That is more than one order may open; now you may {outcome.side.value} **{grouped(outcome.possible_shares)}**."


def _position_is_short(outcome: Outcome) -> str:
    return (
        f"You are {holding(_held(outcome))} there, so there is nothing to {outcome.side.value}. "
        "To buy back what you are short of, use `/cover`."
    )


def _position_is_long(outcome: Outcome) -> str:
    return (
        f"You hold {holding(_held(outcome))} there, so there is nothing to {outcome.side.value}. "
        "To give up shares you hold, use `/sell`; you can go short once you hold none."
    )


def _exceeds_position(outcome: Outcome) -> str:
    closes_short = outcome.side is Side.COVER
    if not _held(outcome):
        missing, opening = ("are not short", "/short") if closes_short else ("hold no shares", "/buy")
        return (
            f"You {missing} there, so there is nothing to {outcome.side.value}. `{opening}` opens a position."
        )
    return f"You {'are' if closes_short else 'hold'} {holding(_held(outcome))} there; `max` closes all of it."


def _market_dry(_: Outcome) -> str:
    return "Too few shares are left to buy. Order less, wait until somebody sells, or look at other markets with `/markets`."


def _price_band(outcome: Outcome) -> str:
    return (
        f"It would take the price from {_price(outcome.price_before_paise)} to "
        f"{_price(outcome.price_after_paise)}, further than it may go within a short time. "
        "Order less, or try again in a few minutes."
    )


def _insufficient_funds(outcome: Outcome) -> str:
    total, buying_power = _price(outcome.total_paise), _price(outcome.buying_power_paise)
    if outcome.asked_bps is not None and _whole_would_do(outcome):
        # A portion that is too small for a share is priced as one.
        part = f"{portion(outcome.asked_bps)} of your buying power"
        if outcome.side is Side.SHORT:
            needed = _price(outcome.worst_loss_paise)
            return f"{part} is less than the {needed} that one share reserves of it beside the {total} it brings."
        return f"{part} does not pay for one share, which costs {total} with tax."
    if outcome.side is Side.SHORT:
        needed = _price(outcome.worst_loss_paise)
        return (
            f"It would bring {total} and reserve all that it can lose, which beside that takes {needed} of your buying "
            f"power; you have {buying_power}."
        )
    return f"It would cost {total}, and your buying power is {buying_power}."


def _whole_would_do(outcome: Outcome) -> bool:
    """Whether all of the buying power would pay for the share for which a part of it does not."""
    if outcome.side is Side.SHORT:
        return bool(outcome.possible_shares)
    return (outcome.total_paise or 0) <= (outcome.buying_power_paise or 0)


def _limit_not_met(outcome: Outcome) -> str:
    total, limit = _price(outcome.total_paise), _price(outcome.limit_paise)
    if outcome.side is Side.BUY and outcome.asked_bps is not None:
        # A portion is as large as the limit allows, and priced as one share where it allows none.
        return f"One share costs {total} already, more than the {limit} you allowed. Give the order again and allow more."
    if outcome.side.pays:
        return f"It would cost {total}, more than the {limit} you allowed. Order less, or give the order again and allow more."
    return (
        f"It would bring {total}, less than the {limit} you wanted. Ask for less, or wait for a better price."
    )


def _request_reused(_: Outcome) -> str:
    return (
        "This order was given before with other figures. `/portfolio` shows what you have; then order anew."
    )


def _possible(outcome: Outcome) -> str:
    """The largest size that would be taken, for which the exchange searched."""
    return f"{outcome.side.value} {shares(outcome.possible_shares)}" if outcome.possible_shares else "nothing"


def _price(paise: int | None) -> str:
    return "an unknown amount" if paise is None else f"**{money(paise)}**"


def _held(outcome: Outcome) -> int:
    return outcome.position_shares or 0


def _sentence(text: str) -> Callable[[Outcome], str]:
    """An explanation that is the same whatever the figures are."""
    return lambda _: text


_SIGN_UP: Final = _sentence("You have no account on this server yet. `/register` opens one, with free coins.")

HELD: Final = frozenset({Refusal.USER_FROZEN, Refusal.USER_BANNED, Refusal.INSUFFICIENT_FUNDS})
"""The refusals that may come of what holds a member back: a freeze, a ban, or a bonus that waits."""

_SIZE_MATTERS: Final = frozenset(
    {
        Refusal.ORDER_TOO_LARGE,
        Refusal.EXCEEDS_POSITION,
        Refusal.MARKET_DRY,
        Refusal.PRICE_BAND,
        Refusal.INSUFFICIENT_FUNDS,
        Refusal.LIMIT_NOT_MET,
    }
)
"""The refusals for which a smaller order may be taken."""

REASONS: Final = {
    Refusal.UNKNOWN_USER: Reason("no account", _SIGN_UP),
    Refusal.NOT_REGISTERED: Reason("no account", _SIGN_UP),
    Refusal.USER_FROZEN: Reason(
        "your account is frozen",
        _sentence("A moderator has frozen your account; what you have stays yours. Ask them with `/report`."),
    ),
    Refusal.USER_BANNED: Reason(
        "you are banned",
        _sentence(
            "`/notifications` shows why and until when; `/appeal` tells the moderators your side, once."
        ),
    ),
    Refusal.UNKNOWN_MARKET: Reason("unknown market", _unknown_market),
    Refusal.MARKET_NOT_OPEN: Reason("the market is not open", _market_not_open),
    Refusal.INVALID_SHARES: Reason("not a number of shares", _invalid_shares),
    Refusal.ORDER_TOO_LARGE: Reason("the order is too large", _order_too_large),
    Refusal.POSITION_IS_SHORT: Reason("you are short there", _position_is_short),
    Refusal.POSITION_IS_LONG: Reason("you hold shares there", _position_is_long),
    Refusal.EXCEEDS_POSITION: Reason("more than you have", _exceeds_position),
    Refusal.MARKET_DRY: Reason("too few shares are left", _market_dry),
    Refusal.PRICE_BAND: Reason("the price would move too far", _price_band),
    Refusal.INSUFFICIENT_FUNDS: Reason("not enough coins", _insufficient_funds),
    Refusal.LIMIT_NOT_MET: Reason("your limit was not met", _limit_not_met),
    Refusal.COOLING_DOWN: Reason("you are cooling down", _cooling_down),
    Refusal.REQUEST_REUSED: Reason("already given", _request_reused),
}
