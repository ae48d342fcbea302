"""Logging of one process: readable lines on standard error, and never a secret in them."""

import logging
import re
import sys
from typing import Final

SECRETS: Final = re.compile(
    r"(?P<before>://[^\s:/@]*:)[^\s@/]+(?P<after>@)"  # a password inside an address
    r"|[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"  # a Discord bot token
)


class SecretsRemoved(logging.Formatter):
    """Formats a record, then removes whatever looks like a password in an address or a bot token.

    Libraries log addresses and headers of their own accord, so it is done once, where lines leave.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, with the secrets replaced by three stars."""
        return SECRETS.sub(_without_secret, super().format(record))


def _without_secret(match: re.Match[str]) -> str:
    return f"{match['before'] or ''}***{match['after'] or ''}"


def set_up_logs(level: str) -> None:
    """Send every record of `level` or above to standard error, one readable line each."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        SecretsRemoved("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Their own chatter at the level we choose for ourselves would bury ours.
    for library in ("discord", "apscheduler", "aiohttp", "asyncio"):
        logging.getLogger(library).setLevel(max(logging.getLogger().level, logging.WARNING))
    # These warn at every start of voice libraries, which a bot without a voice lacks, and of an intent that the
    # simulated Discord's check of itself does not ask for.
    for library in ("discord.client", "discord.state"):
        logging.getLogger(library).setLevel(logging.ERROR)
