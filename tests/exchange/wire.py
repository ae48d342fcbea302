"""A wire between a client and PostgreSQL that can lose an answer, as a network does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

CHUNK_BYTES = 65_536


class Wire:
    """Forwards everything, except that it can swallow answers and hang up instead."""

    def __init__(self, database_url: str) -> None:
        self._server = urlsplit(database_url)
        self._swallowing = 0
        self._entry_refusal = b""
        self.swallowed = 0
        self.url = ""

    def swallow(self, answers: int = 1) -> None:
        """Let the next requests through, and lose what the server answers."""
        self._swallowing += answers

    def refuse_entry(self, sqlstate: str = "28P01") -> None:
        """Answer every new connection with this error, as a server does whose passwords were changed."""
        self._entry_refusal = b"SFATAL\0C" + sqlstate.encode() + b"\0Mrefused\0\0"

    @asynccontextmanager
    async def stretched(self) -> AsyncIterator["Wire"]:
        """The wire, listening."""
        listener = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        credentials = self._server.netloc.rpartition("@")[0]
        self.url = f"postgresql://{credentials}@127.0.0.1:{port}{self._server.path}?sslmode=disable"
        try:
            yield self
        finally:
            listener.close()

    async def _carry(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        if self._entry_refusal:
            await client.read(CHUNK_BYTES)
            length = (len(self._entry_refusal) + 4).to_bytes(4, "big")
            to_client.write(b"E" + length + self._entry_refusal)
            to_client.close()
            return
        server, to_server = await self._connect()
        with contextlib.suppress(ConnectionError):
            forward = asyncio.create_task(self._forward(client, to_server))
            await self._answer(server, to_client)
            forward.cancel()
        for end in (to_client, to_server):
            end.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        sockets = parse_qs(self._server.query).get("host")
        port = self._server.port or 5432
        if sockets:
            return await asyncio.open_unix_connection(f"{sockets[0]}/.s.PGSQL.{port}")
        return await asyncio.open_connection(self._server.hostname, port)

    async def _forward(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        while data := await client.read(CHUNK_BYTES):
            to_server.write(data)
        to_server.close()

    async def _answer(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        while data := await server.read(CHUNK_BYTES):
            if self._swallowing:
                self._swallowing -= 1
                self.swallowed += 1
                return
            to_client.write(data)
