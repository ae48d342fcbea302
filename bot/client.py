"""The bot on Discord: one object that holds all the others together."""

import logging
from functools import partial

import discord
from discord.ext import commands
from redis.asyncio import Redis

from bot import replies
from bot.board_editor import BoardEditor
from bot.board_view import BoardButtons
from bot.cogs.accounts import Accounts
from bot.cogs.boards import Boards
from bot.cogs.charts import Charts
from bot.cogs.enforcement import Enforcement
from bot.cogs.leaderboards import Leaderboards
from bot.cogs.live_board import LiveBoard
from bot.cogs.moderation import Moderation
from bot.cogs.notifications import Notifications
from bot.cogs.privacy import Privacy
from bot.cogs.records import Records
from bot.cogs.stops import Stops
from bot.cogs.suspects import Suspects
from bot.cogs.trading import Trading
from bot.communities import Communities
from bot.delivery import Interaction, answer_at_once
from bot.desk import OrderDesk
from bot.errors import DISCORD_AWAY, GuildNotReady
from bot.gallery import Gallery
from bot.intake import Intake
from bot.leaderboard_views import LeaderboardDesk, OwnRank, TurnPage
from bot.notice_views import AskToBeTold
from bot.pictures.studio import Studio
from bot.suggestions import Suggestions
from bot.suspect_views import SuspectButtons
from bot.sync import sync_commands
from bot.tree import Tree
from bot.views import is_taken
from exchange.errors import ExchangeError
from exchange.exchange import Exchange
from runtime.limits import Limits
from runtime.logs import note_interaction
from runtime.metrics import Metrics
from runtime.sign_up_links import SignUpLinks

_log = logging.getLogger(__name__)


class BetJee(commands.AutoShardedBot):
    """The bot. It needs no privileged intent, keeps no messages, and mentions nobody."""

    def __init__(
        self,
        exchange: Exchange,
        redis: Redis,
        *,
        limits: Limits,
        studio: Studio,
        links: SignUpLinks | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._links = links or SignUpLinks()
        self._communities = Communities(exchange, self._links.verification)
        self.intake = Intake(self._communities, limits, metrics)
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=partial(Tree, intake=self.intake),  # type: ignore[arg-type]  # a factory serves as a class does
            intents=discord.Intents(guilds=True),
            max_messages=None,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        self._exchange = exchange
        self._redis = redis
        self._gallery = Gallery(studio)
        self.leaderboards = LeaderboardDesk(exchange, self._communities, self.intake)
        self.board_editor = BoardEditor(exchange, self, metrics)
        self._board_buttons: BoardButtons | None = None

    async def setup_hook(self) -> None:
        """Load the commands, and tell Discord of them where they have changed."""
        suggestions = Suggestions(self._exchange, self._communities)
        desk = OrderDesk(self._exchange, self.intake)
        accounts = Accounts(self._exchange, self._communities, self._gallery, self._links)
        await self.add_cog(accounts)
        await self.add_cog(Boards(self._exchange, self._communities))
        charts = Charts(self._exchange, self._communities, self.intake, self._gallery, suggestions)
        await self.add_cog(charts)
        await self.add_cog(Leaderboards(self.leaderboards))
        self.add_dynamic_items(TurnPage, OwnRank)
        await self.add_cog(Trading(self._exchange, self._communities, desk, suggestions))
        await self.add_cog(Stops(self._exchange, self._communities, self.intake, suggestions))
        await self.add_cog(Moderation(self._exchange, self._communities, suggestions))
        await self.add_cog(Enforcement(self._exchange, self._communities, self.intake, suggestions))
        notifications = Notifications(self._exchange, self._communities, self.intake, suggestions)
        await self.add_cog(notifications)
        self.add_view(AskToBeTold(self.intake, notifications.choose))
        await self.add_cog(LiveBoard(self._exchange, self._communities, self.board_editor))
        records = Records(self._exchange, self._communities, self.intake)
        await self.add_cog(records)
        await self.add_cog(Privacy(self._exchange, self._communities, self.intake))
        self._board_buttons = BoardButtons(
            self._exchange,
            self._communities,
            desk,
            self.intake,
            chart=charts.offer,
            portfolio=accounts.show_portfolio,
        )
        self.add_dynamic_items(self._board_buttons.lasting(), records.lasting())
        await self.add_cog(Suspects(self._exchange, self._communities))
        self.add_dynamic_items(*SuspectButtons(self._exchange, self._communities, self.intake).lasting())
        assert self.application_id is not None, "Discord tells it at login"
        await sync_commands(self.tree, self.application_id, self._redis)

    async def launch_shards(self) -> None:
        """Ask how many shards there should be, and connect them to the gateway of the settings.

        The library would take the address from the same answer and ignore the setting.
        """
        if self.shard_count is None:
            self.shard_count, _, _ = await self.http.get_bot_gateway()
        await super().launch_shards()

    async def on_ready(self) -> None:
        """Open the exchanges of guilds that the bot joined while it or the database was away."""
        for guild in self.guilds:
            await self._open_exchange(guild)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Open the exchange of a guild that the bot has joined."""
        await self._open_exchange(guild)

    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Open the exchange of a guild that Discord could not describe until now."""
        await self._open_exchange(guild)

    async def on_guild_update(self, _before: discord.Guild, after: discord.Guild) -> None:
        """Follow a guild whose owner has changed."""
        await self._open_exchange(after)

    async def on_interaction(self, interaction: Interaction) -> None:
        """Take the form of an order, and answer a button that no view waits for, as after a restart.

        A view's own task is scheduled before this one, so whether it has taken the click is known here.
        """
        note_interaction(interaction.id)
        is_form = interaction.type is discord.InteractionType.modal_submit
        if is_form and self._board_buttons is not None and await self._board_buttons.take_form(interaction):
            return
        if interaction.type is discord.InteractionType.component and not is_taken(interaction):
            try:
                if await self.intake.admit(interaction):
                    await answer_at_once(interaction, replies.errors.button_expired())
            except DISCORD_AWAY as error:
                _log.warning("The click %d could not be answered: %s", interaction.id, error)

    async def on_message(self, _message: discord.Message, /) -> None:
        """Nothing: the bot speaks in slash commands, and the library would look for others in each message."""

    async def _open_exchange(self, guild: discord.Guild) -> None:
        try:
            await self._communities.follow_owner(guild)
        except (ExchangeError, GuildNotReady) as error:
            _log.warning("The exchange of guild %d is opened at its first command: %s", guild.id, error)
