"""What goes wrong between a person and the exchange. `replies.errors` has a sentence for each that they see."""

from typing import Final

import aiohttp
import discord
from discord import app_commands

from exchange.acts import Ban

DISCORD_AWAY: Final = (OSError, TimeoutError, aiohttp.ClientError, discord.HTTPException)
"""What a request to Discord raises when it was not taken, or may not have been."""


class InputUnreadable(app_commands.AppCommandError):
    """Something was typed that has no meaning there; the message says what to type instead."""


class NotRegistered(app_commands.AppCommandError):
    """Someone gave a command that needs an account, and has none on this server.

    `whose` is None for the person who gave it, or the name of the member it was about.
    """

    def __init__(self, whose: str | None = None) -> None:
        super().__init__("not registered")
        self.whose = whose


class Banned(app_commands.AppCommandError):
    """Someone gave a command that needs an account, has none on this server, and is kept out by a ban."""

    def __init__(self, ban: Ban) -> None:
        super().__init__("banned")
        self.ban = ban


class NotModerator(app_commands.AppCommandError):
    """A moderators' command came from someone whom the exchange does not know."""


class GuildNotReady(app_commands.AppCommandError):
    """A command came from a guild that Discord has not described to us yet."""
