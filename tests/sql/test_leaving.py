"""Members who delete themselves, and what they can take with them."""

import asyncpg
import pytest

from tests.sql.blocking import holding_exchange
from tests.sql.court import Court, identity


async def leave(court: Court, name: str) -> dict[str, object]:
    return await court.call("delete_user", court[name], identity(name))


async def test_who_leaves_closes_everything_and_keeps_a_number(court: Court) -> None:
    await court.order("ann", "buy", 100)
    await court.order("ann", "short", 20, market="21s1")
    await court.call("arm_alert", court["ann"], "22s1", 5_000)
    await court.call("report", court["ann"], "Goodbye.")
    left = await leave(court, "ann")
    closed = left["closed"]
    assert isinstance(closed, list)
    assert [(item["market"], item["side"], item["shares"]) for item in closed] == [
        ("21s1", "cover", 20),
        ("22s1", "sell", 100),
    ]
    (user,) = await court.rows("users", f"user_id = {court['ann']}")
    assert (user["status"], user["display_name"], user["cash_paise"]) == ("deleted", "Deleted member", 0)
    mine = f"user_id = {court['ann']}"
    for table in ("accounts", "price_alerts", "reports", "outbox"):
        assert await court.rows(table, mine) == [], table
    fills = await court.rows("transactions", f"{mine} order by sequence")
    assert [(fill["shares"], fill["position_shares"]) for fill in fills] == [
        (100, 100),
        (-20, -20),
        (20, 0),
        (-100, 0),
    ]
    (burn,) = await court.rows("burns")
    assert (burn["user_id"], burn["cash_paise"]) == (court["ann"], left["burned_cash_paise"])
    assert (await court.market())["price_paise"] == 1_663
    assert (await court.order("ann", "buy", 1))["code"] == "unknown_user"
    assert (await leave(court, "ann"))["refused"] == "unknown_user"
    assert (await court.call("arm_stop", court["ann"], "stop_loss", "22s1", 1_500, 1, None))[
        "refused"
    ] == "unknown_user"
    assert (await court.call("arm_alert", court["ann"], "22s1", 5_000))["refused"] == "not_registered"
    assert await court.audit() == []


async def test_the_mark_of_the_bonus_survives(court: Court) -> None:
    await leave(court, "ann")
    again = await court.call("register_user", "discord", "ann", "Ann", identity("ann"))
    assert (again["created"], again["bonus_paise"]) == (True, 0)
    assert again["user_id"] != court["ann"]
    assert await court.audit() == []


async def test_nobody_leaves_before_a_wipe_or_while_frozen(court: Court) -> None:
    await court.call("freeze_user", court["mona"], court["ann"], "Odd.")
    assert (await leave(court, "ann"))["refused"] == "user_frozen"
    await court.plan("mona", ["bob"], "burn")
    assert (await leave(court, "bob"))["refused"] == "user_frozen"
    # A ban on top of either does not open the door.
    for name in ("ann", "bob"):
        await court.call("ban_user", court["mona"], court[name], identity(name), "Odd.", None)
        assert (await leave(court, name))["refused"] == "user_frozen"


async def test_who_is_banned_may_leave_and_stays_banned(court: Court) -> None:
    await court.order("ann", "buy", 100)
    await court.call("ban_user", court["mona"], court["ann"], identity("ann"), "Odd.", None)
    assert (await leave(court, "ann"))["user_id"] == court["ann"]
    refused = await court.call("register_user", "discord", "ann", "Ann", identity("ann"))
    assert refused["refused"] == "user_banned"
    assert await court.audit() == []


async def test_what_cannot_be_closed_keeps_them_with_what_is_possible(court: Court) -> None:
    await court.order("ann", "buy", 3_000)
    await court.order("ann", "buy", 10, market="21s1")
    await court.pass_time()
    await court.owner_connection.execute(
        "update betjee.exchanges set settings = settings || '{\"band_bps\": 3000}' where exchange_id = $1",
        court.front.exchange_id,
    )
    before = await court.rows("positions")
    refused = await leave(court, "ann")
    assert (refused["refused"], refused["market"], refused["code"]) == ("cannot_close", "22s1", "price_band")
    assert refused["shares"] == 3_000
    assert 0 < int(str(refused["possible_shares"])) < 3_000
    assert await court.rows("positions") == before
    await court.call("halt_market", court["mona"], "22s1", "Odd.")
    assert (await leave(court, "ann"))["code"] == "market_not_open"


async def test_leaving_sets_off_what_it_crosses(court: Court) -> None:
    await court.order("bob", "buy", 500)
    await court.order("ann", "buy", 500)
    price = (await court.market())["price_paise"]
    await court.call("arm_stop", court["bob"], "stop_loss", "22s1", price - 100, 50, None)
    await court.call("arm_alert", court["bob"], "22s1", price - 100)
    await leave(court, "ann")
    assert len(await court.rows("transactions", "cause = 'stop_loss'")) == 1
    assert len(await court.rows("outbox", "kind = 'price_alert'")) == 1
    assert await court.audit() == []


