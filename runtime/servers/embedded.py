"""PostgreSQL and Valkey without an installation: started on a data folder, or found running there."""

import asyncio
import contextlib
import logging
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from exchange.database import bootstrap
from runtime.servers.folder import DataFolder
from runtime.servers.postgres import Postgres
from runtime.servers.valkey import Valkey

DATABASE: Final = "betjee"

logger = logging.getLogger(__name__)


class EmbeddedServers:
    """The embedded servers of one data folder, for as long as the `with` block lasts.

    Any number of processes may use them at once: the first starts them, the last stops them, so that nobody's
    database disappears while it is in use. That is held by file locks, which end with their process: servers
    that a killed process left behind are found by the next one, and stopped when that one leaves.

    Either server can be left out. Enter it outside an event loop. Entering and leaving raise ServerError, with a
    sentence for a person.
    """

    def __init__(self, data_folder: Path, *, postgres: bool = True, valkey: bool = True) -> None:
        self._folder = DataFolder(data_folder)
        self._needs_postgres = postgres
        self._needs_valkey = valkey
        self._use = contextlib.ExitStack()
        self.postgres = Postgres(self._folder)
        self.valkey = Valkey(self._folder)
        self.were_running = False
        """Whether the servers ran already when we came."""

    @classmethod
    def found_running(cls, data_folder: Path) -> Self | None:
        """The servers of a folder on which at least one runs, for a look: they are neither kept up nor stopped.

        Raises ServerError if the folder is somebody else's.
        """
        if not DataFolder.is_founded(data_folder):
            return None
        servers = cls(data_folder)
        return servers if servers.postgres.running_pid is not None or servers.valkey.is_running else None

    @property
    def superuser_url(self) -> str:
        """The database server's own administrator, for repairs and tests; the application never uses it."""
        return self.postgres.address("postgres", self._folder.secrets().superuser, "postgres")

    @property
    def database_owner_url(self) -> str:
        """PostgreSQL as the owner of the exchange, who migrates and repairs."""
        return self.postgres.address("exchange_owner", self._folder.secrets().owner, DATABASE)

    @property
    def database_url(self) -> str:
        """PostgreSQL as the application."""
        return self.postgres.address("service_role", self._folder.secrets().service, DATABASE)

    @property
    def redis_url(self) -> str:
        """Valkey, as a Redis client names it."""
        return self.valkey.address

    def __enter__(self) -> Self:
        with self._folder.starting_or_stopping():
            try:
                postgres_started = self._needs_postgres and self.postgres.start()
                if self._needs_postgres:
                    asyncio.run(self._create_database())
                valkey_started = self._needs_valkey and self.valkey.start()
                self._use.enter_context(self._folder.use())
            except BaseException:
                self._stop_unless_used()
                raise
        self.were_running = not (postgres_started or valkey_started)
        if self.were_running:
            logger.info("Found the servers of %s running, and use them.", self._folder.path)
        else:
            logger.info("Started the servers of %s.", self._folder.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._use.close()
        with self._folder.starting_or_stopping():
            self._stop_unless_used()

    async def _create_database(self) -> None:
        """Roles, their passwords and the database; what is there already stays.

        Done even where the server was found running: whoever started it may have been killed before this.
        """
        secrets = self._folder.secrets()
        await bootstrap(self.superuser_url, DATABASE, secrets.owner, secrets.service)

    def _stop_unless_used(self) -> None:
        if self._folder.is_used():
            logger.info("The servers of %s stay up: another process uses them.", self._folder.path)
            return
        self.valkey.stop()
        self.postgres.stop()
