"""How methods call the SQL function of their name."""

from __future__ import annotations

from typing import Any

import asyncpg

from exchange.database import Database, rejection
from exchange.errors import RequestRejected
from exchange.models import Json


class Calls:
    """Calls of SQL functions, their errors turned into those of `exchange.errors`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _read(self, query: str, *arguments: Any) -> Any:
        rows = await self._read_all(query, *arguments)
        return rows[0] if rows else None

    async def _read_all(self, query: str, *arguments: Any) -> list[Any]:
        return [row[0] for row in await self._rows(query, *arguments)]

    async def _rows(
        self, query: str, *arguments: Any, statement_seconds: float | None = None
    ) -> list[asyncpg.Record]:
        try:
            return await self._database.read(query, *arguments, statement_seconds=statement_seconds)
        except (asyncpg.PostgresError, asyncpg.DataError) as error:
            raise rejection(error) from error

    async def _purge(self, query: str, limit: int) -> int:
        """Call a function that forgets at most `limit` rows until it finds fewer; returns how many it forgot."""
        forgotten = 0
        while True:
            count = int(await self._read(query, limit))
            forgotten += count
            if count < limit:
                return forgotten

    async def _write(self, request_id: int, query: str, *arguments: Any) -> Json:
        """Call a writing function; `request_id` is its first argument, `$1`."""
        try:
            rows = await self._database.write(query, request_id, *arguments, request_id=request_id)
        except (asyncpg.PostgresError, asyncpg.DataError) as error:
            raise rejection(error) from error
        document: Json = rows[0][0]
        if "refused" in document:
            code, detail = document.pop("refused"), document.pop("detail")
            raise RequestRejected(code, detail, document)
        return document