async def test_the_owner_stays_and_a_moderator_may_leave(court: Court) -> None:
    refused = await court.call("delete_user", court["olga"], identity("olga"))
    assert refused["refused"] == "is_owner"
    await court.call("delete_user", court["max"], identity("max"))
    ranks = [row["rank"] for row in await court.front.listing("list_moderators")]
    assert ranks == ["owner", "moderator"]
    assert (await court.acts())[-1] == ("resign", {"user_id": court["max"]})
    assert await court.audit() == []


async def test_an_export_has_everything_and_the_ledger_in_pages(court: Court) -> None:
    for shares in (1, 2, 3):
        await court.order("ann", "buy", shares)
    await court.order("bob", "buy", 9)
    await court.call("report", court["ann"], "Prices look odd.")
    export = await court.front.document("export_user", court.front.exchange_id, court["ann"])
    assert (export["display_name"], export["accounts"][0]["provider_user_id"]) == ("ann", "ann")
    assert export["reports"][0]["text"] == "Prices look odd."
    assert export["positions"][0]["shares"] == 6
    first = await court.front.document("export_ledger", court.front.exchange_id, court["ann"], 0, 2)
    second = await court.front.document(
        "export_ledger", court.front.exchange_id, court["ann"], first["next_after_sequence"], 2
    )
    assert [fill["shares"] for fill in first["fills"] + second["fills"]] == [1, 2, 3]
    assert second["next_after_sequence"] is None
    stranger = await court.front.service.fetchval(
        "select betjee.export_user($1, $2)", court.front.exchange_id, 10**9
    )
    assert stranger is None


async def preview(court: Court, name: str) -> dict[str, object]:
    return await court.front.document("preview_deletion", court.front.exchange_id, court[name])


async def test_a_preview_says_what_leaving_then_does(court: Court) -> None:
    await court.order("ann", "buy", 100)
    await court.order("ann", "short", 20, market="21s1")
    before = await court.rows("positions")
    shown = await preview(court, "ann")
    assert await court.rows("positions") == before, "to look changes nothing"
    assert shown == await leave(court, "ann")


async def test_a_preview_refuses_as_leaving_does(court: Court) -> None:
    await court.order("ann", "buy", 10)
    await court.call("halt_market", court["mona"], "22s1", "Odd.")
    await court.call("freeze_user", court["mona"], court["bob"], "Odd.")
    await court.plan("mona", ["cid"], "burn")
    for name, code in (
        ("ann", "cannot_close"),
        ("bob", "user_frozen"),
        ("cid", "user_frozen"),
        ("olga", "is_owner"),
    ):
        shown = await preview(court, name)
        assert shown["refused"] == code, name
        assert shown == await leave(court, name)
    court.people["nobody"] = 10**9
    assert (await preview(court, "nobody"))["refused"] == "unknown_user"


async def test_an_export_has_what_signing_up_left(court: Court) -> None:
    await court.order("ann", "buy", 5)
    await court.owner_connection.execute(
        """
        with attempt as (
          insert into betjee.verification_attempts (exchange_id, identity_hash, network_key, outcome, attempted_at)
          select $1, identity_hash, sha256('n'), 'registered', now()
          from betjee.accounts where exchange_id = $1 and user_id = $2),
        cluster as (
          insert into betjee.clusters (exchange_id, cluster_id, kind, subject_hash, detail, found_at, last_at)
          values ($1, 999999, 'crowd', sha256('n'), '{}', now(), now()) returning cluster_id)
        insert into betjee.suspects (exchange_id, cluster_id, identity_hash, added_at)
        select $1, 999999, identity_hash, now()
        from betjee.accounts, cluster where exchange_id = $1 and user_id = $2
        """,
        court.front.exchange_id,
        court["ann"],
    )
    export = await court.front.document("export_user", court.front.exchange_id, court["ann"])
    assert [item["outcome"] for item in export["sign_up_attempts"]] == ["registered"]
    assert [item["kind"] for item in export["suspicions"]] == ["crowd"]
    assert [item["season"] for item in export["bonus_marks"]] == [1]
    assert (export["fills"], export["rank"], export["sign_up_links"]) == (1, None, [])
    other = await court.front.document("export_user", court.front.exchange_id, court["bob"])
    assert (other["sign_up_attempts"], other["suspicions"]) == ([], []), "of others nothing"
    moderator = await court.front.document("export_user", court.front.exchange_id, court["max"])
    assert moderator["rank"] == "moderator"


@pytest.mark.parametrize(
    "query",
    [
        "select betjee.preview_deletion($1, $2)",
        "select betjee.export_user($1, $2)",
        "select betjee.export_ledger($1, $2, 0, 10)",
        "select betjee.find_ban($1, sha256($2::bigint::text::bytea))",
    ],
)
async def test_reading_waits_for_nobody(court: Court, query: str) -> None:
    async with holding_exchange(court.owner_connection, court.front.exchange_id):
        await court.front.service.execute("set lock_timeout = '1ms'")
        await court.front.service.fetch(query, court.front.exchange_id, court["ann"])


async def test_a_hash_is_a_hash(court: Court) -> None:
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await court.call("delete_user", court["ann"], b"guess")
