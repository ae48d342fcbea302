"""Runs, step by step: what readers see meanwhile, what a crash, a wipe or another process does to one, and its medians."""

import asyncio
import random

import asyncpg
import pytest

from tests.model.curve import Terms
from tests.model.founding import WIDE, found
from tests.model.worth import median
from tests.sql.blocking import holding, wait_for_waiting
from tests.sql.boards import Boards, lasting_hour, pass_hours

__all__ = ["lasting_hour"]

CASH = 50_000_000
STEP = "select betjee.refresh_leaderboards($1, 0)"
GOING_ON = ("snapshot", "leaderboards")
FORGET = "select betjee.forget_standings($1, $2::bigint[])"
DUE = "update betjee.leaderboards set refreshed_at = null where exchange_id = $1"
DERIVED = ("valuations", "ranked_members", "median_bounds", "standings")
NAMED = ("valuations", "ranked_members", "median_bounds", "standings", "net_worths")

pytestmark = pytest.mark.usefixtures("lasting_hour")


@pytest.fixture
async def boards(connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection) -> Boards:
    """Four members of equal cash; the first is ahead, and an hour has passed."""
    founded = await found(connection_owner, [CASH] * 4, {"22s1": Terms()}, WIDE)
    boards = Boards(connection_owner, connection_service, founded)
    await boards.trade(0, "buy", 1_000)
    await boards.trade(1, "buy", 1_000)
    await boards.trade(0, "sell", 400)
    await boards.hour()
    return boards


async def step(boards: Boards, session: asyncpg.Connection | None = None) -> str | None:
    """Take a step; what comes next, or `done`, or None where none was to be taken."""
    next_part: str | None = await (session or boards.service).fetchval(STEP, boards.founded.exchange_id)
    return next_part


async def finish(boards: Boards) -> int:
    """Take the steps that are left; how many."""
    for steps in range(1, 50):
        if (next_part := await step(boards)) == "done":
            return steps
        assert next_part is not None
    raise AssertionError("It never ends.")


async def shown(boards: Boards) -> list[object]:
    return [
        await boards.page(board, period)
        for board in ("net_worth", "gain", "realised", "best_trade")
        for period in ("day", "week", "all")
    ]


async def naming(boards: Boards, user_id: int) -> set[str]:
    """The tables in which a member is named."""
    count = "select count(*) from betjee.{} where exchange_id = $1 and $2 = any (user_ids)"
    return {
        table
        for table in NAMED
        if await boards.owner.fetchval(count.format(table), boards.founded.exchange_id, user_id)
    }


async def wipe(watcher: asyncpg.Connection, boards: Boards, user_id: int) -> None:
    """What a wipe does to figures, and to the member."""
    async with watcher.transaction():
        await watcher.execute("set local role exchange_eraser")
        await watcher.execute(FORGET, boards.founded.exchange_id, [user_id])
        await watcher.execute("set local role none")
        for table in ("positions", "transactions", "grants", "users"):
            await watcher.execute(f"delete from betjee.{table} where user_id = $1", user_id)


async def test_readers_see_the_last_run_until_the_last_step(boards: Boards) -> None:
    await boards.trade(2, "buy", 2_000)
    await boards.trade(0, "sell", 100)
    before = await shown(boards)
    assert await step(boards) == "snapshot"
    for _ in range(50):
        assert await shown(boards) == before
        if await step(boards) == "done":
            break
    after = await shown(boards)
    assert after != before
    await boards.owner.execute(DUE, boards.founded.exchange_id)
    assert await boards.refresh(), "in one call it is the same"
    again = await shown(boards)
    for stepped, whole in zip(after, again, strict=True):
        assert isinstance(stepped, dict)
        assert isinstance(whole, dict)
        assert stepped["standings"] == whole["standings"]


