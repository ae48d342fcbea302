"""Which interactions are taken: all that do not come too fast, until the bot shuts down."""

import asyncio
import logging

import discord

from bot import replies
from bot.communities import Communities
from bot.delivery import Interaction, answer_at_once, offer_nothing
from bot.errors import DISCORD_AWAY
from runtime.limits import Budget, Limits, Ruling

_log = logging.getLogger(__name__)


class Intake:
    """Admits interactions and knows which are in hand, so that a shutdown can wait for them."""

    def __init__(self, communities: Communities, limits: Limits) -> None:
        self._communities = communities
        self._limits = limits
        self._open = True
        self._in_hand: set[asyncio.Task[object]] = set()

    @property
    def is_open(self) -> bool:
        """Whether new interactions are taken."""
        return self._open

    async def admit(self, interaction: Interaction, budget: Budget = Budget.READS) -> bool:
        """Take an interaction into hand, or tell its sender, and nobody else, that nothing was charged.

        It counts as in hand until the task that handles it, the current one, has ended. Limits come before the
        acknowledgement, which would fix who sees the answer; they take a tenth of a second at most.
        """
        if not self._open:
            await answer_at_once(interaction, replies.errors.restarting())
            return False
        self._take_into_hand()
        ruling = await self._rule(interaction, budget)
        if not ruling.is_admitted:
            try:
                await answer_at_once(
                    interaction, replies.limits.refused(budget, ruling, discord.utils.utcnow())
                )
            except DISCORD_AWAY as error:
                _log.warning("Interaction %d could not be refused: %s", interaction.id, error)
        return ruling.is_admitted

    async def admit_typing(self, interaction: Interaction) -> bool:
        """Whether to offer something to someone who types; who types too fast is offered nothing."""
        if not self._open:
            return False
        ruling = await self._rule(interaction, Budget.QUOTES)
        if not ruling.is_admitted:
            await offer_nothing(interaction)
        return ruling.is_admitted

    async def _rule(self, interaction: Interaction, budget: Budget) -> Ruling:
        exchange_id = self._communities.known_exchange_of(interaction.guild_id)
        return await self._limits.check_member(budget, exchange_id, str(interaction.user.id))

    def _take_into_hand(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "interactions are handled in tasks"
        self._in_hand.add(task)
        task.add_done_callback(self._in_hand.discard)

    async def close(self, seconds: float) -> None:
        """Take nothing new, and wait for what is in hand, at most `seconds`."""
        self._open = False
        if not self._in_hand:
            return
        _log.info("Finishing %d interactions in hand.", len(self._in_hand))
        _, unfinished = await asyncio.wait(self._in_hand, timeout=seconds)
        if unfinished:
            _log.warning("%d interactions were not finished within %g s.", len(unfinished), seconds)
