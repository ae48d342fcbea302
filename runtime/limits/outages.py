"""Whether Redis is asked: a circuit breaker, so that a Redis that hangs costs a few members a moment, once."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from redis.exceptions import RedisError

RETRY_SECONDS: Final = 1.0
"""How long after it was found away Redis is asked again, by the next member who does something."""

PROBE_SECONDS: Final = 1.0
"""How long Redis may take before it counts as hanging. Nobody waits for it so long."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CountingState:
    """Where actions are counted now: in Redis, or since `away_since` in each process alone, and why."""

    away_since: datetime | None = None
    reason: str = ""

    @property
    def is_shared(self) -> bool:
        """Whether all processes count together."""
        return self.away_since is None


class Outages:
    """Knows whether Redis answers, and finds out by itself when that may have changed.

    An answer that is late raises a doubt: from then on nobody waits for Redis until it has been asked once more, with
    more time. A process that is overrun gets its answers late too, and that is not an outage.
    """

    def __init__(
        self,
        ping: Callable[[], Awaitable[None]],
        heal: Callable[[], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ping = ping
        self._heal = heal
        self._clock = clock
        self._is_trusted = True
        self._retry_at = 0.0
        self._probe: asyncio.Task[None] | None = None
        self.state = CountingState()

    async def is_trusted(self, patience_seconds: float = 0.0) -> bool:
        """Whether Redis may be asked. Where not, it is probed in the background; wait for that so long."""
        if self._is_trusted:
            return True
        probe = self._probe_if_due()
        if probe is not None and patience_seconds > 0:
            await asyncio.wait([probe], timeout=patience_seconds)
        return self._is_trusted

    def doubt(self, error: Exception) -> None:
        """Redis has failed, or has been late, which is an outage only if it fails again."""
        self._is_trusted = False
        if not isinstance(error, TimeoutError):
            self._note_outage(str(error) or type(error).__name__)
        self._probe_if_due()

    async def look(self) -> CountingState:
        """Ask Redis now, and say what is found."""
        self._retry_at = 0.0
        self._is_trusted = False
        probe = self._probe_if_due()
        if probe is not None:
            await asyncio.wait([probe])
        return self.state

    async def close(self) -> None:
        """End a probe that is under way."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)

    def _probe_if_due(self) -> asyncio.Task[None] | None:
        """The probe that is under way, begun if it is time for it."""
        if self._probe is None and self._clock() >= self._retry_at:
            self._probe = asyncio.create_task(self._look_closely())
        return self._probe

    async def _look_closely(self) -> None:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._ping()
        except (RedisError, OSError) as error:
            self._note_outage("it hangs" if isinstance(error, TimeoutError) else str(error))
        else:
            await self._note_answer()
        finally:
            self._probe = None

    async def _note_answer(self) -> None:
        self._is_trusted = True
        if self.state.away_since is None:
            return
        seconds = (datetime.now(UTC) - self.state.away_since).total_seconds()
        self.state = CountingState()
        await self._heal()
        _log.warning("Redis answers again after %.0f s: limits are counted in it once more.", seconds)

    def _note_outage(self, reason: str) -> None:
        """Only the first of an outage is logged."""
        self._is_trusted = False
        self._retry_at = self._clock() + RETRY_SECONDS
        if not self.state.is_shared:
            return
        self.state = CountingState(datetime.now(UTC), reason)
        _log.warning(
            "Redis does not answer (%s). Until it does, this process counts trades alone, half as many as usual; "
            "signing up and moderating wait.",
            reason,
        )
