"""Buttons under a reply, which only the person who was answered may press."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Final

import discord
from discord.ext import tasks

from bot import replies
from bot.delivery import Interaction, answer, answer_at_once, answer_error
from bot.errors import DISCORD_AWAY
from bot.intake import Intake
from bot.replies.trades import CONFIRM_SECONDS
from exchange.errors import ExchangeError
from exchange.models import Outcome, Status
from runtime.limits import Budget
from runtime.logs import note_interaction

REFRESH_SECONDS: Final = 5
"""How old the figures under Confirm may be."""

ASK_AGAIN_SECONDS: Final = 600
"""The message can be edited for 15 minutes after the command; later a dead button would stay."""

_TAKEN: Final = "taken"

_log = logging.getLogger(__name__)

Proceed = Callable[[Interaction], Awaitable[None]]
Quote = Callable[[], Awaitable[Outcome]]
Confirm = Callable[[Interaction, Outcome], Awaitable[None]]
Refuse = Callable[[Outcome], Awaitable[None]]


def take(interaction: Interaction) -> None:
    """Note that a living view has taken a click, before anything else is awaited."""
    note_interaction(interaction.id)
    interaction.extras[_TAKEN] = True


def is_taken(interaction: Interaction) -> bool:
    """Whether a living view has taken a click; one that none takes is on a button of before a restart."""
    return _TAKEN in interaction.extras


class LinkButton(discord.ui.View):
    """A button that opens an address in the browser. The bot hears nothing of it, so it waits for nothing."""

    def __init__(self, label: str, url: str) -> None:
        super().__init__(timeout=None)
        self.add_item(discord.ui.Button(label=label, url=url))
        self.stop()


class OwnersView(discord.ui.View):
    """Buttons of which one is pressed once, by the person whose command was answered with them.

    A click counts in `budget`; those by which moderators act wait while limits cannot be counted, as their commands do.
    """

    budget: ClassVar[Budget] = Budget.READS

    def __init__(self, origin: Interaction, intake: Intake, *, seconds: float) -> None:
        super().__init__(timeout=seconds)
        self._origin = origin
        self._intake = intake

    def expired(self) -> discord.Embed:
        """What takes the place of the buttons when nobody has pressed one in time."""
        raise NotImplementedError

    async def admits(self, interaction: Interaction) -> bool:
        """Take the click, and say whether the bot takes any and it is the owner's; whoever may not is told why."""
        take(interaction)
        if not await self._intake.admit(interaction, self.budget):
            return False
        if interaction.user.id != self._origin.user.id:
            await answer_at_once(interaction, replies.errors.not_your_button())
            return False
        return True

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Take the click if it is the owner's and the first, and acknowledge it."""
        if not await self.admits(interaction):
            return False
        if self.is_finished():
            # A second click that was under way before the first had ended the view.
            await interaction.response.defer()
            return False
        self.stop()
        await interaction.response.defer()
        return True

    async def on_timeout(self) -> None:
        """Take the buttons away, so that no dead ones remain."""
        try:
            await answer(self._origin, self.expired())
        except DISCORD_AWAY as error:
            _log.warning("The buttons of interaction %d could not be removed: %s", self._origin.id, error)

    async def on_error(
        self, interaction: Interaction, error: Exception, _item: discord.ui.Item[Any], /
    ) -> None:
        """Answer an error as one of a command is answered."""
        await answer_error(interaction, error)


class ConfirmOrder(OwnersView):
    """Confirm and Cancel under the quote of an order that moves the price far.

    The quote is live: `keep_live` brings it up to date until a button is pressed, and Confirm means
    the figures that were shown last. They stand still from the click on, even where an update was
    under way: nobody shall pay for figures that came after their click.
    """

    def __init__(
        self,
        origin: Interaction,
        intake: Intake,
        shown: Outcome,
        *,
        quote: Quote,
        confirm: Confirm,
        refuse: Refuse,
    ) -> None:
        super().__init__(origin, intake, seconds=CONFIRM_SECONDS)
        self._shown = shown
        self._quote = quote
        self._confirm = confirm
        self._refuse = refuse
        self._updating = asyncio.Lock()
        self._keeper = tasks.loop(seconds=REFRESH_SECONDS)(self.refresh)

    def expired(self) -> discord.Embed:
        """The order that nobody confirmed, as it was shown last."""
        return replies.trades.expired(self._shown)

    def keep_live(self) -> None:
        """Start to bring the quote up to date, once it is shown with its buttons."""
        self._keeper.start()

    async def refresh(self) -> None:
        """Show the quote of this moment if it reads differently; one that is refused ends the buttons.

        While Discord or the exchange is away, the quote that is shown stays, and can be confirmed.
        """
        if self.is_finished():
            self._keeper.stop()
            return
        try:
            quote = await self._quote()
            async with self._updating:
                if not self.is_finished():
                    await self._show(quote)
        except (ExchangeError, *DISCORD_AWAY) as error:
            _log.warning("The quote of interaction %d was not brought up to date: %s", self._origin.id, error)

    async def _show(self, quote: Outcome) -> None:
        if quote.status is Status.REFUSED:
            self.stop()
            await self._refuse(quote)
            return
        embed = replies.trades.to_confirm(quote)
        if embed != replies.trades.to_confirm(self._shown):
            # Without the view, which Discord keeps: to send it again would start its time-out anew.
            await self._origin.edit_original_response(embed=embed)
            if not self.is_finished():
                self._shown = quote

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Take the click as every view does, and let an update that is under way end before it is answered."""
        taken = await super().interaction_check(interaction)
        async with self._updating:
            return taken

    async def on_timeout(self) -> None:
        """Take the buttons away, after an update that is under way."""
        async with self._updating:
            await super().on_timeout()

    @discord.ui.button(label="Confirm", style=discord.ButtonStyle.success)
    async def confirm(self, interaction: Interaction, _: discord.ui.Button["ConfirmOrder"]) -> None:
        """Execute the order as it was shown last."""
        await self._confirm(interaction, self._shown)

    @discord.ui.button(label="Cancel", style=discord.ButtonStyle.secondary)
    async def cancel(self, interaction: Interaction, _: discord.ui.Button["ConfirmOrder"]) -> None:
        """Drop the order, of which the exchange has kept nothing."""
        await answer(interaction, replies.trades.cancelled(self._shown))


class AskAgain(OwnersView):
    """One button under an order whose outcome is unknown: the same order again, under the same request id."""

    def __init__(self, origin: Interaction, intake: Intake, proceed: Proceed) -> None:
        super().__init__(origin, intake, seconds=ASK_AGAIN_SECONDS)
        self._proceed = proceed

    def expired(self) -> discord.Embed:
        """Where to look instead."""
        return replies.errors.outcome_unknown()

    @discord.ui.button(label="Ask again", style=discord.ButtonStyle.primary)
    async def ask_again(self, interaction: Interaction, _: discord.ui.Button["AskAgain"]) -> None:
        """Send the order again."""
        await self._proceed(interaction)
