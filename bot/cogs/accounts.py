"""Commands about oneself: signing up, what one has, feedback."""

import discord
from discord import app_commands
from discord.ext import commands

from bot import replies
from bot.communities import Communities, identity_of
from bot.delivery import Interaction, answer
from bot.views import LinkButton
from exchange.exchange import Exchange
from exchange.verification import Registration
from runtime.sign_up_links import SignUpLinks

_REPORT_CHARACTERS = 1_000


class Accounts(commands.Cog):
    """`/register`, `/portfolio` and `/report`."""

    def __init__(self, exchange: Exchange, communities: Communities, links: SignUpLinks) -> None:
        self._exchange = exchange
        self._communities = communities
        self._links = links

    @app_commands.command()
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
            account = await self._communities.account_of(interaction)
            present = replies.accounts.own_portfolio
        else:
            account = await self._communities.account_of_member(interaction.guild, member)
            present = replies.accounts.public_portfolio
        portfolio = await self._exchange.get_portfolio(account.exchange_id, account.user.user_id)
        await answer(interaction, present(portfolio))

    @app_commands.command()
    @app_commands.describe(text="What the moderators should know")
    async def report(
        self, interaction: Interaction, text: app_commands.Range[str, 1, _REPORT_CHARACTERS]
    ) -> None:
        """Write to the moderators of this server's exchange."""
        account = await self._communities.account_of(interaction)
        user_id = account.user.user_id
        number = await self._exchange.report(account.exchange_id, interaction.id, user_id, text)
        await answer(interaction, replies.accounts.reported(number))
