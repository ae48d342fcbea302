"""Logging of one process: lines on standard error, for people or for programs, and never a secret in them."""

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final

SECRETS: Final = re.compile(
    r"(?P<before>://[^\s:/@]*:)[^\s@/]+(?P<after>@)"  # a password inside an address
    r"|[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"  # a Discord bot token
)

_interaction_id: ContextVar[int | None] = ContextVar("interaction_id", default=None)


def note_interaction(interaction_id: int) -> None:
    """Let every line that the current task logs from now on, and the tasks that it starts, name this interaction."""
    _interaction_id.set(interaction_id)


def interaction_in_hand() -> int | None:
    """The interaction that the current task handles, if it handles one."""
    return _interaction_id.get()


class SecretsRemoved(logging.Formatter):
    """Formats a record, then removes whatever looks like a password in an address or a bot token.

    Libraries log addresses and headers of their own accord, so it is done once, where lines leave.
    A line of an interaction ends with its id.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, with the secrets replaced by three stars."""
        return without_secrets(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the library's name
        """The line without a trace, so that the id stands in the line and not below the trace."""
        interaction_id = interaction_in_hand()
        suffix = "" if interaction_id is None else f" [interaction {interaction_id}]"
        return super().formatMessage(record) + suffix


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object on one line, without secrets.

    `time` is UTC, `interaction_id` a string, since programs read numbers of its size inexactly, or null.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record's line."""
        interaction_id = interaction_in_hand()
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            "interaction_id": None if interaction_id is None else str(interaction_id),
        }
        if record.exc_info:
            line["exception"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def without_secrets(text: str) -> str:
    """A text with three stars in place of each secret."""
    return SECRETS.sub(_without_secret, text)


def _without_secret(match: re.Match[str]) -> str:
    return f"{match['before'] or ''}***{match['after'] or ''}"


def set_up_logs(level: str, log_format: str = "text") -> None:
    """Send every record of `level` or above to standard error, one line each, as `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    readable = SecretsRemoved("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")
    handler.setFormatter(JsonLines() if log_format == "json" else readable)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Their own chatter at the level we choose for ourselves would bury ours.
    for library in ("discord", "apscheduler", "aiohttp", "asyncio"):
        logging.getLogger(library).setLevel(max(logging.getLogger().level, logging.WARNING))
    # These warn at every start of voice libraries, which a bot without a voice lacks, and of an intent that the
    # simulated Discord's check of itself does not ask for.
    for library in ("discord.client", "discord.state"):
        logging.getLogger(library).setLevel(logging.ERROR)
