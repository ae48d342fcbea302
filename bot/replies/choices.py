"""What people see while they type a command: short plain lines, since choices show no markdown."""

from bot.replies.text import grouped, money, plain
from bot.replies.trades import portion
from exchange.models import Market, Outcome, Size, Status

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
    """A size with what it would cost or bring now: `50% · 590 shares · costs ₹9,990.12`."""
    words = grouped(offered.shares) if offered.shares is not None else size(offered)
    if quote.status is Status.REFUSED or quote.total_paise is None:
        possible = f", at most {grouped(quote.possible_shares)}" if quote.possible_shares else ""
        return f"{words} · not possible now{possible}"
    resolved = f" · {grouped(quote.shares or 0)} shares" if offered.shares is None else ""
    return f"{words}{resolved} · {'costs' if quote.side.pays else 'brings'} {money(quote.total_paise)}"
