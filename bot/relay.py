"""The relay: it delivers the notices that the exchange's transactions have left in the outbox, at least once.

Any number of processes may run it. Each claims one exchange at a time by a lease; no lock of the database is held
while Discord is spoken to. A notice is marked as soon as it is sent, so a process that dies repeats one at most,
and for some minutes Discord drops that too, by its nonce.
"""

import asyncio
import logging
import os
import secrets
import socket
from dataclasses import dataclass, field
from typing import Final

import discord

from bot.errors import DISCORD_AWAY, GuildNotReady
from bot.postman import Postman, Receipt
from exchange.errors import ExchangeError
from exchange.exchange import Exchange
from exchange.notices import DueNotice, NotifyBy

LEASE_SECONDS: Final = 60
SWEEP_NOTICES: Final = 500
"""A sweep ends after so many, so that whoever runs it has a say again."""

_TURN_NOTICES: Final = 50
"""Other exchanges get their turn after so many of one."""

_PAUSE_SECONDS: Final = 0.05
"""Between two messages: less than half of the 50 requests a second that Discord allows a bot, and replies need some."""

_REST_SECONDS: Final = 0.25
"""Between two sweeps, however many trades call for one."""

_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500

_log = logging.getLogger(__name__)


class _DiscordAway(Exception):
    """Discord takes nothing at the moment, so the sweep is over."""


@dataclass
class _Turn:
    """What a turn at one exchange has learnt of its people."""

    exchange_id: int
    ends_at: float
    pinged: set[int] = field(default_factory=set)
    passed_over: set[int | None] = field(default_factory=set)
    """Who refused, and whose earlier notice must be tried again first; None is the channel."""


class Relay:
    """Delivers what is due, exchange by exchange."""

    def __init__(
        self,
        exchange: Exchange,
        postman: Postman,
        *,
        lease_seconds: int = LEASE_SECONDS,
        pause_seconds: float = _PAUSE_SECONDS,
    ) -> None:
        self._exchange = exchange
        self._postman = postman
        self._lease_seconds = lease_seconds
        self._pause_seconds = pause_seconds
        self._is_finishing = False
        self._holder = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(6)}"

    async def finish(self, nudge: asyncio.Event, relaying: asyncio.Task[None], seconds: float) -> None:
        """Let the notice in hand be sent and marked, and begin no other; else it would be sent again later."""
        self._is_finishing = True
        nudge.set()
        await asyncio.wait({relaying}, timeout=seconds)

    async def run(self, nudge: asyncio.Event) -> None:
        """Sweep whenever nudged, once the bot is online, until finished or cancelled. Nothing that fails ends it."""
        while not self._is_finishing:
            await nudge.wait()
            nudge.clear()
            try:
                if self._postman.is_ready and await self.sweep() >= SWEEP_NOTICES:
                    nudge.set()
            except ExchangeError as error:
                _log.warning("Notices wait for the next sweep: %s", error)
            except Exception:  # noqa: BLE001  # whatever one sweep met, the next must come
                _log.exception("A sweep of the outbox broke; the next one tries again.")
            await asyncio.sleep(_REST_SECONDS)

    async def sweep(self) -> int:
        """Deliver what is due; returns how many notices were dealt with. Raises ExchangeError."""
        dealt_with = 0
        idle: set[int] = set()
        while dealt_with < SWEEP_NOTICES and not self._is_finishing:
            exchange_id = await self._exchange.claim_outbox(self._holder, self._lease_seconds)
            if exchange_id is None:
                break
            try:
                count = 0 if exchange_id in idle else await self._take_turn(exchange_id)
            except _DiscordAway:
                break
            finally:
                await self._exchange.release_outbox(exchange_id, self._holder)
            if not count:
                # Exchanges come round in turns, so the others have had theirs.
                if exchange_id in idle:
                    break
                idle.add(exchange_id)
            dealt_with += count
        return dealt_with

    async def _take_turn(self, exchange_id: int) -> int:
        """Deliver notices of a claimed exchange while the lease surely lasts; returns how many were dealt with."""
        clock = asyncio.get_running_loop().time
        turn = _Turn(exchange_id, clock() + self._lease_seconds / 2)
        notices = await self._exchange.list_due_notices(exchange_id, self._holder, _TURN_NOTICES)
        count = 0
        for notice in notices:
            if clock() >= turn.ends_at or self._is_finishing:
                break
            await self._deal_with(notice, turn)
            count += 1
        return count

    async def _deal_with(self, notice: DueNotice, turn: _Turn) -> None:
        if notice.user_id in turn.passed_over:
            return
        if notice.user_id in turn.pinged:
            # One ping says that there is something, however much it is.
            await self._mark(notice, Receipt.CHANNEL, turn)
            return
        try:
            # With what the turn may take, this is less than the lease.
            async with asyncio.timeout(self._lease_seconds / 2):
                receipt = await self._postman.deliver(notice)
        except (GuildNotReady, *DISCORD_AWAY) as error:
            turn.passed_over.add(notice.user_id)
            await self._try_later(notice, error)
        except Exception:  # noqa: BLE001  # one notice must not hold up the others
            _log.exception(
                "Notice %d could not be worded or sent; it is tried again later.", notice.notice_id
            )
            turn.passed_over.add(notice.user_id)
            await self._exchange.retry_notice(turn.exchange_id, notice.notice_id)
        else:
            await self._mark(notice, receipt, turn)
            if self._pause_seconds:
                await asyncio.sleep(self._pause_seconds)

    async def _mark(self, notice: DueNotice, receipt: Receipt, turn: _Turn) -> None:
        match receipt:
            case Receipt.DIRECT:
                await self._exchange.mark_notice_delivered(
                    turn.exchange_id, notice.notice_id, NotifyBy.DIRECT
                )
            case Receipt.CHANNEL:
                await self._exchange.mark_notice_delivered(
                    turn.exchange_id, notice.notice_id, NotifyBy.CHANNEL
                )
                if notice.user_id is not None:
                    turn.pinged.add(notice.user_id)
            case Receipt.REFUSED:
                assert notice.user_id is not None, "only people refuse"
                turn.passed_over.add(notice.user_id)
                await self._exchange.refuse_notices(turn.exchange_id, notice.user_id)
            case Receipt.NOWHERE:
                _log.warning(
                    "Notice %d is only listed: there is no channel where the bot may speak.", notice.notice_id
                )
                await self._exchange.keep_notice(turn.exchange_id, notice.notice_id)

    async def _try_later(self, notice: DueNotice, error: Exception) -> None:
        state = await self._exchange.retry_notice(notice.exchange_id, notice.notice_id)
        _log.warning("Notice %d could not be sent and is %s: %s", notice.notice_id, state, repr(error))
        if _is_away(error):
            raise _DiscordAway from error


def _is_away(error: Exception) -> bool:
    """Whether an error says something of Discord, and not of one notice."""
    if isinstance(error, discord.HTTPException):
        return error.status == _TOO_MANY_REQUESTS or error.status >= _SERVER_ERROR
    return not isinstance(error, GuildNotReady)
