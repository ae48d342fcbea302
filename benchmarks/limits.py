"""`python -m benchmarks.limits`: what the limits cost a command, and what they cost when Redis hangs.

The same commands go through the whole bot, over real sockets, with and without limits in turn. One process of the
bot is as fast as its one thread, so a command's rate is the inverse of the processor time that it takes; that is
what is compared, since it also holds on a machine that others use. Each figure is a ratio to that of the same round
without limits.
"""

import argparse
import asyncio
import hashlib
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import discord
import redis as blocking_redis
import yarl
from discord.gateway import DiscordWebSocket

from benchmarks.busy_discord import FIRST_MEMBER, MEMBERS
from bot.client import BetJee
from bot.pictures.studio import Studio
from bot.run import redis_client
from exchange.database import Database
from exchange.exchange import Exchange
from exchange.migrations import migrate
from exchange.models import Identity
from runtime.event_loop import run as run_on_loop
from runtime.limits import Budget, Limits, Network, Ruling
from runtime.servers import EmbeddedServers
from tests.bot.discord_server import GUILD_ID, TOKEN

COMMANDS = ("trade", "portfolio", "markets")
WITHOUT, BY_MEMBER, BY_NETWORK = "without limits", "by member", "by member and network"
MODES = (WITHOUT, BY_MEMBER, BY_NETWORK)
NETWORKS = 20
IN_HAND = 32
UNHURRIED = (
    '{"user_trades_per_minute": 600, "user_trade_burst": 600, "network_trades_per_minute": 6000,'
    ' "user_reads_per_minute": 600}'
)


@dataclass
class Measured:
    """A command's processor time, by command and mode; how long checks took; and how long while Redis hung."""

    costs_ms: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    checks_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    gets_ms: list[float] = field(default_factory=list)
    frozen_ms: list[float] = field(default_factory=list)

    def kept(self, command: str, mode: str) -> float:
        """The part of the rate without limits that is left, in the median round."""
        pairs = zip(self.costs_ms[command, mode], self.costs_ms[command, WITHOUT], strict=True)
        return statistics.median(without / cost for cost, without in pairs)


class TimedLimits(Limits):
    """Limits that can be left out, and that note how long they took."""

    mode = WITHOUT
    checks_ms: list[float]
    refer: Callable[[], Awaitable[None]] | None = None

    async def check_member(self, budget: Budget, exchange_id: int, user: str) -> Ruling:
        """As `Limits` does it."""
        if self.mode == WITHOUT:
            return Ruling()
        start = time.perf_counter()
        ruling = await super().check_member(budget, exchange_id, user)
        self.checks_ms.append(1_000 * (time.perf_counter() - start))
        if self.refer is not None:
            await self.refer()
        assert ruling.is_admitted
        assert self.state.is_shared
        return ruling


def _hash(*identity: str) -> bytes:
    return hashlib.sha256(repr(identity).encode()).digest()


async def measure(servers: EmbeddedServers, rounds: int, seconds: float) -> Measured:
    """Measure each command in each mode once a round, in an order that turns."""
    await migrate(servers.database_owner_url)
    exchange = Exchange(Database(servers.database_url), hash_identity=_hash)
    measured = Measured()

    async def network_of(_exchange_id: int, user: str) -> Network | None:
        return Network(bytes([int(user) % NETWORKS])) if limits.mode == BY_NETWORK else None

    async with (
        aclosing(TimedLimits(servers.redis_url, exchange.get_rate_limits, network_of)) as limits,
        redis_client(servers.redis_url) as redis,
        busy_guild(BetJee(exchange, redis, limits=limits, studio=Studio())) as guild,
    ):

        async def time_get() -> None:
            start = time.perf_counter()
            await redis.get("nothing")
            measured.gets_ms.append(1_000 * (time.perf_counter() - start))

        limits.checks_ms = []
        await limits.look()
        await prepare(servers, exchange)
        for number in range(rounds):
            print(f"Round {number + 1} of {rounds} ...", flush=True)
            for command in COMMANDS:
                for mode in MODES[number % 3 :] + MODES[: number % 3]:
                    # What is known of networks is remembered longer than a measurement lasts.
                    limits._networks._entries.clear()  # noqa: SLF001  # each mode begins knowing no network
                    limits.mode = mode
                    measured.costs_ms[command, mode].append(await guild.measure(command, IN_HAND, seconds))
            for mode in (BY_MEMBER, BY_NETWORK):
                limits.mode, limits.checks_ms, limits.refer = mode, measured.checks_ms[mode], time_get
                await guild.measure("trade", 1, seconds)
                limits.checks_ms, limits.refer = [], None
    measured.frozen_ms = await measure_frozen(servers, exchange)
    await exchange.close()
    return measured


