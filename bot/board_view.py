"""The buttons under the live board and what they do, also after a restart."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import discord

from bot import replies
from bot.communities import Communities
from bot.delivery import Interaction, acknowledge, answer_error
from bot.desk import OrderDesk
from bot.inputs import read_coins, read_market, read_size
from bot.intake import Intake
from bot.lasting import LastingButton, lasting_button, row_of_buttons
from bot.views import take
from exchange.errors import ExchangeError
from exchange.exchange import Exchange
from exchange.models import Market, Order, Side
from runtime.limits import Budget

_ACTION: Final = r"betjee:board:(?P<action>buy|sell|short|chart|portfolio)"
_FORM: Final = re.compile(r"betjee:order:(?P<side>buy|sell|short)")
_FORM_SECONDS: Final = 1.5
"""How long the form waits for the list of markets: Discord wants it within 3 s of the click."""

_OPTIONS: Final = 25
_TYPED_CHARACTERS: Final = 40

Answer = Callable[[Interaction], Awaitable[None]]

_log = logging.getLogger(__name__)


def board_view() -> discord.ui.View:
    """The buttons under the board."""
    styles = {
        "buy": discord.ButtonStyle.success,
        "sell": discord.ButtonStyle.danger,
        "short": discord.ButtonStyle.secondary,
        "chart": discord.ButtonStyle.primary,
        "portfolio": discord.ButtonStyle.secondary,
    }
    return row_of_buttons(
        *(
            discord.ui.Button(label=action.capitalize(), style=style, custom_id=f"betjee:board:{action}")
            for action, style in styles.items()
        )
    )


class BoardButtons:
    """Does what the board's buttons ask for, for whoever presses one.

    Buy, Sell and Short show a form; what is typed there is an order like that of the slash command. `chart`
    and `portfolio` answer an acknowledged click, to its sender alone.
    """

    def __init__(
        self,
        exchange: Exchange,
        communities: Communities,
        desk: OrderDesk,
        intake: Intake,
        *,
        chart: Answer,
        portfolio: Answer,
    ) -> None:
        self._exchange = exchange
        self._communities = communities
        self._desk = desk
        self._intake = intake
        self._answers = {"chart": chart, "portfolio": portfolio}

    def lasting(self) -> LastingButton:
        """What answers the buttons under every board."""
        return lasting_button(_ACTION, self._intake, self._press)

    async def take_form(self, interaction: Interaction) -> bool:
        """Execute the order of a form that was sent; False where it is no form of ours.

        A form is known by its id and not remembered, so one that was open during a restart still counts.
        """
        data: Any = interaction.data
        match = _FORM.fullmatch(data["custom_id"])
        if match is None:
            return False
        take(interaction)
        try:
            if await self._intake.admit(interaction, Budget.TRADES) and await acknowledge(
                interaction, public=False
            ):
                await self._execute(interaction, Side(match["side"]), _typed(data["components"]))
        except Exception as error:  # noqa: BLE001  # every error is answered, as one of a command is
            await answer_error(interaction, error)
        return True

    async def _press(self, interaction: Interaction, match: re.Match[str]) -> None:
        action = match["action"]
        if action in self._answers:
            if await acknowledge(interaction, public=False):
                await self._answers[action](interaction)
            return
        await interaction.response.send_modal(_form(Side(action), await self._markets(interaction)))

    async def _execute(self, interaction: Interaction, side: Side, typed: dict[str, str]) -> None:
        """Send the order to the desk, as the slash command does; the form's own id is its request id."""
        account = await self._communities.account_of(interaction)
        market, size = read_market(typed["market"]), read_size(typed["shares"])
        limit = read_coins(typed["limit"]) if typed.get("limit", "").strip() else None
        order = Order(interaction.id, account.user.user_id, market, side, size, limit)
        await self._desk.execute(interaction, account.exchange_id, order)

    async def _markets(self, interaction: Interaction) -> Sequence[Market]:
        """The markets to choose from; none where they cannot be had in time, and then the code is typed.

        Raises NotRegistered, so that nobody fills in a form for nothing.
        """
        try:
            async with asyncio.timeout(_FORM_SECONDS):
                account = await self._communities.account_of(interaction)
                markets = await self._exchange.list_markets(account.exchange_id)
        except (ExchangeError, TimeoutError) as error:
            _log.warning("The form is shown without a choice of markets: %r", error)
            return ()
        tradable = [market for market in markets if market.status != "settled"]
        return tradable if len(tradable) <= _OPTIONS else ()


def _form(side: Side, markets: Sequence[Market]) -> discord.ui.Modal:
    """A form for an order. The library keeps nothing of it: `take_form` reads what comes back."""
    words = replies.live_board.FORMS[side]
    form = discord.ui.Modal(title=words.title, custom_id=f"betjee:order:{side.value}")
    form.add_item(discord.ui.Label(text="Market", component=_choice_of(markets)))
    shares: discord.ui.TextInput[Any] = discord.ui.TextInput(
        custom_id="shares", placeholder="10", max_length=_TYPED_CHARACTERS
    )
    form.add_item(discord.ui.Label(text="Shares", description=words.shares, component=shares))
    limit: discord.ui.TextInput[Any] = discord.ui.TextInput(
        custom_id="limit", required=False, max_length=_TYPED_CHARACTERS
    )
    form.add_item(discord.ui.Label(text=words.limit_name, description=words.limit, component=limit))
    form.stop()
    return form


def _choice_of(markets: Sequence[Market]) -> discord.ui.Select[Any] | discord.ui.TextInput[Any]:
    if not markets:
        return discord.ui.TextInput(custom_id="market", placeholder="22s1", max_length=_TYPED_CHARACTERS)
    options = [
        discord.SelectOption(label=replies.choices.market(market), value=market.market) for market in markets
    ]
    return discord.ui.Select(custom_id="market", placeholder="Choose a market", options=options)


def _typed(components: Sequence[Any]) -> dict[str, str]:
    """What was typed and chosen in a form, by the fields' ids."""
    fields = [label["component"] for label in components if "component" in label]
    return {
        field["custom_id"]: field.get("value") or next(iter(field.get("values", [])), "") for field in fields
    }
