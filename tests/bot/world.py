"""A simulated Discord with a guild, its people, and the real bot on the real exchange."""

import re
from dataclasses import dataclass
from typing import Any
from unittest.mock import AsyncMock

import discord
import pytest
import simcord
from simcord.builders import ChannelHandle, GuildHandle
from simcord.results import InteractionResult, ResponseMessage

from bot.client import BetJee
from bot.communities import PROVIDER
from exchange.exchange import Exchange
from exchange.models import Portfolio

FIGURE = re.compile(r"^([^:\n]+): \*\*([^*\n]+)\*\*$", re.MULTILINE)


@dataclass
class World:
    """One guild with one channel. Asha and Ravi are members, Meera owns the guild."""

    env: simcord.Env
    bot: BetJee
    exchange: Exchange
    guild: GuildHandle
    channel: ChannelHandle
    asha: simcord.MemberActor
    ravi: simcord.MemberActor
    meera: simcord.MemberActor

    async def asks(self, who: simcord.MemberActor, command: str, **options: Any) -> "Seen":
        """Someone gives a command; what they see of it."""
        return Seen(await who.slash(self.channel, command, **options))

    async def clicks(self, who: simcord.MemberActor, seen: "Seen", label: str) -> "Seen":
        """Someone presses a button under a reply."""
        return Seen(await who.click(seen.message, label=label))

    async def clicks_at_once(self, who: simcord.MemberActor, seen: "Seen", label: str) -> None:
        """Someone presses a button twice, so fast that the bot gets both before it handles either."""
        await self.clicks_unsettled(who, seen, label)
        await who.click(seen.message, label=label)

    async def clicks_unsettled(self, who: simcord.MemberActor, seen: "Seen", label: str) -> None:
        """Someone presses a button, and the bot has not handled it yet."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.env, "_settle_internal", AsyncMock())
            await who.click(seen.message, label=label)

    async def exchange_id(self) -> int:
        """The guild's exchange."""
        found = await self.exchange.find_exchange(PROVIDER, str(self.guild.id))
        assert found is not None, "the guild has no exchange"
        return found

    async def portfolio(self, who: simcord.MemberActor) -> Portfolio:
        """What someone has, as the exchange says."""
        exchange_id = await self.exchange_id()
        user = await self.exchange.find_user(exchange_id, PROVIDER, str(who.id))
        assert user is not None, f"{who.name} is unknown"
        return await self.exchange.get_portfolio(exchange_id, user.user_id)

    async def registered(self, *people: simcord.MemberActor) -> None:
        """People sign up."""
        for person in people:
            await self.asks(person, "register")

    def public_lines(self) -> list[str]:
        """What everyone in the channel has read, the oldest first."""
        history = self.channel.history(viewer=self.meera)
        return [message.content for message in history if message.content]

    def forgive(self, *kinds: type[BaseException]) -> None:
        """Expect the bot to have met errors of these kinds, and no others, since the last time."""
        errors = self.env.errors
        causes = [getattr(error, "original", error) for error in errors]
        assert causes, "the bot met no error"
        assert all(isinstance(cause, kinds) for cause in causes), causes


class Seen:
    """What a person sees of the bot's answer."""

    def __init__(self, result: InteractionResult) -> None:
        self.result = result

    @property
    def message(self) -> ResponseMessage:
        """The answer itself."""
        assert self.result.response is not None, "the bot did not answer"
        return self.result.response

    @property
    def ephemeral(self) -> bool:
        """Whether only the person who asked sees the answer."""
        return self.message.ephemeral

    @property
    def embed(self) -> discord.Embed:
        """The answer's one card."""
        (embed,) = self.message.embeds
        return embed

    @property
    def title(self) -> str:
        """The card's title."""
        return self.embed.title or ""

    @property
    def text(self) -> str:
        """Everything on the card, top to bottom."""
        parts = [self.embed.title, self.embed.description]
        parts += [f"{field.name}: {field.value}" for field in self.embed.fields]
        return "\n".join(part for part in [*parts, self.embed.footer.text] if part)

    @property
    def figures(self) -> dict[str, str]:
        """The card's figures by their labels."""
        return dict(FIGURE.findall(self.embed.description or ""))

    @property
    def buttons(self) -> list[str]:
        """The labels of the buttons under the answer."""
        return [button["label"] for row in self.message.components for button in row["components"]]
