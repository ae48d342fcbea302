"""Tables in blocks of code: names in columns of one width, however wide their signs are."""

import unicodedata
from typing import Final

from bot.replies.text import in_its_place, plain

PHONE_COLUMNS: Final = 38
"""Columns in a line of a table that a phone does not break."""

_EMOJI_STYLE: Final = "\N{VARIATION SELECTOR-16}"


def cell(text: str, columns: int) -> str:
    """A name in a block of code, exactly so many columns wide, and cut between two signs that are seen."""
    signs = _signs(_shown(text))
    width = sum(map(_columns, signs))
    if width > columns:
        while width > columns - 1:
            width -= _columns(signs.pop())
        while signs and signs[-1] == " ":
            width -= _columns(signs.pop())
        signs.append("…")
        width += 1
    return in_its_place("".join(signs)) + " " * (columns - width)


def columns_of(text: str) -> int:
    """How many columns a name takes that is not cut."""
    return sum(map(_columns, _signs(_shown(text))))


def _shown(text: str) -> str:
    """A name as a block of code shows it, which it cannot end."""
    return plain(text).replace("`", "'") or "someone"


def _signs(text: str) -> list[str]:
    """The text in signs as they are seen: with their marks and tones of skin, and flags of two letters whole."""
    signs: list[str] = []
    for character in text:
        if signs and (_is_mark(character) or (_is_flag_letter(character) and _is_half_flag(signs[-1]))):
            signs[-1] += character
        else:
            signs.append(character)
    return signs


def _is_mark(character: str) -> bool:
    return unicodedata.category(character) in {"Mn", "Me"} or "\U0001f3fb" <= character <= "\U0001f3ff"


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _is_half_flag(sign: str) -> bool:
    return len(sign) == 1 and _is_flag_letter(sign)


def _columns(sign: str) -> int:
    """How many columns it takes: wide letters, pictures and flags take two."""
    if _EMOJI_STYLE in sign or (len(sign) > 1 and _is_flag_letter(sign[0])):
        return 2
    if unicodedata.category(sign[0]) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(sign[0]) in {"W", "F"} else 1
