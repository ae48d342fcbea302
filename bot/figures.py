"""How figures are written, in words and in pictures. It imports nothing, since the process that draws needs it too.

Nothing here computes a price or a tax: the figures come from the exchange and are only spelt out.
"""

from typing import Final

MINUS: Final = "\N{MINUS SIGN}"

_BASIS_POINTS: Final = 100


def grouped(number: int) -> str:
    """A whole number in Indian grouping: 1,23,456."""
    sign = MINUS if number < 0 else ""
    digits = str(abs(number))
    head, tail = digits[:-3], digits[-3:]
    pairs: list[str] = []
    while head:
        pairs.insert(0, head[-2:])
        head = head[:-2]
    return sign + ",".join([*pairs, tail])


def money(paise: int) -> str:
    """An amount of paise as coins: ₹1,23,456.78."""
    coins, rest = divmod(abs(paise), 100)
    sign = MINUS if paise < 0 else ""
    return f"{sign}₹{grouped(coins)}.{rest:02d}"


def profit(paise: int) -> str:
    """A profit or loss, whose sign is always shown unless it is nothing."""
    return f"+{money(paise)}" if paise > 0 else money(paise)


def percent(bps: int) -> str:
    """Hundredths of a percent as a percentage without a sign: 1.08 %."""
    whole, rest = divmod(abs(bps), _BASIS_POINTS)
    return f"{grouped(whole)}.{rest:02d} %"


def change(bps: int) -> str:
    """A change in hundredths of a percent, with its sign: +1.08 %."""
    sign = "+" if bps > 0 else MINUS if bps < 0 else ""
    return sign + percent(bps)


def shares(count: int) -> str:
    """A number of shares with its noun: `1 share`, `1,000 shares`."""
    return f"{grouped(count)} {'share' if abs(count) == 1 else 'shares'}"
