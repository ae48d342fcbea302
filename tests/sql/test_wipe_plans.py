"""Who decides about a wipe, when it is executed, and whom it may not hit."""

import asyncpg
import pytest

from tests.sql.court import Court, identity


async def test_members_are_frozen_from_the_plan_on_and_free_after_it_is_undone(court: Court) -> None:
    await court.order("bob", "buy", 10)
    planned = await court.plan("mona", ["bob"], "burn")
    assert planned["status"] == "planned"
    assert (await court.order("bob", "sell", 1))["code"] == "user_frozen"
    undone = await court.call("undo_wipe", court["max"], planned["wipe_id"])
    assert (undone["status"], await court.status("bob")) == ("undone", "active")
    await court.pass_time()
    assert (await court.order("bob", "sell", 1))["status"] == "filled"
    again = await court.call("undo_wipe", court["max"], planned["wipe_id"])
    assert (again["refused"], again["status"]) == ("wipe_ended", "undone")
    assert await court.audit() == []


async def test_whoever_was_frozen_before_stays_frozen_when_a_wipe_is_undone(court: Court) -> None:
    await court.call("freeze_user", court["mona"], court["bob"], "Odd.")
    planned = await court.plan("mona", ["bob"], "burn")
    await court.call("undo_wipe", court["mona"], planned["wipe_id"])
    assert await court.status("bob") == "frozen"


async def test_a_wipe_is_executed_by_whoever_writes_next(court: Court) -> None:
    await court.plan("mona", ["bob"], "burn")
    await court.order("ann", "buy", 1)
    assert await court.status("bob") == "frozen"
    await court.pass_time()
    due = [row[0] for row in await court.front.service.fetch("select betjee.list_due_exchanges()")]
    assert court.front.exchange_id in due
    assert (await court.order("ann", "buy", 1))["status"] == "filled"
    assert await court.status("bob") is None
    assert (await court.order("bob", "buy", 1))["code"] == "unknown_user"


async def test_without_a_time_to_undo_it_a_wipe_is_executed_at_once(court: Court) -> None:
    await court.call("change_setting", court["olga"], "wipe_undo_seconds", "0")
    planned = await court.plan("mona", ["bob"], "burn")
    assert (planned["status"], await court.status("bob")) == ("executed", None)


async def test_who_deletes_themselves_before_the_plan_saves_nobody_else(court: Court) -> None:
    await court.call("delete_user", court["bob"], identity("bob"))
    planned = await court.plan("mona", ["ann", "bob", "cid"], "burn")
    assert planned["left_user_ids"] == [court["bob"]]
    assert [member["user_id"] for member in planned["members"]] == [court["ann"], court["cid"]]
    hashes = {row["user_id"]: row["identity_hash"] for row in await court.rows("wipe_members")}
    assert hashes == {court[name]: identity(name) for name in ("ann", "cid")}
    assert (await court.plan("mona", ["bob"], "burn"))["refused"] == "unknown_user"


async def test_a_large_wipe_needs_a_second_moderator(pumped: Court) -> None:
    planned = await pumped.plan("mona", ["bob"], "burn")
    assert (planned["status"], planned["needs_second"]) == ("awaiting_second", True)
    await pumped.pass_time()
    await pumped.write()
    assert await pumped.status("bob") == "frozen"
    assert (await pumped.call("second_wipe", pumped["mona"], planned["wipe_id"]))["refused"] == "own_wipe"
    assert (await pumped.call("second_wipe", pumped["ann"], planned["wipe_id"]))[
        "refused"
    ] == "not_a_moderator"
    seconded = await pumped.call("second_wipe", pumped["max"], planned["wipe_id"])
    assert (seconded["status"], await pumped.status("bob")) == ("executed", None)
    again = await pumped.call("second_wipe", pumped["olga"], planned["wipe_id"])
    assert again["refused"] == "wipe_ended"


@pytest.mark.parametrize(("members", "needs_second"), [(3, False), (4, True)])
async def test_more_than_three_members_are_a_large_wipe(
    court: Court, members: int, needs_second: bool
) -> None:
    names = ["ann", "bob", "cid", "dan"][:members]
    await court.join("dan")
    planned = await court.plan("mona", names, "burn")
    assert planned["needs_second"] is needs_second
    if not needs_second:
        refused = await court.call("second_wipe", court["max"], planned["wipe_id"])
        assert refused["refused"] == "already_seconded"


@pytest.mark.parametrize("is_executed", [False, True])
async def test_many_small_wipes_of_one_moderator_are_a_large_one(court: Court, is_executed: bool) -> None:
    await court.join("dan", "eve")
    assert (await court.plan("mona", ["ann", "bob", "cid"], "burn"))["status"] == "planned"
    if is_executed:
        await court.pass_time()
        await court.write()
    assert (await court.plan("mona", ["dan"], "burn"))["status"] == "awaiting_second"
    assert (await court.plan("max", ["eve"], "burn"))["status"] == "planned"


