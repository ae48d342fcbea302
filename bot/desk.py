"""The order desk: an order goes to the exchange, and what came of it goes to its owner and the channel."""

import logging
from dataclasses import replace

from bot import replies
from bot.delivery import Interaction, announce, answer
from bot.errors import DISCORD_AWAY
from bot.intake import Intake
from bot.views import AskAgain, ConfirmOrder
from exchange.errors import ExchangeBusy, ExchangeError, ExchangeUnavailable, OutcomeUnknown
from exchange.exchange import Exchange
from exchange.models import Order, Outcome, Size, Status

_log = logging.getLogger(__name__)


class OrderDesk:
    """Executes orders for commands and for the buttons under their replies."""

    def __init__(self, exchange: Exchange, intake: Intake) -> None:
        self._exchange = exchange
        self._intake = intake

    async def execute(
        self, interaction: Interaction, exchange_id: int, order: Order, *, sent_before: bool = False
    ) -> None:
        """Execute an order and answer the acknowledged interaction with what came of it.

        An order that must be confirmed first is answered by its quote and two buttons; one whose
        outcome is unknown, by a button that asks again with the same request id.
        """
        try:
            outcome = await self._exchange.execute_order(exchange_id, order)
        except (OutcomeUnknown, ExchangeUnavailable, ExchangeBusy) as error:
            # An order that was sent before may have been executed, whatever became of this attempt.
            if not (sent_before or isinstance(error, OutcomeUnknown)):
                raise
            await self._offer_to_ask_again(interaction, exchange_id, order)
            return
        if outcome.status is Status.UNCONFIRMED:
            await self._ask_to_confirm(interaction, exchange_id, order, outcome)
        elif outcome.status is Status.FILLED:
            await answer(interaction, replies.trades.filled(outcome))
            await self._tell_channel(interaction, exchange_id, outcome)
        else:
            await self.refuse(interaction, exchange_id, order.user_id, outcome)

    async def refuse(
        self, interaction: Interaction, exchange_id: int, user_id: int, outcome: Outcome
    ) -> None:
        """Answer with a refusal, and with what holds its owner or the market back where that is why. Whatever fails, they are answered."""
        hold = halt = None
        try:
            if outcome.code in replies.refusals.HELD:
                hold = await self._exchange.find_hold(exchange_id, user_id)
            elif replies.refusals.is_closed_by_hand(outcome):
                halt = await self._exchange.find_halt(exchange_id, outcome.market)
        except ExchangeError as error:
            _log.warning("What holds order %d back was not found: %s", outcome.request_id, error)
        await answer(interaction, replies.refusals.refused(outcome, hold, halt))

    async def _offer_to_ask_again(self, interaction: Interaction, exchange_id: int, order: Order) -> None:
        """Tell that the outcome is unknown, and how to find out."""

        async def ask_again(click: Interaction) -> None:
            await self.execute(click, exchange_id, order, sent_before=True)

        embed = replies.errors.order_unknown(order, replies.trades.asked(order))
        await answer(interaction, embed, AskAgain(interaction, self._intake, ask_again))

    async def _ask_to_confirm(
        self, interaction: Interaction, exchange_id: int, order: Order, quote: Outcome
    ) -> None:
        """Show the quote and keep it live; confirmed, it is an order for exactly what was shown last.

        It keeps the request id of the order that was given, so it is executed at most once.
        """

        async def confirm(click: Interaction, shown: Outcome) -> None:
            size = Size(shares=shown.shares)
            confirmed = replace(order, size=size, limit_paise=shown.confirmed_limit_paise, confirmed=True)
            await self.execute(click, exchange_id, confirmed)

        view = ConfirmOrder(
            interaction,
            self._intake,
            quote,
            quote=lambda: self._exchange.quote_order(exchange_id, order),
            confirm=confirm,
            refuse=lambda refused: self.refuse(interaction, exchange_id, order.user_id, refused),
        )
        await answer(interaction, replies.trades.to_confirm(quote), view)
        view.keep_live()

    async def _tell_channel(self, interaction: Interaction, exchange_id: int, outcome: Outcome) -> None:
        """Post the public line of a fill. The fill stands and its owner knows it, so nothing may fail here."""
        try:
            preferences = await self._exchange.get_preferences(exchange_id)
            if preferences.public_fills:
                await announce(
                    interaction, replies.trades.public_line(interaction.user.display_name, outcome)
                )
        except (ExchangeError, *DISCORD_AWAY) as error:
            _log.warning("The fill of order %d was not announced: %s", outcome.request_id, error)
