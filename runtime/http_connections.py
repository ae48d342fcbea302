"""Serving an aiohttp application over connections that end, whatever is sent over them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, cast

from aiohttp import web

_BACKLOG: Final = 128

_log = logging.getLogger(__name__)


class Connection(web.RequestHandler):
    """One connection, which is closed however the handling of its requests ends: the library forgets it otherwise."""

    __slots__ = ("socket",)

    def __init__(self, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self.socket: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep hold of the socket."""
        # That of another event loop is none by descent, only by what it does.
        transport = cast("asyncio.Transport", transport)
        self.socket = transport
        super().connection_made(transport)

    async def start(self) -> None:
        """Handle its requests, one after the other."""
        try:
            await super().start()
        except ValueError:
            # The library makes no request of a target such as http://xn--/, and does not answer it either.
            _log.debug("A request was for no address.")
        finally:
            if self.socket is not None:
                self.socket.close()


NewConnection = Callable[..., Connection]


@asynccontextmanager
async def listening(
    application: web.Application,
    shutdown_seconds: float,
    new_connection: NewConnection = Connection,
    *,
    options: dict[str, Any] | None = None,
    **place: Any,
) -> AsyncIterator[asyncio.Server]:
    """Serve an application while the block lasts; its end waits so long for requests in hand.

    `options` are those of the library's connections; `place` is a `sock` that listens, or a `host` and a `port`.
    Raises OSError where nothing can listen there.
    """
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=shutdown_seconds)
    await runner.setup()
    manager = runner.server
    assert manager is not None, "it has been set up"
    loop = asyncio.get_running_loop()
    connect = partial(new_connection, manager, loop=loop, access_log=None, **(options or {}))
    try:
        # The library's own sites make connections of its own kind.
        server = await loop.create_server(connect, backlog=_BACKLOG, **place)
        try:
            yield server
        finally:
            server.close()
    finally:
        await runner.cleanup()
