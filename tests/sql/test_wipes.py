"""A wipe: what it does to markets, members and everyone else, and what it leaves."""

import asyncio

import asyncpg
import pytest

from tests.model.founding import execute
from tests.model.state import Ask
from tests.sql.blocking import holding, holding_exchange, wait_for_waiting
from tests.sql.court import Court, identity

TABLES = (
    "accounts",
    "grants",
    "outbox",
    "positions",
    "price_alerts",
    "reports",
    "stop_losses",
    "transactions",
    "users",
)


async def test_a_preview_shows_both_modes_and_changes_nothing(pumped: Court) -> None:
    before = await pumped.market()
    preview = await pumped.front.document(
        "preview_wipe", pumped.front.exchange_id, pumped["mona"], [pumped["bob"], pumped["cid"]]
    )
    assert [member["display_name"] for member in preview["members"]] == ["bob", "cid"]
    shorted, bought = preview["markets"]
    assert (shorted["short_shares"], bought["long_shares"], bought["supply_bps"]) == (40, 2_500, 2_500)
    assert bought["price_paise"] == before["price_paise"]
    assert bought["burned_available_shares"] == bought["available_shares"] == before["available_shares"]
    assert bought["unwound_available_shares"] == before["available_shares"] + 2_500
    assert shorted["burned_available_shares"] == shorted["available_shares"] + 40
    assert preview["needs_second"]
    assert await pumped.market() == before
    await wipe(pumped, "unwind")
    assert (await pumped.market())["price_paise"] == bought["unwound_price_paise"]
    assert (await pumped.market("21s1"))["price_paise"] == shorted["unwound_price_paise"]


async def wipe(court: Court, mode: str) -> dict[str, object]:
    """Plan it, second it, and let its time come."""
    planned = await court.plan("mona", ["bob", "cid"], mode)
    await court.call("second_wipe", court["max"], planned["wipe_id"])
    await court.pass_time()
    await court.write()
    return planned


@pytest.mark.parametrize("mode", ["burn", "unwind"])
async def test_of_the_wiped_nothing_is_left_but_sums(pumped: Court, mode: str) -> None:
    before = {row["shift_id"]: row for row in await pumped.rows("markets")}
    (ann,) = await pumped.rows("users", f"user_id = {pumped['ann']}")
    await wipe(pumped, mode)
    after = {row["shift_id"]: row for row in await pumped.rows("markets")}
    wiped = f"user_id in ({pumped['bob']}, {pumped['cid']})"
    for table in TABLES:
        assert await pumped.rows(table, wiped) == [], table
    assert [tuple(row) for row in await pumped.rows("users", f"user_id = {pumped['ann']}")] == [tuple(ann)]
    burns = await pumped.rows("burns")
    assert sum(row["granted_paise"] for row in burns) == 200_000_000
    assert sum(1 for row in burns if row["shift_id"] is None) == 2
    shares = {row["shift_id"]: row["shares"] for row in burns if row["shift_id"]}
    bought, shorted = 3, 1
    if mode == "burn":
        assert shares == {bought: 2_500, shorted: -40}
        for shift_id in shares:
            assert after[shift_id]["remaining_shares"] == before[shift_id]["remaining_shares"]
            assert after[shift_id]["pool_paise"] == before[shift_id]["pool_paise"]
    else:
        assert shares == {bought: 0, shorted: 0}
        assert after[bought]["remaining_shares"] == before[bought]["remaining_shares"] + 2_500
        assert after[shorted]["remaining_shares"] == before[shorted]["remaining_shares"] - 40
    assert after[shorted]["open_short_shares"] == 0
    assert await pumped.audit() == []


async def test_an_unwound_market_is_where_closing_would_have_left_it(pumped: Court) -> None:
    await wipe(pumped, "unwind")
    (market,) = await pumped.rows("markets", "code = '22s1'")
    assert market["total_shares_cap"] - market["remaining_shares"] == 1_000


