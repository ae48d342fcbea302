"""The editor: it keeps the live boards of all exchanges up to date, each in its one message.

Any number of processes may run it. Each claims boards that are due by leases; no lock of the database is held while
Discord is spoken to. All processes together look at no more boards in a second than Discord's limits allow, those
that waited longest first, so that with many busy exchanges each board comes round less often, and always with the
newest figures. A process that dies leaves its boards to the others when the leases run out.
"""

import asyncio
import hashlib
import json
import logging
import os
import secrets
import socket
from typing import Final

import discord

from bot import replies
from bot.board_view import board_view
from bot.communities import PROVIDER
from bot.errors import DISCORD_AWAY
from bot.replies.live_board import Posting
from exchange.errors import ExchangeError
from exchange.exchange import Exchange
from exchange.live_boards import ClaimedBoard
from runtime.metrics import Metrics

LEASE_SECONDS: Final = 60
LOOKS_A_SECOND: Final = 10
"""Of all processes: Discord allows a bot 50 requests a second, and replies and notices need theirs."""

_SWEEP_SECONDS: Final = 1.0
_FIRST_REST_SECONDS: Final = 5.0
_LONGEST_REST_SECONDS: Final = 300.0
_BROKEN_SECONDS: Final = 300
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500
_UNKNOWN_CHANNEL: Final = 10003

_log = logging.getLogger(__name__)


class _DiscordAway(Exception):
    """Discord takes nothing at the moment."""


