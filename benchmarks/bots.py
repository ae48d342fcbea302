"""How many of several kinds of bots are found, and how many honest members are bothered by it.

`python -m benchmarks.bots` plays 2,300 honest members and 800 bots through the exchange's own functions and
prints, for each kind, who was marked by a burst or by another signal, whose bonus waits, and who was frozen. Time
passes by dating everything back. Everybody's ownership is proven, which is when the exchange may do most.

It plays twice: 67 of a hostel come spread over the ten minutes after an announcement, which is the case that our
goals are about; and most of them come in its first minutes, which is harder and told beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import shutil
import tempfile
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.draws import report_draws
from benchmarks.finding_report import Looks, report
from benchmarks.newcomers import HOUR, SIGN_UPS_PER_MINUTE, Arrival, Kind, bots, hash_of, people
from exchange.migrations import migrate
from runtime.servers import EmbeddedServers

SEARCH_SECONDS = 1_800
"""The job that looks for signals runs more often; so seldom it has less of a chance."""

RING_SIZE = 20
MARKETS = ("21s1", "21s2", "22s1", "22s2", "23s1", "23s2", "24s1", "24s2", "28s1", "28s2")

_COMPLETE = "select betjee.complete_verification($1, $2, $3, $4, ($5::bytea, $6::bytea, $7::bytea)::betjee.network_keys)"
_REFUSE = "select betjee.refuse_verification($1, $2, ($3::bytea, $4::bytea, $5::bytea)::betjee.network_keys, 'too_many_attempts')"
_EXECUTE = "select status from betjee.execute_orders($1, $2::betjee.order_request[])"
_TIMES = {
    "verification_attempts": ("attempted_at", "network_key = any ($2)"),
    "accounts": ("seen_at", "network_key = any ($2)"),
    "users": (
        "registered_at",
        "user_id in (select user_id from betjee.accounts where exchange_id = $1 and network_key = any ($2))",
    ),
    "clusters": ("last_at", "subject_hash = any ($2)"),
}
_DATE = (
    "update betjee.transactions t set executed_at = clock_timestamp() - make_interval(secs => d.ago)"
    " from unnest($2::bigint[], $3::float8[]) d(request_id, ago)"
    " where t.exchange_id = $1 and t.request_id = d.request_id"
)
_STANDING = """
select i.name, n.is_marked_by_burst, n.is_marked_by_signal,
  n.is_marked_by_burst or n.is_marked_by_signal as is_marked, n.is_undecided, n.is_waiting,
  exists (
    select from betjee.accounts a join betjee.users u using (exchange_id, user_id)
    where a.exchange_id = $1 and a.identity_hash = i.identity_hash and u.status = 'frozen') as is_frozen
from unnest($2::text[], $3::bytea[]) i(name, identity_hash)
cross join lateral (
  select coalesce(bool_or(m.kind = 'burst'), false) as is_marked_by_burst,
    coalesce(bool_or(m.kind <> 'burst'), false) as is_marked_by_signal,
    coalesce(bool_or(m.decision is null), false) as is_undecided,
    coalesce(bool_or(m.withheld_paise > 0 and m.decision is distinct from 'released'), false) as is_waiting
  from betjee.marks m where m.exchange_id = $1 and m.identity_hash = i.identity_hash) n
