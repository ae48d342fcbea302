"""Runs: that their steps make what a whole run makes, and what becomes of one that is left in the middle."""

import random
from itertools import pairwise

import asyncpg
import pytest

from tests.model.curve import Terms
from tests.model.founding import WIDE, found
from tests.model.worth import median, net_worth
from tests.sql.boards import Boards, pass_hours
from tests.sql.court import Court

CASH = 50_000_000
STEPS = 9
UNLOGGED = ("standings", "leaderboard_runs", "leaderboard_figures", "median_bounds")
STANDINGS = (
    "select board, period, chunk, user_ids, ranks, amounts_paise, gains_bps, sequences from betjee.standings"
    " where exchange_id = $1 order by board, period, chunk"
)


@pytest.fixture
async def boards(connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection) -> Boards:
    """Four members of equal cash, in two markets."""
    founded = await found(connection_owner, [CASH] * 4, dict.fromkeys(["21s1", "22s1"], Terms()), WIDE)
    return Boards(connection_owner, connection_service, founded)


async def is_due(boards: Boards) -> bool:
    rows = await boards.service.fetch("select betjee.list_due_leaderboards()")
    return boards.founded.exchange_id in [row[0] for row in rows]


async def trade_a_little(boards: Boards) -> None:
    """Everybody holds something, and two have realised something."""
    for user in range(4):
        await boards.trade(user, "buy", 100 + 50 * user)
    await boards.trade(0, "sell", 40)
    await boards.trade(3, "sell", 200)


async def make_due(boards: Boards) -> None:
    await boards.owner.execute("update betjee.leaderboards set refreshed_at = null")


async def standings(boards: Boards) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await boards.owner.fetch(STANDINGS, boards.founded.exchange_id)
    return rows


async def test_step_by_step_is_as_all_at_once(boards: Boards) -> None:
    await trade_a_little(boards)
    assert await boards.refresh()
    at_once = await standings(boards)
    assert {(row["board"], row["period"]) for row in at_once} == {
        (board, period)
        for board in ("net_worth", "gain", "realised", "best_trade")
        for period in ("day", "week", "all")
    }
    await make_due(boards)
    done = [await boards.step() or 0 for _ in range(STEPS)]
    assert all(before < after for before, after in pairwise([0, *done]))
    assert done[-1] == 100
    assert await boards.step() is None
    assert await standings(boards) == at_once


async def test_each_leaderboard_is_the_old_one_until_its_step_and_all_are_of_one_moment(
    boards: Boards,
) -> None:
    await trade_a_little(boards)
    await boards.refresh()
    old, old_time = await boards.lines(), (await boards.page())["refreshed_at"]
    await boards.trade(3, "buy", 2_000)
    await make_due(boards)
    await boards.step()
    assert await boards.lines() == old
    measured = {user: net_worth(boards.founded.model, boards.users[user]) for user in range(4)}
    await boards.trade(1, "buy", 500)
    await boards.step()
    assert await boards.column("net_worth_paise") == measured
    assert (await boards.page())["refreshed_at"] is None
    while await boards.step() != 100:
        assert (await boards.page())["refreshed_at"] is None
    assert await boards.column("net_worth_paise", "gain", "day") == measured
    assert (await boards.page())["refreshed_at"] > old_time
    assert await boards.column("net_worth_paise") == measured


async def test_what_changed_during_a_run_is_due_for_the_next(boards: Boards) -> None:
    await trade_a_little(boards)
    await boards.step()
    await boards.trade(1, "buy", 500)
    assert await boards.step(STEPS) == 100
    assert not await boards.refresh()
    await boards.owner.execute(
        "update betjee.leaderboards set refreshed_at = refreshed_at - interval '59 seconds', took_seconds = 0"
    )
    assert not await is_due(boards)
    await boards.owner.execute(
        "update betjee.leaderboards set refreshed_at = refreshed_at - interval '1 second'"
    )
    assert await boards.refresh()


async def test_a_run_is_gone_on_with_by_whoever_comes_but_not_when_it_is_old(
    boards: Boards, sessions: list[asyncpg.Connection]
) -> None:
    step = "select betjee.refresh_leaderboards($1, 1)"
    exchange_id = boards.founded.exchange_id
    await trade_a_little(boards)
    first = await sessions[0].fetchval(step, exchange_id)
    assert await sessions[1].fetchval(step, exchange_id) > first
    await boards.owner.execute(
        "update betjee.leaderboard_runs set begun_at = begun_at - interval '11 minutes'"
    )
    assert await is_due(boards)
    assert await sessions[2].fetchval(step, exchange_id) == first


