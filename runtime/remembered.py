"""What is asked for again and again, and may be a few seconds old."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

_LOADING_AT_MOST: Final = 32

_log = logging.getLogger(__name__)

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(slots=True)
class _Entry(Generic[Value]):
    value: Value | None
    fresh_until: float


class Remembered(Generic[Key, Value]):
    """Values that are loaded in the background, so that nobody who needs one ever waits for it.

    A value older than `seconds` is still given while it is loaded anew. A load that fails leaves the value
    as it was, and is tried again after as long. At most `most` values are kept, those used last.
    """

    def __init__(
        self,
        load: Callable[[Key], Awaitable[Value]],
        *,
        seconds: float,
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._entries: OrderedDict[Key, _Entry[Value]] = OrderedDict()
        self._loading: set[asyncio.Task[None]] = set()

    def get(self, key: Key) -> Value | None:
        """What is known, or None where nothing is known yet."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(None, 0.0)
            if len(self._entries) > self._most:
                self._entries.popitem(last=False)
        self._entries.move_to_end(key)
        if self._clock() >= entry.fresh_until and len(self._loading) < _LOADING_AT_MOST:
            # Noted before it is loaded, so that all who come meanwhile do not load it too.
            entry.fresh_until = self._clock() + self._seconds
            task = asyncio.create_task(self._refresh(key, entry))
            self._loading.add(task)
            task.add_done_callback(self._loading.discard)
        return entry.value

    async def _refresh(self, key: Key, entry: _Entry[Value]) -> None:
        try:
            entry.value = await self._load(key)
        except Exception as error:  # noqa: BLE001  # whatever it is, what was known stays
            _log.debug("%r was not loaded anew: %r", key, error)
