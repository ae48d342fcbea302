"""Connections to the page: as many as it can serve, from no network too many, and none that is held open for ever."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from http import HTTPStatus
from time import monotonic
from typing import Any, Final

from aiohttp import web

from runtime.http_connections import Connection
from runtime.keyed_hashes import KeyedHashes
from runtime.metrics import Metrics
from web.addresses import Networks, peer_address

MOST_CONNECTIONS: Final = 500
"""Of all together. Each takes a file and up to 20 KB, and a process may have 1,024 files by default."""

MOST_OF_NETWORK: Final = 50
"""Of one network, where it is not a proxy of ours that speaks for many. A browser has six at most, and not for long."""

TAKING_SECONDS: Final = 15.0
"""How long somebody may let an answer wait that they have asked for."""

_TELL_SECONDS: Final = 60.0

_log = logging.getLogger(__name__)


class Connections:
    """All connections that are open, those that were used last at the end.

    Where there are too many, the one that was used the longest ago is closed for the new one. So whoever opens
    thousands closes their own, since theirs are the oldest, and whoever asks for the page has it.
    """

    def __init__(self, hashes: KeyedHashes, proxies: Networks, metrics: Metrics) -> None:
        self._hashes = hashes
        self._proxies = proxies
        self._metrics = metrics
        self._all: OrderedDict[BoundedConnection, None] = OrderedDict()
        self._of_network: dict[bytes, OrderedDict[BoundedConnection, None]] = {}
        self._told: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._all)

    def enter(self, connection: "BoundedConnection") -> None:
        """A connection was opened."""
        connection.network = self._network_of(connection)
        if connection.network is not None:
            neighbours = self._of_network.setdefault(connection.network, OrderedDict())
            if len(neighbours) >= MOST_OF_NETWORK:
                self._close(next(iter(neighbours)), "network", "One network")
            neighbours[connection] = None
        if len(self._all) >= MOST_CONNECTIONS:
            self._close(next(iter(self._all)), "all", "The page")
        self._all[connection] = None

    def use(self, connection: "BoundedConnection") -> None:
        """A connection brings a request."""
        if connection in self._all:
            self._all.move_to_end(connection)
            if connection.network is not None:
                self._of_network[connection.network].move_to_end(connection)

    def leave(self, connection: "BoundedConnection") -> None:
        """A connection is closed. It may have been before."""
        self._all.pop(connection, None)
        if connection.network in self._of_network:
            neighbours = self._of_network[connection.network]
            neighbours.pop(connection, None)
            if not neighbours:
                del self._of_network[connection.network]

    def abandon(self, connection: "BoundedConnection") -> None:
        """A connection does not take the answer that it has asked for."""
        self._close(connection, "slow", "")

    def _close(self, connection: "BoundedConnection", reason: str, who: str) -> None:
        self.leave(connection)
        connection.abort()
        self._metrics.connection_closed(reason)
        if who and monotonic() - self._told.get(reason, float("-inf")) > _TELL_SECONDS:
            self._told[reason] = monotonic()
            _log.warning(
                "%s has more connections than are kept at once: for each new one that was closed which was used the longest ago.",
                who,
            )

    def _network_of(self, connection: "BoundedConnection") -> bytes | None:
        """The network's keyed hash; None for proxies of ours, and where a socket has no address."""
        address = peer_address(connection.peername)
        if address is None or any(address in network for network in self._proxies):
            return None
        return self._hashes.networks(str(address)).exact


class BoundedConnection(Connection):
    """One of so many. What it cannot parse is answered with the headers of all answers."""

    __slots__ = ("_answer_headers", "_connections", "_slow", "network")

    def __init__(
        self, manager: web.Server, *, connections: Connections, headers: Mapping[str, str], **options: Any
    ) -> None:
        super().__init__(manager, **options)
        self.network: bytes | None = None
        self._connections = connections
        self._answer_headers = headers
        self._slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Make room for it first."""
        super().connection_made(transport)
        self._connections.enter(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget it."""
        self._connections.leave(self)
        self._stop_waiting()
        super().connection_lost(exc)

    def use(self) -> None:
        """A request has come."""
        self._connections.use(self)

    def abort(self) -> None:
        """Close it at once, whatever it is about."""
        if self.socket is not None:
            self.socket.abort()

    def pause_writing(self) -> None:
        """More waits to be sent than the system takes. Nothing else ends a connection whose other end never reads."""
        super().pause_writing()
        self._slow = asyncio.get_running_loop().call_later(TAKING_SECONDS, self._connections.abandon, self)

    def resume_writing(self) -> None:
        """It is taken."""
        super().resume_writing()
        self._stop_waiting()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  # it repeats what was sent, which is of no use to anybody
    ) -> web.StreamResponse:
        """What comes of a request that could not be parsed, or whose handling broke outside of our own code."""
        text = f"{status} {HTTPStatus(status).phrase}\n"
        response = super().handle_error(request, status, exc, text)
        response.headers.update(self._answer_headers)
        return response

    def _stop_waiting(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None
