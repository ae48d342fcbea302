"""Leaderboards, against the model: whom they rank, by what, and that a moment's price wins nothing."""

import asyncio
import json
import random
from collections.abc import Iterable
from typing import Any

import asyncpg
import pytest

from tests.model.curve import Terms
from tests.model.founding import WIDE, found
from tests.model.worth import median, net_worth
from tests.sql.blocking import holding, holding_exchange
from tests.sql.boards import Boards, lasting_hour, pass_hours

__all__ = ["lasting_hour"]

CASH = 50_000_000


pytestmark = pytest.mark.usefixtures("lasting_hour")


@pytest.fixture
async def boards(connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection) -> Boards:
    """Four members of equal cash, in two markets."""
    founded = await found(connection_owner, [CASH] * 4, dict.fromkeys(["21s1", "22s1"], Terms()), WIDE)
    return Boards(connection_owner, connection_service, founded)


async def test_net_worth_is_what_the_model_gives_and_what_a_portfolio_shows(boards: Boards) -> None:
    for user, side, shares, market in (
        (0, "buy", 300, "21s1"),
        (1, "short", 120, "21s1"),
        (2, "buy", 77, "22s1"),
        (0, "short", 40, "22s1"),
        (1, "cover", 20, "21s1"),
    ):
        await boards.trade(user, side, shares, market)
    await boards.refresh()
    expected = {user: net_worth(boards.founded.model, boards.users[user]) for user in range(4)}
    shown = await boards.column("net_worth_paise")
    assert shown == expected
    assert list(shown.values()) == sorted(expected.values(), reverse=True)
    for user in range(4):
        worth = await boards.service.fetchval(
            "select betjee.get_portfolio($1, $2) -> 'net_worth_paise'",
            boards.founded.exchange_id,
            boards.users[user],
        )
        assert int(worth) == expected[user]


async def test_the_median_is_that_of_the_last_24_snapshots(boards: Boards) -> None:
    chance = random.Random(20)
    worths: dict[int, list[int]] = {user: [] for user in range(4)}
    for _ in range(30):
        user = chance.randrange(4)
        held = boards.founded.model.members[boards.users[user]].holdings.get("22s1")
        side = "sell" if held and held.shares > 0 else "buy"
        await boards.trade(user, side, held.shares if held and side == "sell" else chance.randrange(50, 900))
        for member, known in worths.items():
            known.append(net_worth(boards.founded.model, boards.users[member]))
        await boards.hour()
        expected = {
            member: median(known[-24:], CASH, min(24, len(known))) for member, known in worths.items()
        }
        shown = await boards.column("net_worth_paise")
        assert shown == expected
        assert list(shown.values()) == sorted(expected.values(), reverse=True)


async def test_a_pump_at_the_right_minute_wins_nothing(boards: Boards) -> None:
    await boards.trade(0, "buy", 100)
    for _ in range(23):
        await boards.hour()
    before = await boards.column("rank")
    # Two friends: one holds, the other lifts the price just before the hour and lets go after it.
    await boards.trade(1, "buy", 500)
    await boards.trade(2, "buy", 3_000)
    pumped = net_worth(boards.founded.model, boards.users[1])
    assert pumped > net_worth(boards.founded.model, boards.users[3]) > 0
    await boards.refresh()
    assert await boards.column("rank") == before
    assert (await boards.column("net_worth_paise"))[1] == CASH


async def test_a_newcomer_is_worth_what_was_granted_in_the_hours_before(
    boards: Boards, connection_owner: asyncpg.Connection
) -> None:
    for _ in range(23):
        await boards.hour()
    # A late member whose first snapshot is a pumped one; the grant was 1,000 times smaller.
    newcomer = boards.users[3]
    await connection_owner.execute(
        "update betjee.net_worths set user_ids = user_ids[1:3], net_worths_paise = net_worths_paise[1:3],"
        " medians_paise = medians_paise[1:3], realised_paise = realised_paise[1:3]"
        " where exchange_id = $1 and user_ids[4] = $2",
        boards.founded.exchange_id,
        newcomer,
    )
    await connection_owner.execute(
        "update betjee.grants set amount_paise = 50000 where user_id = $1", newcomer
    )
    for hour in range(1, 14):
        await boards.refresh()
        shown = (await boards.column("net_worth_paise"))[3]
        # Whatever is theirs counts once it has been so in more than half of the 24 snapshots.
        assert shown == (50_000 if hour <= 12 else CASH), hour
        await pass_hours(connection_owner, boards.founded.exchange_id)


