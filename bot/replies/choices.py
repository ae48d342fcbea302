"""What people see while they type a command: short plain lines, since choices show no markdown."""

from bot.replies.text import change, grouped, holding, money, plain, shares
from bot.replies.trades import portion
from exchange.models import Market, Outcome, Side, Size, Status
from exchange.stops import TriggerPrice

_CHOICE_CHARACTERS = 100


def market(offered: Market, held: int | None = None) -> str:
    """A market with its live price, and what is held there: `22s1 · 22 JAN S1 · ₹16.63 · 100 shares`."""
    closed = "" if offered.status == "open" else f" · {offered.status}"
    position = "" if held is None else f" · {holding(held)}"
    return plain(
        f"{offered.market} · {offered.label} · {money(offered.price_paise)}{position}{closed}",
        _CHOICE_CHARACTERS,
    )


def trigger(offered: TriggerPrice) -> str:
    """A price that an order might wait for: `₹15.80 · −4.99 % from ₹16.63`."""
    words = f"{money(offered.trigger_price_paise)} · {change(offered.change_bps)} from {money(offered.price_paise)}"
    refused = {None: "", "trigger_crossed": " · crossed already"}.get(offered.code, " · out of reach")
    return plain(words + refused, _CHOICE_CHARACTERS)


def price(paise: int) -> str:
    """A price as it can be typed: `15.80`."""
    coins, rest = divmod(paise, 100)
    return f"{coins}.{rest:02d}"


def size(offered: Size) -> str:
    """A size as it can be typed: `10`, `50%`, `max`."""
    return str(offered.shares) if offered.shares is not None else portion(offered.portion_bps or 0)


def size_with_cost(offered: Size, quote: Outcome) -> str:
    """A size with what it would cost or bring now: `50% of buying power · 590 shares · costs ₹9,990.12`."""
    words = grouped(offered.shares) if offered.shares is not None else _part(offered, quote.side)
    if quote.status is Status.REFUSED or quote.total_paise is None:
        possible = f", at most {grouped(quote.possible_shares)}" if quote.possible_shares else ""
        return f"{words} · not possible now{possible}"
    resolved = f" · {shares(quote.shares or 0)}" if offered.shares is None else ""
    return f"{words}{resolved} · {'costs' if quote.side.pays else 'brings'} {money(quote.total_paise)}"


def size_of_position(offered: Size, quote: Outcome) -> str:
    """A part of a position with its number of shares now: `50% of position · 50 shares`."""
    if offered.shares is not None:
        return grouped(offered.shares)
    resolved = "" if quote.shares is None else f" · {shares(quote.shares)}"
    return _part(offered, quote.side) + resolved


def _part(offered: Size, side: Side) -> str:
    """A portion, and what it is a portion of. The most that one order may open is not all the buying power buys."""
    opens = side in (Side.BUY, Side.SHORT)
    if offered == Size.maximum():
        return "max in one order" if opens else "max"
    return f"{size(offered)} of {'buying power' if opens else 'position'}"
