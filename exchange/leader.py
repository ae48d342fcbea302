"""Which of all processes does what needs doing once: the one that holds a lock of the database."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import asyncpg

from exchange.database import CONNECTION_LOST, connect
from exchange.errors import ExchangeUnavailable

_log = logging.getLogger(__name__)


class Leadership:
    """A candidate for the lead among all processes on one database.

    The lead is a session's advisory lock on a connection of its own, so it ends with the connection, whatever
    ends that. For a moment two processes may believe that they lead; so nothing may depend on being the only one.
    """

    def __init__(self, url: str, *, look_seconds: float = 5.0) -> None:
        self._url = url
        self._look_seconds = look_seconds
        self.gained = asyncio.Event()
        """Set while this process leads."""

    @property
    def is_leader(self) -> bool:
        """Whether this process leads, as far as it knows."""
        return self.gained.is_set()

    async def campaign(self) -> None:
        """Try to gain the lead, keep it, and try again when it is lost, until cancelled."""
        while True:
            try:
                await self._stand()
            except (ExchangeUnavailable, asyncpg.PostgresError, *CONNECTION_LOST) as error:
                _log.warning("This process cannot lead: %s", error)
            await asyncio.sleep(self._look_seconds)

    async def _stand(self) -> None:
        """Hold one connection, and on it the lock as soon as nobody else does, until it is lost."""
        connection = await connect(self._url, self._look_seconds)
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            while not lost.is_set():
                await self._look(connection)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), self._look_seconds)
        finally:
            if self.is_leader:
                _log.info("This process no longer leads.")
            self.gained.clear()
            connection.terminate()

    async def _look(self, connection: asyncpg.Connection) -> None:
        if self.is_leader:
            # A connection that died without a word is noticed by its silence.
            await connection.execute("select 1", timeout=self._look_seconds)
        elif await connection.fetchval(
            "select pg_try_advisory_lock(hashtext('betjee leader'))", timeout=self._look_seconds
        ):
            _log.info("This process leads.")
            self.gained.set()
