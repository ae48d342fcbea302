"""What a person reads about orders that wait for a price: taken, refused, listed, cancelled."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import discord

from bot.replies import holds
from bot.replies.reply import AMBER, BLUE, GREEN, Figure, lines_that_fit, reply
from bot.replies.text import grouped, holding, money, plain, safe, shares
from bot.replies.trades import portion
from exchange.holds import Hold
from exchange.stops import ArmedStop, Stop, StopKind

ORDERS_SHOWN: Final = 20
"""How many are on a page: four rows of buttons, and a fifth for what concerns them all."""

_MARKET_CHARACTERS: Final = 20
_MARKETS_TOLD: Final = 8
_KINDS: Final = {StopKind.STOP_LOSS: "stop-loss", StopKind.TAKE_PROFIT: "take-profit"}
_COMMANDS: Final = {StopKind.STOP_LOSS: "/stoploss", StopKind.TAKE_PROFIT: "/takeprofit"}
_ENDINGS: Final = {
    "filled": "was filled meanwhile; `/notifications` has its figures",
    "lapsed": "has lapsed, because its position is closed",
    "failed": "was set off and could not be executed; `/notifications` says why",
}

Figures = Mapping[str, Any]


def armed(taken: ArmedStop) -> discord.Embed:
    """A waiting order was taken: what it will do and when, and what it will not."""
    stop = taken.stop
    verb = "Sells" if stop.side == "sell" else "Buys back"
    falls = stop.trigger_sign < 0
    market = f"**{safe(stop.market, _MARKET_CHARACTERS)}**"
    what = (
        f"{verb} **{shares(stop.shares)}** of {market} when its price {'falls' if falls else 'rises'} to "
        f"**{money(stop.trigger_price_paise)}** or {'below' if falls else 'above'}; "
        f"it is {money(stop.price_paise)} now."
    )
    how = (
        "It fills in the same moment as the trade that carries the price there, at whatever price the curve "
        "then gives; what would take the price too far waits until the market has halted and reopened. It only reduces your position: it shrinks with it, and lapses when it is closed. "
        "A stop-loss and a take-profit on the same position end each other when one closes it."
    )
    figures = [
        ("Your position", f"{holding(stop.position_shares)} of {safe(stop.market, _MARKET_CHARACTERS)}"),
        ("Orders waiting", f"{grouped(taken.armed_count)} of at most {grouped(taken.armed_limit)}"),
    ]
    title = f"{_KINDS[stop.kind].capitalize()}: {plain(stop.market, _MARKET_CHARACTERS)}"
    footer = "/orders lists what waits, and cancels it."
    return reply(
        GREEN, title, "\n\n".join([what, *_hindrances([stop]).values(), how]), figures, footer=footer
    )


def order_list(listed: Sequence[Stop], *, before: int = 0, after: int = 0, said: str = "") -> discord.Embed:
    """A page of a member's waiting orders, numbered as the buttons under them.

    `before` and `after` are how many are on other pages; `said` is what the last click did.
    """
    lines = [f"`{number}` {_order(stop)}" for number, stop in enumerate(listed, start=before + 1)]
    others = [
        f"… {grouped(count)} more {where}"
        for count, where in ((before, "before these."), (after, "after these."))
        if count
    ]
    parts = [said, lines_that_fit(lines, "\n\n") or _NONE, *others]
    embed = reply(BLUE, "Your waiting orders", "\n\n".join(part for part in parts if part))
    for title, sentence in _hindrances(listed).items():
        embed.add_field(name=title, value=sentence, inline=False)
    return embed


def expired_list(shown: discord.Embed) -> discord.Embed:
    """The list as it was shown last, whose buttons are gone."""
    return shown.copy().set_footer(
        text="These buttons have expired; /orders shows the orders of this moment."
    )


def cancelled(stop: Stop) -> str:
    """That an order was cancelled."""
    return f"Cancelled: {_what(stop.kind, stop.market, stop.trigger_price_paise)}."


def all_cancelled(stops: Sequence[Stop]) -> str:
    """That all orders that waited were cancelled."""
    if not stops:
        return "Nothing was waiting any more."
    return f"Cancelled: {'your one order' if len(stops) == 1 else f'all {grouped(len(stops))} orders'}."


def not_cancelled(code: str, figures: Figures) -> str:
    """Why an order could not be cancelled. One that was cancelled before is simply cancelled."""
    if code != "stop_ended":
        return "There is no such order of yours."
    kind, status = StopKind(figures["kind"]), figures["status"]
    what = _what(kind, figures["market"], figures["trigger_price_paise"])
    if status == "cancelled":
        return f"Cancelled: {what}."
    return f"Not cancelled: your {what} {_ENDINGS.get(status, 'has ended')}."


def done(said: str) -> discord.Embed:
    """What a click did, where the list cannot be shown."""
    return reply(
        GREEN, "Done", f"{said} The list could not be read just now: `/orders` shows what still waits."
    )


def has_words(code: str, figures: Figures) -> bool:
    """Whether a refusal is one of a waiting order, told with its figures."""
    return code in REFUSALS and "kind" in figures


def refused(code: str, figures: Figures) -> discord.Embed:
    """A waiting order that was not taken: what was asked, what is possible, and the price now."""
    title, explain = REFUSALS[code]
    explained = holds.explain(Hold.from_json(figures["hold"])) if "hold" in figures else explain(figures)
    return reply(
        AMBER,
        f"Not done: {title}",
        f"You asked for {_asked(figures)}. {explained}",
        _possible(figures),
        footer="Nothing has changed.",
    )


def _order(stop: Stop) -> str:
    verb = "sells" if stop.side == "sell" else "buys back"
    direction = "below" if stop.trigger_sign < 0 else "above"
    return (
        f"**{safe(stop.market, _MARKET_CHARACTERS)}** {_KINDS[stop.kind]}: {verb} {shares(stop.shares)} at "
        f"**{money(stop.trigger_price_paise)}** or {direction}, now {money(stop.price_paise)}"
    )


def _hindrances(stops: Sequence[Stop]) -> dict[str, str]:
    """What keeps orders from being filled now, under a heading for each kind, each market once."""
    halted: dict[str, None] = {}
    cooling: dict[str, None] = {}
    for stop in stops:
        market = f"**{safe(stop.market, _MARKET_CHARACTERS)}**"
        if stop.halted:
            end = "" if stop.halted_until is None else f" and reopens at {_when(stop.halted_until)}"
            halted[f"{market} is halted{end}"] = None
        if stop.cooldown_until is not None:
            verb = "sell" if stop.side == "sell" else "buy back"
            cooling[f"in {market}, orders that {verb} wait until {_when(stop.cooldown_until)}"] = None
    told = {}
    if any(stop.status == "suspended" for stop in stops):
        told["Frozen"] = "Your account is frozen: your orders wait until it is not."
    if halted:
        told["Halted"] = (
            f"{_some(halted)}. Orders there wait until the market reopens, and can be armed and cancelled."
        )
    if cooling:
        told["Cooling down"] = f"You have set off orders of others: {_some(cooling)}."
    return told


def _some(phrases: Iterable[str]) -> str:
    """As many phrases as fit a field."""
    return "; ".join(list(phrases)[:_MARKETS_TOLD])


def _when(moment: datetime) -> str:
    return discord.utils.format_dt(moment, "T")


def _what(kind: StopKind, market: str, trigger_price_paise: int) -> str:
    return f"{_KINDS[kind]} of **{safe(market, _MARKET_CHARACTERS)}** at {money(trigger_price_paise)}"


def _asked(figures: Figures) -> str:
    """The order in its owner's words; the market may be any text, so it is made harmless."""
    market = f"**{safe(figures['market'], _MARKET_CHARACTERS)}**"
    if "shares" in figures:
        size = f"{shares(figures['shares'])} of {market}"
    elif figures.get("portion_bps", _WHOLE_BPS) == _WHOLE_BPS:
        size = f"all you have in {market}"
    else:
        size = f"{portion(figures['portion_bps'])} of what you have in {market}"
    return f"a {_KINDS[StopKind(figures['kind'])]} of {size} at {money(figures['trigger_price_paise'])}"


