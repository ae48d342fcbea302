"""What the operators' page asks of the bot: whether it is ready."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import discord

from exchange.exchange import Exchange
from runtime.health import database_answers
from runtime.metrics_server import Check


@dataclass
class Online:
    """The bot that is connected to Discord at the moment, if one is; each attempt to connect is a new one."""

    bot: discord.Client | None = None

    async def is_ready(self) -> bool:
        """Whether the bot is connected and knows its guilds."""
        return self.bot is not None and self.bot.is_ready()


def readiness(exchange: Exchange, online: Online) -> Mapping[str, Check]:
    """What must hold before this process serves people."""
    return {"database": partial(database_answers, exchange), "discord": online.is_ready}
