"""Calls of one script, sent together over a connection of their own, each answered by a whole number.

A check of limits must cost a few hundredths of a command, and of what it costs by the client's usual way most is
not the network but what is done around each call: a connection taken from the pool and given back, a time-out set
up and taken down, a dozen arguments packed. So one task keeps one connection, sends at once all calls that have come
since its last turn, and one clock watches over the oldest of them.
"""

import asyncio
import contextvars
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError, RedisError, ResponseError

TOGETHER_AT_MOST: Final = 200

Answer = int | ResponseError


@dataclass(slots=True)
class _Call:
    """A call that waits for its answer, until the monotonic clock's time of its deadline."""

    words: tuple[bytes, ...]
    deadline: float
    answer: asyncio.Future[int]


class ScriptCalls:
    """Calls a script by what `connect_to` gives connections to. No call takes longer than `seconds`."""

    def __init__(self, script: str, connect_to: Callable[[], AbstractConnection], seconds: float) -> None:
        self._script = script
        self._sha = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest().encode()
        self._connect_to = connect_to
        self._seconds = seconds
        self._waiting: list[_Call] = []
        self._in_hand: list[_Call] = []
        self._has_come = asyncio.Event()
        # What serves all belongs to none of the interactions for which it happens to begin.
        self._nobodys = contextvars.copy_context()
        self._sender: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for an answer."""
        return not self._waiting and not self._in_hand

    async def call(self, keys: tuple[bytes, ...], argument: bytes) -> int:
        """What the script answers. Raises what the client raises, and TimeoutError where the answer is late."""
        loop = asyncio.get_running_loop()
        words = (b"EVALSHA", self._sha, b"%d" % len(keys), *keys, argument)
        call = _Call(words, monotonic() + self._seconds, loop.create_future())
        self._waiting.append(call)
        self._has_come.set()
        if self._sender is None:
            self._sender = self._nobodys.run(asyncio.create_task, self._send_all())
        if self._alarm is None:
            self._alarm = self._nobodys.run(loop.call_later, self._seconds, self._look_at_the_clock)
        return await call.answer

    async def close(self) -> None:
        """Close the connection."""
        if self._alarm is not None:
            self._alarm.cancel()
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)

    def _look_at_the_clock(self) -> None:
        """Give up where the oldest call is late. One alarm for all costs less than one for each."""
        self._alarm = None
        for oldest in (*self._in_hand[:1], *self._waiting[:1]):
            left_seconds = oldest.deadline - monotonic()
            if left_seconds > 0:
                self._alarm = asyncio.get_running_loop().call_later(left_seconds, self._look_at_the_clock)
            elif self._sender is not None:
                # An answer that is still to come must not be taken for that of another call, so its connection goes.
                self._sender.cancel()
                self._give_up(TimeoutError())
            return

    def _give_up(self, error: Exception) -> None:
        """Tell all who wait; who came meanwhile need not find out once more."""
        together = [*self._in_hand, *self._waiting]
        self._in_hand, self._waiting, self._sender = [], [], None
        for call in together:
            if not call.answer.done():
                call.answer.set_exception(error)

    async def _send_all(self) -> None:
        """Send what waits, and then what has come meanwhile, until something goes wrong."""
        connection = self._connect_to()
        try:
            await connection.connect()  # type: ignore[no-untyped-call]  # the client leaves it untyped
            while True:
                await self._has_come.wait()
                # All that is ready at this moment has its turn first, since whoever calls in it comes along for little.
                await asyncio.sleep(0)
                self._has_come.clear()
                while self._waiting:
                    self._in_hand = self._waiting[:TOGETHER_AT_MOST]
                    del self._waiting[:TOGETHER_AT_MOST]
                    await self._send(connection, self._in_hand)
                    self._in_hand = []
        except (RedisError, OSError) as error:
            self._give_up(error)
        finally:
            await connection.disconnect(nowait=True)

    async def _send(self, connection: AbstractConnection, together: list[_Call]) -> None:
        answers = await _answers(connection, together)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            # A Redis that has started anew does not know the script, and has run it for none of them.
            await connection.send_command("SCRIPT", "LOAD", self._script)
            await connection.read_response()
            answers = await _answers(connection, together)
        for call, answer in zip(together, answers, strict=True):
            if call.answer.done():
                continue
            if isinstance(answer, ResponseError):
                call.answer.set_exception(answer)
            else:
                call.answer.set_result(answer)


async def _answers(connection: AbstractConnection, together: list[_Call]) -> list[Answer]:
    packed = [part for call in together for part in connection.pack_command(*call.words)]
    await connection.send_packed_command(packed, check_health=False)
    return [await _read_answer(connection) for _ in together]


async def _read_answer(connection: AbstractConnection) -> Answer:
    try:
        answer: int = await connection.read_response()
    except ResponseError as error:
        return error
    return answer
