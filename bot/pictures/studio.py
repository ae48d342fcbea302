"""Where pictures are drawn: one process beside the bot, started when the first picture is asked for."""

import asyncio
import contextlib
import logging
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from typing import Final, Self

from bot.pictures.cache import PictureCache
from bot.pictures.frames import PICTURE, READY, frame, receive_frame
from bot.pictures.scenes import Key, Scene

RENDER_SECONDS: Final = 10.0
"""A picture takes a tenth of a second; a process that takes this long hangs, and is ended."""

START_SECONDS: Final = 30.0
WAITING_AT_MOST: Final = 32
CACHE_BYTES: Final = 16 * 1024 * 1024
_FINISH_SECONDS: Final = 2.0
_ATTEMPTS: Final = 2
"""A process that has died since the last picture is found out by asking it."""

_COMMAND: Final = (sys.executable, "-P", "-m", "bot.pictures.worker")

_log = logging.getLogger(__name__)


class PictureUnavailable(Exception):
    """A picture could not be drawn now; whatever it belongs to should be told without it."""


class Studio:
    """Draws scenes, one at a time, and keeps what it drew.

    A scene that is asked for again, or by many at once, is drawn once. At most `waiting_at_most` pictures are
    in the making. The drawing process is ended by `close`, and by itself as soon as this one is gone.
    """

    def __init__(
        self,
        *,
        render_seconds: float = RENDER_SECONDS,
        waiting_at_most: int = WAITING_AT_MOST,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._render_seconds = render_seconds
        self._waiting_at_most = waiting_at_most
        self._cache = PictureCache(cache_bytes)
        self._in_the_making: dict[Key, asyncio.Task[bytes]] = {}
        self._turn = asyncio.Lock()
        self._process: Process | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def draw(self, scene: Scene) -> bytes:
        """The scene as a PNG. Raises PictureUnavailable."""
        picture = self._cache.get(scene.key)
        if picture is not None:
            return picture
        making = self._in_the_making.get(scene.key)
        if making is None:
            if self._closed or len(self._in_the_making) >= self._waiting_at_most:
                raise PictureUnavailable("Too many pictures are in the making.")
            making = asyncio.create_task(self._make(scene))
            self._in_the_making[scene.key] = making
        # Whoever leaves does not take the picture from the others who wait for it.
        return await asyncio.shield(making)

    async def open(self) -> None:
        """Start the drawing process now, and not only at the first picture."""
        async with self._turn:
            await self._start()

    async def close(self) -> None:
        """Draw no more, and end the drawing process."""
        self._closed = True
        making = list(self._in_the_making.values())
        for task in making:
            task.cancel()
        await asyncio.gather(*making, return_exceptions=True)
        await self._end_process()

    async def _make(self, scene: Scene) -> bytes:
        try:
            async with self._turn:
                picture = await self._ask(pickle.dumps(scene))
            self._cache.put(scene.key, picture)
            return picture
        finally:
            del self._in_the_making[scene.key]

    async def _ask(self, request: bytes) -> bytes:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = await self._answer(request)
            except TimeoutError as error:
                raise PictureUnavailable("The drawing process hung and was ended.") from error
            except (OSError, asyncio.IncompleteReadError) as error:
                _log.warning("The drawing process is gone (attempt %d of %d): %r", attempt, _ATTEMPTS, error)
            else:
                if answer.startswith(PICTURE):
                    return answer[len(PICTURE) :]
                _log.error("A picture could not be drawn:\n%s", answer[1:].decode(errors="replace"))
                raise PictureUnavailable("The drawing failed.")
        raise PictureUnavailable("The drawing process died.")

    async def _answer(self, request: bytes) -> bytes:
        """What the process answers. After whatever went wrong it is ended: its next answer would be to this request."""
        process = self._process
        try:
            if process is None or process.returncode is not None:
                process = await self._start()
            assert process.stdin is not None
            assert process.stdout is not None
            async with asyncio.timeout(self._render_seconds):
                process.stdin.write(frame(request))
                await process.stdin.drain()
                return await receive_frame(process.stdout)
        except BaseException:
            await self._end_process(at_once=True)
            raise

    async def _start(self) -> Process:
        """Start the process and wait until it is ready.

        Ctrl-C in a terminal goes to a whole group of processes, and this one is to end in its own time; it needs
        nothing of the environment, where the secrets are.
        """
        await self._end_process(at_once=True)
        environment = None if os.name == "nt" else dict[str, str]()
        self._process = process = await asyncio.create_subprocess_exec(
            *_COMMAND, stdin=PIPE, stdout=PIPE, start_new_session=True, env=environment
        )
        assert process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            answer = await receive_frame(process.stdout)
        if answer != READY:
            raise OSError("The drawing process answered before it was asked.")
        return process

    async def _end_process(self, *, at_once: bool = False) -> None:
        """End the process, if there is one: politely, by closing its input, or at once."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        if not at_once:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _FINISH_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
