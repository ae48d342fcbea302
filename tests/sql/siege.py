"""A bot farm and its moderators in random histories: who signs up, leaves, comes back, is frozen, wiped, released, undone."""

import json
import random
from collections import defaultdict
from typing import Any, Final

import asyncpg

from tests.sql.arrivals import BONUS, arrive, hash_of, ipv4, pass_time, search, trade
from tests.sql.front import DISCORD, Front

PEOPLE: Final = "abcdefgh"
REGULARS: Final = "xyz"
"""Members of before, who hold shares."""

NETWORKS: Final = ("hostel", "library", "cafe", "station", "office")
MARKETS: Final = ("21s1", "22s1")
MODERATORS: Final = ("mona", "max")
_MOMENT: Final = "update betjee.{table} set {column} = {column} - interval '1 hour' where exchange_id = $1"
_DATED: Final = (("wipes", "due_at"), ("bans", "banned_until"), ("burns", "burned_at"))


class Siege:
    """Acts by chance, each through the function that a front end calls, with what must hold after each."""

    def __init__(self, front: Front, owner: asyncpg.Connection, seed: str) -> None:
        self.front, self.owner, self.chance = front, owner, random.Random(seed)
        self.moderators: list[int] = []
        self.season = 1
        self.history: list[str] = []
        self._granted: dict[str, dict[int, int]] = defaultdict(dict)

    async def begin(self, settings: dict[str, Any]) -> None:
        """The page is on, and two moderate beside the owner."""
        await self.owner.execute(
            "update betjee.exchanges set settings = settings || $2::jsonb where exchange_id = $1",
            self.front.exchange_id,
            json.dumps({"verification": "web", "crowd_accounts": 4, "band_bps": 1_000_000_000} | settings),
        )
        for name in REGULARS:
            await arrive(self.front, name, ipv4(f"home of {name}"))
            for market in MARKETS:
                await trade(self.front, name, "buy", 50, market)
        found = await self.front.document("find_user", self.front.exchange_id, DISCORD, "owner")
        self.moderators = [found["user_id"]]
        for name in MODERATORS:
            appointed = await self.front.call(
                "add_moderator", found["user_id"], DISCORD, name, name, hash_of(name)
            )
            self.moderators.append(appointed["user_id"])

    async def go_on(self) -> None:
        """One more act, and what must hold after it."""
        act = self.chance.choice(
            (
                *[self.sign_up] * 4, *[self.trade] * 3, *[self.release] * 2, *[self.freeze] * 2, *[self.wipe] * 2,
                self.leave, self.arm, self.arm, self.halt, self.release_one, self.wipe_members, self.undo, self.second,
                self.ban, self.unban, self.unfreeze, self.ban_network, self.look, self.wait, self.promote, self.begin_season,
            )
        )  # fmt: skip
        answer = await act()
        self.history.append(f"{act.__name__}: {answer}")
        await self.check()

    async def check(self) -> None:
        """The audit, one bonus for each identity and season, and a status for each member that says what was done to them."""
        audit = await self.front.service.fetch("select betjee.audit_exchange($1)", self.front.exchange_id)
        assert audit == [], self.history[-12:]
        for row in await self._rows(
            "select a.provider_user_id, g.sequence, g.amount_paise from betjee.grants g"
            " join betjee.accounts a using (exchange_id, user_id) where g.exchange_id = $1 and g.amount_paise <> 0"
        ):
            self._granted[row["provider_user_id"]][row["sequence"]] = row["amount_paise"]
        got = {name: sum(amounts.values()) for name, amounts in self._granted.items()}
        assert all(0 <= amount <= BONUS * self.season for amount in got.values()), (got, self.history[-12:])
        wrong = await self._rows(
            """
            select u.user_id, u.status from betjee.users u
            where u.exchange_id = $1 and u.status <> 'deleted' and u.status <> case
              when exists (select from betjee.bans b where b.exchange_id = $1 and b.user_id = u.user_id and b.ended_at is null) then 'banned'
              when exists (select from betjee.freezes f where f.exchange_id = $1 and f.user_id = u.user_id)
                or exists (
                  select from betjee.wipe_members m join betjee.wipes w using (exchange_id, wipe_id)
                  where m.exchange_id = $1 and m.user_id = u.user_id and w.ended_at is null) then 'frozen'
              else 'active' end
            """
        )
        assert wrong == [], self.history[-12:]

    async def sign_up(self) -> object:
        """Some come from one network at once."""
        network = ipv4(self.chance.choice(NETWORKS))
        names = self.chance.sample(PEOPLE, self.chance.choice([1, 1, 4, 6]))
        return [await arrive(self.front, name, network, proven=self.chance.random() < 0.5) for name in names]

    async def leave(self) -> object:
        """Somebody deletes themselves, and is back at once by another way."""
        name, user_id = await self._anybody()
        left = user_id and await self.front.call("delete_user", user_id, hash_of(name))
        return left, await arrive(self.front, name, ipv4(f"home of {name}"))

    async def trade(self) -> object:
        _, user_id = await self._anybody()
        if not user_id:
            return None
        self.front.last_id += 1
        side = self.chance.choice(["buy", "buy", "sell", "short", "cover"])
        order = (
            self.front.last_id,
            user_id,
            self.chance.choice(MARKETS),
            side,
            self.chance.randint(1, 90),
            None,
            None,
            True,
        )
        rows = await self.front.service.fetch(
            "select * from betjee.execute_orders($1, $2::betjee.order_request[])",
            self.front.exchange_id,
            [order],
        )
        return rows[0]["code"] or rows[0]["status"]

    async def arm(self) -> object:
        """An order that waits near the price, so that others' trades, unwindings and deletions set it off."""
        user = await self.front.service.fetchval(
            "select betjee.find_user($1, $2, $3)",
            self.front.exchange_id,
            DISCORD,
            self.chance.choice(REGULARS),
        )
        user_id, market = json.loads(user)["user_id"] if user else 0, self.chance.choice(MARKETS)
        rows = await self.front.listing("list_markets")
        price = next(row["price_paise"] for row in rows if row["market"] == market)
        trigger = price + self.chance.randint(-20, 20)
        kind = self.chance.choice(["stop_loss", "take_profit"])
        return await self.front.call("arm_stop", user_id, kind, market, trigger, None, None)

    async def halt(self) -> object:
        """Halt a market, or resume it."""
        market, function = (
            self.chance.choice(MARKETS),
            self.chance.choice(["halt_market", "resume_market", "resume_market"]),
        )
        reason = ("A rumour.",) if function == "halt_market" else ()
        return await self.front.call(function, await self._moderator(), market, *reason)

    async def release(self) -> object:
        return await self._decide("release_suspects", None)

    async def release_one(self) -> object:
        return await self._decide("release_suspects", (await self._anybody())[1])

    async def freeze(self) -> object:
        return await self._decide("freeze_suspects")

    async def wipe(self) -> object:
        return await self._decide("wipe_suspects", self.chance.choice(["burn", "unwind"]), None)

    async def wipe_members(self) -> object:
        some = {user_id: name for name, user_id in [await self._anybody() for _ in range(2)] if user_id}
        hashes = [hash_of(name) for name in some.values()]
        return await self.front.call(
            "plan_wipe", await self._moderator(), list(some), hashes, "unwind", "Bots."
        )

    async def undo(self) -> object:
        return await self.front.call(
            "undo_wipe", await self._moderator(), await self._number("wipes", "wipe_id", "ended_at is null")
        )

    async def second(self) -> object:
        return await self.front.call(
            "second_wipe", await self._moderator(), await self._number("wipes", "wipe_id", "ended_at is null")
        )

    async def ban(self) -> object:
        name, user_id = await self._anybody()
        seconds = self.chance.choice([None, 3_600])
        return await self.front.call(
            "ban_user", await self._moderator(), user_id or None, hash_of(name), "Odd.", seconds, name
        )

    async def unban(self) -> object:
        return await self.front.call(
            "unban", await self._moderator(), await self._number("bans", "ban_id", "ended_at is null")
        )

    async def unfreeze(self) -> object:
        return await self.front.call("unfreeze_user", await self._moderator(), (await self._anybody())[1])

    async def ban_network(self) -> object:
        return await self._decide("ban_suspects_network", "A farm.", 3_600)

    async def look(self) -> object:
        return await search(self.front)

    async def wait(self) -> object:
        for table, column in _DATED:
            await self.owner.execute(_MOMENT.format(table=table, column=column), self.front.exchange_id)
        await pass_time(self.owner, self.front.exchange_id, 3_600)
        await self.front.service.fetch(
            "select * from betjee.execute_orders($1, '{}')", self.front.exchange_id
        )
        return None

    async def promote(self) -> object:
        """The owner appoints one of the farm or one of the two, or removes one; or the community gets another owner."""
        owner = (
            await self._rows(
                "select user_id from betjee.moderators where exchange_id = $1 and rank = 'owner'"
            )
        )[0][0]
        name = self.chance.choice([*MODERATORS, self.chance.choice(PEOPLE)])
        match self.chance.randrange(8):
            case 0:
                changed = await self.front.call("transfer_ownership", DISCORD, name, name, hash_of(name))
                self.moderators.append(changed["user_id"])
                return changed
            case 1 | 2 | 3:
                appointed = await self.front.call("add_moderator", owner, DISCORD, name, name, hash_of(name))
                self.moderators.append(appointed["user_id"])
                return appointed
            case _:
                return await self.front.call("remove_moderator", owner, await self._moderator())

    async def begin_season(self) -> object:
        if self.chance.random() < 0.1:
            self.season += 1
            await self.owner.execute(
                "update betjee.exchanges set season = $2 where exchange_id = $1",
                self.front.exchange_id,
                self.season,
            )
        return self.season

    async def _moderator(self) -> int:
        """Somebody who moderates, or did."""
        rows = await self._rows("select user_id from betjee.moderators where exchange_id = $1 order by 1")
        return self.chance.choice([int(row[0]) for row in rows] * 3 + self.moderators[-2:])

    async def _decide(self, function: str, *arguments: object) -> dict[str, Any]:
        return await self.front.call(
            function,
            await self._moderator(),
            await self._number("clusters", "cluster_id", "status <> 'released'"),
            *arguments,
        )

    async def _anybody(self) -> tuple[str, int]:
        name = self.chance.choice(PEOPLE + REGULARS)
        found = await self.front.service.fetchval(
            "select betjee.find_user($1, $2, $3)", self.front.exchange_id, DISCORD, name
        )
        return name, json.loads(found)["user_id"] if found else 0

    async def _number(self, table: str, column: str, is_live: str) -> int:
        """One of the newest, and mostly one about which something can be done."""
        condition = is_live if self.chance.random() < 0.8 else "true"
        rows = await self._rows(
            f"select {column} from betjee.{table} where exchange_id = $1 and {condition} order by 1 desc limit 3"
        )
        return int(self.chance.choice(rows)[0]) if rows else 0

    async def _rows(self, query: str) -> list[asyncpg.Record]:
        return await self.owner.fetch(query, self.front.exchange_id)