async def measure_frozen(servers: EmbeddedServers, exchange: Exchange) -> list[float]:
    """How long checks take, in milliseconds, for three seconds in which Redis hangs."""
    with blocking_redis.Redis.from_url(servers.redis_url) as client:
        pid = int(client.info("server")["process_id"])
    took: list[float] = []
    async with aclosing(Limits(servers.redis_url, exchange.get_rate_limits)) as limits:
        await limits.look()
        os.kill(pid, signal.SIGSTOP)
        try:
            begin = time.perf_counter()
            while (start := time.perf_counter()) < begin + 3:
                await limits.check_member(Budget.READS, 1, str(len(took)))
                took.append(1_000 * (time.perf_counter() - start))
                await asyncio.sleep(0.002)
        finally:
            os.kill(pid, signal.SIGCONT)
    return took


async def prepare(servers: EmbeddedServers, exchange: Exchange) -> None:
    """Members with accounts and with limits that none of them reaches."""
    exchange_id = None
    while exchange_id is None:
        exchange_id = await exchange.find_exchange("discord", GUILD_ID)
        await asyncio.sleep(0.05)
    for number in range(MEMBERS):
        identity = Identity("discord", str(FIRST_MEMBER + number), f"Member {number}")
        await exchange.register_user(exchange_id, number + 1, identity)
    owner = await asyncpg.connect(servers.database_owner_url)
    await owner.execute("update betjee.exchanges set settings = settings || $1::jsonb", UNHURRIED)
    await owner.close()


class Guild:
    """The process that keeps the bot busy."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    async def hears(self, expected: str) -> None:
        """Wait for a line."""
        assert (await asyncio.to_thread(self._line)).strip() == expected

    async def measure(self, command: str, in_hand: int, seconds: float) -> float:
        """How many milliseconds of this process's time a command takes."""
        assert self._process.stdin is not None
        begin = time.process_time()
        self._process.stdin.write(f"{command} {in_hand} {seconds}\n")
        self._process.stdin.flush()
        answered = int(await asyncio.to_thread(self._line))
        return 1_000 * (time.process_time() - begin) / answered

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@asynccontextmanager
async def busy_guild(bot: BetJee) -> AsyncIterator[Guild]:
    """The bot, connected to a guild in another process."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    discord.http.Route.BASE = f"http://127.0.0.1:{port}/api"
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"ws://127.0.0.1:{port}/gateway")
    process = subprocess.Popen(  # noqa: ASYNC220  # it starts once, before anything is measured
        [sys.executable, "-m", "benchmarks.busy_discord", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    guild = Guild(process)
    await guild.hears("listening")
    running = asyncio.create_task(bot.start(TOKEN))
    await guild.hears("identified")
    try:
        yield guild
    finally:
        await bot.close()
        await asyncio.gather(running, return_exceptions=True)
        process.terminate()
        process.wait()


def report(measured: Measured) -> str:
    """The table, and whether what we want to reach is reached."""
    lines = [f"{'':12}{'':24}{'ms/command':>12}{'of the rate':>13}"]
    for command in COMMANDS:
        for mode in MODES:
            cost = statistics.median(measured.costs_ms[command, mode])
            lines.append(f"{command:12}{mode:24}{cost:>12.3f}{measured.kept(command, mode):>13.1%}")
    lines.append("One trade after the other:")
    for what, times in (
        *((f"a check {mode}", measured.checks_ms[mode]) for mode in MODES[1:]),
        ("a bare GET", measured.gets_ms),
    ):
        took = sorted(times)
        p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
        lines.append(f"{what:36}p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    slow = sum(milliseconds > 10 for milliseconds in measured.frozen_ms)
    lines.append(
        f"Redis frozen for 3 s: the slowest of {len(measured.frozen_ms):,} checks took "
        f"{max(measured.frozen_ms):.0f} ms, and {slow} took more than 10 ms"
    )
    return "\n".join(lines)


def main() -> None:
    """Start servers for the purpose, measure, print, and throw them away."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limits", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="how often each is measured; medians are shown")
    parser.add_argument("--seconds", type=float, default=2, help="how long each measurement takes")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="betjee-limits-"))
    try:
        with EmbeddedServers(folder) as servers:
            measured = run_on_loop(measure(servers, options.rounds, options.seconds))
    finally:
        shutil.rmtree(folder)
    print(report(measured))


if __name__ == "__main__":
    main()
