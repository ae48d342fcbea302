"""Commands about oneself: signing up, what one has, feedback."""

import discord
from discord import app_commands
from discord.ext import commands

from bot import replies
from bot.communities import Communities, identity_of
from bot.delivery import Interaction, answer
from bot.gallery import Gallery
from bot.tree import PLEA, SIGN_UP
from bot.views import LinkButton
from exchange.exchange import Exchange
from exchange.verification import Registration
from runtime.sign_up_links import SignUpLinks

_REPORT_CHARACTERS = 1_000
_NET_WORTH_HOURS = 7 * 24


class Accounts(commands.Cog):
    """`/register`, `/portfolio` and `/report`."""

    def __init__(
        self, exchange: Exchange, communities: Communities, gallery: Gallery, links: SignUpLinks
    ) -> None:
        self._exchange = exchange
        self._communities = communities
        self._gallery = gallery
        self._links = links

    @app_commands.command(extras=SIGN_UP)
    async def register(self, interaction: Interaction) -> None:
        """Open your account, with free coins to start (play money without monetary value)."""
        exchange_id = await self._communities.exchange_of(interaction.guild)
        link = self._links.new_link(exchange_id)
        identity = identity_of(interaction.user)
        begun = await self._exchange.register_user(exchange_id, interaction.id, identity, link.token_hash)
        if isinstance(begun, Registration):
            await answer(interaction, replies.sign_up.registered(begun))
        else:
            button = LinkButton("Sign up on the page", link.url)
            await answer(interaction, replies.sign_up.goes_on(begun), button)

    @app_commands.command()
    @app_commands.describe(member="Whose portfolio; your own if you leave it out")
    async def portfolio(self, interaction: Interaction, member: discord.Member | None = None) -> None:
        """Show your positions, balance and net worth, or another member's positions."""
        if member is None or member == interaction.user:
            await self.show_portfolio(interaction)
            return
        account = await self._communities.account_of_member(interaction.guild, member)
        portfolio = await self._exchange.get_portfolio(account.exchange_id, account.user.user_id)
        await answer(interaction, replies.accounts.public_portfolio(portfolio))

    @app_commands.command(extras=PLEA)
    @app_commands.describe(text="What the moderators should know")
    async def report(
        self, interaction: Interaction, text: app_commands.Range[str, 1, _REPORT_CHARACTERS]
    ) -> None:
        """Write to the moderators of this server's exchange, also while you are frozen."""
        account = await self._communities.account_of(interaction)
        user_id = account.user.user_id
        number = await self._exchange.report(account.exchange_id, interaction.id, user_id, text)
        await answer(interaction, replies.accounts.reported(number))

    async def show_portfolio(self, interaction: Interaction) -> None:
        """Show the portfolio of the person who asked, by a command or by a button."""
        account = await self._communities.account_of(interaction)
        exchange_id, user_id = account.exchange_id, account.user.user_id
        portfolio = await self._exchange.get_portfolio(exchange_id, user_id)
        points = await self._exchange.list_net_worth(exchange_id, user_id, _NET_WORTH_HOURS)
        embed = replies.accounts.own_portfolio(portfolio)
        snapshots = [(point.at, point.net_worth_paise) for point in points]
        await self._gallery.answer_with_net_worth(interaction, embed, snapshots, portfolio.net_worth_paise)
