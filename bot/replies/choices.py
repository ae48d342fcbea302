"""What people see while they type a command: short plain lines, since choices show no markdown."""

from bot.replies.text import grouped, money, plain, shares
from bot.replies.trades import portion
from exchange.models import Market, Outcome, Side, Size, Status

_CHOICE_CHARACTERS = 100


def market(offered: Market) -> str:
    """A market with its live price: `22s1 · 22 JAN S1 · ₹16.63`."""
    closed = "" if offered.status == "open" else f" · {offered.status}"
    return plain(
        f"{offered.market} · {offered.label} · {money(offered.price_paise)}{closed}", _CHOICE_CHARACTERS
    )


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


def _part(offered: Size, side: Side) -> str:
    """A portion, and what it is a portion of. The most that one order may open is not all the buying power buys."""
    opens = side in (Side.BUY, Side.SHORT)
    if offered == Size.maximum():
        return "max in one order" if opens else "max"
    return f"{size(offered)} of {'buying power' if opens else 'position'}"
