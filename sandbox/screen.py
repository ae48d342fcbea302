"""What the preview shows, drawn anew only when something has changed and somebody looks.

Each tab of a browser is a context of the preview, which builds all of them anew at every drawing
and keeps one whose browser has gone without a word for ten minutes.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import simcord

SILENT_SECONDS: Final = 150.0
"""After so long a context is dropped. A tab in the background asks at least once a minute; one that was asleep for
longer reloads itself."""

LOOKING_SECONDS: Final = 70.0
"""While nobody has asked for so long, nothing is drawn."""

MOST_CONTEXTS: Final = 16
"""The preview takes no more."""

PUBLIC_MESSAGES: Final = 60
PRIVATE_MESSAGES: Final = 40
"""How many messages of the channel are kept, the newest: each costs something at every drawing. Discord too forgets
private replies, as soon as their reader closes it."""


class Screen:
    """The preview of one channel, with the contexts that are open.

    `drawing` counts the drawings, so that whoever has seen one knows whether there is a newer.
    """

    def __init__(
        self,
        env: simcord.Env,
        preview: simcord.Preview,
        channel: simcord.ChannelHandle,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._env = env
        self._preview = preview
        self._channel_id = channel.id
        self._clock = clock
        self._seen_at: dict[str, float] = {}
        self._others_wait = False
        self.drawing = 0

    def look(self, context: str) -> None:
        """Note that a context's browser is there."""
        self._seen_at[context] = self._clock()

    def leave(self, context: str) -> None:
        """Note that a context is closed."""
        self._seen_at.pop(context, None)

    def silent(self, *, room_for_one: bool = False) -> list[str]:
        """The contexts to drop: those silent for long, and for a new one, if need be, the most silent."""
        now = self._clock()
        by_silence = sorted(self._seen_at, key=self._seen_at.__getitem__)
        silent = [context for context in by_silence if now - self._seen_at[context] > SILENT_SECONDS]
        too_many = len(by_silence) - MOST_CONTEXTS + room_for_one
        return by_silence[: max(len(silent), too_many, 0)]

    def acted(self, *, shown_to_all: bool) -> None:
        """Note that a person has done something, and whether the preview has drawn everyone's page after it."""
        self.drawing += 1
        if shown_to_all:
            self._forget_records()
        else:
            self._others_wait = True

    def set_time(self) -> None:
        """Let "2 seconds ago" be reckoned from now. The preview does so only when it draws everyone's page, which may be long ago."""
        self._preview.capture_time = datetime.now(UTC)

    def answered(self) -> None:
        """Note that a person was answered without anything having been done or drawn."""
        self.drawing += 1

    async def draw_if_changed(self) -> None:
        """Draw what has changed, if anyone looks. What the bot sent changes the page, and what people did there."""
        if not (self._env.http_requests or self._others_wait) or not self._is_watched():
            return
        self._forget_old_messages()
        self._forget_records()
        await self._preview.refresh()
        self.drawing += 1

    def _is_watched(self) -> bool:
        now = self._clock()
        return any(now - seen_at < LOOKING_SECONDS for seen_at in self._seen_at.values())

    def _forget_records(self) -> None:
        """Empty what the simulated Discord records for tests, which would grow for as long as the sandbox runs."""
        self._env.http_requests.clear()
        self._env.backend.transcript.clear()
        self._others_wait = False

    def _forget_old_messages(self) -> None:
        messages = self._env.backend.messages.get(self._channel_id, {})
        for are_private, most in ((True, PRIVATE_MESSAGES), (False, PUBLIC_MESSAGES)):
            kept = [
                identity for identity in sorted(messages) if messages[identity].is_ephemeral is are_private
            ]
            for identity in kept[:-most]:
                self._env.backend.delete_message(self._channel_id, identity)