"""


@dataclass
class Town:
    """An exchange with everybody in it."""

    owner: asyncpg.Connection
    exchange_id: int
    moderator: int
    dice: random.Random
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(10_000))
    users: dict[str, int] = field(default_factory=dict)
    trades: list[tuple[float, str, str, str, int | None, int | None]] = field(default_factory=list)

    @classmethod
    async def found(cls, owner: asyncpg.Connection, name: str, dice: random.Random) -> Town:
        """An exchange whose members sign up on the page; its band is wide, since its days take seconds."""
        answer = await owner.fetchval(
            "select betjee.open_exchange(1, 'discord', $1, 'Town', 'owner', 'Owner', 'web')", name
        )
        exchange_id = json.loads(answer)["exchange_id"]
        await owner.execute(
            "update betjee.exchanges set settings = settings || '{\"band_bps\": 1000000000}' where exchange_id = $1",
            exchange_id,
        )
        moderator = await owner.fetchval(
            "select user_id from betjee.users where exchange_id = $1", exchange_id
        )
        return cls(owner, exchange_id, moderator, dice)

    async def call(self, function: str, *arguments: object) -> dict[str, Any]:
        """The document that a writing function answers with."""
        places = ", ".join(f"${number}" for number in range(1, len(arguments) + 3))
        answer = await self.owner.fetchval(
            f"select betjee.{function}({places})", self.exchange_id, next(self.numbers), *arguments
        )
        document: dict[str, Any] = json.loads(answer)
        return document

    # Signing up

    async def sign_up(self, arrival: Arrival, *, is_refused: bool = False) -> None:
        """Somebody types /register and presses the button on the page."""
        token = hash_of(f"token {next(self.numbers)}")
        await self.call(
            "register_user",
            "discord",
            arrival.name,
            arrival.name,
            hash_of(arrival.name),
            None,
            datetime.now(UTC) - timedelta(days=arrival.days),
            token,
        )
        if is_refused:
            await self.owner.execute(_REFUSE, self.exchange_id, token, *arrival.networks)
            return
        answer = await self.owner.fetchval(
            _COMPLETE, self.exchange_id, next(self.numbers), token, arrival.name, *arrival.networks
        )
        self.users[arrival.name] = json.loads(answer)["user_id"]

    async def welcome(self, kind: Kind) -> None:
        """Everybody of a kind signs up in their order; whom the rate limit refuses comes back later."""
        keys = list({key for arrival in kind.arrivals for key in arrival.networks if key is not None})
        let_in: dict[bytes, deque[float]] = {}
        waiting = [(arrival.seconds, place, arrival) for place, arrival in enumerate(kind.arrivals)]
        now = searched = waiting[0][0]
        while waiting:
            waiting.sort(key=lambda item: item[:2])
            seconds, place, arrival = waiting.pop(0)
            await self.wait(keys, seconds - now)
            now = seconds
            recent = let_in.setdefault(arrival.networks[0], deque())
            while recent and recent[0] <= now - 60:
                recent.popleft()
            is_refused = len(recent) >= SIGN_UPS_PER_MINUTE
            await self.sign_up(arrival, is_refused=is_refused)
            if is_refused:
                waiting.append((now + 30 + self.dice.uniform(0, 5), place, arrival))
            else:
                recent.append(now)
            if now - searched >= SEARCH_SECONDS:
                searched = now
                await self.search()
        await self.search()

    async def wait(self, keys: list[bytes], seconds: float) -> None:
        """Let time pass for those on some networks; those on others do not matter to them."""
        if seconds > 0:
            for table, (column, condition) in _TIMES.items():
                await self.owner.execute(
                    f"update betjee.{table} set {column} = {column} - make_interval(secs => $3)"  # noqa: S608  # our own names
                    f" where exchange_id = $1 and {condition}",
                    self.exchange_id,
                    keys,
                    seconds,
                )

    async def search(self) -> float:
        """What the leader's job does; how many seconds it took."""
        begun = time.perf_counter()
        await self.owner.fetchval("select betjee.find_suspects($1)", self.exchange_id)
        return time.perf_counter() - begun

    # Trading: an hour, whose orders are sent in their order and dated afterwards

    def plan(
        self,
        seconds: float,
        name: str,
        side: str,
        market: str,
        *,
        shares: int | None = None,
        portion_bps: int | None = None,
    ) -> None:
        """Somebody will trade after so many seconds."""
        self.trades.append((seconds, name, market, side, shares, portion_bps))

    async def trade(self) -> int:
        """The hour happens; how many orders were filled."""
        dated: list[tuple[int, float]] = []
        filled = 0
        for seconds, name, market, side, shares, portion_bps in sorted(
            self.trades, key=lambda trade: trade[0]
        ):
            number = next(self.numbers)
            order = (number, self.users[name], market, side, shares, portion_bps, None, True)
            filled += await self.owner.fetchval(_EXECUTE, self.exchange_id, [order]) == "filled"
            dated.append((number, HOUR - seconds))
        self.trades.clear()
        await self.owner.execute(
            _DATE, self.exchange_id, [number for number, _ in dated], [ago for _, ago in dated]
        )
        return filled

    async def vanish(self, names: list[str]) -> None:
        """They delete themselves."""
        for name in names:
            answer = await self.call("delete_user", self.users[name], hash_of(name))
            assert "refused" not in answer, answer

    async def standing(self) -> dict[str, asyncpg.Record]:
        """How everybody stands who has signed up, by name, also those who have deleted themselves since."""
        names = list(self.users)
        rows = await self.owner.fetch(_STANDING, self.exchange_id, names, [hash_of(name) for name in names])
        return {row["name"]: row for row in rows}


def rings(kinds: list[Kind]) -> list[list[str]]:
    """Who moves bonus together: twenty each, the one that gains first; those who delete themselves are the last."""
    names = [name for kind in kinds if kind.style.startswith("bonus transfer") for name in kind.names]
    return [names[begin : begin + RING_SIZE] for begin in range(0, len(names), RING_SIZE)]


def plan_people(town: Town, kinds: list[Kind]) -> None:
    """Honest members trade when they like; eight friends of the hostel also follow the same news three times."""
    dice = town.dice
    active = dice.sample(kinds[0].names, 300) + [name for kind in kinds[1:] for name in kind.names]
    for name in active:
        for _ in range(dice.randint(4, 12)):
            side = dice.choice(("buy", "buy", "sell"))
            town.plan(dice.uniform(0, HOUR), name, side, dice.choice(MARKETS), shares=dice.randint(1, 30))
    for friend in kinds[2].names[:8]:
        for news in (600, 1_500, 2_700):
            town.plan(news + dice.uniform(0, 8), friend, "buy", "22s1", shares=5)
        for _ in range(6):
            town.plan(dice.uniform(0, HOUR), friend, "buy", dice.choice(MARKETS), shares=1)


