"""At size, the hot functions read the rows they need by an index, and nothing else."""

import asyncpg
import pytest

from tests.conftest import database
from tests.model.founding import as_row, found
from tests.model.state import Ask

# Each test has a database of its own, since plans depend on all that is in one: those of other tests would be looked at too.
__all__ = ["database"]

MEMBERS = """
insert into betjee.users (exchange_id, display_name, cash_paise, registered_at)
select $1, 'Member', 1000000000, clock_timestamp() from generate_series(1, 5000)
"""
POSITIONS = (
    "insert into betjee.positions select $1, user_id, 1, 0, 0, 0, 0 from betjee.users where exchange_id = $1"
)
ACCOUNTS = """
insert into betjee.accounts (exchange_id, provider, provider_user_id, user_id)
select $1, 'discord', user_id::text, user_id from betjee.users where exchange_id = $1
"""
FILLS = """
insert into betjee.transactions (
  exchange_id, sequence, user_id, shift_id, shares, price_paise, gross_paise, tax_paise,
  price_after_paise, cause, request_id, executed_at)
select $1, 1000 + number, $2, 1, 1, 1663, 1663, 28, 1663, 'order', number,
  clock_timestamp() - interval '1 day' + number * interval '1 second'
from generate_series(1, 20000) number
"""
STOPS = """
insert into betjee.stop_losses (
  exchange_id, stop_id, user_id, shift_id, kind, shares, trigger_price_paise, trigger_sold, trigger_sign,
  request_id, armed_at)
select $1, 200000 + number, $2, 1, 'stop_loss', -1, 1000, -1000 - number, -1, 0, clock_timestamp()
from generate_series(1, 20000) number
"""
ROWS_READ = """
select coalesce(sum(seq_tup_read), 0) + coalesce(sum(idx_tup_fetch), 0) from pg_stat_xact_user_tables
where schemaname = 'betjee'
"""
EXECUTE = "select * from betjee.execute_orders($1, $2::betjee.order_request[])"
WARM_UP = 6
"""A statement of a function gets its generic plan after five calls, and that is the one to judge."""


@pytest.fixture
async def crowded(connection_owner: asyncpg.Connection, watcher: asyncpg.Connection) -> tuple[int, list[int]]:
    """An exchange with thousands of members, positions, fills and requests; its number and some members."""
    founded = await found(connection_owner, [10**9])
    exchange_id = founded.exchange_id
    for table in (MEMBERS, POSITIONS, ACCOUNTS):
        await connection_owner.execute(table, exchange_id)
    await connection_owner.execute(FILLS, exchange_id, founded.users[0])
    await connection_owner.execute(STOPS, exchange_id, founded.users[0])
    await connection_owner.execute(
        "update betjee.exchanges set sequence = 100000 where exchange_id = $1", exchange_id
    )
    await watcher.execute("analyze")
    users = await connection_owner.fetch(
        "select user_id from betjee.users where exchange_id = $1 limit 200", exchange_id
    )
    return exchange_id, [row["user_id"] for row in users]


async def rows_read(service: asyncpg.Connection, query: str, calls: list[tuple[object, ...]]) -> int:
    """How many rows the last of these calls reads from tables."""
    for call in calls[:-1]:
        await service.fetch(query, *call)
    async with service.transaction():
        before = await service.fetchval(ROWS_READ)
        await service.fetch(query, *calls[-1])
        after = await service.fetchval(ROWS_READ)
    read: int = after - before
    return read


@pytest.mark.parametrize("batch", [1, 200])
async def test_a_batch_reads_a_few_rows_for_each_order(
    crowded: tuple[int, list[int]], connection_service: asyncpg.Connection, batch: int
) -> None:
    exchange_id, users = crowded
    calls: list[tuple[object, ...]] = []
    for number in range(WARM_UP + 1):
        side = "sell" if number % 2 else "buy"
        first_id = 1_000_000 + number * batch
        asks = [
            Ask(first_id + place, user, "22s1", side, 1, confirmed=True)
            for place, user in enumerate(users[:batch])
        ]
        calls.append((exchange_id, [as_row(ask) for ask in asks]))
    assert await rows_read(connection_service, EXECUTE, calls) in range(batch, 20 + 10 * batch)


