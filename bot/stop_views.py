"""The buttons under the list of waiting orders."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import discord

from bot import replies
from bot.communities import Account
from bot.delivery import Interaction, acknowledge_click, answer
from bot.intake import Intake
from bot.replies.stops import ORDERS_SHOWN
from bot.views import OwnersView
from exchange.errors import ExchangeError, RequestRejected
from exchange.exchange import Exchange
from exchange.stops import Stop

OFFERED_SECONDS: Final = 600
"""The message can be edited for 15 minutes after the last click; later a dead button would stay."""

_LAST_ROW: Final = 4

Press = Callable[[Interaction], Awaitable[None]]
Act = Callable[[], Awaitable[str]]


class _Button(discord.ui.Button["OrderList"]):
    """A button that does one thing."""

    def __init__(
        self, label: str, press: Press, *, row: int | None = None, style: discord.ButtonStyle | None = None
    ) -> None:
        super().__init__(label=label, style=style or discord.ButtonStyle.secondary, row=row)
        self._press = press

    async def callback(self, interaction: Interaction, /) -> None:
        """Do it."""
        await self._press(interaction)


class OrderList(OwnersView):
    """Under `/orders`: a Cancel for each order of the page, Cancel all, and the way to other pages.

    Unlike other views it stays: each click is answered by the list of that moment, and counts the
    time anew. Clicks are handled one after the other. A button stands for its order, not for a
    place in the list, so a second click on it cannot meet the order that has moved up.
    """

    def __init__(self, origin: Interaction, intake: Intake, exchange: Exchange, account: Account) -> None:
        super().__init__(origin, intake, seconds=OFFERED_SECONDS)
        self._exchange = exchange
        self._account = account
        self._stops: list[Stop] = []
        self._page = 0
        self._shown = discord.Embed()
        self._cancels: dict[int, _Button] = {}
        self._cancel_all = _Button(
            "Cancel all", self._press_cancel_all, row=_LAST_ROW, style=discord.ButtonStyle.danger
        )
        self._earlier = _Button("Earlier", self._press_earlier, row=_LAST_ROW)
        self._later = _Button("Later", self._press_later, row=_LAST_ROW)
        self._handling = asyncio.Lock()

    def expired(self) -> discord.Embed:
        """The list as it was shown last."""
        return replies.stops.expired_list(self._shown)

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Take each click of the owner, and acknowledge it."""
        return await self.admits(interaction) and await acknowledge_click(interaction)

    async def on_timeout(self) -> None:
        """Take the buttons away, after a click that is being handled."""
        async with self._handling:
            await super().on_timeout()

    async def on_error(
        self, interaction: Interaction, error: Exception, item: discord.ui.Item[discord.ui.View], /
    ) -> None:
        """Answer an error in place of the list, which ends."""
        self.stop()
        await super().on_error(interaction, error, item)

    async def show(self, said: str = "") -> None:
        """Answer the command or the last click with the list of this moment; without orders there are no buttons."""
        self._stops = await self._exchange.list_stops(self._account.exchange_id, self._account.user.user_id)
        self._page = max(0, min(self._page, (len(self._stops) - 1) // ORDERS_SHOWN))
        before = self._page * ORDERS_SHOWN
        listed = self._stops[before : before + ORDERS_SHOWN]
        after = len(self._stops) - before - len(listed)
        self._shown = replies.stops.order_list(listed, before=before, after=after, said=said)
        self._arrange(listed, before=before, after=after)
        if not listed:
            self.stop()
        await answer(self._origin, self._shown, None if self.is_finished() else self)

    def _arrange(self, listed: list[Stop], *, before: int, after: int) -> None:
        """Put the page's buttons in place. An order keeps its button, so that a click under way still finds it."""
        self.clear_items()
        for number, stop in enumerate(listed, start=before + 1):
            button = self._cancels.setdefault(stop.stop_id, _Button("", self._canceller(stop.stop_id)))
            button.label = f"Cancel {number}"
            self.add_item(button)
        for button, is_needed in ((self._earlier, before), (self._later, after), (self._cancel_all, listed)):
            if is_needed:
                self.add_item(button)

    def _canceller(self, stop_id: int) -> Press:
        async def press(click: Interaction) -> None:
            await self._handle(click, lambda: self._cancel(click, stop_id))

        return press

    async def _press_cancel_all(self, click: Interaction) -> None:
        async def cancel_all() -> str:
            user_id = self._account.user.user_id
            stops = await self._exchange.cancel_stops(self._account.exchange_id, click.id, user_id)
            return replies.stops.all_cancelled(stops)

        await self._handle(click, cancel_all)

    async def _press_earlier(self, click: Interaction) -> None:
        await self._turn(click, -1)

    async def _press_later(self, click: Interaction) -> None:
        await self._turn(click, 1)

    async def _turn(self, click: Interaction, pages: int) -> None:
        async with self._handling:
            self._origin = click
            self._page += pages
            await self.show()

    async def _cancel(self, click: Interaction, stop_id: int) -> str:
        user_id = self._account.user.user_id
        try:
            stop = await self._exchange.cancel_stop(self._account.exchange_id, click.id, user_id, stop_id)
        except RequestRejected as refusal:
            # It was filled or cancelled meanwhile: that is said above the list, which shows what is left.
            return replies.stops.not_cancelled(refusal.code, refusal.figures)
        return replies.stops.cancelled(stop)

    async def _handle(self, click: Interaction, act: Act) -> None:
        """Do what a click asks for, and show the list anew with what was done."""
        async with self._handling:
            self._origin = click
            said = await act()
            try:
                await self.show(said)
            except ExchangeError:
                # What was done is done and must be told, though the list cannot be read.
                self.stop()
                await answer(click, replies.stops.done(said))
