"""Which interactions are taken: all of them, until the bot shuts down."""

import asyncio
import logging

import discord

from bot import replies
from bot.delivery import answer_at_once

_log = logging.getLogger(__name__)


class Intake:
    """Admits interactions and knows which are in hand, so that a shutdown can wait for them."""

    def __init__(self) -> None:
        self._open = True
        self._in_hand: set[asyncio.Task[object]] = set()

    @property
    def is_open(self) -> bool:
        """Whether new interactions are taken."""
        return self._open

    async def admit(self, interaction: discord.Interaction) -> bool:
        """Take an interaction into hand, or tell its sender that nothing was charged.

        It counts as in hand until the task that handles it, the current one, has ended.
        """
        if not self._open:
            await answer_at_once(interaction, replies.errors.restarting())
            return False
        task = asyncio.current_task()
        assert task is not None, "interactions are handled in tasks"
        self._in_hand.add(task)
        task.add_done_callback(self._in_hand.discard)
        return True

    async def close(self, seconds: float) -> None:
        """Take nothing new, and wait for what is in hand, at most `seconds`."""
        self._open = False
        if not self._in_hand:
            return
        _log.info("Finishing %d interactions in hand.", len(self._in_hand))
        _, unfinished = await asyncio.wait(self._in_hand, timeout=seconds)
        if unfinished:
            _log.warning("%d interactions were not finished within %g s.", len(unfinished), seconds)
