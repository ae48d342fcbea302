"""All settings, read once from the environment: nothing else in the project reads it.

Each setting is described in `.env.example`; a test holds the two together.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Final, overload
from urllib.parse import urlsplit

import platformdirs

DISCORD_API_BASE: Final = "https://discord.com/api/v10"
DISCORD_GATEWAY: Final = "wss://gateway.discord.gg/"
SANDBOX_PORT: Final = 8765
WEB_HOST: Final = "127.0.0.1"
WEB_PORT: Final = 8080
HASH_KEY_CHARACTERS: Final = 32
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

    public_url: str | None
    """The page's address as people reach it, without a slash at the end; None where there is no page."""

    web_host: str
    web_port: int
    """Where `betjee web` listens; port 0 takes any free one."""

    web_proxies: tuple[IPv4Network | IPv6Network, ...]
    """The networks of proxies before `betjee web`, whose word on where a request comes from is taken."""

    discord_client_id: str | None
    discord_client_secret: str | None = field(repr=False)
    """Discord's OAuth2 client, both or none, by which the page asks who has opened it."""

    hash_key: str | None = field(repr=False)
    """The key of the hashes of identities and networks; None means the file of the data folder."""

    def require_public_url(self) -> str:
        """The page's public address.

        Raises SettingError if it is not set.
        """
        if self.public_url is None:
            raise SettingError(
                "BETJEE_PUBLIC_URL is not set: `betjee web` needs the address at which people reach the page, "
                "such as https://betjee.example."
            )
        return self.public_url

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
    client_id, client_secret = _discord_client(environment)
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
        public_url=_public_url(environment, "BETJEE_PUBLIC_URL"),
        web_host=_text(environment, "BETJEE_WEB_HOST") or WEB_HOST,
        web_port=_port(environment, "BETJEE_WEB_PORT", WEB_PORT),
        web_proxies=_networks(environment, "BETJEE_WEB_PROXIES"),
        discord_client_id=client_id,
        discord_client_secret=client_secret,
        hash_key=_hash_key(environment, "BETJEE_HASH_KEY"),
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


def _public_url(environment: Mapping[str, str], name: str) -> str | None:
    """An origin; plain http only on this machine, since cookies and tokens must not cross a network in the open."""
    value = _address(environment, name, ("https", "http"))
    if value is None:
        return None
    parts = urlsplit(value)
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None
    if not parts.hostname or extra:
        raise SettingError(f"{name} must be a bare address such as https://betjee.example, without a path.")
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise SettingError(
            f"{name} must start with https://, unless it is an address of this machine itself."
        )
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _networks(environment: Mapping[str, str], name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    values = (_text(environment, name) or "").replace(",", " ").split()
    try:
        return tuple(ip_network(value) for value in values)
    except ValueError as error:
        raise SettingError(
            f"{name} must be addresses or networks such as 172.18.0.0/16, separated by commas."
        ) from error


def _discord_client(environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    names = ("DISCORD_CLIENT_ID", "DISCORD_CLIENT_SECRET")
    number, secret = (_text(environment, name) for name in names)
    if number is not None and not (number.isascii() and number.isdigit()):
        raise SettingError(f"{names[0]} is not a client id: that is a number.")
    if (number is None) != (secret is None):
        missing = names[0] if number is None else names[1]
        raise SettingError(f"{missing} is not set: Discord's OAuth2 client has an id and a secret.")
    return number, secret


def _hash_key(environment: Mapping[str, str], name: str) -> str | None:
    value = _text(environment, name)
    if value is not None and len(value) < HASH_KEY_CHARACTERS:
        raise SettingError(
            f"{name} is too short to be a key: take at least {HASH_KEY_CHARACTERS} characters."
        )
    return value
