"""Being told: price alerts, and how notices come."""

from typing import Literal

from discord import app_commands
from discord.app_commands import Choice, Transform
from discord.ext import commands

from bot import replies
from bot.communities import Communities
from bot.delivery import Interaction, answer
from bot.errors import InputUnreadable
from bot.inputs import CoinsInput, MarketInput
from bot.intake import Intake
from bot.notice_views import AlertList, NotificationChoice, offer_to_tell
from bot.suggestions import Suggestions
from bot.tree import TRADE_OR_LIST
from exchange.exchange import Exchange
from exchange.notices import NotifyBy

_WAYS = {words: way for way, words in replies.notices.CHOICES.items()}


class Notifications(commands.Cog):
    """`/alerts` and `/notifications`."""

    def __init__(
        self, exchange: Exchange, communities: Communities, intake: Intake, suggestions: Suggestions
    ) -> None:
        self._exchange = exchange
        self._communities = communities
        self._intake = intake
        self._suggestions = suggestions

    @app_commands.command(extras=TRADE_OR_LIST)
    @app_commands.describe(
        market="A market's code, such as 22s1", price="The price of a share in coins, such as 50"
    )
    async def alerts(
        self,
        interaction: Interaction,
        market: Transform[str, MarketInput] | None = None,
        price: Transform[int, CoinsInput] | None = None,
    ) -> None:
        """Be told, once, when a price is reached; without options, list and cancel your alerts."""
        if market is None and price is None:
            await self._show_alerts(interaction)
        elif market is None or price is None:
            raise InputUnreadable(replies.alerts.incomplete())
        else:
            await self._arm_alert(interaction, market, price)

    @app_commands.command()
    @app_commands.describe(deliver="How you want to be told from now on; leave it out to change nothing")
    async def notifications(
        self,
        interaction: Interaction,
        deliver: Literal["direct message", "ping in the channel", "nothing"] | None = None,
    ) -> None:
        """List what you missed, and choose how you are told."""
        account = await self._communities.account_of(interaction)
        exchange_id, user_id = account.exchange_id, account.user.user_id
        if deliver is not None:
            await self._exchange.choose_notifications(exchange_id, interaction.id, user_id, _WAYS[deliver])
        notices = await self._exchange.list_notices(exchange_id, user_id, replies.notices.LISTED)
        embed = replies.notices.notice_list(notices)
        view = NotificationChoice(interaction, self._intake, self.choose, notices.notify_by, embed)
        await answer(interaction, embed, view)
        shown = [notice.notice_id for notice in notices.notices if notice.is_missed]
        await self._exchange.mark_notices_seen(exchange_id, user_id, shown)

    @alerts.autocomplete("market")
    async def suggest_markets(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        """Offer the markets that fit."""
        return await self._suggestions.markets(interaction, typed)

    async def choose(self, interaction: Interaction, notify_by: NotifyBy) -> None:
        """Choose how the person who pressed a button is told, and say so."""
        account = await self._communities.account_of(interaction)
        chosen = await self._exchange.choose_notifications(
            account.exchange_id, interaction.id, account.user.user_id, notify_by
        )
        await answer(interaction, replies.notices.chosen(chosen))

    async def _arm_alert(self, interaction: Interaction, market: str, price_paise: int) -> None:
        account = await self._communities.account_of(interaction)
        exchange_id, user_id = account.exchange_id, account.user.user_id
        # Asked before, so that nothing can go wrong between the alert and its answer.
        offer = await offer_to_tell(self._exchange, exchange_id, user_id)
        alert = await self._exchange.arm_alert(exchange_id, interaction.id, user_id, market, price_paise)
        await answer(interaction, replies.alerts.armed(alert), offer)

    async def _show_alerts(self, interaction: Interaction, said: str = "") -> None:
        account = await self._communities.account_of(interaction)
        alerts = await self._exchange.list_alerts(account.exchange_id, account.user.user_id)
        embed = replies.alerts.listed(alerts, said)
        view = AlertList(
            interaction,
            self._intake,
            alerts,
            embed,
            cancel=self._cancel_alert,
            cancel_all=self._cancel_alerts,
        )
        await answer(interaction, embed, view if alerts else None)

    async def _cancel_alert(self, interaction: Interaction, alert_id: int) -> None:
        account = await self._communities.account_of(interaction)
        user_id = account.user.user_id
        alert = await self._exchange.cancel_alert(account.exchange_id, interaction.id, user_id, alert_id)
        await self._show_alerts(interaction, replies.alerts.cancelled(alert))

    async def _cancel_alerts(self, interaction: Interaction) -> None:
        account = await self._communities.account_of(interaction)
        user_id = account.user.user_id
        alerts = await self._exchange.cancel_alerts(account.exchange_id, interaction.id, user_id)
        await self._show_alerts(interaction, replies.alerts.all_cancelled(alerts))