def _possible(figures: Figures) -> list[Figure]:
    """The figures that the refusal carries: the price, the position, and which triggers would be taken."""
    fields: list[Figure] = []
    price, sign = figures.get("price_paise"), figures.get("trigger_sign")
    if price is not None:
        fields.append(("Price now", money(price)))
    if sign is not None and price is not None:
        lowest, highest = money(figures["price_min_paise"]), money(figures["price_max_paise"])
        possible = f"{lowest} to below {money(price)}" if sign < 0 else f"above {money(price)}, to {highest}"
        fields.append(("Possible triggers", possible))
    if figures.get("position_shares") is not None and "label" in figures:
        position = f"{holding(figures['position_shares'])} of {safe(figures['market'], _MARKET_CHARACTERS)}"
        fields.append(("Your position", position))
    if "armed_limit" in figures:
        waiting = f"{grouped(figures['armed_count'])} of at most {grouped(figures['armed_limit'])}"
        fields.append(("Orders waiting", waiting))
    return fields


def _trigger_crossed(figures: Figures) -> str:
    kind = StopKind(figures["kind"])
    verb = "sell" if figures["side"] == "sell" else "buy back"
    falls = figures["trigger_sign"] < 0
    way, other_way = ("fallen", "risen") if falls else ("risen", "fallen")
    other = next(command for other_kind, command in _COMMANDS.items() if other_kind is not kind)
    return (
        f"The price is {money(figures['price_paise'])}, so that is crossed already: this order waits until it has {way}, "
        f"and its trigger must be {'below' if falls else 'above'} the price. To {verb} at once use `/{figures['side']}`; "
        f"to {verb} when the price has {other_way}, `{other}`."
    )