@pytest.mark.parametrize("mode", ["burn", "unwind"])
async def test_the_band_is_measured_from_where_a_wipe_left_the_price(pumped: Court, mode: str) -> None:
    await wipe(pumped, mode)
    await pumped.owner_connection.execute(
        "update betjee.exchanges set settings = settings || '{\"band_bps\": 3000}' where exchange_id = $1",
        pumped.front.exchange_id,
    )
    price = (await pumped.market())["price_paise"]
    assert (await pumped.order("ann", "buy", 1))["status"] == "filled"
    refused = await pumped.order("ann", "buy", 1_500)
    assert refused["code"] == "price_band"
    filled = await pumped.order("ann", "buy", refused["possible_shares"])
    assert price < filled["price_after_paise"] <= price * 13 // 10


async def test_burning_somebody_gives_nobody_more_room(court: Court) -> None:
    for setting, value in (("wipe_undo_seconds", "0"), ("band_bps", "3000"), ("max_order_shares", "10000")):
        await court.call("change_setting", court["olga"], setting, value)
    for name in ("bob", "cid"):
        await court.order(name, "buy", 1)
        await court.order(name, "sell", 1)
    price = (await court.market())["price_paise"]
    refused = await court.order("ann", "buy", 5_000)
    await court.order("ann", "buy", refused["possible_shares"])
    for name in ("bob", "cid"):
        assert (await court.plan("olga", [name], "burn"))["status"] == "executed"
        assert (await court.order("ann", "buy", 100))["code"] == "price_band"
    left = (await court.market())["price_paise"]
    assert left <= price * 13 // 10
    await court.pass_time()
    refused = await court.order("ann", "buy", 5_000)
    filled = await court.order("ann", "buy", refused["possible_shares"])
    assert left * 12 // 10 < filled["price_after_paise"] <= left * 13 // 10
    assert await court.audit() == []


async def test_orders_that_an_unwinding_crosses_are_executed_as_by_any_trade(pumped: Court) -> None:
    price = (await pumped.market())["price_paise"]
    armed = await pumped.call("arm_stop", pumped["ann"], "stop_loss", "22s1", price - 100, 300, None)
    await pumped.call("arm_alert", pumped["ann"], "22s1", price - 200)
    await wipe(pumped, "unwind")
    (fill,) = await pumped.rows("transactions", "cause = 'stop_loss'")
    assert (fill["stop_id"], fill["shares"], fill["set_off_by"]) == (armed["stop_id"], -300, None)
    assert fill["position_shares"] == 700, "what is left is hers, whatever became of the others"
    kinds = {row["kind"] for row in await pumped.rows("outbox", f"user_id = {pumped['ann']}")}
    assert kinds == {"price_alert", "stop_filled"}
    assert await pumped.audit() == []


async def test_orders_that_the_wiped_set_off_keep_their_fills(pumped: Court) -> None:
    price = (await pumped.market())["price_paise"]
    await pumped.call("arm_stop", pumped["ann"], "stop_loss", "22s1", price - 100, 300, None)
    sale = await pumped.order("bob", "sell", 200)
    await wipe(pumped, "burn")
    (fill,) = await pumped.rows("transactions", "cause = 'stop_loss'")
    assert fill["set_off_by"] == sale["sequence"]
    assert await pumped.audit() == []
    for at in range(1, int(fill["sequence"]) + 3):
        moments = await pumped.front.service.fetch(
            "select betjee.check_moment($1, $2)", pumped.front.exchange_id, at
        )
        assert moments == []


async def test_the_past_of_a_market_before_a_wipe_is_not_claimed(pumped: Court) -> None:
    await wipe(pumped, "burn")
    rows = await pumped.front.service.fetch(
        "select name, figures from betjee.replayed_state($1, 10) where kind in ('market', 'treasury')",
        pumped.front.exchange_id,
    )
    figures = {row["name"]: row["figures"] for row in rows}
    assert "known_from_sequence" in figures["22s1"]
    assert "known_from_sequence" in figures[""]
    assert "remaining_shares" in figures["23s1"]


