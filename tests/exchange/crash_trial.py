"""Kill PostgreSQL again and again while people trade, and then compare what they were told with the ledger.

The test does it a few times, the benchmark fifty.
"""

import asyncio
import contextlib
import itertools
import random
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import asyncpg

from exchange.database import Database
from exchange.errors import ExchangeUnavailable, OutcomeUnknown
from exchange.exchange import Exchange
from exchange.migrations import migrate
from exchange.models import Order, Outcome, Side, Size, Status
from runtime.servers import EmbeddedServers, processes
from tests.model.founding import WIDE, Founded, found
from tests.model.invariants import discrepancies

TRADERS = 32
RICH_PAISE = 10**10
KILL = ((signal.SIGKILL, 10),)
PATIENCE_SECONDS = 60


@dataclass
class Crowd:
    """Traders who buy and sell without pause and ask again, with the same id, until they are answered."""

    exchange: Exchange
    founded: Founded
    answers: dict[int, Outcome] = field(default_factory=dict)
    request_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    going_home: bool = False
    enough: int = 0
    enough_answers: asyncio.Event = field(default_factory=asyncio.Event)

    async def trade(self, user_id: int) -> None:
        """Buy a few shares and sell them again until it is time to go home."""
        while not self.going_home:
            size = Size(random.randint(1, 5))
            for side in (Side.BUY, Side.SELL):
                order = Order(next(self.request_ids), user_id, "22s1", side, size, confirmed=True)
                self.answers[order.request_id] = await self._insist(order)
                if len(self.answers) >= self.enough:
                    self.enough_answers.set()

    async def _insist(self, order: Order) -> Outcome:
        while True:
            with contextlib.suppress(OutcomeUnknown, ExchangeUnavailable):
                return await self.exchange.execute_order(self.founded.exchange_id, order)

    async def wait_for_answers(self, more: int) -> None:
        """Wait until so many more orders are answered, so that a kill always hits a working exchange."""
        self.enough = len(self.answers) + more
        self.enough_answers.clear()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.enough_answers.wait()


@dataclass(frozen=True)
class Verdict:
    """What the trial found; the lists are empty where all is well."""

    kills: int
    acknowledged: int
    lost: list[int]
    executed_twice: list[int]
    executed_unheard: list[int]
    told_differently: list[int]
    discrepancies: list[str]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, doubled, or left unbalanced."""
        wrong = (
            self.lost,
            self.executed_twice,
            self.executed_unheard,
            self.told_differently,
            self.discrepancies,
        )
        return not any(wrong) and self.acknowledged > 0


async def run_trial(servers: EmbeddedServers, kills: int) -> Verdict:
    """Trade on these servers, kill their PostgreSQL so many times, and compare."""
    await migrate(servers.database_owner_url)
    owner = await asyncpg.connect(servers.database_owner_url)
    founded = await found(owner, [RICH_PAISE] * TRADERS, rules=WIDE)
    await owner.close()
    crowd = Crowd(Exchange(Database(servers.database_url)), founded)
    async with asyncio.TaskGroup() as group:
        for user_id in founded.users:
            group.create_task(crowd.trade(user_id))
        for _ in range(kills):
            await crowd.wait_for_answers(random.randint(100, 500))
            pid = servers.postgres.running_pid
            assert pid is not None
            await asyncio.to_thread(processes.end, pid, KILL)
            await asyncio.to_thread(servers.postgres.start)
        await crowd.wait_for_answers(100)
        crowd.going_home = True
    await crowd.exchange.close()
    return await _compare(servers, crowd, kills)


async def _compare(servers: EmbeddedServers, crowd: Crowd, kills: int) -> Verdict:
    owner = await asyncpg.connect(servers.database_owner_url)
    rows = await owner.fetch(
        "select request_id, sequence, abs(shares), gross_paise, tax_paise from betjee.transactions"
    )
    found_wrong = await discrepancies(owner, crowd.founded.exchange_id)
    audit = await owner.fetch("select betjee.audit_exchange($1)", crowd.founded.exchange_id)
    await owner.close()
    ledger = {row["request_id"]: tuple(row) for row in rows}
    told = {
        number: (number, answer.sequence, answer.shares, answer.gross_paise, answer.tax_paise)
        for number, answer in crowd.answers.items()
        if answer.status is Status.FILLED
    }
    return Verdict(
        kills=kills,
        acknowledged=len(told),
        lost=sorted(told.keys() - ledger.keys()),
        executed_twice=sorted(
            number for number, times in Counter(row["request_id"] for row in rows).items() if times > 1
        ),
        executed_unheard=sorted(ledger.keys() - told.keys()),
        told_differently=sorted(
            number for number in told.keys() & ledger.keys() if told[number] != ledger[number]
        ),
        discrepancies=[*found_wrong, *(row[0] for row in audit)],
    )