def _trigger_out_of_range(figures: Figures) -> str:
    return (
        f"Trading can take that price from {money(figures['price_min_paise'])} to "
        f"{money(figures['price_max_paise'])} and no further; a trigger is a price between these."
    )


def _no_position(_: Figures) -> str:
    return (
        "A waiting order closes a position, and you have none there. `/buy` or `/short` opens one; "
        "to be told of a price without trading, use `/alerts`."
    )


def _exceeds_position(figures: Figures) -> str:
    held = figures["position_shares"]
    return (
        f"You {'are' if held < 0 else 'hold'} {holding(held)} there, and it only reduces that. "
        "Leave the number out to close the whole position."
    )


def _too_many_stops(figures: Figures) -> str:
    return (
        f"{grouped(figures['armed_count'])} orders of yours wait already. `/orders` lists and cancels them."
    )


def _sentence(text: str) -> Callable[[Figures], str]:
    """An explanation that is the same whatever the figures are."""
    return lambda _: text


_NONE: Final = (
    "None are waiting. `/stoploss 22s1 12` closes your position in 22s1 when its price turns against you as far as "
    "₹12; `/takeprofit` closes one when the price has gone your way."
)
_SIGN_UP: Final = _sentence("You have no account on this server yet. `/register` opens one, with free coins.")
_WHOLE_BPS: Final = 10_000

REFUSALS: Final[dict[str, tuple[str, Callable[[Figures], str]]]] = {
    "unknown_user": ("no account", _SIGN_UP),
    "not_registered": ("no account", _SIGN_UP),
    "user_frozen": (
        "your account is frozen",
        _sentence("A moderator has frozen your account; what you have stays yours. Ask them with `/report`."),
    ),
    "user_banned": (
        "you are banned",
        _sentence(
            "`/notifications` shows why and until when; `/appeal` tells the moderators your side, once."
        ),
    ),
    "unknown_market": (
        "unknown market",
        _sentence(
            "There is no such market. `/markets` lists them, and the market field suggests them as you type."
        ),
    ),
    "market_settled": (
        "the market is settled",
        _sentence("Nothing is traded there any more, so no price would ever set the order off."),
    ),
    "invalid_shares": (
        "not a number of shares",
        _sentence("An order is for at least 1 share: type a number such as 10, a part such as 50%, or max."),
    ),
    "no_position": ("no position", _no_position),
    "exceeds_position": ("more than you have", _exceeds_position),
    "trigger_out_of_range": ("the price never goes there", _trigger_out_of_range),
    "trigger_crossed": ("the trigger is crossed already", _trigger_crossed),
    "duplicate_stop": (
        "the same order waits already",
        _sentence("The very same order is waiting, and does not wait twice: `/orders` shows it."),
    ),
    "too_many_stops": ("too many orders wait", _too_many_stops),
}
"""For each refusal of `betjee.arm_stop` its title, and a sentence or two that say why and what to do."""
