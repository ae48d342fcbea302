"""The counts that all processes share, in Redis.

The library's strategies ask for one window at a time, and each asking takes as long as a tenth of a command. That is
right for what is rare: signing up and moderating. A trade needs a place in up to four windows at once, of two lists:
one after the other would be several round trips, and a trade that the last window refuses would have used up places
in the first. So trades are judged by one script, on lists of the library's form; and trades, reads and quotes that
arrive while the last ones are being judged are sent together. Whatever one script touches lies in one slot of a
cluster, since the exchange is the keys' hash tag.
"""

import asyncio
import hashlib
import time
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from runtime.limits.budgets import SHORTEST_WAIT_SECONDS, Demand, Reason, Ruling

PREFIX: Final = "betjee:limits"

ANSWER_SECONDS: Final = 0.09
"""How long a member waits for Redis, a hundred times what it needs; with the rest, no action loses 100 ms."""

TOGETHER_AT_MOST: Final = 200

_PLACE_IN_ALL: Final = (files("runtime.limits") / "place_in_all.lua").read_text()
_PLACE_IN_ALL_SHA: Final = hashlib.sha1(_PLACE_IN_ALL.encode(), usedforsecurity=False).hexdigest()
_REASONS: Final = (Reason.ADMITTED, Reason.MEMBER, Reason.NETWORK)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An action that waits for its ruling, until the loop's time of its deadline."""

    demand: Demand
    deadline: float
    ruling: asyncio.Future[Ruling]


class SharedCounts:
    """Counts in the Redis of an address. It raises what the client raises, and TimeoutError where an answer is late."""

    def __init__(self, url: str) -> None:
        # Time-outs on each read and write would cost a third of the whole; there is one around all of it.
        pool = ConnectionPool.from_url(url, retry=Retry(NoBackoff(), 0))
        self._redis = Redis.from_pool(pool)
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=PREFIX,
            connection_pool=pool,  # type: ignore[arg-type]  # the library's docs name it, its types do not
        )
        self._windows = MovingWindowRateLimiter(storage)
        # What is sent together goes through a connection of its own, without the client around it, whose part
        # would be the larger one.
        self._connection = pool.make_connection()  # type: ignore[no-untyped-call]  # the client leaves it untyped
        self._waiting: list[_Waiting] = []
        self._is_sending = False
        self._sender: asyncio.Task[None] | None = None

    async def take(self, demand: Demand) -> Ruling:
        """Take a place in every window of a demand, or in none."""
        if demand.budget.waits:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._take_in_one(demand)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(demand, loop.time() + ANSWER_SECONDS, loop.create_future())
        self._waiting.append(waiting)
        if not self._is_sending:
            # Who comes first asks by themselves, since a task for it would cost as much as the asking; those who
            # have come meanwhile get one.
            self._is_sending = True
            try:
                await self._send_next()
            finally:
                self._sender = asyncio.create_task(self._send_all()) if self._waiting else None
                self._is_sending = self._sender is not None
        return await waiting.ruling

    async def ping(self) -> None:
        """Ask whether Redis answers and can be written to, however long it takes, and teach it the script."""
        await self._redis.script_load(_PLACE_IN_ALL)
        await self._redis.set(f"{PREFIX}:probe", "", px=1)

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.disconnect(nowait=True)
        await self._redis.aclose(close_connection_pool=True)

    async def _take_in_one(self, demand: Demand) -> Ruling:
        (window,) = demand.windows
        item = RateLimitItemPerSecond(window.places, window.seconds, hash_tag(demand.exchange_id))
        whose = (demand.budget.value, demand.owner)
        if await self._windows.hit(item, *whose):
            return Ruling()
        reset_time, _ = await self._windows.get_window_stats(item, *whose)
        return Ruling(Reason.MEMBER, max(reset_time - time.time(), SHORTEST_WAIT_SECONDS))

    async def _send_all(self) -> None:
        """Send what waits, and what comes to wait meanwhile, until nothing does."""
        try:
            while self._waiting:
                await self._send_next()
        finally:
            self._is_sending = False

    async def _send_next(self) -> None:
        together = self._waiting[:TOGETHER_AT_MOST]
        del self._waiting[:TOGETHER_AT_MOST]
        await self._judge_together(together)

    async def _judge_together(self, together: list[_Waiting]) -> None:
        try:
            async with asyncio.timeout_at(together[0].deadline):
                answers = await self._place_in_all([waiting.demand for waiting in together])
        except (RedisError, OSError) as error:
            # Who came meanwhile need not find out once more.
            for waiting in [*together, *self._waiting]:
                if not waiting.ruling.done():
                    waiting.ruling.set_exception(error)
            self._waiting.clear()
            return
        for waiting, answer in zip(together, answers, strict=True):
            if waiting.ruling.done():
                continue
            if isinstance(answer, Exception):
                waiting.ruling.set_exception(answer)
            else:
                waiting.ruling.set_result(Ruling(_REASONS[answer[0]], answer[1] / 1_000))

    async def _place_in_all(self, demands: list[Demand]) -> list[list[int] | ResponseError]:
        answers = await self._run_script(demands)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            # A Redis that has started anew does not know the script, and has run it for none of them.
            await self._redis.script_load(_PLACE_IN_ALL)
            answers = await self._run_script(demands)
        return answers

    async def _run_script(self, demands: list[Demand]) -> list[list[int] | ResponseError]:
        connection = self._connection
        try:
            if not connection.is_connected:
                await connection.connect()
            commands = connection.pack_commands([_command_of(demand) for demand in demands])
            await connection.send_packed_command(commands, check_health=False)
            return [await self._read_answer() for _ in demands]
        except BaseException:
            # An answer that is still to come must not be taken for that of another question.
            await connection.disconnect(nowait=True)
            raise

    async def _read_answer(self) -> list[int] | ResponseError:
        try:
            answer: list[int] = await self._connection.read_response()
        except ResponseError as error:
            return error
        return answer


def hash_tag(exchange_id: int) -> str:
    """What makes all keys of an exchange fall into one slot of a cluster, and those of different ones into many."""
    return f"{{{exchange_id}}}"


def keys_of(demand: Demand) -> list[str]:
    """The lists of places in which a demand with several windows is judged."""
    prefix = f"{PREFIX}:{hash_tag(demand.exchange_id)}/{demand.budget}"
    owners = [demand.owner] if demand.network is None else [demand.owner, demand.network]
    return [f"{prefix}/{owner}" for owner in owners]


def _command_of(demand: Demand) -> tuple[str | int, ...]:
    """The script's call."""
    keys = keys_of(demand)
    windows = (demand.network_window, demand.kept, *demand.windows)
    figures = [figure for window in windows for figure in (window.places, window.seconds)]
    return ("EVALSHA", _PLACE_IN_ALL_SHA, len(keys), *keys, *figures)
