"""The choice of a market whose chart someone wants to see."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import discord

from bot import replies
from bot.delivery import Interaction
from bot.intake import Intake
from bot.views import OwnersView
from exchange.models import Market

OFFERED_SECONDS: Final = 300
MARKETS_OFFERED: Final = 25
"""Discord's limit; whoever has more types the market's code after `/chart`."""

Draw = Callable[[Interaction, str], Awaitable[None]]


class _Markets(discord.ui.Select["ChooseMarket"]):
    def __init__(self, markets: Sequence[Market], draw: Draw) -> None:
        super().__init__(
            placeholder="Which market?",
            options=[
                discord.SelectOption(label=label, value=code)
                for code, label in replies.charts.market_options(markets[:MARKETS_OFFERED])
            ],
        )
        self._draw = draw

    async def callback(self, interaction: Interaction, /) -> None:
        """Draw the chart of the market that was chosen."""
        await self._draw(interaction, self.values[0])


class ChooseMarket(OwnersView):
    """A list of markets, of which one is chosen."""

    def __init__(self, origin: Interaction, intake: Intake, markets: Sequence[Market], draw: Draw) -> None:
        super().__init__(origin, intake, seconds=OFFERED_SECONDS)
        self.add_item(_Markets(markets, draw))

    def expired(self) -> discord.Embed:
        """The question, without the list."""
        return replies.charts.choose_market()
