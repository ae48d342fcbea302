"""Where this process finds its services: at the addresses in its settings, or on the embedded servers."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from runtime.servers import EmbeddedServers
from runtime.settings import SettingError, Settings


@dataclass(frozen=True)
class Addresses:
    """Addresses of services that are there. An address that was neither set nor asked for is None."""

    database_url: str | None
    database_owner_url: str | None
    redis_url: str | None

    def service(self) -> str:
        """PostgreSQL as the application.

        Raises SettingError if it is not set.
        """
        return _required(self.database_url, "DATABASE_URL", "the application's login")

    def owner(self) -> str:
        """PostgreSQL as the owner of the exchange.

        Raises SettingError if it is not set.
        """
        return _required(self.database_owner_url, "DATABASE_OWNER_URL", "the login that migrates and repairs")

    def redis(self) -> str:
        """Redis.

        Raises SettingError if it is not set.
        """
        return _required(self.redis_url, "REDIS_URL", "the address of Redis")


def _required(address: str | None, name: str, meaning: str) -> str:
    if address is None:
        raise SettingError(f"{name} is not set: this needs {meaning}.")
    return address


@contextmanager
def addresses_for(settings: Settings, *, redis: bool = True) -> Iterator[Addresses]:
    """The services that `settings` name, and embedded ones in place of those that they do not.

    A database that is named by either of its two addresses is not an embedded one. Without `redis`, none is
    started. Raises ServerError if an embedded server is needed and cannot be had.
    """
    own_database = (settings.database_url or settings.database_owner_url) is not None
    own_redis = settings.redis_url is not None
    with ExitStack() as stack:
        servers: EmbeddedServers | None = None
        if not own_database or (redis and not own_redis):
            servers = stack.enter_context(
                EmbeddedServers(
                    settings.data_folder, postgres=not own_database, valkey=redis and not own_redis
                )
            )
        embedded_database = None if own_database else servers
        embedded_redis = None if own_redis or not redis else servers
        yield Addresses(
            embedded_database.database_url if embedded_database else settings.database_url,
            embedded_database.database_owner_url if embedded_database else settings.database_owner_url,
            embedded_redis.redis_url if embedded_redis else settings.redis_url,
        )


def running_addresses(settings: Settings) -> Addresses:
    """The services that `settings` name, and in place of those that they do not, embedded ones that run. Starts none.

    Raises SettingError if a service is neither named nor running, and ServerError if the data folder is somebody else's.
    """
    own_database = (settings.database_url or settings.database_owner_url) is not None
    own_redis = settings.redis_url is not None
    servers = None if own_database and own_redis else EmbeddedServers.found_running(settings.data_folder)
    database_url, redis_url = settings.database_url, settings.redis_url
    if servers is not None and not own_database and servers.postgres.running_pid is not None:
        database_url = servers.database_url
    if servers is not None and not own_redis and servers.valkey.is_running:
        redis_url = servers.redis_url
    nowhere = f"and no embedded one runs on the data folder {settings.data_folder}"
    if database_url is None and not own_database:
        raise SettingError(f"DATABASE_URL is not set, {nowhere}.")
    if redis_url is None:
        raise SettingError(f"REDIS_URL is not set, {nowhere}.")
    return Addresses(database_url, settings.database_owner_url, redis_url)
