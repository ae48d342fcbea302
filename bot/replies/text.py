"""How figures are written, and how text from people is made harmless.

Nothing here computes a price or a tax: the figures come from the exchange and are only spelt out.
"""

import unicodedata
from typing import Final

MINUS: Final = "\N{MINUS SIGN}"
TIMES: Final = "\N{MULTIPLICATION SIGN}"

NAME_CHARACTERS: Final = 32
"""A Discord name is no longer; a longer one comes from elsewhere and is cut."""

_MARKDOWN: Final = {ord(character): f"\\{character}" for character in r"\`*_~|<>#-+.:()[]@/"}
_INVISIBLE_LETTERS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_REMOVED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
_MARKS_IN_A_ROW: Final = 4
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


def holding(count: int) -> str:
    """A position in words; a negative one is short."""
    if count == 0:
        return "none"
    return f"short {shares(-count)}" if count < 0 else shares(count)


def plain(text: str, limit: int = NAME_CHARACTERS) -> str:
    """Text from people on one line, without characters that hide, reverse or pile up, at most `limit` long.

    It is for places that show text as it is (choices, code blocks); everywhere else use `safe`.
    """
    kept: list[str] = []
    marks = 0
    for character in text[: limit * 8]:
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if character.isspace() or category in {"Zl", "Zp"}:
            kept.append(" ")
        elif (
            category not in _REMOVED_CATEGORIES
            and character not in _INVISIBLE_LETTERS
            and marks <= _MARKS_IN_A_ROW
        ):
            kept.append(character)
    line = " ".join("".join(kept).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def safe(text: str, limit: int = NAME_CHARACTERS) -> str:
    """Text from people that Discord shows letter for letter: no markdown, mention, emoji or link comes alive.

    `limit` counts what is seen, before each sign of markdown gets its backslash.
    """
    return plain(text, limit).translate(_MARKDOWN)


def name(display_name: str) -> str:
    """A person's name, harmless and in bold; a name that is nothing but invisible signs is replaced."""
    return f"**{safe(display_name) or 'someone'}**"
