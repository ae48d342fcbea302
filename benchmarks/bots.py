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
import random
import shutil
import tempfile
from pathlib import Path

import asyncpg

from benchmarks.draws import report_draws
from benchmarks.finding_report import Looks, report
from benchmarks.newcomers import HOUR, Kind, bots, people
from benchmarks.town import Town
from exchange.migrations import migrate
from runtime.servers import EmbeddedServers

RING_SIZE = 20
MARKETS = ("21s1", "21s2", "22s1", "22s2", "23s1", "23s2", "24s1", "24s2", "28s1", "28s2")


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
