"""Freezes, bans, halts by hand and the record: what each does, whom it may hit, and what it refuses."""

from datetime import timedelta

import asyncpg
import pytest

from tests.sql.arrivals import arrive
from tests.sql.court import Court, identity
from tests.sql.front import Front

ACTS = ("freeze_user", "unfreeze_user", "ban_user")


async def do(court: Court, act: str, moderator: int, user_id: int | None) -> dict[str, object]:
    """One of the acts on a member."""
    more: dict[str, tuple[object, ...]] = {
        "freeze_user": ("Odd.",),
        "unfreeze_user": (),
        "ban_user": (identity(str(user_id)), "Odd.", None),
    }
    return await court.call(act, moderator, user_id, *more[act])


async def test_a_freeze_holds_a_member_and_their_orders_until_it_ends(court: Court) -> None:
    await court.order("ann", "buy", 1_000)
    await court.order("bob", "buy", 100)
    price = (await court.market())["price_paise"]
    armed = await court.call("arm_stop", court["ann"], "stop_loss", "22s1", price - 10, 300, None)
    frozen = await court.call("freeze_user", court["mona"], court["ann"], "  Odd trades. ")
    assert (frozen["status"], frozen["reason"]) == ("frozen", "Odd trades.")
    assert (await court.order("ann", "buy", 1))["code"] == "user_frozen"
    (stop,) = await court.rows("stop_losses")
    assert stop["status"] == "suspended"
    await court.order("bob", "sell", 100)
    assert await court.rows("transactions", "cause = 'stop_loss'") == []
    unfrozen = await court.call("unfreeze_user", court["max"], court["ann"])
    assert unfrozen["status"] == "active"
    # What the price has crossed meanwhile has its turn at once.
    (fill,) = await court.rows("transactions", "cause = 'stop_loss'")
    assert fill["stop_id"] == armed["stop_id"]
    kinds = {row["kind"] for row in await court.rows("outbox", f"user_id = {court['ann']}")}
    assert kinds == {"account_frozen", "account_unfrozen", "stop_filled"}
    assert await court.audit() == []


async def test_a_freeze_is_once_and_has_a_reason(court: Court) -> None:
    assert (await court.call("freeze_user", court["mona"], court["ann"], "\n"))["refused"] == "invalid_reason"
    assert (await court.call("freeze_user", court["mona"], court["ann"], "x" * 301))[
        "refused"
    ] == "invalid_reason"
    assert (await do(court, "unfreeze_user", court["mona"], court["ann"]))["refused"] == "not_frozen"
    await do(court, "freeze_user", court["mona"], court["ann"])
    assert (await do(court, "freeze_user", court["max"], court["ann"]))["refused"] == "already_frozen"


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(
    ("moderator", "member", "code"),
    [
        ("ann", "bob", "not_a_moderator"),
        ("ann", "ann", "not_a_moderator"),
        ("mona", "mona", "own_account"),
        ("olga", "olga", "own_account"),
        ("mona", "max", "outranked"),
        ("mona", "olga", "outranked"),
        ("mona", "nobody", "unknown_user"),
    ],
)
async def test_nobody_moderates_themselves_their_equals_or_those_above(
    court: Court, act: str, moderator: str, member: str, code: str
) -> None:
    court.people["nobody"] = 10**9
    refused = await do(court, act, court[moderator], court[member])
    assert refused["refused"] == code
    assert str(refused["detail"]).endswith(".")


async def test_a_frozen_moderator_has_no_power_and_is_not_handed_to_their_equals(court: Court) -> None:
    await do(court, "freeze_user", court["olga"], court["mona"])
    assert (await do(court, "unfreeze_user", court["mona"], court["mona"]))["refused"] == "not_a_moderator"
    assert (await do(court, "freeze_user", court["mona"], court["ann"]))["refused"] == "not_a_moderator"
    assert (await do(court, "ban_user", court["max"], court["mona"]))["refused"] == "outranked"


async def test_a_banned_moderator_cannot_pardon_themselves(court: Court) -> None:
    banned = await court.call("ban_user", court["olga"], court["mona"], identity("mona"), "Odd.", None)
    assert (await court.call("unban", court["mona"], banned["ban_id"]))["refused"] == "not_a_moderator"
    assert (await court.call("unban", court["max"], banned["ban_id"]))["refused"] == "outranked"
    assert (await court.call("unban", court["olga"], banned["ban_id"]))["ban_id"] == banned["ban_id"]


