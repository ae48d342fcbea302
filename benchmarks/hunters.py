"""What it pays to hunt the stops of others, and what it costs to be a nuisance, with and without the defences.

`python -m benchmarks.hunters` plays each story on an exchange of its own and prints what every party has won or
lost, at liquidation value. Time passes by dating everything back.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from exchange.migrations import migrate
from runtime.servers import EmbeddedServers
from tests.model.founding import Founded, found

CASH_PAISE = 500_000_000
HOLDERS = 4
HELD_BY_EACH = 1_000
VICTIMS = 8
VICTIM_SHARES = 100
HUNTED_SHARES = 100
DEFENCELESS = {"cooldown_seconds": 0, "band_bps": 1_000_000_000}
MARKET = "22s1"

_EXECUTE = "select * from betjee.execute_orders($1, $2::betjee.order_request[])"
_ARM = "select betjee.arm_stop($1, $2, $3, $4, $5, $6, $7, null)"
_TIMES = (
    "update betjee.transactions set executed_at = executed_at - make_interval(secs => $2) where exchange_id = $1",
    """
    update betjee.markets set halted_until = halted_until - make_interval(secs => $2),
      reopened_at = reopened_at - make_interval(secs => $2), stops_due_at = stops_due_at - make_interval(secs => $2)
    where exchange_id = $1
    """,
    """
    update betjee.positions set cooldown_until = cooldown_until - make_interval(secs => $2),
      set_off_until = set_off_until - make_interval(secs => $2)
    where exchange_id = $1
    """,
)


@dataclass
class Story:
    """An exchange with a crowd that holds shares, victims with stops just below the price, and two troublemakers."""

    owner: asyncpg.Connection
    founded: Founded
    request_ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    fair_paise: int = 0

    @classmethod
    async def begin(cls, owner: asyncpg.Connection, settings: dict[str, int], *, stops: bool = True) -> Story:
        """The price stands at about ₹320, and everybody has had their positions for a while."""
        founded = await found(owner, [CASH_PAISE] * (HOLDERS + VICTIMS + 2))
        story = cls(owner, founded)
        await story.set_up({"max_order_shares": 100_000, "band_bps": 1_000_000_000})
        for user in story.crowd:
            await story.order(user, "buy", HELD_BY_EACH)
        for user in story.victims:
            await story.order(user, "buy", VICTIM_SHARES)
        await story.set_up({"band_bps": 3_000, **settings})
        await story.wait(3_600)
        story.fair_paise = await story.price()
        for place, user in enumerate(story.victims if stops else ()):
            await story.arm(user, "stop_loss", story.fair_paise * (985 - 5 * place) // 1_000)
        return story

    @property
    def crowd(self) -> tuple[int, ...]:
        """Who holds most shares and knows what they are worth."""
        return self.founded.users[:HOLDERS]

    @property
    def victims(self) -> tuple[int, ...]:
        """Who has stops just below the price."""
        return self.founded.users[HOLDERS : HOLDERS + VICTIMS]

    @property
    def hunter(self) -> int:
        """Who sets the stops off."""
        return self.founded.users[-1]

    @property
    def accomplice(self) -> int:
        """The hunter's second account."""
        return self.founded.users[-2]

    async def set_up(self, settings: dict[str, int]) -> None:
        """Change settings without the bounds that a moderator has, to take the defences away."""
        await self.owner.execute(
            "update betjee.exchanges set settings = settings || $2::jsonb where exchange_id = $1",
            self.founded.exchange_id,
            json.dumps(settings),
        )

    async def order(self, user: int, side: str, shares: int) -> asyncpg.Record:
        """What became of an order."""
        order = (next(self.request_ids), user, MARKET, side, shares, None, None, True)
        rows = await self.owner.fetch(_EXECUTE, self.founded.exchange_id, [order])
        return rows[0]

    async def arm(self, user: int, kind: str, trigger_paise: int, shares: int | None = None) -> None:
        """Let an order wait."""
        number = next(self.request_ids)
        answer = await self.owner.fetchval(
            _ARM, self.founded.exchange_id, number, user, kind, MARKET, trigger_paise, shares
        )
        if "refused" in json.loads(answer):
            raise RuntimeError(answer)

    async def wait(self, seconds: int) -> None:
        """Let time pass; what is then due is done by an empty batch, as a job would."""
        for query in _TIMES:
            await self.owner.execute(query, self.founded.exchange_id, seconds)
        await self.owner.fetch(_EXECUTE, self.founded.exchange_id, [])

    async def wait_until_open(self) -> int:
        """Sit out all halts; how many there were."""
        for halts in itertools.count():
            if await self.status() == "open":
                return halts
            await self.wait(121)
        raise AssertionError

    async def buy_back(self) -> None:
        """The crowd buys, as far as the band lets it at a time, until the price is what it was."""
        while await self.price() < self.fair_paise:
            outcome = await self.order(self.crowd[0], "buy", 20)
            if outcome["status"] == "refused":
                await self.wait(121)

    async def cover(self) -> str:
        """The hunter closes the short as soon as it may be closed; why it could not be at once."""
        outcome = await self.order(self.hunter, "cover", HUNTED_SHARES)
        obstacle = "" if outcome["status"] == "filled" else str(outcome["code"])
        while outcome["status"] != "filled" and outcome["code"] != "exceeds_position":
            await self.wait(30)
            outcome = await self.order(
                self.hunter, "cover", min(HUNTED_SHARES, outcome["possible_shares"] or HUNTED_SHARES)
            )
        return obstacle

    async def price(self) -> int:
        """The price, in paise."""
        price: int = await self.owner.fetchval(
            "select (betjee.current_point(m)).price_paise from betjee.markets m where exchange_id = $1",
            self.founded.exchange_id,
        )
        return price

    async def status(self) -> str:
        """Whether the market is open."""
        status: str = await self.owner.fetchval(
            "select status from betjee.markets where exchange_id = $1", self.founded.exchange_id
        )
        return status

    async def worth(self, *users: int) -> int:
        """The net worth of some, in paise, at liquidation value."""
        total = 0
        for user in users:
            document = await self.owner.fetchval(
                "select betjee.get_portfolio($1, $2)", self.founded.exchange_id, user
            )
            total += json.loads(document)["net_worth_paise"]
        return total


