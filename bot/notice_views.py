"""Buttons by which people choose how they are told, and cancel what waits for a price."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Generic, TypeVar

import discord

from bot import replies
from bot.delivery import Interaction, acknowledge, answer_at_once, answer_error
from bot.intake import Intake
from bot.views import OwnersView, take
from exchange.exchange import Exchange
from exchange.notices import Alert, NotifyBy

OFFERED_SECONDS: Final = 600
"""The message can be edited for 15 minutes after the command; later a dead button would stay."""

CANCELS_SHOWN: Final = 20
"""Four rows of buttons; who has more alerts cancels the others when these are gone."""

_LAST_ROW: Final = 4

ASK_LABEL: Final = "Tell me by direct message"
ASK_CUSTOM_ID: Final = "betjee:notifications:direct"

Choose = Callable[[Interaction, NotifyBy], Awaitable[None]]
Cancel = Callable[[Interaction, int], Awaitable[None]]
Choice = TypeVar("Choice")


class _Button(discord.ui.Button[OwnersView], Generic[Choice]):
    """A button that does one thing with what it stands for."""

    def __init__(
        self, label: str, act: Callable[[Interaction, Choice], Awaitable[None]], choice: Choice
    ) -> None:
        super().__init__(label=label, style=discord.ButtonStyle.secondary)
        self._act = act
        self._choice = choice

    async def callback(self, interaction: Interaction, /) -> None:
        """Do it."""
        await self._act(interaction, self._choice)


class AskToBeTold(discord.ui.View):
    """Answers the button “Tell me by direct message” under any reply, also one of before a restart.

    It is registered once, when the bot starts; replies carry `offer_to_tell()`. The button belongs under an
    ephemeral reply, which only its receiver sees; under any other, the person whose command was answered may press it.
    """

    def __init__(self, intake: Intake, choose: Choose) -> None:
        super().__init__(timeout=None)
        self._intake = intake
        self._choose = choose

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Take the click if it is the owner's, and acknowledge it; the answer is a message of its own."""
        take(interaction)
        if not await self._intake.admit(interaction):
            return False
        origin = interaction.message.interaction_metadata if interaction.message else None
        if origin is not None and origin.user.id != interaction.user.id:
            await answer_at_once(interaction, replies.notices.not_yours())
            return False
        return await acknowledge(interaction, public=False)

    async def on_error(
        self, interaction: Interaction, error: Exception, _item: discord.ui.Item[Any], /
    ) -> None:
        """Answer an error as one of a command is answered."""
        await answer_error(interaction, error)

    @discord.ui.button(label=ASK_LABEL, style=discord.ButtonStyle.secondary, custom_id=ASK_CUSTOM_ID)
    async def ask(self, interaction: Interaction, _: discord.ui.Button["AskToBeTold"]) -> None:
        """Choose direct messages."""
        await self._choose(interaction, NotifyBy.DIRECT)


async def offer_to_tell(exchange: Exchange, exchange_id: int, user_id: int) -> discord.ui.View | None:
    """The button for a reply to someone who is not told yet, in whatever way.

    `AskToBeTold` answers it, so the library is told to keep nothing for this message.
    """
    notices = await exchange.list_notices(exchange_id, user_id, limit=1)
    if notices.notify_by is not NotifyBy.NONE:
        return None
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label=ASK_LABEL, custom_id=ASK_CUSTOM_ID))
    view.stop()
    return view


class NotificationChoice(OwnersView):
    """Under the list of notices: the ways of being told that are not chosen now."""

    def __init__(
        self, origin: Interaction, intake: Intake, choose: Choose, notify_by: NotifyBy, expired: discord.Embed
    ) -> None:
        super().__init__(origin, intake, seconds=OFFERED_SECONDS)
        self._shown_last = expired
        for way, words in replies.notices.CHOICES.items():
            if way != notify_by:
                self.add_item(
                    _Button(f"Tell me by {words}" if way != NotifyBy.NONE else "Send me nothing", choose, way)
                )

    def expired(self) -> discord.Embed:
        """The same list without its buttons."""
        return self._shown_last


class AlertList(OwnersView):
    """Under the list of alerts: a Cancel for each, and Cancel all."""

    def __init__(
        self,
        origin: Interaction,
        intake: Intake,
        alerts: list[Alert],
        expired: discord.Embed,
        *,
        cancel: Cancel,
        cancel_all: Callable[[Interaction], Awaitable[None]],
    ) -> None:
        super().__init__(origin, intake, seconds=OFFERED_SECONDS)
        self._shown_last = expired
        for number, alert in enumerate(alerts[:CANCELS_SHOWN], start=1):
            self.add_item(_Button(f"Cancel {number}", cancel, alert.alert_id))
        everything = _Button("Cancel all", lambda click, _: cancel_all(click), None)
        everything.row, everything.style = _LAST_ROW, discord.ButtonStyle.danger
        self.add_item(everything)

    def expired(self) -> discord.Embed:
        """The same list without its buttons."""
        return self._shown_last