async def test_a_run_tells_whether_its_snapshot_is_still_to_come(
    boards: Boards, watcher: asyncpg.Connection
) -> None:
    taken = "select exists (select from betjee.snapshots where exchange_id = $1 and taken_at = date_trunc('hour', now(), 'UTC'))"
    told: list[str | None] = []
    while (next_part := await step(boards)) != "done":
        assert (next_part == "leaderboards") == await watcher.fetchval(taken, boards.founded.exchange_id)
        told.append(next_part)
    turn = told.index("leaderboards")
    assert set(told[:turn]) == {"snapshot"}
    assert set(told[turn:]) == {"leaderboards"}


async def test_every_step_may_be_of_another_process_and_only_one_has_it_in_hand(
    boards: Boards, sessions: list[asyncpg.Connection], connection_owner: asyncpg.Connection
) -> None:
    in_hand = "select from betjee.leaderboards where exchange_id = $1 for update"
    ends = []
    for session in sessions:
        async with holding(connection_owner, in_hand, boards.founded.exchange_id):
            assert await step(boards) is None
        ends.append(await step(boards, session))
    assert ends.count("done") == 1
    assert set(ends[ends.index("done") + 1 :]) == {None}


@pytest.mark.parametrize("steps", [1, 3, 6, 11])
async def test_what_a_crash_has_emptied_is_made_anew(boards: Boards, steps: int) -> None:
    for _ in range(steps):
        assert await step(boards) in GOING_ON
    for table in DERIVED:
        await boards.owner.execute(f"truncate betjee.{table}")
    assert await boards.lines() == []
    await finish(boards)
    expected = await shown(boards)
    assert [line["rank"] for line in await boards.lines()] == [1, 2, 2, 4]
    for table in DERIVED:
        await boards.owner.execute(f"truncate betjee.{table}")
    assert await boards.refresh(), "though nothing has changed since"
    assert [page["standings"] for page in await shown(boards)] == [page["standings"] for page in expected]  # type: ignore[index]  # JSON documents


async def test_a_run_that_was_left_lying_begins_anew(boards: Boards) -> None:
    for _ in range(6):
        await step(boards)
    await boards.owner.execute(
        "update betjee.leaderboards set run_begun_at = run_begun_at - interval '11 minutes' where exchange_id = $1",
        boards.founded.exchange_id,
    )
    assert await step(boards) in GOING_ON
    query = "select run_step = 1 and run_begun_at > clock_timestamp() - interval '1 minute' from betjee.leaderboards where exchange_id = $1"
    assert await boards.owner.fetchval(query, boards.founded.exchange_id)
    await finish(boards)


@pytest.mark.parametrize("steps", range(12))
async def test_a_wipe_in_the_middle_of_a_run_leaves_nobody(
    boards: Boards, watcher: asyncpg.Connection, steps: int
) -> None:
    wiped = boards.users[1]
    for _ in range(steps):
        assert await step(boards) in GOING_ON
    assert "net_worths" in await naming(boards, wiped)
    await wipe(watcher, boards, wiped)
    assert await naming(boards, wiped) == set()
    await finish(boards)
    assert await naming(boards, wiped) == set()
    assert {line["user_id"] for line in await boards.lines()} == set(boards.users) - {wiped}


async def test_a_wipe_waits_for_the_step_in_hand_and_forgets_what_it_wrote(
    boards: Boards, watcher: asyncpg.Connection, connection_owner: asyncpg.Connection
) -> None:
    wiped = boards.users[1]
    async with asyncio.TaskGroup() as group, boards.service.transaction():
        assert await step(boards) in GOING_ON
        group.create_task(connection_owner.execute(FORGET, boards.founded.exchange_id, [wiped]))
        await wait_for_waiting(watcher, "forget_standings")
    assert await naming(boards, wiped) == set()


