"""Leaderboards: the methods of `Exchange` by which they are made, read and posted."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import Final

from exchange.calls import Calls
from exchange.errors import RequestRejected
from exchange.standings import Board, Leaderboard, NetWorthPoint, Period, Standing

PAGE_SIZE: Final = 10

_STEP_SECONDS: Final = 60.0
"""The members of the largest exchange are valued in a second; on a busy machine in a multiple of that."""

_RUN_SECONDS: Final = 8.0
"""What a run with much to do takes, its rests included, so that trades hardly notice it."""

_RESTS_TO_A_STEP: Final = 6
"""How many times as long as a step lasted the rest after it lasts at most; so a run with little to do is soon over."""

_BLOCKS_TO_A_STEP: Final = 10
"""How many thousands of members have the medians of their next hour prepared at once."""

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
                await self._prepare_medians(exchange_id)
            except RequestRejected:
                _log.exception("The leaderboards of exchange %d could not be made.", exchange_id)
        return refreshed

    async def _run(self, exchange_id: int) -> bool:
        """Take the steps of a run, with rests; returns whether they have made the leaderboards anew."""
        began = monotonic()
        while True:
            stepped = monotonic()
            ((done_percent,),) = await self._rows(
                "select betjee.refresh_leaderboards($1, 1)", exchange_id, statement_seconds=_STEP_SECONDS
            )
            if done_percent in (None, 100):
                return done_percent is not None
            took = monotonic() - stepped
            ahead = began + _RUN_SECONDS * done_percent / 100 - monotonic()
            await asyncio.sleep(max(0, min(_RESTS_TO_A_STEP * took, ahead)))

    async def _prepare_medians(self, exchange_id: int) -> None:
        """Do most of the next hour's work at leisure; whatever is left undone, the next run does."""
        is_more_left = True
        while is_more_left:
            stepped = monotonic()
            ((is_more_left,),) = await self._rows(
                "select betjee.prepare_medians($1, 'infinity', $2)",
                exchange_id,
                _BLOCKS_TO_A_STEP,
                statement_seconds=_STEP_SECONDS,
            )
            await asyncio.sleep(_RESTS_TO_A_STEP * (monotonic() - stepped))

    async def post_leaderboards(self) -> int:
        """Queue the daily posts that are due, each once; returns how many. One that cannot be made holds up no other."""
        posted = 0
        for exchange_id in await self._read_all("select betjee.list_due_posts()"):
            try:
                posted += await self._read("select betjee.post_leaderboard($1)", exchange_id)
            except RequestRejected:
                _log.exception("The leaderboard of exchange %d could not be posted.", exchange_id)
        return posted
