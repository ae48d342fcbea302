"""The daily post: when it is due by the exchange's own clock, what it says, and that it is queued once."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.model.curve import Terms
from tests.model.founding import WIDE, found
from tests.sql.blocking import holding_exchange, wait_for_waiting
from tests.sql.boards import Boards, lasting_hour, pass_hours
from tests.sql.front import Front, owner_of

__all__ = ["lasting_hour"]

CASH = 50_000_000
POST = "select betjee.post_leaderboard($1)"


pytestmark = pytest.mark.usefixtures("lasting_hour")


@pytest.fixture
async def boards(connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection) -> Boards:
    """Four members of equal cash."""
    founded = await found(connection_owner, [CASH] * 4, {"22s1": Terms()}, WIDE)
    return Boards(connection_owner, connection_service, founded)


async def schedule(boards: Boards, minutes_ago: int = 0, offset_minutes: int | None = None) -> None:
    """Let the post be due since some minutes ago, by a clock that is ahead of UTC; usually one on which it is noon."""
    if offset_minutes is None:
        offset_minutes = 60 * (12 - datetime.now(UTC).hour)
    clock = datetime.now(UTC) + timedelta(minutes=offset_minutes - minutes_ago)
    sign, (hours, minutes) = "-" if offset_minutes < 0 else "+", divmod(abs(offset_minutes), 60)
    settings = {"leaderboard_post_at": f"{clock:%H:%M}", "utc_offset": f"{sign}{hours:02}:{minutes:02}"}
    await boards.owner.execute(
        "update betjee.exchanges set settings = settings || $2::jsonb where exchange_id = $1",
        boards.founded.exchange_id,
        json.dumps(settings),
    )


async def post(boards: Boards) -> bool:
    """Refresh what is due, and post what is due, as the job does."""
    await boards.refresh()
    done: bool = await boards.service.fetchval(POST, boards.founded.exchange_id)
    return done


async def posts(boards: Boards) -> list[dict[str, Any]]:
    """What was queued for the channel."""
    rows = await boards.owner.fetch(
        "select user_id, state, detail from betjee.outbox where exchange_id = $1 and kind = 'leaderboard_post' order by notice_id",
        boards.founded.exchange_id,
    )
    assert all((row["user_id"], row["state"]) == (None, "pending") for row in rows)
    return [json.loads(row["detail"]) for row in rows]


@pytest.mark.parametrize(
    ("scheduled", "now", "due"),
    [
        (("20:30", "+05:30"), "2026-01-20 15:00:00", ("2026-01-20 15:00:00", "2026-01-20")),
        (("20:30", "+05:30"), "2026-01-20 14:59:59", ("2026-01-19 15:00:00", "2026-01-19")),
        # An hour past midnight there, while it is the day before in UTC.
        (("01:00", "+05:30"), "2026-01-20 19:31:00", ("2026-01-20 19:30:00", "2026-01-21")),
        (("00:00", "+05:30"), "2026-01-20 18:29:59", ("2026-01-19 18:30:00", "2026-01-20")),
        (("23:59", "-03:30"), "2026-01-20 03:30:00", ("2026-01-20 03:29:00", "2026-01-19")),
        (("00:00", "+00:00"), "2026-03-01 00:00:00", ("2026-03-01 00:00:00", "2026-03-01")),
    ],
)
async def test_it_is_due_by_the_exchanges_own_clock(
    connection_owner: asyncpg.Connection, scheduled: tuple[str, str], now: str, due: tuple[str, str]
) -> None:
    settings = json.dumps(dict(zip(("leaderboard_post_at", "utc_offset"), scheduled, strict=True)))
    row = await connection_owner.fetchrow(
        "select due_at, betjee.post_day(s, due_at) as day"
        " from jsonb_populate_record(null::betjee.exchange_settings, $1) s,"
        " betjee.post_due_at(s, ($2::text || 'Z')::timestamptz) due_at",
        settings,
        now,
    )
    assert row is not None
    assert (f"{row['due_at']:%Y-%m-%d %H:%M:%S}", str(row["day"])) == due


async def test_by_default_nothing_is_posted(boards: Boards) -> None:
    assert not await post(boards)
    assert await posts(boards) == []


@pytest.mark.parametrize("offset_minutes", [330, 0, -720, 840])
async def test_it_is_posted_once_a_day(boards: Boards, offset_minutes: int) -> None:
    await schedule(boards, offset_minutes=offset_minutes)
    assert await post(boards)
    assert not await post(boards)
    await pass_hours(boards.owner, boards.founded.exchange_id, 24)
    assert await post(boards)
    assert not await post(boards)
    assert len(await posts(boards)) == 2


async def test_a_schedule_that_moves_gives_no_second_post_of_a_day(boards: Boards) -> None:
    await schedule(boards, minutes_ago=1)
    assert await post(boards)
    await schedule(boards)
    assert not await post(boards)


async def test_after_a_pause_of_days_one_post_is_made_up_for(boards: Boards) -> None:
    await schedule(boards, minutes_ago=60 * 23)
    assert await post(boards)
    await pass_hours(boards.owner, boards.founded.exchange_id, 24 * 5)
    assert await post(boards), "late, but there"
    assert not await post(boards)
    assert len(await posts(boards)) == 2


async def test_it_waits_for_leaderboards_made_since_it_is_due(boards: Boards) -> None:
    await boards.refresh()
    await boards.owner.execute(
        "update betjee.leaderboards set refreshed_at = refreshed_at - interval '61 seconds' where exchange_id = $1",
        boards.founded.exchange_id,
    )
    await schedule(boards)
    assert not await boards.service.fetchval(POST, boards.founded.exchange_id)
    assert await post(boards)


async def test_nothing_is_posted_where_nobody_is_on_it(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    boards = Boards(connection_owner, connection_service, await found(connection_owner, []))
    await schedule(boards)
    assert not await post(boards)


async def test_many_processes_queue_one_post(
    boards: Boards, sessions: list[asyncpg.Connection], watcher: asyncpg.Connection
) -> None:
    await schedule(boards)
    await boards.refresh()
    async with asyncio.TaskGroup() as group, holding_exchange(boards.owner, boards.founded.exchange_id):
        turns = [
            group.create_task(session.fetchval(POST, boards.founded.exchange_id)) for session in sessions
        ]
        await wait_for_waiting(watcher, "post_leaderboard", len(sessions))
    assert sum(turn.result() for turn in turns) == 1
    assert len(await posts(boards)) == 1


async def test_it_says_who_is_ahead_and_who_has_moved_since_the_last_one(boards: Boards) -> None:
    await schedule(boards)
    await boards.trade(1, "buy", 10)
    assert await post(boards)
    (first,) = await posts(boards)
    assert [line["rank"] for line in first["standings"]] == [1, 1, 1, 4]
    assert first["members"] == 4
    assert {line.get("place_before") for line in first["standings"]} == {None}
    assert (first["risen"], first["fallen"]) == ([], []), "there is nothing before it to compare with"
    await pass_hours(boards.owner, boards.founded.exchange_id)
    await boards.trade(2, "buy", 1_000)
    await boards.trade(3, "buy", 500)
    for _ in range(23):
        await boards.hour()
    await boards.refresh()
    await schedule(boards)
    await boards.owner.execute(
        "update betjee.leaderboard_posts set day = day - 1 where exchange_id = $1", boards.founded.exchange_id
    )
    assert await post(boards)
    second = (await posts(boards))[-1]
    worths = await boards.column("net_worth_paise")
    order = [boards.users.index(line["user_id"]) for line in await boards.lines()]
    before = [0, 2, 3, 1]
    assert [line["place_before"] for line in second["standings"]] == [
        before.index(user) + 1 for user in order
    ]
    assert second["since"] is not None
    was = {0: CASH, 2: CASH, 3: CASH, 1: first["standings"][-1]["net_worth_paise"]}
    change = {user: worths[user] - was[user] for user in worths}
    assert [mover["change_paise"] for mover in second["risen"]] == sorted(
        (moved for moved in change.values() if moved > 0), reverse=True
    )
    assert [mover["change_paise"] for mover in second["fallen"]] == sorted(
        moved for moved in change.values() if moved < 0
    )
    assert any(second["risen"]) or any(second["fallen"])


class TestSetting:
    async def set(self, front: Front, name: str, value: str) -> dict[str, Any]:
        return await front.call("change_setting", await owner_of(front), name, value)

    @pytest.mark.parametrize("value", ["00:00", "09:05", "23:59", "off"])
    async def test_times(self, front: Front, value: str) -> None:
        changed = await self.set(front, "leaderboard_post_at", value.upper())
        assert (changed["name"], changed["old_value"], changed["new_value"]) == (
            "leaderboard_post_at",
            "off",
            value,
        )

    @pytest.mark.parametrize("value", ["24:00", "9:05", "20:60", "20.30", "", "on", "20:30:00", "-1"])
    async def test_what_is_no_time(self, front: Front, value: str) -> None:
        refused = await self.set(front, "leaderboard_post_at", value)
        assert refused["refused"] == "invalid_setting"
        assert "20:30, or off" in refused["detail"]

    @pytest.mark.parametrize("value", ["+00:00", "-03:30", "+14:00", "-12:45"])
    async def test_offsets(self, front: Front, value: str) -> None:
        assert (await self.set(front, "utc_offset", value))["new_value"] == value

    @pytest.mark.parametrize("value", ["5", "05:30", "+5:30", "+14:30", "+05:10", "IST", "off"])
    async def test_what_is_no_offset(self, front: Front, value: str) -> None:
        refused = await self.set(front, "utc_offset", value)
        assert refused["refused"] == "invalid_setting"
        assert "+05:30" in refused["detail"]

    async def test_a_schedule_does_not_look_back(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        await front.register("ada")
        clock = datetime.now(UTC) + timedelta(hours=5, minutes=30)
        await self.set(front, "leaderboard_post_at", f"{clock - timedelta(minutes=2):%H:%M}")
        await front.service.fetch("select betjee.refresh_leaderboards($1)", front.exchange_id)
        assert not await front.service.fetchval(POST, front.exchange_id)
        await pass_hours(connection_owner, front.exchange_id, 24)
        due = await front.service.fetch("select betjee.list_due_leaderboards()")
        assert front.exchange_id in {row[0] for row in due}
        await front.service.fetch("select betjee.refresh_leaderboards($1)", front.exchange_id)
        due = await front.service.fetch("select betjee.list_due_posts()")
        assert {row[0] for row in due} == {front.exchange_id}
        assert await front.service.fetchval(POST, front.exchange_id)
        assert await front.service.fetch("select betjee.list_due_posts()") == []

    async def test_an_exchange_of_before_gets_the_default(self, connection_owner: asyncpg.Connection) -> None:
        defaults = json.loads(await connection_owner.fetchval("select betjee.default_settings()"))
        assert (defaults["leaderboard_post_at"], defaults["utc_offset"]) == ("off", "+05:30")
