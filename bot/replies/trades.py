"""What a person reads about an order that filled, or would."""

from dataclasses import dataclass
from typing import Final

import discord

from bot.replies.reply import BLUE, GREEN, GREY, PURPLE, RED, Figure, reply
from bot.replies.text import TIMES, grouped, holding, money, name, percent, profit, safe
from exchange.holds import Halt
from exchange.models import Order, Outcome, Side

CONFIRM_SECONDS: Final = 30
_REASON_CHARACTERS: Final = 300


@dataclass(frozen=True)
class Wording:
    """How one side of the market is spoken of."""

    done: str
    total: str
    colour: int


WORDINGS: Final = {
    Side.BUY: Wording("Bought", "You paid", GREEN),
    Side.SELL: Wording("Sold", "You received", RED),
    Side.SHORT: Wording("Shorted", "You received", PURPLE),
    Side.COVER: Wording("Covered", "You paid", BLUE),
}


def filled(outcome: Outcome) -> discord.Embed:
    """The fill, to its owner: what was traded at what price, and what they have now."""
    wording = WORDINGS[outcome.side]
    fields = [
        (wording.total, money(_known(outcome.total_paise))),
        *_fill_figures(outcome),
        ("Position now", f"{holding(_known(outcome.position_shares))} of {outcome.market}"),
        ("Balance now", money(_known(outcome.cash_paise))),
        ("Buying power now", money(_known(outcome.buying_power_paise))),
    ]
    return reply(wording.colour, f"{wording.done} {_what(outcome)}", _label(outcome), fields)


def quoted(outcome: Outcome, halt: Halt | None = None) -> discord.Embed:
    """What an order would do now. Nothing has been traded. `halt` is how its market stands."""
    return reply(
        WORDINGS[outcome.side].colour,
        f"Quote: {outcome.side.value} {_what(outcome)}",
        f"{_label(outcome)}\n{_halt(outcome, halt)}Nothing has been traded. The price can move before you order.",
        _prospects(outcome),
    )


def to_confirm(outcome: Outcome) -> discord.Embed:
    """The quote that comes with Confirm and Cancel, because the order moves the price far. It is kept live."""
    limit = money(_known(outcome.confirmed_limit_paise))
    protection = f"cost more than {limit}" if outcome.side.pays else f"bring less than {limit}"
    return reply(
        WORDINGS[outcome.side].colour,
        f"Confirm: {outcome.side.value} {_what(outcome)}?",
        f"{_label(outcome)}\n"
        f"This order moves the price by **{percent(_known(outcome.impact_bps))}**. "
        f"Confirmed, it will not {protection}.\nNothing has been charged yet.",
        _prospects(outcome),
        footer=f"These figures are kept up to date for {CONFIRM_SECONDS} seconds. Confirm means the ones you see.",
    )


def cancelled(quote: Outcome) -> discord.Embed:
    """The order was dropped before it was given."""
    return reply(GREY, "Cancelled", f"{_order(quote)} was not given. Nothing was charged.")


def expired(quote: Outcome) -> discord.Embed:
    """Nobody confirmed the order in time."""
    return reply(
        GREY,
        "The quote has expired",
        f"{_order(quote)} was not confirmed within {CONFIRM_SECONDS} seconds, so nothing was charged. "
        "Give the order again for a new quote.",
    )


def public_line(display_name: str, outcome: Outcome) -> str:
    """The fill as the channel reads it, without anyone's balance."""
    wording = WORDINGS[outcome.side]
    before, after = money(_known(outcome.price_before_paise)), money(_known(outcome.price_after_paise))
    return (
        f"{name(display_name)} {wording.done.lower()} {grouped(_known(outcome.shares))} {TIMES} {outcome.market} "
        f"at {money(_known(outcome.average_price_paise))}, price {before} → {after}"
    )


def asked(order: Order) -> str:
    """An order as its owner gave it: `buy 50% of 22s1`."""
    size = order.size
    if size.shares is not None:
        return f"{order.side.value} {grouped(size.shares)} {TIMES} {order.market}"
    return f"{order.side.value} {portion(size.portion_bps or 0)} of {order.market}"


def portion(bps: int) -> str:
    """A portion as a person types it: `max`, `50%`, `12.5%`."""
    whole, rest = divmod(bps, 100)
    if bps == 10_000:  # noqa: PLR2004  # the whole of anything, in hundredths of a percent
        return "max"
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%"


def _prospects(outcome: Outcome) -> list[Figure]:
    total = "You would pay" if outcome.side.pays else "You would receive"
    return [
        (total, money(_known(outcome.total_paise))),
        *_fill_figures(outcome),
        ("Position after", f"{holding(_known(outcome.position_shares))} of {outcome.market}"),
        ("Balance after", money(_known(outcome.cash_paise))),
        ("Buying power after", money(_known(outcome.buying_power_paise))),
    ]


def _halt(quote: Outcome, halt: Halt | None) -> str:
    """That the market of a quote is halted, and for how long or why, where it is."""
    if quote.wait_seconds is None:
        if halt is None or halt.reason is None:
            return ""
        return f"**A moderator has halted the market** until further notice: {safe(halt.reason, _REASON_CHARACTERS)}\n"
    return (
        f"**The market is halted**: it reopens in about {grouped(quote.wait_seconds)} s, "
        "and until then takes no orders.\n"
    )


def _fill_figures(outcome: Outcome) -> list[Figure]:
    before, after = money(_known(outcome.price_before_paise)), money(_known(outcome.price_after_paise))
    figures = [
        ("Average price", f"{money(_known(outcome.average_price_paise))} a share"),
        (f"Tax, {'included' if outcome.side.pays else 'deducted'}", money(_known(outcome.tax_paise))),
        ("Price", f"{before} → {after}"),
    ]
    if outcome.side is Side.SHORT:
        figures.append(("Worst loss", money(_known(outcome.worst_loss_paise))))
        figures.append(("Reserved for shorts, in all", money(_known(outcome.reserved_paise))))
    if outcome.side in (Side.SELL, Side.COVER):
        figures.append(("Profit before tax", profit(_known(outcome.realised_paise))))
    return figures


def _what(outcome: Outcome) -> str:
    return f"{grouped(_known(outcome.shares))} {TIMES} {outcome.market}"


def _order(quote: Outcome) -> str:
    """A quoted order as the beginning of a sentence."""
    return f"Your order to {quote.side.value} **{_what(quote)}** ({quote.label or quote.market})"


def _label(outcome: Outcome) -> str:
    return f"**{outcome.label or outcome.market}**"


def _known(figure: int | None) -> int:
    """A figure that every fill and quote carries."""
    assert figure is not None, "the exchange left out a figure that every fill and quote carries"
    return figure