async def test_what_a_crash_has_emptied_is_made_anew(boards: Boards) -> None:
    await trade_a_little(boards)
    await boards.hour()
    await boards.trade(2, "buy", 300)
    await boards.refresh()
    made = await standings(boards)
    assert (
        await boards.owner.fetchval(
            "select array_agg(relname::text) from pg_class where relnamespace = 'betjee'::regnamespace"
            " and relkind = 'r' and relpersistence = 'u' and not relname::text = any ($1)",
            list(UNLOGGED),
        )
        is None
    ), "what a crash empties must be in this test"
    for table in UNLOGGED:
        await boards.owner.execute(
            f"delete from betjee.{table} where exchange_id = $1",
            boards.founded.exchange_id,
        )
    assert await boards.lines() == []
    assert await is_due(boards)
    assert await boards.refresh()
    assert await standings(boards) == made


@pytest.mark.parametrize("steps", range(STEPS + 1))
async def test_who_is_wiped_during_a_run_is_on_no_leaderboard(court: Court, steps: int) -> None:
    boards = "select betjee.refresh_leaderboards($1, $2)"
    exchange_id = court.front.exchange_id
    await court.order("ann", "buy", 50)
    await court.order("ann", "sell", 20)
    if steps:
        await court.front.service.fetchval(boards, exchange_id, steps)
    gone = court["ann"]
    await court.plan("mona", ["ann"], "burn", "Bots.")
    await court.pass_time()
    await court.write()
    assert await court.status("ann") is None
    percent = await court.front.service.fetchval(boards, exchange_id, STEPS)
    assert percent == (None if steps == STEPS else 100)
    for table in ("standings", "leaderboard_figures", "net_worths", "median_bounds"):
        assert not await court.rows(table, f"{gone} = any (user_ids)"), table
    assert await court.audit() == []


async def test_medians_are_prepared_some_members_at_a_time(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    founded = await found(connection_owner, [CASH])
    await connection_owner.execute(
        "insert into betjee.users (exchange_id, display_name, cash_paise, registered_at)"
        " select $1, 'Member', number, clock_timestamp() from generate_series(1, 2500) number",
        founded.exchange_id,
    )
    boards = Boards(connection_owner, connection_service, founded)

    async def prepared() -> tuple[int, ...]:
        counts = await connection_owner.fetchrow(
            "select count(distinct taken_at), count(*) from betjee.median_bounds where exchange_id = $1",
            founded.exchange_id,
        )
        assert counts is not None
        return tuple(counts)

    assert not await boards.prepare(), "there is no snapshot to prepare from"
    await boards.refresh()
    # A block whose members have all been wiped is a block.
    await connection_owner.execute(
        "update betjee.net_worths set user_ids = '{}', net_worths_paise = '{}', medians_paise = '{}', realised_paise = '{}'"
        " where exchange_id = $1 and block = (select max(block) from betjee.net_worths where exchange_id = $1)",
        founded.exchange_id,
    )
    blocks = await connection_owner.fetchval(
        "select count(*) from betjee.net_worths where exchange_id = $1", founded.exchange_id
    )
    assert blocks > 2
    left = [await boards.prepare(1) for _ in range(blocks + 1)]
    assert left == [True] * (blocks - 1) + [False, False]
    await pass_hours(connection_owner, founded.exchange_id)
    await boards.refresh()
    assert await prepared() == (1, blocks)
    await boards.prepare()
    assert await prepared() == (2, 2 * blocks), "those of this hour are still in use"
    await pass_hours(connection_owner, founded.exchange_id)
    await boards.refresh()
    await boards.prepare()
    assert await prepared() == (2, 2 * blocks), "older ones are forgotten"


async def test_medians_agree_with_the_model_whoever_joins_and_however_they_were_prepared(
    boards: Boards,
) -> None:
    chance = random.Random(7)
    worths: dict[int, list[int]] = {user: [] for user in range(4)}
    joined = {0: 0, 1: 0, 2: 3, 3: 11}
    for hour in range(30):
        user = chance.choice([user for user, at in joined.items() if at <= hour])
        held = boards.founded.model.members[boards.users[user]].holdings.get("22s1")
        side = "sell" if held and held.shares > 0 else "buy"
        await boards.trade(user, side, held.shares if held and side == "sell" else chance.randrange(50, 900))
        await boards.owner.execute(
            "update betjee.users set registered_at = case when user_id = any ($1::bigint[]) then clock_timestamp() end",
            [boards.users[user] for user, at in joined.items() if at <= hour],
        )
        for user, at in joined.items():
            if at <= hour:
                worths[user].append(net_worth(boards.founded.model, boards.users[user]))
        # Also between two snapshots, when both this hour's and the last one's are prepared.
        again = chance.random() < 0.5
        assert await boards.refresh()
        if again:
            assert not await boards.prepare()
            await make_due(boards)
            assert await boards.refresh()
        expected = {
            user: median(known[-24:], CASH, min(24, hour + 1)) for user, known in worths.items() if known
        }
        assert await boards.column("net_worth_paise") == expected
        await pass_hours(boards.owner, boards.founded.exchange_id)