async def alone(story: Story, *, crowd_returns: bool) -> str:
    """Short until the stops fire, and cover."""
    await story.order(story.hunter, "short", HUNTED_SHARES)
    if not crowd_returns:
        return await story.cover()
    await story.wait_until_open()
    await story.buy_back()
    return await story.cover()


async def with_waiting_order(story: Story, *, crowd_returns: bool) -> str:
    """Short a share first, so that a take-profit may wait below the stops; it covers within the very trade."""
    await story.order(story.hunter, "short", 1)
    await story.arm(story.hunter, "take_profit", story.fair_paise * 80 // 100, 1)
    await story.order(story.hunter, "short", HUNTED_SHARES - 1)
    held_back = await story.status()
    if crowd_returns:
        await story.wait_until_open()
        await story.buy_back()
    await story.cover()
    return f"market {held_back}"


async def with_second_account(story: Story, *, crowd_returns: bool) -> str:
    """One account fires the stops, another buys what they sold, first of all once it may; both close in the end."""
    await story.order(story.hunter, "short", HUNTED_SHARES)
    obstacle = await story.status()
    await story.wait_until_open()
    outcome = await story.order(story.accomplice, "buy", VICTIMS * VICTIM_SHARES)
    bought = outcome["shares"] or outcome["possible_shares"]
    if outcome["status"] == "refused":
        await story.order(story.accomplice, "buy", bought)
    if crowd_returns:
        await story.buy_back()
    await story.cover()
    await story.wait(121)
    await story.order(story.accomplice, "sell", bought)
    return f"market {obstacle}"


HUNTS = {
    "alone": alone,
    "with a waiting order": with_waiting_order,
    "with a second account": with_second_account,
}


async def hunt(owner: asyncpg.Connection) -> None:
    """Every hunt, with and without the defences, and with a crowd that knows the price or stays away."""
    print(f"{'hunter':24}{'defences':10}{'crowd':12}{'hunter wins':>14}{'victims lose':>14}   held up by")
    for name, play in HUNTS.items():
        for defences, settings in (("none", DEFENCELESS), ("all", {})):
            for crowd_returns in (False, True):
                if defences == "none" and crowd_returns and play is not with_second_account:
                    continue  # Who covers within the second does not wait for anybody.
                story = await Story.begin(owner, settings)
                troublemakers = (story.hunter, story.accomplice)
                before = await story.worth(*troublemakers), await story.worth(*story.victims)
                obstacle = await play(story, crowd_returns=crowd_returns)
                await story.wait_until_open()
                won = await story.worth(*troublemakers) - before[0]
                lost = before[1] - await story.worth(*story.victims)
                print(
                    f"{name:24}{defences:10}{'returns' if crowd_returns else 'stays away':12}"
                    f"{won / 100:>14,.2f}{lost / 100:>14,.2f}   {obstacle or '-'}"
                )


async def grieve(owner: asyncpg.Connection) -> None:
    """Stops of one share must lock nobody out; and what it costs to halt a market."""
    story = await Story.begin(owner, {}, stops=False)
    await story.order(story.hunter, "buy", 20)
    for place in range(20):
        await story.arm(story.hunter, "stop_loss", await story.price() * 995 // 1_000 - 100 * place, 1)
    sold = await story.order(story.crowd[0], "sell", 60)
    left = await owner.fetchval(
        "select count(*) from betjee.stop_losses where exchange_id = $1 and status = 'armed'",
        story.founded.exchange_id,
    )
    bought = await story.order(story.crowd[0], "buy", 1)
    print(
        f"\nTwenty stops of one share: a member sells 60 ({sold['status']}), which sets off {20 - left} of them, "
        f"and may still buy ({bought['status']})."
    )
    for shares in (250, 500, 1_000, 2_000):
        story = await Story.begin(owner, {}, stops=False)
        before = await story.worth(story.hunter, story.accomplice)
        for _ in range(shares // 250):
            await story.order(story.hunter, "buy", 250)
            await story.wait(121)
        await story.arm(story.hunter, "stop_loss", await story.price() * 999 // 1_000)
        await story.order(story.accomplice, "short", 20)
        halts = await story.wait_until_open()
        await story.order(story.accomplice, "cover", 20)
        cost = before - await story.worth(story.hunter, story.accomplice)
        print(
            f"A griefer's own stop of {shares:,} shares halts the market {halts} times; it costs ₹{cost / 100:,.2f}."
        )


async def lock_out(owner: asyncpg.Connection) -> None:
    """One stop so large that it reaches the band again and again: for how long may nobody buy what falls?"""
    for name, settings in (("none", {"halt_pause_seconds": 0}), ("some", {})):
        story = Story(owner, await found(owner, [CASH_PAISE] * 3))
        holder, buyer, seller = story.founded.users
        await story.set_up({"max_order_shares": 100_000, "band_bps": 1_000_000_000})
        await story.order(holder, "buy", 5_000)
        await story.set_up({"band_bps": 3_000, **settings})
        await story.wait(3_600)
        top = await story.price()
        await story.arm(holder, "stop_loss", top * 999 // 1_000)
        await story.order(seller, "short", 20)
        halted = bought = 0
        for _ in range(80):
            halted += await story.status() == "halted"
            bought += (await story.order(buyer, "buy", 10))["status"] == "filled"
            await story.wait(15)
        print(
            f"One stop of 5,000 shares, set off at ₹{top / 100:,.2f}, with {name} time between halts: in 20 minutes the "
            f"market is halted {halted / 80:.0%} of the time, and of 80 purchases {bought} are filled; "
            f"then the price is ₹{await story.price() / 100:,.2f}."
        )


async def play_all(servers: EmbeddedServers) -> None:
    """Everything on one server."""
    await migrate(servers.database_owner_url)
    owner = await asyncpg.connect(servers.database_owner_url)
    await hunt(owner)
    await grieve(owner)
    await lock_out(owner)
    await owner.close()


def main() -> None:
    """Start a PostgreSQL for the purpose, play, and throw it away."""
    folder = Path(tempfile.mkdtemp(prefix="betjee-hunters-"))
    try:
        with EmbeddedServers(folder, valkey=False) as servers:
            asyncio.run(play_all(servers))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