async def test_gain_is_since_the_start_of_the_period_and_for_a_newcomer_since_the_grant(
    boards: Boards,
) -> None:
    await boards.trade(0, "buy", 1_000)
    await boards.trade(1, "buy", 2_000)
    await boards.hour(12)
    a_week_ago = await boards.column("net_worth_paise")
    await boards.trade(2, "buy", 300)
    await boards.hour(24 * 5 + 12)
    await boards.trade(2, "buy", 200)
    await boards.hour(24)
    a_day_ago = await boards.column("net_worth_paise")
    await boards.trade(3, "buy", 1_000)
    await boards.refresh()
    now = await boards.column("net_worth_paise")
    for period, then in (("all", dict.fromkeys(range(4), CASH)), ("week", a_week_ago), ("day", a_day_ago)):
        gains = await boards.column("gain_bps", "gain", period)
        assert gains == {user: round((now[user] - then[user]) * 10_000 / then[user]) for user in range(4)}, (
            period
        )
        assert list(gains.values()) == sorted(gains.values(), reverse=True)
        assert await boards.column("gain_bps", "net_worth", period) == gains


async def test_realised_profit_is_of_its_period_and_without_those_who_realised_nothing(
    boards: Boards,
) -> None:
    await boards.trade(0, "buy", 1_000)
    await boards.trade(1, "buy", 1_000)
    old = (await boards.trade(0, "sell", 400))["realised_paise"]
    await boards.hour(24 * 7)
    middle = (await boards.trade(0, "sell", 300))["realised_paise"]
    await boards.hour(24)
    new = (await boards.trade(1, "sell", 1_000))["realised_paise"]
    await boards.refresh()
    assert old > 0
    assert await boards.column("realised_paise", "realised", "day") == {1: new}
    assert await boards.column("realised_paise", "realised", "week") == {0: middle, 1: new}
    assert await boards.column("realised_paise", "realised", "all") == {0: old + middle, 1: new}


async def test_the_best_trade_of_each_member(boards: Boards) -> None:
    await boards.trade(0, "buy", 1_000)
    await boards.trade(1, "buy", 1_000)
    await boards.trade(0, "sell", 10)
    best = await boards.trade(0, "sell", 400)
    await boards.trade(0, "sell", 20)
    await boards.refresh()
    (line,) = await boards.lines("best_trade", "day")
    assert line["user_id"] == boards.users[0]
    assert (line["rank"], line["market"], line["shares"]) == (1, "22s1", 400)
    assert line["realised_paise"] == best["realised_paise"]
    await pass_hours(boards.owner, boards.founded.exchange_id, 25)
    await boards.trade(2, "buy", 2_000)
    later = (await boards.trade(1, "sell", 50))["realised_paise"]
    await boards.refresh()
    assert await boards.column("realised_paise", "best_trade", "day") == {1: later}
    both = await boards.column("realised_paise", "best_trade", "week")
    assert both == {0: best["realised_paise"], 1: later}
    assert list(both.values()) == sorted(both.values(), reverse=True)


async def test_a_worse_trade_of_the_same_hour_takes_no_better_one_away(boards: Boards) -> None:
    await boards.trade(0, "buy", 1_000)
    best = (await boards.trade(0, "sell", 400))["realised_paise"]
    await boards.refresh()
    await boards.trade(0, "sell", 10)
    await boards.owner.execute("update betjee.leaderboards set refreshed_at = null")
    await boards.refresh()
    assert await boards.column("realised_paise", "best_trade", "day") == {0: best}
    await boards.trade(1, "buy", 2_000)
    better = (await boards.trade(0, "sell", 590))["realised_paise"]
    assert better > best
    await boards.owner.execute("update betjee.leaderboards set refreshed_at = null")
    await boards.refresh()
    assert await boards.column("realised_paise", "best_trade", "day") == {0: better}


async def test_equals_share_a_rank_and_stand_in_the_order_in_which_they_came(boards: Boards) -> None:
    await boards.trade(2, "buy", 10)
    await boards.refresh()
    assert list((await boards.column("rank")).items()) == [(0, 1), (1, 1), (3, 1), (2, 4)]


async def test_who_is_frozen_is_not_ranked_and_who_is_frozen_later_leaves_a_gap(boards: Boards) -> None:
    freeze = "update betjee.users set status = 'frozen' where user_id = $1"
    await boards.owner.execute(freeze, boards.users[1])
    await boards.refresh()
    assert list((await boards.column("rank")).items()) == [(0, 1), (2, 1), (3, 1)]
    await boards.owner.execute(freeze, boards.users[0])
    page = await boards.page()
    assert [line["user_id"] for line in page["standings"]] == [boards.users[2], boards.users[3]]
    assert [line["rank"] for line in page["standings"]] == [1, 1]
    assert (page["members"], page["empty_places"]) == (3, 1)


