"""The live board's editor, for a chat that forgets its messages when the sandbox stops.

On Discord a board whose message is gone was deleted by somebody who meant it, so it is forgotten. Here
it may be that only the chat has begun anew, which nobody meant: such a board is posted and pinned again.
"""

from dataclasses import replace
from datetime import datetime

import discord

from bot.board_editor import BoardEditor
from exchange.exchange import Exchange
from exchange.live_boards import ClaimedBoard


class BoardKeeper(BoardEditor):
    """Keeps boards up to date as the bot does, in a chat that has no message of before `began_at`."""

    def __init__(self, exchange: Exchange, client: discord.Client, *, began_at: datetime) -> None:
        super().__init__(exchange, client)
        self._first_message_id = discord.utils.time_snowflake(began_at)

    async def look(self, board: ClaimedBoard) -> bool:
        """Bring a claimed board up to date, or post it where it was if its message is of an earlier run."""
        if board.message_id is not None and int(board.message_id) < self._first_message_id:
            board = replace(board, message_id=None, is_pinned=False, content_hash=None)
        return await super().look(board)
