"""Which interactions are taken: all that do not come too fast, until the bot shuts down. And how each of them ended."""

import asyncio
import logging
import time
from functools import partial

import discord

from bot import replies
from bot.communities import Communities
from bot.delivery import Interaction, answer_at_once, error_of, offer_nothing
from bot.errors import DISCORD_AWAY
from exchange.errors import RequestRejected
from runtime.limits import Budget, Limits, Ruling
from runtime.logs import note_interaction
from runtime.metrics import Metrics

_log = logging.getLogger(__name__)


class Intake:
    """Admits interactions and knows which are in hand, so that a shutdown can wait for them.

    Since every command, click and form passes here, this is also where they are counted and timed.
    """

    def __init__(self, communities: Communities, limits: Limits, metrics: Metrics | None = None) -> None:
        self._communities = communities
        self._limits = limits
        self._metrics = metrics or Metrics()
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
        self._take_into_hand(interaction)
        ruling = await self._rule(interaction, budget)
        if not ruling.is_admitted:
            self._metrics.refusal(f"too_many_{budget}")
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

    def _take_into_hand(self, interaction: Interaction) -> None:
        task = asyncio.current_task()
        assert task is not None, "interactions are handled in tasks"
        self._in_hand.add(task)
        task.add_done_callback(self._in_hand.discard)
        note_interaction(interaction.id)
        task.add_done_callback(partial(self._measure, interaction, time.perf_counter()))

    def _measure(self, interaction: discord.Interaction, began: float, _: asyncio.Task[object]) -> None:
        """Take note of an interaction whose task has ended."""
        seconds = time.perf_counter() - began
        error = error_of(interaction)
        outcome = "done" if error is None else "refused" if replies.errors.is_expected(error) else "failed"
        if isinstance(error, RequestRejected):
            self._metrics.refusal(error.code)
        name = name_of(interaction)
        self._metrics.command(name, outcome, seconds)
        _log.debug("The %s was %s within %.0f ms.", name, outcome, seconds * 1_000)

    async def close(self, seconds: float) -> None:
        """Take nothing new, and wait for what is in hand, at most `seconds`."""
        self._open = False
        if not self._in_hand:
            return
        _log.info("Finishing %d interactions in hand.", len(self._in_hand))
        _, unfinished = await asyncio.wait(self._in_hand, timeout=seconds)
        if unfinished:
            _log.warning("%d interactions were not finished within %g s.", len(unfinished), seconds)


def name_of(interaction: discord.Interaction) -> str:
    """What an interaction is counted as: its command, or what kind of thing was used."""
    if interaction.command is not None:
        return interaction.command.qualified_name
    return "form" if interaction.type is discord.InteractionType.modal_submit else "click"
