"""A wire between the bot and PostgreSQL that can be cut, or that swallows answers."""

import asyncio
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

_CHUNK_BYTES = 65_536
_POSTGRES_PORT = 5432


class Wire:
    """Passes bytes between a client and the real server.

    Cut, it drops its connections and takes no new ones; deaf, it passes on what the client says and
    breaks when the server answers, as at a lost commit; held, it passes on nothing until it is mended.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._deaf = False
        self._cut = False
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self.cut()
        self._server.close()

    @property
    def url(self) -> str:
        """The address of the server behind the wire."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        user = self._target.netloc.rpartition("@")[0]
        return f"postgresql://{user}@127.0.0.1:{port}{self._target.path}"

    def cut(self) -> None:
        """Lose the server."""
        self._cut = True
        for writer in self._writers:
            writer.transport.abort()

    def deafen(self) -> None:
        """Break whenever the server answers."""
        self._deaf = True

    def hold(self) -> None:
        """Let nothing through until `mend`."""
        self._open.clear()

    def mend(self) -> None:
        """Work again."""
        self._cut = self._deaf = False
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if not self._cut:
                server_reader, server_writer = await self._connect()
                self._writers.add(server_writer)
                await asyncio.gather(
                    self._pump(reader, server_writer, from_server=False),
                    self._pump(server_reader, writer, from_server=True),
                )
        except OSError:
            pass  # One side was cut off, which is what this is for.
        finally:
            writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_server: bool
    ) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            await self._open.wait()
            if from_server and self._deaf:
                break
            writer.write(data)
            await writer.drain()
        writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder = parse_qs(self._target.query).get("host")
        if folder:
            return await asyncio.open_unix_connection(f"{unquote(folder[0])}/.s.PGSQL.{_POSTGRES_PORT}")
        return await asyncio.open_connection(
            self._target.hostname or "localhost", self._target.port or _POSTGRES_PORT
        )
