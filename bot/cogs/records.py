"""The ledger as people read it, page by page: one's own history, and the last trades of all."""

import io
import re
from typing import Any, Final

import discord
from discord import app_commands
from discord.ext import commands

from bot import replies
from bot.communities import Communities
from bot.delivery import Interaction, acknowledge, acknowledge_click, answer, answer_at_once, answer_with_file
from bot.intake import Intake
from bot.lasting import LastingButton, lasting_button, row_of_buttons, was_asked_by
from bot.ledger_file import LedgerFiles
from exchange.exchange import Exchange
from exchange.records import NEWEST, Cursor, Page

_BUTTON: Final = r"betjee:(?P<record>history|tape):(?P<move>newest|before|after|csv):(?P<sequence>\d{1,18})"
_ENTRIES: Final = 8
_FILLS: Final = 15


class Records(commands.Cog):
    """`/history` and `/tape`. Their buttons carry their place in the ledger, so they outlive a restart."""

    def __init__(self, exchange: Exchange, communities: Communities, intake: Intake) -> None:
        self._exchange = exchange
        self._communities = communities
        self._intake = intake
        self._files = LedgerFiles(exchange)

    def lasting(self) -> LastingButton:
        """What answers the buttons under every page."""
        return lasting_button(_BUTTON, self._intake, self._press)

    @app_commands.command()
    async def history(self, interaction: Interaction) -> None:
        """Show all that you traded, page by page, and get it as a CSV file."""
        await self._show_history(interaction, NEWEST)

    @app_commands.command()
    async def tape(self, interaction: Interaction) -> None:
        """Show the last trades on this server, page by page."""
        await self._show_tape(interaction, NEWEST)

    async def _press(self, interaction: Interaction, match: re.Match[str]) -> None:
        if not was_asked_by(interaction):
            await answer_at_once(interaction, replies.records.not_yours())
        elif match["move"] == "csv":
            if await acknowledge(interaction, public=False):
                await self._send_file(interaction)
        elif await acknowledge_click(interaction):
            sequence = int(match["sequence"])
            cursor = {"before": Cursor(before=sequence), "after": Cursor(after=sequence)}.get(
                match["move"], NEWEST
            )
            show = self._show_history if match["record"] == "history" else self._show_tape
            await show(interaction, cursor)

    async def _show_history(self, interaction: Interaction, cursor: Cursor) -> None:
        account = await self._communities.account_of(interaction)
        page = await self._exchange.list_history(account.exchange_id, account.user.user_id, cursor, _ENTRIES)
        await answer(interaction, replies.records.history(page), _buttons("history", page))

    async def _show_tape(self, interaction: Interaction, cursor: Cursor) -> None:
        exchange_id = await self._communities.exchange_of(interaction.guild)
        page = await self._exchange.list_tape(exchange_id, cursor, _FILLS)
        await answer(interaction, replies.records.tape(page, discord.utils.utcnow()), _buttons("tape", page))

    async def _send_file(self, interaction: Interaction) -> None:
        account = await self._communities.account_of(interaction)
        made = await self._files.make(account.exchange_id, account.user.user_id)
        embed = replies.records.export(made.entries, is_whole=made.is_whole, is_compressed=made.is_compressed)
        file = discord.File(io.BytesIO(made.content), filename=made.name)
        await answer_with_file(interaction, embed, file)


def _buttons(record: str, page: Page[Any]) -> discord.ui.View | None:
    """The ways to other pages; without lines there are none."""
    if not page.lines:
        return None
    newest, oldest = page.lines[0].sequence, page.lines[-1].sequence
    moves = [
        ("Newest", "newest", 0, False),
        ("Newer", "after", newest, not page.has_newer),
        ("Older", "before", oldest, not page.has_older),
    ]
    if record == "history":
        moves.append(("CSV", "csv", 0, False))
    return row_of_buttons(
        *(
            discord.ui.Button(label=label, custom_id=f"betjee:{record}:{move}:{sequence}", disabled=disabled)
            for label, move, sequence, disabled in moves
        )
    )
