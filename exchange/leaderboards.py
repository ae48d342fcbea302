"""Leaderboards: the methods of `Exchange` by which they are made, read and posted."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from exchange.calls import Calls
from exchange.errors import RequestRejected
from exchange.standings import Board, Leaderboard, NetWorthPoint, Period, Standing

PAGE_SIZE: Final = 10

_STEP_SECONDS: Final = 0.05
"""A call takes steps of a run for so long: all of them in a small exchange."""

_STATEMENT_SECONDS: Final = 60.0
"""The members of the largest exchange are valued in a second; on a busy machine in a multiple of that."""

_REST: Final = 10.0
_LONGEST_REST_SECONDS: Final = 2.5
"""After each call, trades have the database to themselves for so many times as long as it took."""

_RESTED_SECONDS: Final = {"snapshot": 8.0, "leaderboards": 14.0}
"""For how long a run takes rests, by what it is about to make: the hour's snapshot is not to come much later."""

_log = logging.getLogger(__name__)


class Leaderboards(Calls):
    """What members see of each other's success. The errors are those of `Exchange`."""

    async def get_leaderboard(
        self,
        exchange_id: int,
        board: Board = Board.NET_WORTH,
        period: Period = Period.ALL,
        page: int = 1,
        page_size: int = PAGE_SIZE,
    ) -> Leaderboard:
        """A page of a leaderboard as it was made last; one beyond the last is the last. `page_size` is at most 100."""
        document = await self._read(
            "select betjee.get_leaderboard($1, $2, $3, $4, $5)",
            exchange_id,
            board.value,
            period.value,
            page,
            page_size,
        )
        return Leaderboard.from_json(document)

    async def get_standing(
        self, exchange_id: int, user_id: int, board: Board = Board.NET_WORTH, period: Period = Period.ALL
    ) -> Standing | None:
        """A member's own line of a leaderboard, with its place; None where they are not on it."""
        document = await self._read(
            "select betjee.get_standing($1, $2, $3, $4)", exchange_id, user_id, board.value, period.value
        )
        return Standing.from_json(document) if document else None

    async def list_net_worth(self, exchange_id: int, user_id: int, hours: int) -> list[NetWorthPoint]:
        """What a member was worth when they signed up and in the snapshots since, of the last `hours` (at most 9,600).

        The oldest comes first. There is a snapshot for each hour of 8 days, and before that one for each day: at most 600.
        """
        documents = await self._read_all(
            "select betjee.list_net_worth($1, $2, $3)", exchange_id, user_id, hours
        )
        return [NetWorthPoint.from_json(document) for document in documents]

    # Upkeep; any number of processes may do it at once

    async def refresh_leaderboards(self) -> int:
        """Make the leaderboards anew that are due, and take the snapshot of the hour; returns of how many exchanges.

        One that cannot be made holds up no other.
        """
        refreshed = 0
        for exchange_id in await self._read_all("select betjee.list_due_leaderboards()"):
            try:
                refreshed += await self._run(exchange_id)
            except RequestRejected:
                _log.exception("The leaderboards of exchange %d could not be made.", exchange_id)
        return refreshed

    async def _run(self, exchange_id: int) -> bool:
        """Take all steps of a run, with rests between them; whether it came to its end here."""
        begin = time.monotonic()
        while True:
            call_begin = time.monotonic()
            rows = await self._rows(
                "select betjee.refresh_leaderboards($1, $2::float8::numeric)",
                exchange_id,
                _STEP_SECONDS,
                statement_seconds=_STATEMENT_SECONDS,
            )
            next_part: str | None = rows[0][0]
            if next_part is None or next_part == "done":
                return next_part == "done"
            now = time.monotonic()
            rest = min(
                _REST * (now - call_begin), _LONGEST_REST_SECONDS, begin + _RESTED_SECONDS[next_part] - now
            )
            await asyncio.sleep(max(0.0, rest))

    async def prepare_medians(self) -> int:
        """Prepare a little of what the leaderboards of the next hour need; returns for how many exchanges all is there now."""
        prepared = 0
        for exchange_id in await self._read_all("select betjee.list_unprepared_medians()"):
            try:
                prepared += await self._read(
                    "select betjee.prepare_medians($1, $2::float8::numeric)", exchange_id, _STEP_SECONDS
                )
            except RequestRejected:
                _log.exception("The medians of exchange %d could not be prepared.", exchange_id)
        return prepared

    async def post_leaderboards(self) -> int:
        """Queue the daily posts that are due, each once; returns how many. One that cannot be made holds up no other."""
        posted = 0
        for exchange_id in await self._read_all("select betjee.list_due_posts()"):
            try:
                posted += await self._read("select betjee.post_leaderboard($1)", exchange_id)
            except RequestRejected:
                _log.exception("The leaderboard of exchange %d could not be posted.", exchange_id)
        return posted
