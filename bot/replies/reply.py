"""What a reply is, and the few colours it comes in."""

from collections.abc import Iterable, Mapping
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
_FIELD_CHARACTERS: Final = 1_024
_FIELDS: Final = 25
_CARD_CHARACTERS: Final = 5_900
"""Discord allows 6,000; the rest is for the line that says how much was left out."""

Figure = tuple[str, str]


def reply(
    colour: int, title: str, description: str = "", figures: Iterable[Figure] = (), footer: str | None = None
) -> discord.Embed:
    """One reply: a coloured card with a title, sentences, and figures, a line for each.

    Lines, because a phone stacks Discord's own columns and makes a page of them. Title and footer
    are not markdown to Discord, so no text from people belongs there.
    """
    body = "\n\n".join(part for part in (description, figure_lines(figures)) if part)
    embed = discord.Embed(colour=colour, title=title, description=body or None)
    if footer is not None:
        embed.set_footer(text=footer)
    return embed


def figure_lines(figures: Iterable[Figure]) -> str:
    """Figures, a line for each."""
    return "\n".join(f"{label}: **{value}**" for label, value in figures)


def lines_that_fit(lines: Iterable[str], between: str = "\n") -> str:
    """Lines for a description, as many as Discord takes; what is left out is counted, not hidden."""
    kept: list[str] = []
    room = _DESCRIPTION_CHARACTERS
    left_out = 0
    for line in lines:
        if left_out or len(line) + len(between) > room:
            left_out += 1
        else:
            kept.append(line)
            room -= len(line) + len(between)
    if left_out:
        kept.append(f"… and {left_out} more.")
    return between.join(kept)


def add_sections(
    embed: discord.Embed, sections: Mapping[str, Iterable[str]], *, between: str = "\n\n"
) -> None:
    """Add blocks under headings, by default with a blank line between them, as many as Discord takes.

    A section that is longer than one of Discord's fields goes on in the next; what is left out of the
    card is counted above, not hidden.
    """
    left_out = 0
    for title, blocks in sections.items():
        for block in blocks:
            left_out += not _add_block(embed, title, block, between)
    if left_out:
        embed.description = f"… and {left_out} more than fit here."


def _add_block(embed: discord.Embed, title: str, block: str, between: str) -> bool:
    """Add a block to the section that is last on a card, or begin the section; says whether there was room."""
    continued = f"{title}, continued"
    if len(embed) + len(continued) + len(block) > _CARD_CHARACTERS or len(block) > _FIELD_CHARACTERS:
        return False
    last = embed.fields[-1] if embed.fields else None
    goes_on = last is not None and last.name in (title, continued)
    if goes_on and last is not None and last.value is not None:
        longer = f"{last.value}{between}{block}"
        if len(longer) <= _FIELD_CHARACTERS:
            embed.set_field_at(-1, name=last.name, value=longer, inline=False)
            return True
    if len(embed.fields) == _FIELDS:
        return False
    embed.add_field(name=continued if goes_on else title, value=block, inline=False)
    return True