async def test_a_trade_that_sets_off_stops_reads_only_those(
    crowded: tuple[int, list[int]],
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
) -> None:
    exchange_id, users = crowded
    await connection_owner.execute(
        "update betjee.exchanges set settings = settings || $2::jsonb where exchange_id = $1",
        exchange_id,
        '{"max_order_shares": 1000000}',
    )
    buyer, *sellers = users
    hold = [as_row(Ask(5_000_000, buyer, "22s1", "buy", 100, confirmed=True))]
    await connection_service.fetch(EXECUTE, exchange_id, hold)
    # Each sale of two shares sets off the stop that the buyer has armed one share below.
    for number in range(WARM_UP + 1):
        await connection_owner.execute(
            "insert into betjee.stop_losses (exchange_id, stop_id, user_id, shift_id, kind, shares,"
            " trigger_price_paise, trigger_sold, trigger_sign, request_id, armed_at)"
            " values ($1, $2, $3, 1, 'stop_loss', -1, 1000, $4, -1, 0, clock_timestamp())",
            exchange_id,
            300_000 + number,
            buyer,
            100 - 3 * number - 1,
        )
    calls: list[tuple[object, ...]] = [
        (exchange_id, [as_row(Ask(6_000_000 + number, seller, "22s1", "short", 2, confirmed=True))])
        for number, seller in enumerate(sellers[: WARM_UP + 1])
    ]
    assert await rows_read(connection_service, EXECUTE, calls) <= 60
    fired = "select count(*) from betjee.transactions where exchange_id = $1 and cause = 'stop_loss'"
    assert await connection_service.fetchval(fired, exchange_id) == WARM_UP + 1


@pytest.mark.parametrize(
    "query",
    [
        "select betjee.quote_order($1, (1, $2, '22s1', 'buy', 1, null, null, true)::betjee.order_request)",
        "select betjee.get_portfolio($1, $2)",
        "select betjee.find_user($1, 'discord', $2::bigint::text)",
        "select betjee.list_markets($1) where $2::bigint > 0",
        "select betjee.get_market($1, '22s1') where $2::bigint > 0",
        "select betjee.get_price_history($1, '22s1', 60, $2)",
        "select betjee.get_leaderboard($1, 'net_worth', 'day', 1 + ($2 % 50)::integer, 10)",
        "select betjee.get_leaderboard($1, 'best_trade', 'all', 1, 10) where $2::bigint > 0",
        "select betjee.get_standing($1, $2, 'gain', 'week')",
        "select betjee.list_net_worth($1, $2, 100)",
    ],
)
async def test_a_view_reads_a_few_rows(
    crowded: tuple[int, list[int]],
    connection_service: asyncpg.Connection,
    watcher: asyncpg.Connection,
    query: str,
) -> None:
    exchange_id, users = crowded
    await connection_service.fetch("select betjee.refresh_leaderboards($1)", exchange_id)
    await watcher.execute("analyze")
    assert (
        await rows_read(connection_service, query, [(exchange_id, user) for user in users[: WARM_UP + 1]])
        <= 30
    )


async def test_a_price_that_goes_to_and_fro_meets_each_stop_a_few_times(
    crowded: tuple[int, list[int]],
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
) -> None:
    exchange_id, users = crowded
    longs, shorts, seller = users[1:41], users[41:81], users[81]
    await connection_owner.execute(
        "update betjee.exchanges set settings = settings || $2::jsonb where exchange_id = $1",
        exchange_id,
        '{"max_order_shares": 1000000, "band_bps": 1000000000}',
    )
    opening = [
        as_row(Ask(7_000_000 + user, user, "22s1", side, 60, confirmed=True))
        for side, members in (("buy", longs), ("short", shorts))
        for user in members
    ]
    await connection_service.fetch(EXECUTE, exchange_id, opening)
    # Each cover carries the price to the next sale and each sale back to the next cover, past stop-losses behind them.
    rows = [
        (400_000 + 3 * number + place, user, kind, shares, trigger, sign)
        for number, (long, short) in enumerate(zip(longs * 5, shorts * 5, strict=True))
        for place, (user, kind, shares, trigger, sign) in enumerate(
            [
                (short, "take_profit", 6, -1, -1),
                (long, "take_profit", -6, 1, 1),
                (long, "stop_loss", -1, -4, -1),
            ]
        )
    ]
    await connection_owner.executemany(
        "insert into betjee.stop_losses (exchange_id, stop_id, user_id, shift_id, kind, shares,"
        f" trigger_price_paise, trigger_sold, trigger_sign, request_id, armed_at)"
        f" values ({exchange_id}, $1, $2, 1, $3, $4, 1000, $5, $6, 0, clock_timestamp())",
        rows,
    )
    order = [as_row(Ask(8_000_000, seller, "22s1", "short", 3, confirmed=True))]
    read = await rows_read(connection_service, EXECUTE, [(exchange_id, order)])
    fired = "select count(*) from betjee.transactions where exchange_id = $1 and stop_id is not null"
    assert await connection_service.fetchval(fired, exchange_id) > 300
    assert read <= 20 * len(rows)


