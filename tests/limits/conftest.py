"""A Valkey of the test's own, which it may stop and freeze, and limits that count in it."""

import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis as blocking_redis
from redis.asyncio import Redis

from exchange.limits import RateLimits
from runtime.limits import Limits
from runtime.limits.shared import PREFIX
from runtime.servers.folder import DataFolder
from runtime.servers.valkey import Valkey
from tests.conftest import PATIENT_SECONDS


class OwnValkey:
    """A Valkey that a test may take away and give back."""

    def __init__(self, folder: Path) -> None:
        self._server = Valkey(DataFolder(folder))
        self.pid = 0
        self.start()

    @property
    def url(self) -> str:
        return self._server.address

    def start(self) -> None:
        self._server.start()
        with blocking_redis.Redis.from_url(self.url) as client:
            self.pid = int(client.info("server")["process_id"])

    def stop(self) -> None:
        self.thaw()
        self._server.stop()
        self.pid = 0

    def freeze(self) -> None:
        """Let it hang: it keeps its connections, takes new ones, and answers none."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGCONT)

    def go_away(self, how: str) -> None:
        if how == "frozen":
            self.freeze()
        else:
            self.stop()

    def come_back(self) -> None:
        if self.pid:
            self.thaw()
        else:
            self.start()


class Clock:
    """A clock that a test moves on, by which Redis is asked again and settings grow old."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def valkey(data_folder: Path) -> Iterator[OwnValkey]:
    valkey = OwnValkey(data_folder)
    try:
        yield valkey
    finally:
        valkey.stop()


@pytest.fixture
async def redis(valkey: OwnValkey) -> AsyncIterator[Redis]:
    """A client beside the limits, by which tests look at what is counted."""
    async with Redis.from_url(valkey.url) as client:
        yield client


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings() -> dict[int, RateLimits]:
    """The limits of each exchange; the defaults where there are none."""
    return {}


@pytest.fixture
def answer_seconds() -> float:
    """How long members wait for an answer; for so long that a busy machine is not taken for an outage."""
    return PATIENT_SECONDS


@pytest.fixture
async def limits(
    valkey: OwnValkey, clock: Clock, settings: dict[int, RateLimits], answer_seconds: float
) -> AsyncIterator[Limits]:
    async def settings_of(exchange_id: int) -> RateLimits:
        return settings.get(exchange_id, RateLimits())

    limits = Limits(valkey.url, settings_of, answer_seconds=answer_seconds, clock=clock)
    async with contextlib.aclosing(limits):
        await limits.look()
        yield limits


async def pass_time(redis: Redis, seconds: float) -> None:
    """Let all that is counted have happened so many seconds earlier, which is as good as waiting for it."""
    async for key in redis.scan_iter(f"{PREFIX}:*"):
        times = [float(value) for value in await redis.lrange(key, 0, -1)]  # type: ignore[misc]  # the client's types fit its blocking twin too
        await redis.delete(key)
        await redis.rpush(key, *[str(value - seconds) for value in times])  # type: ignore[misc]
