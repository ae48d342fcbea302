"""Serving the web application: within bounds, and without a word about where requests come from."""

import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from aiohttp import web
from aiohttp.http import HttpProcessingError

from runtime.http_connections import listening
from runtime.settings import SettingError
from web.connections import BoundedConnection, Connections

CONNECTIONS: Final = web.AppKey("connections", Connections)
HEADERS: Final = web.AppKey("headers", Mapping[str, str])
"""The headers of every answer, also of those to what the library itself cannot parse."""

LARGEST_LINE_BYTES: Final = 2_048
LARGEST_HEADER_BYTES: Final = 8_190
MOST_HEADERS: Final = 64
IDLE_SECONDS: Final = 15.0
"""How long a connection may take to send a whole request's headers, and be idle between two requests."""

LINGER_SECONDS: Final = 2.0
FINISH_SECONDS: Final = 15.0
"""How long a shutdown waits for requests in hand; a little longer than the exchange waits for its database."""


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens on `port` (0: any free one).

    Raises SettingError where it cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        raise SettingError(
            f"The web page cannot listen on {host}, port {port}: set BETJEE_WEB_HOST and BETJEE_WEB_PORT to a place "
            "that is free on this machine."
        ) from error


@asynccontextmanager
async def serving(application: web.Application, listener: socket.socket) -> AsyncIterator[None]:
    """Serve on a listening socket while the block lasts; requests in hand are finished at its end."""
    options = {
        "logger": _log_without_addresses(),
        "auto_decompress": False,
        "keepalive_timeout": IDLE_SECONDS,
        "lingering_time": LINGER_SECONDS,
        "max_line_size": LARGEST_LINE_BYTES,
        "max_field_size": LARGEST_HEADER_BYTES,
        "max_headers": MOST_HEADERS,
    }
    new_connection = partial(
        BoundedConnection, connections=application[CONNECTIONS], headers=application[HEADERS]
    )
    async with listening(application, FINISH_SECONDS, new_connection, options=options, sock=listener):
        yield


def _log_without_addresses() -> logging.Logger:
    """A log for the library, whose own lines name the address of whoever sent what it could not handle."""
    log = logging.getLogger("web.library")
    log.setLevel(logging.WARNING)
    if not log.filters:
        log.addFilter(_ours_to_mend)
    return log


def _ours_to_mend(record: logging.LogRecord) -> bool:
    """Whether a record tells a fault of ours, which is told without the address; malformed requests are nobody's news."""
    record.msg, record.args = "A request could not be handled.", ()
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
