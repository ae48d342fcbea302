"""Queueing notices as the trade engine does, and looking at what became of them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import simcord

from bot.communities import PROVIDER
from tests.bot.world import World

STOP = {
    "stop_id": 1,
    "kind": "stop_loss",
    "market": "22s1",
    "label": "22 JAN S1",
    "side": "sell",
    "shares": 10,
    "trigger_price_paise": 1_600,
}
DETAILS: dict[str, dict[str, Any]] = {
    "stop_filled": {
        **STOP,
        "remaining_shares": 5,
        "average_price_paise": 1_627,
        "total_paise": 16_000,
        "tax_paise": 272,
        "realised_paise": -350,
    },
    "stop_failed": {**STOP, "code": "market_not_open"},
    "market_halted": {
        "market": "22s1",
        "label": "22 JAN S1",
        "price_before_paise": 2_000,
        "price_paise": 1_400,
        "halt_seconds": 120,
        "reopens_at": (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=120)).isoformat(),
    },
    "market_halted_by_hand": {
        "market": "22s1",
        "label": "22 JAN S1",
        "price_paise": 1_400,
        "reason": "A rumour.",
    },
    "account_frozen": {"reason": "Odd trades."},
    "account_unfrozen": {},
    "account_banned": {"reason": "Many accounts.", "banned_until": "2026-12-01T10:00:00+00:00"},
    "account_unbanned": {},
    "market_reopened": {"market": "22s1", "label": "22 JAN S1", "price_paise": 1_400},
    "bonus_withheld": {"amount_paise": 2_000_000},
    "bonus_released": {"amount_paise": 2_000_000},
    "suspects_found": {
        "cluster_id": 12,
        "signal": "burst",
        "accounts": 4,
        "threshold": 3,
        "seconds": 15,
        "width": 64,
        "refused": 0,
    },
    "moderator_act": {
        "sequence": 7,
        "act": "freeze_user",
        "moderator_user_id": 1,
        "moderator": {"user_id": 1, "name": "Meera", "name_then": "Meera", "is_deleted": False},
        "member": {"user_id": 2, "name": "Asha", "name_then": "Asha", "is_deleted": False},
        "detail": {"user_id": 2, "reason": "Odd trades."},
        "recorded_at": "2026-01-01T10:00:00+00:00",
    },
    "price_alert": {
        "market": "22s1",
        "label": "22 JAN S1",
        "alert_price_paise": 2_000,
        "price_paise": 2_010,
    },
    "leaderboard_post": {
        "standings": [
            {
                "rank": 1,
                "display_name": "Ravi",
                "net_worth_paise": 2_150_000,
                "gain_bps": 750,
                "place_before": 2,
            },
            {
                "rank": 2,
                "display_name": "Asha",
                "net_worth_paise": 2_000_000,
                "gain_bps": -1_250,
                "place_before": 1,
            },
            {"rank": 2, "display_name": "Meera", "net_worth_paise": 2_000_000},
        ],
        "members": 3,
        "since": datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
        "risen": [{"display_name": "Ravi", "change_paise": 150_000}],
        "fallen": [{"display_name": "Asha", "change_paise": -285_700}],
    },
    "board_lost": {"channel_id": "1450000000000000000", "reason": "deleted"},
}
QUEUE = """
select betjee.queue_notices(e, $2::betjee.notice[]) from betjee.exchanges e where e.exchange_id = $1
"""


class Teller:
    """The engine's part, played by the owner of the database."""

    def __init__(self, owner: asyncpg.Connection, world: World) -> None:
        self._owner = owner
        self._world = world

    async def queue(
        self,
        who: simcord.MemberActor | None,
        *kinds: str,
        detail: dict[str, Any] | None = None,
        guild: str = "",
    ) -> None:
        """Queue a notice of each kind, to someone or to everyone."""
        user_id = None if who is None else await self.user_id(who)
        rows = [(user_id, kind, json.dumps(detail or DETAILS.get(kind, {}))) for kind in kinds]
        found = await self._world.exchange.find_exchange(PROVIDER, guild or str(self._world.guild.id))
        await self._owner.execute(QUEUE, found, rows)

    async def user_id(self, who: simcord.MemberActor) -> int:
        user = await self._world.exchange.find_user(await self._world.exchange_id(), PROVIDER, str(who.id))
        assert user is not None, f"{who.name} is unknown"
        return user.user_id

    async def notify_by(self, who: simcord.MemberActor) -> str:
        query = "select notify_by from betjee.users where user_id = $1"
        chosen: str = await self._owner.fetchval(query, await self.user_id(who))
        return chosen

    async def channel_id(self) -> str | None:
        channel_id: str | None = await self._owner.fetchval("select channel_id from betjee.communities")
        return channel_id

    async def states(self) -> list[str]:
        """What became of all notices, the oldest first."""
        rows = await self._owner.fetch(
            "select concat_ws(' ', state, delivered_by) as state from betjee.outbox order by notice_id"
        )
        return [row["state"] for row in rows]

    async def attempts(self) -> list[int]:
        rows = await self._owner.fetch("select attempts from betjee.outbox order by notice_id")
        return [row["attempts"] for row in rows]

    async def let_retries_be_due(self) -> None:
        await self._owner.execute(
            "update betjee.outbox set next_attempt_at = clock_timestamp() where state = 'pending'"
        )
