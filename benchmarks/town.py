"""An exchange in which many sign up and trade, by its own functions; time passes by dating everything back."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from benchmarks.newcomers import HOUR, SIGN_UPS_PER_MINUTE, Arrival, Kind, hash_of

SEARCH_SECONDS = 1_800
"""The job that looks for signals runs more often; so seldom it has less of a chance."""

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
