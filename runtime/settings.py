"""All settings, read once from the environment: nothing else in the project reads it.

Each setting is described in `.env.example`; a test holds the two together.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final, overload
from urllib.parse import urlsplit

import platformdirs

DISCORD_API_BASE: Final = "https://discord.com/api/v10"
DISCORD_GATEWAY: Final = "wss://gateway.discord.gg/"
SANDBOX_PORT: Final = 8765
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
LOG_FORMATS: Final = ("text", "json")
LOOPBACK: Final = "127.0.0.1"


class SettingError(Exception):
    """A setting is missing or has a wrong value. The message is one sentence for the person who set it."""


@dataclass(frozen=True)
class Settings:
    """The settings of one process, validated. Addresses and the token are left out of `repr`: they hold secrets.

    A service whose address is None is the embedded one of `data_folder`.
    """

    database_url: str | None = field(repr=False)
    """PostgreSQL as `service_role`, which may read and call functions."""

    database_owner_url: str | None = field(repr=False)
    """PostgreSQL as `exchange_owner`, which migrates and repairs."""

    redis_url: str | None = field(repr=False)
    discord_token: str | None = field(repr=False)

    discord_api_base: str
    """Address of Discord's HTTP API, version included, without a slash at the end."""

    discord_gateway: str
    """Address of Discord's gateway, a web socket."""

    data_folder: Path
    """Where the embedded servers keep their data, passwords and logs."""

    sandbox_port: int
    """The port of the sandbox's page; 0 takes any free one."""

    metrics_host: str
    """The address at which metrics and health are served, if they are."""

    metrics_port: int | None
    """The port of metrics and health; None: they are not served, 0: any free one."""

    log_level: str
    log_format: str

    def require_discord_token(self) -> str:
        """The bot's token.

        Raises SettingError if it is not set.
        """
        if self.discord_token is None:
            raise SettingError(
                "DISCORD_TOKEN is not set: `betjee bot` needs the bot token of a Discord application "
                "(without one, try `betjee sandbox`)."
            )
        return self.discord_token


def settings_from_process() -> Settings:
    """The settings of this process.

    Raises SettingError as `settings_from` does.
    """
    return settings_from(os.environ)


def settings_from(environment: Mapping[str, str]) -> Settings:
    """The settings that `environment` describes; an empty value counts as not set.

    Raises SettingError for a value that cannot be right.
    """
    return Settings(
        database_url=_address(environment, "DATABASE_URL", ("postgresql", "postgres")),
        database_owner_url=_address(environment, "DATABASE_OWNER_URL", ("postgresql", "postgres")),
        redis_url=_address(environment, "REDIS_URL", ("redis", "rediss", "unix")),
        discord_token=_token(environment, "DISCORD_TOKEN"),
        discord_api_base=(
            _address(environment, "DISCORD_API_BASE", ("https", "http")) or DISCORD_API_BASE
        ).rstrip("/"),
        discord_gateway=_address(environment, "DISCORD_GATEWAY", ("wss", "ws")) or DISCORD_GATEWAY,
        data_folder=_folder(environment, "BETJEE_DATA"),
        sandbox_port=_port(environment, "BETJEE_SANDBOX_PORT", SANDBOX_PORT),
        metrics_host=_host(environment, "BETJEE_METRICS_HOST", LOOPBACK),
        metrics_port=_port(environment, "BETJEE_METRICS_PORT", None),
        log_level=_choice(environment, "LOG_LEVEL", LOG_LEVELS, "INFO"),
        log_format=_choice(environment, "LOG_FORMAT", LOG_FORMATS, "text"),
    )


def _text(environment: Mapping[str, str], name: str) -> str | None:
    return environment.get(name, "").strip() or None


def _address(environment: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str | None:
    """An address is never repeated in a message, because it may hold a password."""
    value = _text(environment, name)
    if value is None:
        return None
    expected = " or ".join(f"{scheme}://" for scheme in schemes)
    try:
        parts = urlsplit(value)
        port_is_a_number = parts.port is None or parts.port >= 0
    except ValueError as error:
        raise SettingError(f"{name} is not a valid address: it should start with {expected}.") from error
    if parts.scheme not in schemes or not port_is_a_number:
        raise SettingError(f"{name} is not a valid address: it should start with {expected}.")
    return value


def _token(environment: Mapping[str, str], name: str) -> str | None:
    value = _text(environment, name)
    if value is not None and (any(character.isspace() for character in value) or not value.isascii()):
        raise SettingError(f"{name} is not a bot token: a token has no spaces and only plain letters.")
    return value


def _folder(environment: Mapping[str, str], name: str) -> Path:
    value = _text(environment, name)
    if value is None:
        return default_data_folder()
    folder = Path(value).expanduser()
    if not folder.is_absolute():
        raise SettingError(f"{name} must be a folder's whole path, starting with /, not {value!r}.")
    return folder


def default_data_folder() -> Path:
    """Where data are kept unless a setting says otherwise: the platform's folder for a user's data.

    For root it is the system's, since root's own home is closed to the user that runs the servers.
    """
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/betjee")
    return platformdirs.user_data_path("betjee", appauthor=False)


def _host(environment: Mapping[str, str], name: str, default: str) -> str:
    value = _text(environment, name) or default
    try:
        return str(ip_address(value))
    except ValueError as error:
        raise SettingError(f"{name} must be an IP address such as {LOOPBACK}, not {value!r}.") from error


@overload
def _port(environment: Mapping[str, str], name: str, default: int) -> int: ...
@overload
def _port(environment: Mapping[str, str], name: str, default: None) -> int | None: ...
def _port(environment: Mapping[str, str], name: str, default: int | None) -> int | None:
    value = _text(environment, name)
    if value is None:
        return default
    highest_port = 65535
    if not (value.isascii() and value.isdigit() and int(value) <= highest_port):
        raise SettingError(f"{name} must be a port from 0 to {highest_port}, not {value!r}.")
    return int(value)


def _choice(environment: Mapping[str, str], name: str, choices: tuple[str, ...], default: str) -> str:
    value = _text(environment, name) or default
    for choice in choices:
        if value.upper() == choice.upper():
            return choice
    raise SettingError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