async def test_a_run_reads_each_table_a_few_times(
    crowded: tuple[int, list[int]],
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
) -> None:
    exchange_id, _ = crowded
    refresh = "select betjee.refresh_leaderboards($1)"
    for _ in range(WARM_UP):
        assert await connection_service.fetchval(refresh, exchange_id)
        await connection_owner.execute(
            "update betjee.leaderboards set refreshed_at = null, counted_sequence = 1000000"
        )
    assert await rows_read(connection_service, refresh, [(exchange_id,)]) <= 10 * 5_000


@pytest.mark.parametrize(
    ("query", "most_rows"),
    [
        # Ten entries and what they name; 13 prices of the past for the one market, two more for the changes.
        ("select betjee.list_history($1, $2, null, null, 10)", 30),
        ("select betjee.list_history($1, $2, null, 15000, 10)", 30),
        ("select betjee.list_tape($1, 20000 + 0 * $2::bigint, null, 10)", 60),
        ("select betjee.list_tape($1, null, 15000 + 0 * $2::bigint, 10)", 60),
        ("select betjee.get_board($1) where $2::bigint > 0", 60),
        ("select betjee.claim_boards('a', 30, 10) where $1::bigint + $2::bigint > 0", 20),
    ],
)
async def test_a_page_and_the_board_read_a_few_rows_of_a_long_ledger(
    crowded: tuple[int, list[int]],
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    query: str,
    most_rows: int,
) -> None:
    exchange_id, _ = crowded
    trader = await connection_owner.fetchval(
        "select user_id from betjee.transactions where exchange_id = $1 limit 1", exchange_id
    )
    await put_a_board(connection_owner, exchange_id)
    await connection_service.fetchval(COUNT, exchange_id, 100_000)
    calls: list[tuple[object, ...]] = [(exchange_id, trader)] * (WARM_UP + 1)
    assert await rows_read(connection_service, query, calls) in range(1, most_rows + 1)


COUNT = "select betjee.count_candles($1, $2)"


async def test_a_fill_is_read_when_it_is_counted_and_never_again(
    crowded: tuple[int, list[int]],
    connection_service: asyncpg.Connection,
) -> None:
    exchange_id, _ = crowded
    calls: list[tuple[object, ...]] = [(exchange_id, 500)] * (WARM_UP + 1)
    read = await rows_read(connection_service, COUNT, calls)
    assert read in range(1_000, 1_100), "500, found and added up"
    while await connection_service.fetchval(COUNT, exchange_id, 100_000):
        pass
    calls = [(exchange_id, 100_000)] * (WARM_UP + 1)
    assert await rows_read(connection_service, COUNT, calls) <= 60, "nothing is read again"


@pytest.mark.parametrize("seconds", [3_600, 21_600, 86_400, 604_800, None])
async def test_a_chart_reads_candles_and_the_fills_that_are_not_counted(
    crowded: tuple[int, list[int]],
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    seconds: int | None,
) -> None:
    exchange_id, _ = crowded
    await connection_owner.execute("update betjee.exchanges set opened_at = opened_at - interval '9 days'")
    # One in each second until now.
    await connection_owner.execute(
        "update betjee.transactions set executed_at = executed_at + interval '1 day' - interval '20000 seconds'"
    )
    for _ in range(19):
        assert await connection_service.fetchval(COUNT, exchange_id, 1_000)
    chart = "select betjee.get_price_history($1, '22s1', $2, null)"
    calls: list[tuple[object, ...]] = [(exchange_id, seconds)] * (WARM_UP + 1)
    read = await rows_read(connection_service, chart, calls)
    assert read in range(1_000, 2_500), "each fill that is not counted once"
    while await connection_service.fetchval(COUNT, exchange_id, 1_000):
        pass
    assert await rows_read(connection_service, chart, calls) in range(7, 1_500)


async def put_a_board(owner: asyncpg.Connection, exchange_id: int) -> None:
    await owner.execute(
        "insert into betjee.live_boards (exchange_id, board_id, provider, channel_id, next_look_at)"
        " values ($1, 1, 'discord', '1', clock_timestamp())",
        exchange_id,
    )