async def test_a_halted_market_is_unwound_and_looked_at_when_it_reopens(pumped: Court) -> None:
    price = (await pumped.market())["price_paise"]
    await pumped.call("arm_stop", pumped["ann"], "stop_loss", "22s1", price - 100, 300, None)
    await pumped.call("halt_market", pumped["max"], "22s1", "Odd prices.")
    await wipe(pumped, "unwind")
    assert (await pumped.market())["price_paise"] < price - 100
    assert await pumped.rows("transactions", "cause = 'stop_loss'") == []
    await pumped.call("resume_market", pumped["max"], "22s1")
    assert len(await pumped.rows("transactions", "cause = 'stop_loss'")) == 1
    assert await pumped.audit() == []


async def test_a_wiped_member_stays_banned_when_a_ban_for_a_time_would_have_ended(court: Court) -> None:
    await court.call("ban_user", court["mona"], court["bob"], identity("bob"), "A day off.", 86_400)
    planned = await court.plan("mona", ["bob"], "burn")
    await court.pass_time()
    await court.write()
    (ban,) = await court.rows("bans")
    assert (ban["wipe_id"], ban["banned_until"], ban["reason"]) == (planned["wipe_id"], None, "Bots.")
    refused = await court.call("register_user", "discord", "bob", "Bob", identity("bob"))
    assert (refused["refused"], refused["banned_until"]) == ("user_banned", None)


async def test_a_ban_that_ends_during_a_wipe_does_not_break_it(court: Court) -> None:
    await court.call("ban_user", court["mona"], court["bob"], identity("bob"), "A day off.", 86_400)
    planned = await court.plan("mona", ["bob"], "burn")
    over = "update betjee.bans set banned_until = clock_timestamp() where exchange_id = $1"
    await court.owner_connection.execute(over, court.front.exchange_id)
    await court.owner_connection.execute(
        "select betjee.keep_out(e, w) from betjee.exchanges e join betjee.wipes w using (exchange_id)"
        " where e.exchange_id = $1",
        court.front.exchange_id,
    )
    (ban,) = await court.rows("bans")
    assert (ban["wipe_id"], ban["banned_until"]) == (planned["wipe_id"], None)


async def test_a_wipe_of_somebody_who_is_gone_already_just_ends(court: Court) -> None:
    await court.plan("mona", ["bob"], "burn")
    twice = (
        "with w as (insert into betjee.wipes select (jsonb_populate_record(w, '{\"wipe_id\": 1}')).*"
        " from betjee.wipes w where exchange_id = $1 returning *)"
        " insert into betjee.wipe_members select w.exchange_id, 1, m.user_id, m.identity_hash"
        " from w join betjee.wipe_members m using (exchange_id)"
    )
    await court.owner_connection.execute(twice, court.front.exchange_id)
    await court.pass_time()
    await court.write()
    assert [row["status"] for row in await court.rows("wipes")] == ["executed", "executed"]
    assert await court.audit() == []


async def test_a_wipe_that_breaks_stops_nobody_else(court: Court) -> None:
    planned = await court.plan("mona", ["bob"], "burn")
    await court.owner_connection.execute(
        "create table betjee.unforeseen (exchange_id bigint, user_id bigint,"
        " foreign key (exchange_id, user_id) references betjee.users)"
    )
    await court.owner_connection.execute(
        "insert into betjee.unforeseen values ($1, $2)", court.front.exchange_id, court["bob"]
    )
    await court.pass_time()
    assert (await court.order("ann", "buy", 1))["status"] == "filled"
    (wipe_,) = await court.front.listing("list_wipes", court["mona"], 10)
    assert wipe_["status"] == "failed"
    assert "unforeseen" in wipe_["failure"]
    assert await court.status("bob") == "frozen"
    await court.owner_connection.execute("drop table betjee.unforeseen")
    assert (await court.call("undo_wipe", court["mona"], planned["wipe_id"]))["status"] == "undone"
    assert await court.status("bob") == "active"
    assert await court.audit() == []


