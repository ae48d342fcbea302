"""How figures are written, and how text from people is made harmless.

Nothing here computes a price or a tax: the figures come from the exchange and are only spelt out.
"""

import unicodedata
from typing import Final

from bot.figures import MINUS, change, grouped, money, percent, profit, shares
from exchange.acts import Person

__all__ = [
    "MINUS",
    "NAME_CHARACTERS",
    "TIMES",
    "called",
    "change",
    "duration",
    "grouped",
    "holding",
    "in_its_place",
    "money",
    "name",
    "percent",
    "plain",
    "profit",
    "safe",
    "shares",
]

TIMES: Final = "\N{MULTIPLICATION SIGN}"

NAME_CHARACTERS: Final = 32
"""A Discord name is no longer; a longer one comes from elsewhere and is cut."""

_MARKDOWN: Final = {ord(character): f"\\{character}" for character in r"\`*_~|<>#-+.:()[]@/"}
_INVISIBLE_LETTERS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_REMOVED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
_MARKS_IN_A_ROW: Final = 4
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_LEFT_TO_RIGHT_MARK: Final = "\N{LEFT-TO-RIGHT MARK}"
_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
"""Units of time with their seconds, of which the largest is taken that leaves no rest."""


def duration(seconds: int) -> str:
    """A length of time in words: `10 minutes`, `1 hour`, `90 seconds`."""
    unit, length = next((unit, length) for unit, length in _UNITS if seconds % length == 0)
    count = seconds // length
    return f"{grouped(count)} {unit}{'' if count == 1 else 's'}"


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


def in_its_place(text: str) -> str:
    """Text from people that moves nothing of what stands around it.

    Figures beside Arabic or Hebrew letters are drawn as part of their line, in the other order and with their signs
    behind them. A mark that takes no room ends that on either side.
    """
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text):
        return f"{_LEFT_TO_RIGHT_MARK}{text}{_LEFT_TO_RIGHT_MARK}"
    return text


def name(display_name: str) -> str:
    """A person's name, harmless and in bold; a name that is nothing but invisible signs is replaced."""
    return f"**{in_its_place(safe(display_name)) or 'someone'}**"


def called(person: Person | None) -> str:
    """Somebody on the record: by the name they show now, and the one of then where it differs; or why there is none."""
    if person is None:
        return "someone whose account is gone"
    if person.name is not None:
        changed = person.name_then not in (None, person.name)
        return name(person.name) + (f" (then {name(person.name_then or '')})" if changed else "")
    if person.name_then is not None:
        return name(person.name_then)
    return "someone who deleted their data" if person.is_deleted else "someone whose account is gone"
