"""Whether Redis is asked: a circuit breaker, so that a Redis that hangs costs a command now and then a moment."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

RETRY_SECONDS: Final = 1.0
"""How long after a failure one command asks again; the others do not wait for it."""

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
    """Knows whether Redis answers. It is told by those who ask, and says who may ask next."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._retry_at = 0.0
        self.state = CountingState()

    def may_ask(self) -> bool:
        """Whether to ask Redis; while it is away, one in a second may."""
        if self.state.is_shared:
            return True
        if self._clock() < self._retry_at:
            return False
        self._retry_at = self._clock() + RETRY_SECONDS
        return True

    def note_answer(self) -> bool:
        """Redis has answered. Returns whether that ends an outage."""
        if self.state.away_since is None:
            return False
        seconds = (datetime.now(UTC) - self.state.away_since).total_seconds()
        self.state = CountingState()
        _log.warning("Redis answers again after %.0f s: limits are counted in it once more.", seconds)
        return True

    def note_failure(self, error: Exception) -> None:
        """Redis has not answered, or not as it should; only the first of an outage is logged."""
        self._retry_at = self._clock() + RETRY_SECONDS
        if not self.state.is_shared:
            return
        reason = "it hangs" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        self.state = CountingState(datetime.now(UTC), reason)
        _log.warning(
            "Redis does not answer (%s). Until it does, this process counts trades alone, half as many as usual; "
            "signing up and moderating wait.",
            reason,
        )