class BoardEditor:
    """Posts, pins and edits live boards as the bot."""

    def __init__(
        self,
        exchange: Exchange,
        client: discord.Client,
        metrics: Metrics | None = None,
        *,
        lease_seconds: int = LEASE_SECONDS,
    ) -> None:
        self._exchange = exchange
        self._client = client
        self._metrics = metrics or Metrics()
        self._lease_seconds = lease_seconds
        self._holder = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(6)}"

    async def run(self) -> None:
        """Sweep for ever, once the bot is online, and rest while Discord takes nothing. Nothing that fails ends it."""
        rest = _FIRST_REST_SECONDS
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                if self._client.is_ready() and not await self.sweep():
                    _log.warning("Discord takes no edits; live boards rest for %g s.", rest)
                    await asyncio.sleep(rest)
                    rest = min(2 * rest, _LONGEST_REST_SECONDS)
                    continue
            except ExchangeError as error:
                _log.warning("Live boards wait for the next sweep: %s", error)
            except Exception:  # noqa: BLE001  # whatever one sweep met, the next must come
                _log.exception("A sweep of the live boards broke; the next one tries again.")
            rest = _FIRST_REST_SECONDS

    async def sweep(self) -> bool:
        """Look at the boards that are due; False where Discord takes nothing. Raises ExchangeError."""
        boards = await self._exchange.claim_boards(self._holder, self._lease_seconds, LOOKS_A_SECOND)
        taken = await asyncio.gather(*map(self.look, boards))
        return all(taken)

    async def put(
        self, exchange_id: int, request_id: int, moderator_user_id: int, channel_id: int
    ) -> Posting:
        """Put the board into a channel for a moderator, in place of an earlier one. Raises what `Exchange` raises."""
        place = await self._exchange.put_board(
            exchange_id,
            request_id,
            moderator_user_id,
            PROVIDER,
            channel_id=str(channel_id),
            holder=self._holder,
            lease_seconds=self._lease_seconds,
        )
        await self.delete(place.earlier_channel_id, place.earlier_message_id)
        board = ClaimedBoard(exchange_id, place.board_id, PROVIDER, place.channel_id, place.dedupe_key)
        try:
            async with asyncio.timeout(self._lease_seconds / 2):
                pinned = await self._show(board)
        except discord.Forbidden:
            # Whoever put it is told at once, so it is forgotten without a notice.
            await self._exchange.lose_board(exchange_id, board.board_id, None)
            return Posting.FORBIDDEN
        except DISCORD_AWAY as error:
            _log.warning("The board of exchange %d is posted later: %s", exchange_id, error)
            await self._exchange.postpone_board(board, self._holder, 0)
            return Posting.LATER
        return Posting.PINNED if pinned else Posting.NOT_PINNED

    async def delete(self, channel_id: str | None, message_id: str | None) -> bool:
        """Delete a board's message; whether it is gone."""
        if channel_id is None or message_id is None:
            return True
        channel = self._client.get_partial_messageable(int(channel_id))
        try:
            await channel.get_partial_message(int(message_id)).delete()
        except discord.NotFound:
            return True
        except DISCORD_AWAY as error:
            _log.warning("The message %s of a live board could not be deleted: %s", message_id, error)
            return False
        return True

    async def look(self, board: ClaimedBoard) -> bool:
        """Bring a claimed board up to date; False where Discord takes nothing. What fails concerns this board alone."""
        try:
            # With what a claim takes, this is less than the lease.
            async with asyncio.timeout(self._lease_seconds / 2):
                await self._show(board)
        except (discord.NotFound, discord.Forbidden) as error:
            await self._lose(board, error)
        except DISCORD_AWAY as error:
            away = _is_away(error)
            _log.warning("The board of exchange %d was not brought up to date: %r", board.exchange_id, error)
            self._metrics.board_look("away" if away else "failed")
            await self._exchange.postpone_board(board, self._holder, 0 if away else _BROKEN_SECONDS)
            return not away
        return True

    async def _show(self, board: ClaimedBoard) -> bool:
        """Post the board, or edit it if it reads differently; whether it is pinned."""
        await self._exchange.count_candles(board.exchange_id)
        figures = await self._exchange.get_board(board.exchange_id)
        embed = replies.live_board.board(figures)
        content_hash = _hash_of(embed)
        message_id, is_pinned = board.message_id, board.is_pinned
        channel = self._client.get_partial_messageable(int(board.channel_id))
        if message_id is None:
            message = await channel.send(
                embed=embed,
                view=board_view(),
                nonce=board.dedupe_key,
                allowed_mentions=discord.AllowedMentions.none(),
            )
            message_id, is_pinned = str(message.id), await _pin(message)
        elif content_hash != board.content_hash:
            await channel.get_partial_message(int(message_id)).edit(embed=embed, view=board_view())
        self._metrics.board_look("unchanged" if content_hash == board.content_hash else "edited")
        is_still_ours = await self._exchange.mark_board_shown(
            board,
            self._holder,
            sequence=figures.sequence,
            content_hash=content_hash,
            message_id=message_id,
            is_pinned=is_pinned,
        )
        if board.message_id is None and not is_still_ours:
            # It was removed or put elsewhere while it was being posted.
            await self.delete(board.channel_id, message_id)
        return is_pinned

    async def _lose(self, board: ClaimedBoard, error: discord.NotFound | discord.Forbidden) -> None:
        reason = "deleted"
        if isinstance(error, discord.Forbidden):
            reason = "forbidden"
        elif error.code == _UNKNOWN_CHANNEL:
            reason = "channel_deleted"
        self._metrics.board_look("lost")
        _log.warning("The board of exchange %d is forgotten (%s): %s", board.exchange_id, reason, error)
        await self._exchange.lose_board(board.exchange_id, board.board_id, reason)


async def _pin(message: discord.Message) -> bool:
    """Pin a board where that is permitted and there is room; whether it is pinned."""
    try:
        await message.pin()
    except DISCORD_AWAY as error:
        _log.warning("The board in channel %d is not pinned: %s", message.channel.id, error)
        return False
    return True


def _hash_of(embed: discord.Embed) -> str:
    """What tells whether a board reads differently. When it last changed is not part of it, the buttons are."""
    content = {**embed.to_dict(), "timestamp": None}
    text = json.dumps([content, board_view().to_components()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _is_away(error: Exception) -> bool:
    """Whether an error says something of Discord, and not of one board."""
    if isinstance(error, discord.HTTPException):
        return error.status == _TOO_MANY_REQUESTS or error.status >= _SERVER_ERROR
    return True