async def test_a_median_within_bounds_is_that_of_all_values(connection_owner: asyncpg.Connection) -> None:
    """Over random histories in which members come and go, of any length, prepared ahead or not."""
    chance = random.Random(16)
    query = "select betjee.bounded_median($1, $2, $3, $4, $5, $6, $7)"
    for _ in range(2_000):
        hours, granted = chance.randrange(24), chance.randrange(10)
        known = sorted(chance.randrange(10) for _ in range(chance.randint(0, hours)))
        now = chance.randrange(10)
        middle, missing = (hours + 2) // 2, hours - len(known)
        places = (middle - 1, middle - 1 - missing, middle, middle - missing)
        bounds = [known[place - 1] if 1 <= place <= len(known) else None for place in places]
        expected = median([*known, now], granted, hours + 1)
        assert await connection_owner.fetchval(query, hours, now, granted, *bounds) == expected, (
            hours,
            granted,
            known,
            now,
        )


@pytest.mark.parametrize("ahead", [True, False])
async def test_medians_agree_with_the_general_rule_while_members_come_and_go(
    boards: Boards, watcher: asyncpg.Connection, *, ahead: bool
) -> None:
    chance = random.Random(17)
    worths: dict[int, list[int]] = {}
    exchange_id = boards.founded.exchange_id
    granted = dict.fromkeys(boards.users, CASH)
    count = await boards.owner.fetchval(
        "select count(*) from betjee.snapshots where exchange_id = $1", exchange_id
    )
    for row in await boards.owner.fetch(
        "select user_ids, net_worths_paise from betjee.net_worths where exchange_id = $1", exchange_id
    ):
        for user_id, paise in zip(row["user_ids"], row["net_worths_paise"], strict=True):
            worths[user_id] = [paise]
    for _ in range(30):
        if chance.random() < 0.3:
            newcomer = await boards.owner.fetchval(
                "insert into betjee.users (exchange_id, display_name, cash_paise, registered_at)"
                " values ($1, 'Newcomer', $2, clock_timestamp()) returning user_id",
                exchange_id,
                amount := chance.randrange(1, CASH),
            )
            await boards.owner.execute(
                "insert into betjee.grants (exchange_id, sequence, user_id, kind, amount_paise, granted_at)"
                " values ($1, $2, $3, 'signup', $4, clock_timestamp())",
                exchange_id,
                1_000_000 + newcomer,
                newcomer,
                granted.setdefault(newcomer, amount),
            )
            worths[newcomer] = []
        elif chance.random() < 0.2 and len(worths) > 5:
            leaver = max(worths)
            await wipe(watcher, boards, leaver)
            del worths[leaver], granted[leaver]
        await boards.owner.execute(
            "update betjee.users set cash_paise = (random() * 100000000)::bigint where exchange_id = $1",
            exchange_id,
        )
        if ahead:
            assert await boards.service.fetchval("select betjee.prepare_medians($1, 10)", exchange_id)
            assert exchange_id not in [
                row[0] for row in await boards.service.fetch("select betjee.list_unprepared_medians()")
            ]
        assert await boards.refresh()
        count = min(count + 1, 24)
        latest = await boards.owner.fetch(
            "select v.user_id, v.net_worth_paise from betjee.value_members($1) v", exchange_id
        )
        for row in latest:
            worths[row["user_id"]].append(row["net_worth_paise"])
        assert {
            line["user_id"]: line["net_worth_paise"] for line in (await boards.page(size=100))["standings"]
        } == {user_id: median(known[-count:], granted[user_id], count) for user_id, known in worths.items()}
        await pass_hours(boards.owner, exchange_id)


async def test_what_is_prepared_is_what_the_next_hour_uses(boards: Boards) -> None:
    exchange_id = boards.founded.exchange_id
    assert await boards.service.fetchval("select betjee.prepare_medians($1, 10)", exchange_id)
    made = "select array_agg(distinct xmin::text) from betjee.median_bounds where exchange_id = $1"
    before = await boards.owner.fetchval(made, exchange_id)
    assert before
    assert await boards.refresh()
    assert await boards.owner.fetchval(made, exchange_id) == before
    assert not await boards.service.fetchval("select betjee.prepare_medians($1, 0)", exchange_id)
    assert await boards.service.fetchval("select betjee.prepare_medians($1, 0)", exchange_id)