async def test_a_moderator_of_one_exchange_has_no_power_in_another(court: Court) -> None:
    other = Front(court.front.service)
    document = await other.document(
        "open_exchange", 1, "discord", f"{court.front.guild}-b", "B", "eve", "Eve"
    )
    other.exchange_id = document["exchange_id"]
    eve = (await other.listing("list_moderators"))[0]["user_id"]
    for act in ACTS:
        assert (await do(court, act, eve, court["ann"]))["refused"] == "not_a_moderator"
    # Nor does naming one's own exchange reach somebody else's members.
    planned = await other.call(
        "plan_wipe", eve, [court["ann"]], [identity("ann")], "burn", "Bots.", request_id=98
    )
    assert planned["refused"] == "unknown_user"
    refused = await other.call("freeze_user", eve, court["ann"], "Odd.", request_id=99)
    assert refused["refused"] == "unknown_user"
    for function, more in (
        ("plan_wipe", ([court["ann"]], [identity("ann")], "burn", "Bots.")),
        ("undo_wipe", (1,)),
        ("unban", (1,)),
        ("halt_market", ("22s1", "Odd.")),
        ("resume_market", ("22s1",)),
        ("second_wipe", (1,)),
        ("ban_network", (identity("net"), "Odd.", None)),
    ):
        assert (await court.call(function, eve, *more))["refused"] == "not_a_moderator", function
    for listing, arguments in (
        ("list_moderation_log", (eve, None, 10)),
        ("list_bans", (eve, 10)),
        ("list_wipes", (eve, 10)),
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await court.front.listing(listing, *arguments)


async def test_a_ban_is_told_with_its_reason_and_appealed_once(court: Court) -> None:
    ann = identity("ann")
    banned = await court.call("ban_user", court["mona"], court["ann"], ann, "Many accounts.", None)
    assert (banned["reason"], banned["person"]["name"], await court.status("ann")) == (
        "Many accounts.",
        "ann",
        "banned",
    )
    assert (await court.order("ann", "buy", 1))["code"] == "user_banned"
    refused = await court.call("register_user", "discord", "ann", "Ann", ann)
    assert (refused["refused"], refused["reason"], refused["can_appeal"]) == (
        "user_banned",
        "Many accounts.",
        True,
    )
    assert "Many accounts." in refused["detail"]
    assert (await court.call("appeal", identity("bob"), "Please."))["refused"] == "not_banned"
    assert (await court.call("appeal", ann, " "))["refused"] == "invalid_text"
    assert (await court.call("appeal", ann, "My sister's."))["reason"] == "Many accounts."
    assert (await court.call("appeal", ann, "Please."))["refused"] == "already_appealed"
    (listed,) = await court.front.listing("list_bans", court["mona"], 10)
    assert listed["appeal"] == "My sister's."
    found = await court.front.document("find_ban", court.front.exchange_id, ann)
    assert found["can_appeal"] is False


async def test_a_ban_ends_by_a_moderator_once(court: Court) -> None:
    banned = await court.call("ban_user", court["mona"], court["ann"], identity("ann"), "Odd.", None)
    again = await court.call("ban_user", court["max"], court["ann"], identity("ann"), "Odd.", None)
    assert again["refused"] == "already_banned"
    await do(court, "freeze_user", court["max"], court["ann"])
    await court.call("unban", court["max"], banned["ban_id"])
    assert await court.status("ann") == "frozen"
    assert (await court.call("unban", court["max"], banned["ban_id"]))["refused"] == "ban_ended"
    assert (await court.call("unban", court["max"], 10**9))["refused"] == "unknown_ban"
    await do(court, "unfreeze_user", court["max"], court["ann"])
    assert (await court.order("ann", "buy", 1))["status"] == "filled"


async def test_a_ban_for_a_time_ends_by_itself_and_lets_orders_wait_again(court: Court) -> None:
    await court.order("ann", "buy", 100)
    price = (await court.market())["price_paise"]
    await court.call("arm_stop", court["ann"], "stop_loss", "22s1", price - 10, None, None)
    await court.call("ban_user", court["mona"], court["ann"], identity("ann"), "Cool down.", 1_800)
    await court.write()
    assert await court.status("ann") == "banned"
    await court.pass_time()
    assert (
        await court.front.service.fetchval(
            "select betjee.find_ban($1, $2)", court.front.exchange_id, identity("ann")
        )
        is None
    )
    await court.write()
    assert await court.status("ann") == "active"
    (stop,) = await court.rows("stop_losses")
    assert stop["status"] == "armed"
    for seconds in (-5, 59, 10**9):
        refused = await court.call("ban_user", court["mona"], court["ann"], identity("ann"), "Odd.", seconds)
        assert refused["refused"] == "invalid_duration"
    assert await court.audit() == []


async def test_someone_unknown_is_banned_by_their_hash_alone(court: Court) -> None:
    await court.call("ban_user", court["mona"], None, identity("zoe"), "Of another server.", None)
    refused = await court.call("register_user", "discord", "zoe", "Zoe", identity("zoe"))
    assert refused["refused"] == "user_banned"
    assert await court.rows("accounts", "provider_user_id = 'zoe'") == []


async def test_the_owner_is_not_locked_out_by_a_hash(court: Court) -> None:
    await court.call("ban_user", court["mona"], None, identity("olga"), "Mutiny.", None)
    registered = await court.call("register_user", "discord", "owner", "Olga", identity("olga"))
    assert registered["created"]


async def test_a_member_is_banned_by_their_hash_too(court: Court) -> None:
    for name in ("dan", "mona"):
        registered = await court.call("register_user", "discord", name, name, identity(name))
        court.people[name] = registered["user_id"]
    banned = await court.call("ban_user", court["mona"], None, identity("dan"), "Many accounts.", None)
    assert (banned["user_id"], await court.status("dan")) == (court["dan"], "banned")
    refused = await court.call("ban_user", court["max"], None, identity("mona"), "Mutiny.", None)
    assert refused["refused"] == "outranked"


async def test_who_was_banned_by_a_hash_does_not_lift_that_as_a_moderator(court: Court) -> None:
    ban = await court.call("ban_user", court["olga"], None, identity("zoe"), "Of another server.", None)
    zoe = (await court.call("add_moderator", court["olga"], "discord", "zoe", "Zoe"))["user_id"]
    assert (await court.call("register_user", "discord", "zoe", "Zoe", identity("zoe")))["created"]
    assert (await court.call("unban", zoe, ban["ban_id"]))["refused"] == "own_account"
    assert (await court.call("unban", court["max"], ban["ban_id"]))["refused"] == "outranked"
    assert (await court.call("unban", court["olga"], ban["ban_id"]))["ban_id"] == ban["ban_id"]


async def test_a_network_is_banned_once_and_let_in_again(court: Court) -> None:
    network = identity("hostel")
    await court.call("ban_network", court["mona"], network, "A burst of bots.", None)
    again = await court.call("ban_network", court["mona"], network, "A burst of bots.", None)
    assert again["refused"] == "already_banned"
    owner = (await court.front.document("find_user", court.front.exchange_id, "discord", "owner"))["user_id"]
    await court.call("change_setting", owner, "verification", "web")
    refused = await arrive(court.front, "zoe", (network, None, None))
    assert refused["refused"] == "network_banned"
    assert "bots" not in refused["detail"]
    known = await court.call("register_user", "discord", "ann", "Ann", identity("ann"))
    assert known["user_id"] == court["ann"]
    (ban,) = await court.front.listing("list_bans", court["mona"], 10)
    await court.call("unban", court["mona"], ban["ban_id"])
    assert (await arrive(court.front, "zoe", (network, None, None)))["created"]


async def test_a_market_halted_by_hand_stays_so_until_it_is_resumed(court: Court) -> None:
    await court.order("ann", "buy", 1_000)
    await court.order("bob", "buy", 100)
    price = (await court.market())["price_paise"]
    await court.call("arm_stop", court["ann"], "stop_loss", "22s1", price - 10, 100, None)
    halted = await court.call("halt_market", court["mona"], "22s1", "A rumour.")
    assert (halted["market"], halted["price_paise"]) == ("22s1", price)
    assert (await court.order("bob", "sell", 100))["code"] == "market_not_open"
    assert (await court.call("halt_market", court["max"], "22s1", "Me too."))["refused"] == "already_halted"
    await court.pass_time()
    await court.write()
    assert (await court.market())["status"] == "halted"
    assert (await court.call("resume_market", court["max"], "22s1"))["market"] == "22s1"
    assert (await court.call("resume_market", court["max"], "22s1"))["refused"] == "not_halted"
    assert (await court.order("bob", "sell", 100))["status"] == "filled"
    assert len(await court.rows("transactions", "cause = 'stop_loss'")) == 1
    kinds = [row["kind"] for row in await court.rows("outbox", "user_id is null order by notice_id")]
    assert kinds == ["market_halted_by_hand", "market_reopened"]
    (halt,) = await court.rows("halts", "true")
    (resumption,) = await court.rows("moderation_log", "act = 'resume_market'")
    assert halt["ends_at"] == resumption["recorded_at"] > halt["halted_at"]
    (market,) = await court.rows("markets", "code = '22s1'")
    assert market["reopened_at"] is None, "automatic halts pause only after one of their own"


async def test_a_cool_down_waits_while_a_market_is_halted_by_hand(court: Court) -> None:
    await court.order("ann", "short", 500)
    price = (await court.market())["price_paise"]
    await court.call("arm_stop", court["ann"], "stop_loss", "22s1", price + 300, None, None)
    await court.order("bob", "buy", 3_000)
    assert (await court.order("bob", "sell", 1))["code"] == "cooling_down"
    await court.call("halt_market", court["mona"], "22s1", "Let me look.")
    for statement in (
        "update betjee.positions set cooldown_until = cooldown_until - interval '1 hour' where exchange_id = $1",
        "update betjee.halts set halted_at = halted_at - interval '1 hour' where exchange_id = $1",
    ):
        await court.owner_connection.execute(statement, court.front.exchange_id)
    due = [row[0] for row in await court.front.service.fetch("select betjee.list_due_exchanges()")]
    assert court.front.exchange_id not in due
    await court.write()
    await court.call("resume_market", court["mona"], "22s1")
    (held,) = await court.rows("positions", "cooldown_until is not null")
    left = (
        held["cooldown_until"]
        - (await court.rows("moderation_log", "act = 'resume_market'"))[0]["recorded_at"]
    )
    assert timedelta(seconds=50) < left <= timedelta(seconds=60)
    assert (await court.order("bob", "sell", 1))["code"] == "cooling_down"
    assert await court.audit() == []


async def test_a_halt_for_a_time_that_ends_by_hand_leaves_cool_downs_as_long_as_they_were(
    court: Court,
) -> None:
    await court.order("ann", "short", 500)
    price = (await court.market())["price_paise"]
    await court.call("arm_stop", court["ann"], "stop_loss", "22s1", price + 300, None, None)
    await court.order("bob", "buy", 3_000)
    timed = (
        "update betjee.positions set cooldown_until = cooldown_until + interval '2 hours' where exchange_id = $1",
        "update betjee.markets set status = 'halted', halted_until = clock_timestamp() + interval '2 hours' where exchange_id = $1",
    )
    for statement in timed:
        await court.owner_connection.execute(statement, court.front.exchange_id)
    await court.call("halt_market", court["mona"], "22s1", "Let me look.")
    await court.call("resume_market", court["mona"], "22s1")
    (held,) = await court.rows("positions", "cooldown_until is not null")
    left = (
        held["cooldown_until"]
        - (await court.rows("moderation_log", "act = 'resume_market'"))[0]["recorded_at"]
    )
    assert timedelta(seconds=50) < left <= timedelta(seconds=61)


@pytest.mark.parametrize(
    ("act", "more", "code"),
    [
        ("halt_market", ("99s9", "Odd."), "unknown_market"),
        ("halt_market", ("22s1", ""), "invalid_reason"),
        ("resume_market", ("99s9",), "unknown_market"),
        ("resume_market", ("22s1",), "not_halted"),
    ],
)
async def test_what_is_refused_about_markets(
    court: Court, act: str, more: tuple[str, ...], code: str
) -> None:
    assert (await court.call(act, court["mona"], *more))["refused"] == code


async def test_a_settled_market_is_not_halted(court: Court) -> None:
    await court.owner_connection.execute(
        "update betjee.markets set status = 'settled' where exchange_id = $1 and code = '22s1'",
        court.front.exchange_id,
    )
    assert (await court.call("halt_market", court["mona"], "22s1", "Odd."))["refused"] == "market_settled"


async def test_the_record_is_read_in_pages_newest_first(court: Court) -> None:
    for name in ("ann", "bob", "cid"):
        await do(court, "freeze_user", court["mona"], court[name])
    first = await court.front.listing("list_moderation_log", court["max"], None, 2)
    assert [(act["act"], act["moderator"]["name"], act["member"]["name"]) for act in first] == [
        ("freeze_user", "mona", "cid"),
        ("freeze_user", "mona", "bob"),
    ]
    assert first[0]["detail"]["reason"] == "Odd."
    second = await court.front.listing("list_moderation_log", court["max"], first[-1]["sequence"], 2)
    assert [act["member"]["name"] for act in second] == ["ann", "max"]


async def test_the_record_cannot_be_changed_by_the_functions_roles(
    court: Court, watcher: asyncpg.Connection
) -> None:
    for role in ("exchange_writer", "exchange_eraser", "service_role"):
        for verb in ("update", "delete", "truncate"):
            assert not await watcher.fetchval(
                "select has_table_privilege($1, 'betjee.moderation_log', $2)", role, verb
            )


async def test_who_owns_the_community_now_owns_the_exchange(court: Court) -> None:
    await do(court, "freeze_user", court["mona"], court["ann"])
    await court.call("ban_user", court["mona"], court["ann"], identity("ann"), "Odd.", None)
    await court.plan("mona", ["ann", "bob"], "burn")
    taken = await court.call("transfer_ownership", "discord", "ann", "Ann", identity("ann"))
    assert (taken["user_id"], taken["rank"], taken["changed"]) == (court["ann"], "owner", True)
    assert await court.status("ann") == "active"
    ranks = {row["provider_user_id"]: row["rank"] for row in await court.front.listing("list_moderators")}
    assert ranks == {"ann": "owner", "mona": "moderator", "max": "moderator"}
    assert (await court.call("remove_moderator", court["olga"], court["mona"]))["refused"] == "not_the_owner"
    again = await court.call("transfer_ownership", "discord", "ann", "Ann", identity("ann"))
    assert again["changed"] is False
    assert await court.audit() == []


async def test_whatever_is_repeated_is_done_once(court: Court) -> None:
    acts_of_all: tuple[tuple[str, tuple[object, ...]], ...] = (
        ("freeze_user", (court["mona"], court["ann"], "Odd.")),
        ("unfreeze_user", (court["mona"], court["ann"])),
        ("ban_user", (court["mona"], court["bob"], identity("bob"), "Odd.", None)),
        ("appeal", (identity("bob"), "Please.")),
        ("halt_market", (court["mona"], "22s1", "Odd.")),
        ("resume_market", (court["mona"], "22s1")),
        ("delete_user", (court["cid"], identity("cid"))),
    )
    for request_id, (function, arguments) in enumerate(acts_of_all, start=900_000):
        first = await court.call(function, *arguments, request_id=request_id)
        assert "refused" not in first, function
        acts = len(await court.acts())
        assert await court.call(function, *arguments, request_id=request_id) == first
        assert len(await court.acts()) == acts
        reused = await court.call("report", court["ann"], "Other.", request_id=request_id)
        assert reused["refused"] == "request_reused"


@pytest.mark.parametrize(
    ("name", "value"), [("signup_bonus_paise", "100"), ("mark_action", "wipe"), ("wipe_undo_seconds", "0")]
)
async def test_what_would_free_moderators_of_each_other_is_for_the_owner_to_set(
    court: Court, name: str, value: str
) -> None:
    assert (await court.call("change_setting", court["mona"], name, value))["refused"] == "owner_only"
    assert (await court.call("change_setting", court["olga"], name, value))["new_value"] == value
