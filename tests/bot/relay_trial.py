"""Kill the relay again and again while notices are due, and count what arrived.

The test does it a few times, the benchmark a hundred times.
"""

import asyncio
import itertools
import json
import random
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from bot.communities import PROVIDER
from exchange.database import Database
from exchange.exchange import Exchange
from exchange.models import Identity
from exchange.notices import NotifyBy
from runtime.keyed_hashes import KeyedHashes
from tests.bot.discord_server import CHANNEL_ID, GUILD_ID, OWNER_ID, DiscordServer

PEOPLE = 30
PATIENCE_SECONDS = 60
ROOT = Path(__file__).parents[2]
QUEUE = """
select betjee.queue_notices(e, $2::betjee.notice[]) from betjee.exchanges e where e.exchange_id = $1
"""
LEFT = "select count(*) from betjee.outbox where state <> 'delivered'"


@dataclass
class Mailbox:
    """What the server received: each message's nonce, with the number of the process that sent it."""

    arrived: list[tuple[int, str]] = field(default_factory=list)
    process: int = 0
    enough: int = 0
    has_enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self, server: DiscordServer) -> None:
        """Note all that arrives; a login tells where the work of one process ends and the next one's begins."""
        while True:
            method, path, body = await server.requests.get()
            if path == "users/@me":
                self.process += 1
            elif method == "POST" and path.endswith("/messages"):
                self.arrived.append((self.process, body["nonce"]))
                if len(self.arrived) >= self.enough:
                    self.has_enough.set()

    async def wait_for(self, more: int) -> None:
        """Wait until so many more messages have arrived."""
        self.enough = len(self.arrived) + more
        self.has_enough.clear()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.has_enough.wait()


@dataclass(frozen=True)
class Verdict:
    """What arrived of what was due; `undelivered`, `strange` and `unexplained` are empty where all is well.

    `repeated` are nonces of messages that arrived once more than they should have, each as often as it did;
    `unexplained` those of them that were not the last message of a process that was killed.
    """

    kills: int
    due: int
    arrived: int
    repeated: list[str]
    undelivered: list[str]
    strange: list[str]
    unexplained: list[str]
    unmarked: int

    @property
    def is_clean(self) -> bool:
        """Whether everything was delivered, and only what was in hand at a kill arrived twice."""
        wrong = self.undelivered or self.strange or self.unexplained or self.unmarked
        return not wrong and len(self.repeated) <= self.kills


async def run_trial(owner_url: str, service_url: str, notices: int, kills: int) -> Verdict:
    """Let a relay deliver so many notices, kill it so many times, and compare."""
    owner = await asyncpg.connect(owner_url)
    try:
        await _queue(owner, service_url, notices)
        rows = await owner.fetch("select dedupe_key from betjee.outbox where state = 'pending'")
        due = {row["dedupe_key"] for row in rows}
        mailbox = Mailbox()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        async with DiscordServer().listening(port) as server:
            watching = asyncio.create_task(mailbox.watch(server))
            arguments = (service_url, f"http://127.0.0.1:{port}/api")
            for _ in range(kills):
                async with _relay(arguments):
                    await mailbox.wait_for(random.randint(1, max(1, notices // kills - 2)))
                    # At once, it falls between sending and marking; a little later, anywhere.
                    await asyncio.sleep(random.choice((0, random.uniform(0, 0.02))))
            async with _relay(arguments), asyncio.timeout(PATIENCE_SECONDS):
                while await owner.fetchval(LEFT):  # noqa: ASYNC110  # the database has no event for it
                    await asyncio.sleep(0.02)
            watching.cancel()
        return _judge(mailbox, due, kills, await owner.fetchval(LEFT))
    finally:
        await owner.close()


@asynccontextmanager
async def _relay(arguments: tuple[str, str]) -> AsyncIterator[None]:
    """A relay in its own process, which is killed at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bot.relay_process", *arguments, cwd=ROOT
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def _queue(owner: asyncpg.Connection, service_url: str, notices: int) -> None:
    """Notices to everyone in the channel and to people who asked for direct messages, in one exchange."""
    exchange = Exchange(Database(service_url), hash_identity=KeyedHashes(b"this trial's own").identity)
    numbers = itertools.count(1)
    meera = Identity(PROVIDER, OWNER_ID, "Meera")
    exchange_id = await exchange.open_exchange(next(numbers), PROVIDER, GUILD_ID, "JEE 2026", meera)
    moderator = await exchange.find_user(exchange_id, PROVIDER, OWNER_ID)
    assert moderator is not None
    await exchange.set_channel(exchange_id, next(numbers), moderator.user_id, PROVIDER, CHANNEL_ID)
    receivers: list[int | None] = [None]
    for number in range(PEOPLE):
        identity = Identity(PROVIDER, str(2_000 + number), f"Member {number}")
        member = await exchange.register_user(exchange_id, next(numbers), identity)
        await exchange.choose_notifications(exchange_id, next(numbers), member.user_id, NotifyBy.DIRECT)
        receivers.append(member.user_id)
    await exchange.close()
    detail = {"market": "22s1", "label": "22 JAN S1", "alert_price_paise": 2_000, "price_paise": 2_010}
    rows = [
        (receiver, "price_alert", json.dumps(detail))
        for receiver in itertools.islice(itertools.cycle(receivers), notices)
    ]
    await owner.execute(QUEUE, exchange_id, rows)


def _judge(mailbox: Mailbox, due: set[str], kills: int, unmarked: int) -> Verdict:
    times = Counter(nonce for _, nonce in mailbox.arrived)
    repeated = Counter({nonce: count - 1 for nonce, count in times.items() if count > 1})
    last_words = Counter(dict(mailbox.arrived).values())
    return Verdict(
        kills=kills,
        due=len(due),
        arrived=len(mailbox.arrived),
        repeated=sorted(repeated.elements()),
        undelivered=sorted(due - times.keys()),
        strange=sorted(times.keys() - due),
        unexplained=sorted((repeated - last_words).elements()),
        unmarked=unmarked,
    )
