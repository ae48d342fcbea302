"""What a reply is, and the few colours it comes in."""

from collections.abc import Iterable
from typing import Final

import discord

GREEN: Final = 0x2ECC71
RED: Final = 0xE74C3C
PURPLE: Final = 0x9B59B6
BLUE: Final = 0x3498DB
AMBER: Final = 0xF1C40F
GREY: Final = 0x95A5A6

_DESCRIPTION_CHARACTERS: Final = 3_400
"""Discord allows 4,096; the rest is for the figures below, and the line that says how much was left out."""

Figure = tuple[str, str]


def reply(
    colour: int, title: str, description: str = "", figures: Iterable[Figure] = (), footer: str | None = None
) -> discord.Embed:
    """One reply: a coloured card with a title, sentences, and figures, a line for each.

    Lines, because a phone stacks Discord's own columns and makes a page of them. Title and footer
    are not markdown to Discord, so no text from people belongs there.
    """
    lines = "\n".join(f"{label}: **{value}**" for label, value in figures)
    body = "\n\n".join(part for part in (description, lines) if part)
    embed = discord.Embed(colour=colour, title=title, description=body or None)
    if footer is not None:
        embed.set_footer(text=footer)
    return embed


def lines_that_fit(lines: Iterable[str]) -> str:
    """Lines for a description, as many as Discord takes; what is left out is counted, not hidden."""
    kept: list[str] = []
    room = _DESCRIPTION_CHARACTERS
    left_out = 0
    for line in lines:
        if left_out or len(line) + 1 > room:
            left_out += 1
        else:
            kept.append(line)
            room -= len(line) + 1
    if left_out:
        kept.append(f"… and {left_out} more.")
    return "\n".join(kept)
