"""PostgreSQL's backends are killed and cancelled in the middle of trades, wipes, deletions and snapshots; nothing is done by half or twice."""

import asyncio
import hashlib
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import asyncpg
import pytest

from exchange.acts import Suspect, WipeMode
from exchange.database import Database as ConnectionPool
from exchange.errors import ExchangeBusy, ExchangeUnavailable, OutcomeUnknown, RequestRejected
from exchange.exchange import Exchange
from exchange.models import Identity, Order, Side, Size
from tests.conftest import Database

MEMBERS = 16
HITS = 40
END_SECONDS = 120
BONUS = 2_000_000
UNKNOWN = (OutcomeUnknown, ExchangeUnavailable, ExchangeBusy)


@dataclass
class Mob:
    """Members who trade, leave and come back, and an owner who wipes and pardons them; each asks until it is answered."""

    exchange: Exchange
    exchange_id: int
    owner: int
    answers: list[tuple[Callable[[], Awaitable[Any]], object]] = field(default_factory=list)
    going_home: bool = False
    request_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1_000))

    async def insist(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """The answer to a request; a refusal is one too."""
        while True:
            try:
                answer = await ask()
            except RequestRejected as refusal:
                answer = refusal.code
            except UNKNOWN:
                continue
            self.answers.append((ask, answer))
            return answer

    async def live(self, name: str) -> None:
        """Sign up, trade, and now and then leave, by chance."""
        identity, number = Identity("discord", name, name), self.exchange_id
        while not self.going_home:
            first, *orders, last = itertools.islice(self.request_ids, 6)
            member = await self.insist(partial(self.exchange.register_user, number, first, identity))
            if isinstance(member, str):
                continue
            for request_id in orders:
                side, size = random.choice([Side.BUY, Side.BUY, Side.SELL, Side.SHORT]), random.randint(1, 40)
                order = Order(request_id, member.user_id, "22s1", side, Size(size), confirmed=True)
                await self.insist(partial(self.exchange.execute_order, number, order))
            if random.random() < 0.3:
                await self.insist(partial(self.exchange.delete_user, number, last, member.user_id, identity))

    async def judge(self) -> None:
        """Wipe somebody, pardon whoever is banned, and make the leaderboards."""
        number = self.exchange_id
        while not self.going_home:
            name = f"member {random.randrange(MEMBERS)}"
            user = await self.learn(partial(self.exchange.find_user, number, "discord", name))
            if user is not None:
                wipe = partial(self.exchange.plan_wipe, number, next(self.request_ids), self.owner)
                mode, suspects = random.choice(list(WipeMode)), [Suspect(user.user_id, "discord", name)]
                await self.insist(partial(wipe, suspects, mode=mode, reason="Bots."))
            for ban in await self.learn(partial(self.exchange.list_bans, number, self.owner)):
                pardon = next(self.request_ids)
                await self.insist(partial(self.exchange.unban, number, pardon, self.owner, ban.ban_id))
            await self.learn(self.exchange.refresh_leaderboards)

    async def learn(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """The answer to a question."""
        while True:
            try:
                return await ask()
            except UNKNOWN:
                continue


@pytest.fixture
async def mob(database: Database) -> AsyncIterator[Mob]:
    def hash_identity(provider: str, provider_user_id: str) -> bytes:
        return hashlib.sha256(f"{provider} {provider_user_id}".encode()).digest()

    exchange = Exchange(ConnectionPool(database.service_url), hash_identity=hash_identity)
    exchange_id = await exchange.open_exchange(
        1, "discord", "mob", "Mob", Identity("discord", "owner", "Owner")
    )
    (owner,) = await exchange.list_moderators(exchange_id)
    await exchange.change_setting(exchange_id, 2, owner.user_id, "wipe_undo_seconds", "0")
    try:
        yield Mob(exchange, exchange_id, owner.user_id)
    finally:
        await exchange.close()


async def kill(watcher: asyncpg.Connection) -> None:
    """End or cancel what the application's backends are about, until enough of them were hit."""
    hits = 0
    while hits < HITS:
        how = random.choice(["pg_terminate_backend", "pg_cancel_backend"])
        hits += len(
            await watcher.fetch(
                f"select {how}(pid) from pg_stat_activity where datname = current_database()"
                " and state = 'active' and query like '%betjee.%' and pid <> pg_backend_pid()"
            )
        )
        # Not to wait for anything: acts take some milliseconds, and each kill is to meet another moment of one.
        await asyncio.sleep(random.random() / 40)


async def test_killed_in_the_middle_every_act_is_done_once_and_whole(
    mob: Mob, connection_owner: asyncpg.Connection, watcher: asyncpg.Connection
) -> None:
    async with asyncio.timeout(END_SECONDS), asyncio.TaskGroup() as group:
        for number in range(MEMBERS):
            group.create_task(mob.live(f"member {number}"))
        group.create_task(mob.judge())
        await kill(watcher)
        mob.going_home = True
    for ask, answer in list(mob.answers):
        assert await mob.insist(ask) == answer
    rows = await connection_owner.fetch("select betjee.audit_exchange($1)", mob.exchange_id)
    assert rows == []
    paid = await connection_owner.fetch(
        "select request_id, count(*) from betjee.transactions where exchange_id = $1 and cause = 'order'"
        " group by request_id, shift_id, user_id having count(*) > 1",
        mob.exchange_id,
    )
    assert paid == []