def plan_bots(town: Town, kinds: list[Kind]) -> None:
    """Bots of one farm buy together; rings move their bonus to one of them, giver after giver."""
    dice = town.dice
    by_style = {kind.style: kind for kind in kinds}
    for farm in range(10):
        for step in range(6):
            market, begin = dice.choice(MARKETS), 60 + 500 * step + 10 * farm
            for name in by_style["slow drip"].names:
                if int(name.rsplit(maxsplit=1)[1]) // 15 == farm:
                    town.plan(begin // 10 * 10 + dice.uniform(0, 4), name, "buy", market, shares=2)
    for name in by_style["many networks"].names:
        town.plan(dice.uniform(0, HOUR), name, "buy", dice.choice(MARKETS), shares=dice.randint(1, 30))
    for ring, (gainer, *givers) in enumerate(rings(kinds)):
        market = MARKETS[2 * ring]
        for place, (giver, turn) in enumerate(itertools.product(givers, range(3))):
            begin = 20 + 60 * place + turn
            for step, (who, side, portion) in enumerate(
                (
                    (gainer, "buy", 4_000),
                    (giver, "buy", 9_500),
                    (gainer, "sell", 10_000),
                    (giver, "sell", 10_000),
                )
            ):
                town.plan(begin + 3 * step, who, side, market, portion_bps=portion)


async def look(town: Town, honest: set[str], *, bursts_only: bool) -> Looks:
    """A moderator looks at each open suspicion once, and releases it where honest people are in it, the widest first.

    Releasing one releases what a burst has marked of the same people, and closes that burst where nobody is left in it.
    """
    looks = Looks(0, 0, 0)
    while True:
        row = await town.owner.fetchrow(
            "select c.cluster_id from betjee.clusters c"
            " join betjee.suspects s using (exchange_id, cluster_id) join betjee.accounts a using (exchange_id, identity_hash)"
            " where c.exchange_id = $1 and c.status = 'open' and (c.kind = 'burst' or not $3)"
            " group by c.cluster_id having bool_or(a.provider_user_id = any ($2)) order by count(*) desc limit 1",
            town.exchange_id,
            list(honest),
            bursts_only,
        )
        if row is None:
            break
        looks.releases += 1
        await town.call("release_suspects", town.moderator, row["cluster_id"], None)
    standing = await town.standing()
    looks.waiting = sum(standing[name]["is_waiting"] for name in honest)
    looks.marked = sum(standing[name]["is_undecided"] for name in honest)
    return looks


async def play(owner: asyncpg.Connection, options: argparse.Namespace, *, is_front_loaded: bool) -> None:
    """Everything in a town of its own."""
    dice = random.Random(options.seed)
    town = await Town.found(owner, f"front-loaded {is_front_loaded}", dice)
    honest = people(dice, is_front_loaded=is_front_loaded, long_standing=options.long_standing)
    villains = bots(dice)
    for kind in (*honest, *villains):
        await town.welcome(kind)
    plan_people(town, honest)
    plan_bots(town, villains)
    filled = await town.trade()
    vanishing = set(next(kind for kind in villains if kind.style.endswith("then deleted")).names)
    await town.vanish([giver for ring in rings(villains) for giver in ring[1:] if giver in vanishing])
    await town.search()
    standing = await town.standing()
    seconds = min([await town.search() for _ in range(5)])
    names = {name for kind in honest for name in kind.names}
    at_bursts = await look(town, names, bursts_only=True)
    at_all = await look(town, names, bursts_only=False)
    arrival = (
        "most of the hostel in the first minutes after the announcement; harder than our goals are about"
        if is_front_loaded
        else "the hostel spread over ten minutes; the case of our goals"
    )
    print(f"Seed {options.seed}, {options.long_standing:.0%} of honest members there for long, {arrival}:")
    print(f"{len(standing):,} members, {filled:,} trades within an hour.\n")
    report(honest, villains, standing, at_bursts, at_all)
    print(
        f"\nA search over all of them takes {seconds * 1_000:.0f} ms; where nothing is new it takes no lock."
    )
    faults = await owner.fetch("select betjee.audit_exchange($1)", town.exchange_id)
    print(
        "The audit is clean." if not faults else "\n".join(["The audit found:", *(row[0] for row in faults)])
    )


async def play_all(servers: EmbeddedServers, options: argparse.Namespace) -> None:
    """Both arrivals, one after the other, on one server."""
    await migrate(servers.database_owner_url)
    owner = await asyncpg.connect(servers.database_owner_url)
    for is_front_loaded in (False, True):
        await play(owner, options, is_front_loaded=is_front_loaded)
        print()
    report_draws()
    await owner.close()


def main() -> None:
    """Start a PostgreSQL for the purpose, play, and throw it away."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--long-standing",
        type=float,
        default=0.0,
        help="what part of honest members is long in the community",
    )
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="betjee-bots-"))
    try:
        with EmbeddedServers(folder, valkey=False) as servers:
            asyncio.run(play_all(servers, options))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