@pytest.mark.parametrize("is_executed", [False, True])
async def test_the_supply_that_one_moderator_wipes_is_that_of_a_day(court: Court, is_executed: bool) -> None:
    await court.order("ann", "buy", 60)
    await court.order("bob", "buy", 60)
    assert (await court.plan("mona", ["ann"], "burn"))["status"] == "planned"
    if is_executed:
        await court.pass_time()
        await court.write()
    assert (await court.plan("mona", ["cid"], "burn"))["status"] == "planned"
    assert (await court.plan("mona", ["bob"], "burn"))["status"] == "awaiting_second"


async def test_what_was_wiped_more_than_a_day_ago_is_not_counted(court: Court) -> None:
    await court.join("dan")
    await court.plan("mona", ["ann", "bob", "cid"], "burn")
    await court.pass_time()
    await court.write()
    await court.owner_connection.execute(
        "update betjee.wipes set ended_at = ended_at - interval '1 day' where exchange_id = $1",
        court.front.exchange_id,
    )
    assert (await court.plan("mona", ["dan"], "burn"))["status"] == "planned"


async def test_a_moderator_who_is_alone_needs_nobody(court: Court) -> None:
    for name in ("mona", "max"):
        await court.call("remove_moderator", court["olga"], court[name])
    await court.order("bob", "buy", 2_000)
    assert not (await court.plan("olga", ["bob"], "burn"))["needs_second"]


async def test_a_wipe_of_someone_who_moderates_no_longer_is_undone_when_it_is_due(court: Court) -> None:
    planned = await court.plan("mona", ["bob"], "burn")
    await court.call("remove_moderator", court["olga"], court["mona"])
    await court.pass_time()
    await court.write()
    assert await court.status("bob") == "active"
    act, detail = (await court.acts())[-1]
    assert (act, detail["wipe_id"]) == ("undo_wipe", planned["wipe_id"])
    assert detail["cause"] == "who decided it moderates no longer"


async def test_a_wipe_of_someone_who_moderates_by_now_is_undone(court: Court) -> None:
    await court.plan("mona", ["bob"], "burn")
    await court.call("add_moderator", court["olga"], "discord", "bob", "bob")
    await court.pass_time()
    await court.write()
    assert await court.status("bob") == "active"


@pytest.mark.parametrize(
    ("moderator", "names", "code"),
    [
        ("ann", ["bob"], "not_a_moderator"),
        ("mona", ["mona"], "own_account"),
        ("mona", ["bob", "max"], "outranked"),
        ("mona", ["olga"], "outranked"),
        ("olga", ["mona"], "outranked"),
        ("mona", ["nobody"], "unknown_user"),
        ("mona", [], "invalid_members"),
    ],
)
async def test_whom_a_moderator_may_not_wipe(
    court: Court, moderator: str, names: list[str], code: str
) -> None:
    court.people["nobody"] = 10**9
    refused = await court.plan(moderator, names, "burn")
    assert refused["refused"] == code
    numbers = [court[name] for name in names]
    preview = await court.front.document("preview_wipe", court.front.exchange_id, court[moderator], numbers)
    assert (preview["refused"], preview["detail"]) == (code, refused["detail"])


async def test_a_wipe_is_planned_once_with_a_reason(court: Court) -> None:
    assert (await court.plan("mona", ["bob"], "burn", "  "))["refused"] == "invalid_reason"
    await court.plan("mona", ["bob"], "burn")
    refused = await court.plan("max", ["ann", "bob"], "unwind")
    assert (refused["refused"], refused["user_ids"]) == ("already_planned", [court["bob"]])
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await court.plan("mona", ["ann"], "scorch")
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await court.call("plan_wipe", court["mona"], [court["ann"]], [b"short"], "burn", "Bots.")


async def test_a_repeated_request_is_one_wipe(court: Court) -> None:
    arguments = (court["mona"], [court["bob"]], [identity("bob")], "burn", "Bots.")
    first = await court.call("plan_wipe", *arguments, request_id=77)
    assert await court.call("plan_wipe", *arguments, request_id=77) == first
    assert len(await court.rows("wipes")) == 1


async def test_the_identity_stays_out_and_gets_no_second_bonus(court: Court) -> None:
    await court.plan("mona", ["bob"], "burn")
    await court.pass_time()
    await court.write()
    back = ("discord", "bob", "Bob", identity("bob"))
    refused = await court.call("register_user", *back)
    assert (refused["refused"], refused["reason"], refused["can_appeal"]) == ("user_banned", "Bots.", True)
    (ban,) = await court.front.listing("list_bans", court["mona"], 10)
    assert (ban["person"]["name"], ban["person"]["name_then"]) == (None, "bob")
    await court.call("unban", court["mona"], ban["ban_id"])
    registered = await court.call("register_user", *back)
    assert (registered["created"], registered["bonus_paise"], registered["cash_paise"]) == (True, 0, 0)
    assert await court.audit() == []
