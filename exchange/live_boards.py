"""The live board: the methods of `Exchange` by which moderators put it, and a process keeps it up to date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from exchange.calls import Calls
from exchange.errors import RequestRejected
from exchange.models import FromJson, Json


@dataclass(frozen=True, slots=True)
class BoardMarket(FromJson):
    """A market as the live board shows it.

    Changes are in hundredths of a percent, within the last hour and the last 24. `volume_shares` is what
    was traded within a day, counted by whole hours. `prices_paise` are those of every second hour of the
    last day, the oldest first, and at the end that of now.
    """

    market: str
    label: str
    status: str
    price_paise: int
    hour_change_bps: int
    day_change_bps: int
    volume_shares: int
    prices_paise: list[int]
    halted_until: datetime | None = None

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read one market, whose halt may have an end."""
        end = document.get("halted_until")
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        return cls(**{**known, "halted_until": end and datetime.fromisoformat(end)})


@dataclass(frozen=True, slots=True)
class Board:
    """What the live board of an exchange shows; `sequence` is the exchange's at the moment it was read."""

    sequence: int
    updated_at: datetime
    markets: tuple[BoardMarket, ...]

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read the board and its markets."""
        markets = tuple(BoardMarket.from_json(market) for market in document["markets"])
        return cls(document["sequence"], datetime.fromisoformat(document["updated_at"]), markets)


@dataclass(frozen=True, slots=True)
class ClaimedBoard(FromJson):
    """A board that this process has leased, with where it is and what it showed last.

    `message_id` is None until it was posted; `dedupe_key` (at most 25 characters) is the same for each
    attempt at that.
    """

    exchange_id: int
    board_id: int
    provider: str
    channel_id: str
    dedupe_key: str
    message_id: str | None = None
    is_pinned: bool = False
    content_hash: str | None = None


@dataclass(frozen=True, slots=True)
class BoardPlace(FromJson):
    """Where a board was put, and where the message of the earlier one is, if there was one."""

    board_id: int
    channel_id: str
    dedupe_key: str
    earlier_channel_id: str | None = None
    earlier_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class RemovedBoard(FromJson):
    """Where the message is of a board that was removed; None where it had not been posted yet."""

    board_id: int
    channel_id: str
    message_id: str | None = None


class LiveBoards(Calls):
    """Putting and removing the board, and what its editor needs. The errors are those of `Exchange`."""

    async def put_board(
        self,
        exchange_id: int,
        request_id: int,
        moderator_user_id: int,
        provider: str,
        *,
        channel_id: str,
        holder: str,
        lease_seconds: int,
    ) -> BoardPlace:
        """Put the board into a channel, on the record; `holder` has its lease at once and posts it."""
        document = await self._write(
            request_id,
            "select betjee.put_board($2, $1, $3, $4, $5, $6, $7)",
            exchange_id,
            moderator_user_id,
            provider,
            channel_id,
            holder,
            lease_seconds,
        )
        return BoardPlace.from_json(document)

    async def remove_board(self, exchange_id: int, request_id: int, moderator_user_id: int) -> RemovedBoard:
        """Forget the board, on the record. Raises `RequestRejected` where there is none."""
        document = await self._write(
            request_id, "select betjee.remove_board($2, $1, $3)", exchange_id, moderator_user_id
        )
        return RemovedBoard.from_json(document)

    async def get_board(self, exchange_id: int) -> Board:
        """What the board shows now. Raises `RequestRejected` where there is no such exchange."""
        document = await self._read("select betjee.get_board($1)", exchange_id)
        if document is None:
            raise RequestRejected("unknown_exchange", "There is no such exchange.")
        return Board.from_json(document)

    async def claim_boards(self, holder: str, lease_seconds: int, most_a_second: int) -> list[ClaimedBoard]:
        """Lease the boards that are due, for 1 to 300 seconds, within the budget of all processes together.

        `holder` (1 to 64 characters) is the process's own name, different from every other's.
        """
        documents = await self._read_all(
            "select betjee.claim_boards($1, $2, $3)", holder, lease_seconds, most_a_second
        )
        return [ClaimedBoard.from_json(document) for document in documents]

    async def mark_board_shown(
        self,
        board: ClaimedBoard,
        holder: str,
        *,
        sequence: int,
        content_hash: str,
        message_id: str,
        is_pinned: bool,
    ) -> bool:
        """Note what a leased board shows, which ends the lease; False where it was removed or replaced meanwhile."""
        return bool(
            await self._read(
                "select betjee.mark_board_shown($1, $2, $3, $4, $5, $6, $7)",
                board.exchange_id,
                board.board_id,
                holder,
                sequence,
                content_hash,
                message_id,
                is_pinned,
            )
        )

    async def postpone_board(self, board: ClaimedBoard, holder: str, seconds: int) -> None:
        """Give a lease back, for whoever looks again after so many seconds (at most 3,600)."""
        await self._read(
            "select betjee.postpone_board($1, $2, $3, $4)", board.exchange_id, board.board_id, holder, seconds
        )

    async def lose_board(self, exchange_id: int, board_id: int, reason: str | None) -> bool:
        """Forget a board whose message is gone or out of reach, and tell the moderators why; without a reason, nobody."""
        return bool(await self._read("select betjee.lose_board($1, $2, $3)", exchange_id, board_id, reason))