async def test_a_wipe_that_takes_too_long_stops_nobody_either(
    court: Court, sessions: list[asyncpg.Connection], watcher: asyncpg.Connection
) -> None:
    await court.plan("mona", ["bob"], "burn")
    await court.pass_time()
    ask = Ask(9_000_000, court["ann"], "22s1", "buy", 1, confirmed=True)
    held = "select from betjee.outbox where exchange_id = $1 for update"
    async with holding(court.owner_connection, held, court.front.exchange_id):
        answer = asyncio.create_task(execute(sessions[0], court.front.exchange_id, [ask]))
        (waiting,) = await wait_for_waiting(watcher, "execute_orders")
        # As the application does when its patience is over.
        await watcher.execute("select pg_cancel_backend($1)", waiting)
        assert (await answer)[0]["status"] == "filled"
    (broken,) = await court.front.listing("list_wipes", court["mona"], 10)
    assert broken["status"] == "failed"
    assert await court.audit() == []


@pytest.mark.parametrize("mode", ["burn", "unwind"])
async def test_a_wipe_in_the_middle_of_heavy_trading(
    court: Court, sessions: list[asyncpg.Connection], watcher: asyncpg.Connection, mode: str
) -> None:
    await court.join(*(f"bot{number}" for number in range(8)))
    names = ["ann", "cid", *(f"bot{number}" for number in range(8))]
    planned = await court.plan("mona", [f"bot{number}" for number in range(4)], mode)
    await court.call("undo_wipe", court["mona"], planned["wipe_id"])
    for name in names:
        await court.order(name, "buy", 50)
    exchange_id = court.front.exchange_id

    async def trade(session: asyncpg.Connection, first_id: int) -> None:
        for batch in range(6):
            asks = [
                Ask(
                    first_id + batch * 10 + place,
                    court[name],
                    ("22s1", "21s1")[place % 2],
                    ("buy", "sell")[batch % 2],
                    3,
                    confirmed=True,
                )
                for place, name in enumerate(names)
            ]
            await execute(session, exchange_id, asks)

    async with asyncio.TaskGroup() as group:
        async with holding_exchange(court.owner_connection, exchange_id):
            for number, session in enumerate(sessions[:10]):
                group.create_task(trade(session, 5_000_000 + number * 1_000))
            await wait_for_waiting(watcher, "execute_orders", 10)
        planned = await court.plan("mona", [f"bot{number}" for number in range(6)], mode)
        await court.call("second_wipe", court["max"], planned["wipe_id"])
        await court.pass_time()
    await court.write()
    assert [row["status"] for row in await court.rows("wipes", "true order by wipe_id")] == [
        "undone",
        "executed",
    ]
    assert await court.status("bot0") is None
    assert await court.status("bot7") == "active"
    assert await court.audit() == []


async def test_the_outcomes_of_requests_outlive_a_wipe(court: Court) -> None:
    ask = Ask(9_100_000, court["bob"], "22s1", "buy", 5, confirmed=True)
    first = await execute(court.front.service, court.front.exchange_id, [ask])
    await court.plan("mona", ["bob"], "unwind")
    await court.pass_time()
    await court.write()
    assert await execute(court.front.service, court.front.exchange_id, [ask]) == first
    assert await court.rows("transactions") == []
    assert await court.audit() == []


async def test_a_batch_with_orders_of_the_wiped_fills_those_of_the_others(court: Court) -> None:
    await court.order("bob", "buy", 5)
    await court.plan("mona", ["bob"], "burn")
    await court.pass_time()
    asks = [
        Ask(9_200_000, court["bob"], "22s1", "sell", 5, confirmed=True),
        Ask(9_200_001, court["ann"], "22s1", "buy", 5, confirmed=True),
        Ask(9_200_002, court["bob"], "21s1", "short", 5, confirmed=True),
    ]
    answers = await execute(court.front.service, court.front.exchange_id, asks)
    assert [answer.get("code", "filled") for answer in answers] == ["unknown_user", "filled", "unknown_user"]
    assert await court.audit() == []
