"""What the operators' page asks of the bot: whether it is ready, and the database's figures."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import discord

from exchange.exchange import Exchange
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

    async def database_answers() -> bool:
        await exchange.check()
        return True

    return {"database": database_answers, "discord": online.is_ready}


async def health_figures(exchange: Exchange) -> dict[str, float]:
    """The figures of all exchanges, under the names of `runtime.metrics`. Raises ExchangeError."""
    return asdict(await exchange.get_health())