async def test_pages_and_the_own_place(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    founded = await found(connection_owner, [CASH + number for number in range(25)])
    boards = Boards(connection_owner, connection_service, founded)
    empty = await boards.page()
    assert (empty["members"], empty["pages"], empty["page"], empty["standings"]) == (0, 1, 1, [])
    assert empty["empty_places"] == 0
    await boards.refresh()
    for page, ranks in ((1, range(1, 11)), (3, range(21, 26)), (4, range(21, 26)), (-1, range(1, 11))):
        shown = await boards.page(page=page)
        assert [line["rank"] for line in shown["standings"]] == list(ranks)
        assert (shown["pages"], shown["members"], shown["empty_places"]) == (3, 25, 0)
    own = await own_standing(boards, founded.users[0])
    assert own is not None
    assert (own["rank"], own["place"], own["members"], own["net_worth_paise"]) == (25, 25, 25, CASH)
    assert await own_standing(boards, 10**9) is None


async def own_standing(boards: Boards, user_id: int) -> dict[str, Any] | None:
    document = await boards.service.fetchval(
        "select betjee.get_standing($1, $2, 'net_worth', 'all')", boards.founded.exchange_id, user_id
    )
    return json.loads(document) if document else None


async def test_more_than_a_chunk_has_its_pages_and_places_too(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    founded = await found(connection_owner, [CASH])
    await connection_owner.execute(
        "insert into betjee.users (exchange_id, display_name, cash_paise, registered_at)"
        " select $1, 'Member', number, clock_timestamp() from generate_series(1, 2500) number",
        founded.exchange_id,
    )
    boards = Boards(connection_owner, connection_service, founded)
    await boards.refresh()
    shown = await boards.page(page=101)
    assert [line["rank"] for line in shown["standings"]] == list(range(1001, 1011))
    across = await boards.page(page=10, size=99)
    assert [line["rank"] for line in across["standings"]] == list(range(892, 991))
    across = await boards.page(page=11, size=99)
    assert [line["rank"] for line in across["standings"]] == list(range(991, 1090))
    last = (await boards.page(page=251))["standings"][-1]
    own = await own_standing(boards, last["user_id"])
    assert own is not None
    assert own["place"] == 2501


async def of_groups(owner: asyncpg.Connection, service: asyncpg.Connection, sizes: Iterable[int]) -> Boards:
    """An exchange with groups of members who have equally much, the richest first, all of whom were granted the same."""
    boards = Boards(owner, service, await found(owner, []))
    await owner.execute(
        "with members as (insert into betjee.users (exchange_id, display_name, cash_paise, registered_at)"
        " select $1, 'Member', cash, clock_timestamp() from unnest($2::bigint[]) cash returning user_id)"
        " insert into betjee.grants (exchange_id, sequence, user_id, kind, amount_paise, granted_at)"
        " select $1, 1000 + user_id, user_id, 'signup', 1000, clock_timestamp() from members",
        boards.founded.exchange_id,
        [CASH - 100 * number for number, size in enumerate(sizes) for _ in range(size)],
    )
    await boards.refresh()
    return boards


async def all_places(boards: Boards, board: str) -> list[tuple[int, int]]:
    """User and rank of every place of a leaderboard."""
    shown = await boards.page(board, size=100)
    rest = [await boards.page(board, page=page, size=100) for page in range(2, shown["pages"] + 1)]
    return [(line["user_id"], line["rank"]) for page in (shown, *rest) for line in page["standings"]]


@pytest.mark.parametrize("board", ["net_worth", "gain"])
@pytest.mark.parametrize(
    "sizes",
    [[2500], [1, 2500], [999, 1, 1, 1000], [1000, 1000], [500, 2000, 600], [998, 3, 998, 3, 1], [7] * 300],
)
async def test_equals_share_a_rank_however_many_they_are(
    board: str, sizes: list[int], connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    boards = await of_groups(connection_owner, connection_service, sizes)
    places = await all_places(boards, board)
    firsts = [1 + sum(sizes[:number]) for number in range(len(sizes))]
    assert [rank for _, rank in places] == [
        first for first, size in zip(firsts, sizes, strict=True) for _ in range(size)
    ]
    assert [user for user, _ in places] == sorted(user for user, _ in places)


@pytest.mark.parametrize("board", ["net_worth", "gain"])
async def test_a_wipe_moves_nobody_until_the_next_run(
    board: str,
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    watcher: asyncpg.Connection,
) -> None:
    boards = await of_groups(connection_owner, connection_service, [998, 1005, 2, 500])
    before = await all_places(boards, board)
    wiped = {before[place][0] for place in (0, 1, 997, 998, 999, 1000, 2002, 2003, 2504)}
    async with watcher.transaction():
        await watcher.execute("set local role exchange_eraser")
        await watcher.execute(
            "select betjee.forget_standings($1, $2::bigint[])", boards.founded.exchange_id, list(wiped)
        )
    assert await all_places(boards, board) == [line for line in before if line[0] not in wiped]
    own = await own_standing(boards, before[1500][0])
    assert own is not None
    assert (own["place"], own["rank"]) == (1501, 999)


@pytest.mark.parametrize(
    ("made", "now", "post_at", "due"),
    [
        ((None, 0, 0), "10:00:00", "off", True),
        (("10:00:00", 5, 0), "10:59:59", "off", False),
        (("10:59:59", 5, 0), "11:00:00", "off", True),
        (("10:00:00", 4, 0), "10:00:59", "off", False),
        (("10:00:00", 4, 0), "10:01:00", "off", True),
        (("10:00:00", 4, 6), "10:09:59", "off", False),
        (("10:00:00", 4, 6), "10:10:00", "off", True),
        (("10:00:00", 5, 0), "10:29:59", "16:00", False),
        (("10:00:00", 5, 0), "10:30:00", "16:00", True),
        (("10:30:00", 5, 0), "10:30:01", "16:00", False),
    ],
)
async def test_they_are_made_hourly_after_changes_and_for_the_post_but_seldom(
    connection_owner: asyncpg.Connection,
    made: tuple[str | None, int, int],
    now: str,
    post_at: str,
    *,
    due: bool,
) -> None:
    """Made when, up to which sequence (it is 5), in so many seconds. By the exchange's clock, 16:00 is 10:30 in UTC."""
    day = "2026-01-20T{}Z"
    refreshed_at, sequence, took_seconds = made
    exchange = {"sequence": 5, "settings": {"leaderboard_post_at": post_at, "utc_offset": "+05:30"}}
    leaderboards = {
        "refreshed_at": refreshed_at and day.format(refreshed_at),
        "counted_sequence": sequence,
        "took_seconds": took_seconds,
    }
    query = (
        "select betjee.are_leaderboards_due(jsonb_populate_record(null::betjee.exchanges, $1),"
        " jsonb_populate_record(null::betjee.leaderboards, $2), $3::text::timestamptz)"
    )
    arguments = json.dumps(exchange), json.dumps(leaderboards), day.format(now)
    assert await connection_owner.fetchval(query, *arguments) == due


async def test_again_in_the_same_moment_nothing_is_done(boards: Boards) -> None:
    assert await boards.refresh()
    assert not await boards.refresh()


async def test_many_processes_take_one_snapshot(
    boards: Boards, sessions: list[asyncpg.Connection], watcher: asyncpg.Connection
) -> None:
    query = "select betjee.refresh_leaderboards($1)"
    done = await asyncio.gather(
        *[session.fetchval(query, boards.founded.exchange_id) for session in sessions]
    )
    assert sorted(done, key=str) == [None] * (len(sessions) - 1) + ["done"]
    count = "select count(*) from betjee.snapshots where exchange_id = $1"
    assert await watcher.fetchval(count, boards.founded.exchange_id) == 1


async def test_a_process_passes_by_what_another_has_in_hand(
    boards: Boards, connection_owner: asyncpg.Connection
) -> None:
    exchange_id = boards.founded.exchange_id
    await connection_owner.execute("insert into betjee.leaderboards (exchange_id) values ($1)", exchange_id)
    await boards.service.execute("set lock_timeout = '1ms'")
    in_hand = "select from betjee.leaderboards where exchange_id = $1 for update"
    async with holding(connection_owner, in_hand, exchange_id):
        assert not await boards.refresh()
    assert await boards.refresh()


async def test_trades_do_not_wait_for_a_run_nor_a_run_for_them(
    boards: Boards, connection_owner: asyncpg.Connection, sessions: list[asyncpg.Connection]
) -> None:
    exchange_id = boards.founded.exchange_id
    await sessions[0].execute("set lock_timeout = '1ms'")
    async with holding_exchange(connection_owner, exchange_id):
        assert await sessions[0].fetchval("select betjee.refresh_leaderboards($1)", exchange_id) == "done"
    await boards.service.execute("set lock_timeout = '1ms'")
    async with connection_owner.transaction():
        await connection_owner.execute(
            "update betjee.leaderboards set refreshed_at = null where exchange_id = $1", exchange_id
        )
        assert (
            await connection_owner.fetchval("select betjee.refresh_leaderboards($1)", exchange_id) == "done"
        )
        await boards.trade(0, "buy", 10)


async def test_snapshots_are_thinned_out_to_one_a_day(boards: Boards) -> None:
    for _ in range(3):
        await boards.hour()
    await pass_hours(boards.owner, boards.founded.exchange_id, 24 * 9)
    await boards.refresh()
    kept = await boards.owner.fetch(
        "select s.taken_at, count(w.block) as blocks from betjee.snapshots s left join betjee.net_worths w using (exchange_id, taken_at)"
        " where s.exchange_id = $1 group by s.taken_at order by s.taken_at",
        boards.founded.exchange_id,
    )
    days = {row["taken_at"].date() for row in kept}
    assert len(days) == len(kept), "one of each day, the first"
    assert len(kept) in (2, 3), "those hours may have lain on two days"
    assert all(row["blocks"] == 1 for row in kept)
    await pass_hours(boards.owner, boards.founded.exchange_id, 24 * 401)
    await boards.refresh()
    assert (
        await boards.owner.fetchval(
            "select count(*) from betjee.snapshots where exchange_id = $1", boards.founded.exchange_id
        )
        == 1
    )


async def test_the_worth_of_a_member_hour_by_hour(boards: Boards) -> None:
    # They signed up in the hour before the first snapshot.
    await boards.owner.execute("update betjee.users set registered_at = registered_at - interval '1 hour'")
    worths = []
    for _ in range(3):
        await boards.trade(0, "buy", 10)
        worths.append(net_worth(boards.founded.model, boards.users[0]))
        await boards.hour()
    query = "select betjee.list_net_worth($1, $2, $3)"
    whole = [CASH, *worths]
    for hours, expected in ((100, whole), (2, worths[-1:]), (10**9, whole), (-1, [])):
        points = await boards.service.fetch(query, boards.founded.exchange_id, boards.users[0], hours)
        assert [json.loads(point[0])["net_worth_paise"] for point in points] == expected, hours
    assert await boards.service.fetch(query, boards.founded.exchange_id, 10**9, 100) == []


async def test_a_wiped_member_leaves_no_figures(boards: Boards, watcher: asyncpg.Connection) -> None:
    await boards.trade(0, "buy", 1_000)
    await boards.trade(1, "buy", 1_000)
    await boards.trade(0, "sell", 400)
    await boards.hour()
    await boards.refresh()
    exchange_id, (wiped, *others) = boards.founded.exchange_id, boards.users
    async with watcher.transaction():
        await watcher.execute("set local role exchange_eraser")
        await watcher.execute("select betjee.forget_standings($1, $2::bigint[])", exchange_id, [wiped])
    for table in ("net_worths", "standings"):
        left = await watcher.fetch(f"select user_ids from betjee.{table} where exchange_id = $1", exchange_id)
        assert left
        assert all(wiped not in row["user_ids"] for row in left)
    trades = "select count(*) from betjee.best_trades where exchange_id = $1"
    assert await watcher.fetchval(trades, exchange_id) == 0
    assert {line["user_id"] for line in await boards.lines()} == set(others)


@pytest.mark.parametrize("pricing", ["integral", "average"])
async def test_the_ledger_says_what_closing_has_realised(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection, pricing: Any
) -> None:
    founded = await found(connection_owner, [CASH] * 2, {"22s1": Terms(pricing=pricing)}, WIDE)
    boards = Boards(connection_owner, connection_service, founded)
    for user, side, shares in (
        (0, "buy", 50),
        (1, "short", 20),
        (0, "sell", 20),
        (1, "cover", 20),
        (0, "sell", 30),
    ):
        await boards.trade(user, side, shares)
    rows = await connection_owner.fetch(
        "select t.user_id, sum(t.realised_paise) as ledger, max(p.realised_paise) as position,"
        " count(*) filter (where t.realised_paise <> 0) as closing from betjee.transactions t join betjee.positions p using (exchange_id, user_id, shift_id)"
        " where t.exchange_id = $1 group by t.user_id order by 1",
        founded.exchange_id,
    )
    assert [row["closing"] for row in rows] == [2, 1]
    assert all(row["ledger"] == row["position"] != 0 for row in rows)
