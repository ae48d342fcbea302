"""What people are called on the record of moderators: as long as it is known, and not after they deleted their data."""

import json
import secrets
from typing import Any

import asyncpg
import pytest

import sql
from tests.conftest import Servers
from tests.sql.court import Court, identity
from tests.sql.front import DISCORD

BEFORE_NAMES = "0012_audit_channel"


async def entries(court: Court, act: str) -> list[dict[str, Any]]:
    """The entries of one act, the newest first, as moderators read them."""
    listed = await court.front.listing("list_moderation_log", court["olga"], None, 100)
    return [entry for entry in listed if entry["act"] == act]


async def only(court: Court, act: str) -> dict[str, Any]:
    (entry,) = await entries(court, act)
    return entry


async def wiped(court: Court, *names: str) -> None:
    """Mona wipes them, and the time to undo it passes."""
    await court.plan("mona", list(names), "burn")
    await court.pass_time()
    await court.write()


async def renamed(court: Court, name: str, shown: str) -> None:
    """Somebody shows another name from now on."""
    await court.call("register_user", DISCORD, name, shown, identity(name))


async def test_a_member_has_the_name_of_now_and_the_one_of_then(court: Court) -> None:
    await court.call("freeze_user", court["mona"], court["ann"], "Odd.")
    await renamed(court, "ann", "Queen Ann")
    await court.call("unfreeze_user", court["mona"], court["ann"])
    then, now = await only(court, "freeze_user"), await only(court, "unfreeze_user")
    assert (then["member"]["name"], then["member"]["name_then"]) == ("Queen Ann", "ann")
    assert (now["member"]["name"], now["member"]["name_then"]) == ("Queen Ann", "Queen Ann")
    assert (then["moderator"]["name"], then["moderator"]["name_then"]) == ("mona", "mona")


async def test_the_wiped_are_named_where_they_are_wiped_banned_and_listed(court: Court) -> None:
    await court.call("freeze_user", court["mona"], court["bob"], "Odd.")
    await wiped(court, "ann", "bob")
    planned, executed = await only(court, "plan_wipe"), await only(court, "execute_wipe")
    for entry in (planned, executed):
        assert [person["name_then"] for person in entry["members"]] == ["ann", "bob"]
        assert [person["name"] for person in entry["members"]] == [None, None]
        assert entry["members_total"] == 2
    assert executed["moderator"]["name"] == "mona", "the eraser records who decided it"
    assert (await only(court, "freeze_user"))["member"]["name_then"] == "bob"
    bans = await court.front.listing("list_bans", court["mona"], 10)
    assert sorted(ban["person"]["name_then"] for ban in bans) == ["ann", "bob"]
    (wipe,) = await court.front.listing("list_wipes", court["mona"], 10)
    assert [member["display_name"] for member in wipe["members"]] == ["ann", "bob"]


async def test_an_entry_about_a_planned_wipe_names_whom_it_is_for(court: Court) -> None:
    planned = await court.plan("mona", ["ann", "bob"], "burn")
    await court.call("undo_wipe", court["max"], planned["wipe_id"])
    undone = await only(court, "undo_wipe")
    assert [person["name"] for person in undone["members"]] == ["ann", "bob"]


async def test_who_is_banned_without_an_account_is_known_by_the_name_of_then(court: Court) -> None:
    ban = await court.call("ban_user", court["mona"], None, identity("eve"), "Sold answers.", None, "Eve")
    assert (ban["person"]["name"], ban["person"]["name_then"]) == (None, "Eve")
    assert (await only(court, "ban_user"))["member"]["name_then"] == "Eve"
    await court.call("unban", court["mona"], ban["ban_id"])
    assert (await only(court, "unban"))["member"]["name_then"] == "Eve"
    await court.call("register_user", DISCORD, "eve", "Evelyn", identity("eve"))
    assert (await only(court, "unban"))["member"]["name"] == "Evelyn"


@pytest.mark.parametrize("shown", [None, "  ", "x" * 300, "@everyone **bold**"])
async def test_a_strangers_name_may_be_anything(court: Court, shown: str | None) -> None:
    ban = await court.call("ban_user", court["mona"], None, identity("eve"), "Odd.", None, shown)
    expected = {None: None, "  ": "Someone"}.get(shown, (shown or "")[:100])
    assert ban["person"]["name_then"] == expected
    assert await court.audit() == []


async def test_no_name_is_left_of_who_deletes_their_data(court: Court) -> None:
    await court.call("freeze_user", court["mona"], court["ann"], "Odd.")
    await court.call("unfreeze_user", court["mona"], court["ann"])
    await court.call("ban_user", court["mona"], court["ann"], identity("ann"), "Odd.", None, "ann")
    await court.call("delete_user", court["ann"], identity("ann"))
    nobody = {"user_id": court["ann"], "name": None, "name_then": None, "is_deleted": True}
    for act in ("freeze_user", "unfreeze_user", "ban_user"):
        assert (await only(court, act))["member"] == nobody
    (ban,) = await court.front.listing("list_bans", court["mona"], 10)
    assert ban["person"] == nobody, "the ban stays, and names nobody"
    kept = await court.rows("recorded_names", "display_name = 'ann'")
    assert kept == []
    back = await court.call("register_user", DISCORD, "ann", "ann", identity("ann"))
    assert back["refused"] == "user_banned"


async def test_a_moderator_who_leaves_is_named_no_more(court: Court) -> None:
    await court.call("freeze_user", court["mona"], court["ann"], "Odd.")
    await court.call("delete_user", court["mona"], identity("mona"))
    assert (await only(court, "resign"))["moderator"]["is_deleted"]
    assert (await only(court, "freeze_user"))["moderator"]["name_then"] is None
    assert (await only(court, "freeze_user"))["member"]["name"] == "ann"


async def test_a_deletion_takes_the_names_of_who_they_were_before(court: Court) -> None:
    await wiped(court, "bob")
    (ban,) = await court.front.listing("list_bans", court["mona"], 10)
    await court.call("unban", court["mona"], ban["ban_id"])
    back = await court.call("register_user", DISCORD, "bob", "Bobby", identity("bob"))
    assert back["user_id"] != court["bob"]
    await court.call("delete_user", back["user_id"], identity("bob"))
    (person,) = (await only(court, "execute_wipe"))["members"]
    assert (person["name_then"], person["is_deleted"]) == (None, True)


async def test_the_wiped_have_their_names_forgotten_and_stay_banned(court: Court) -> None:
    await wiped(court, "ann", "bob")
    first = await court.call("forget_names", identity("bob"), request_id=990)
    assert first["forgotten"] == 1, "recorded when the wipe was planned, while there was an account"
    assert await court.call("forget_names", identity("bob"), request_id=990) == first
    assert (await court.call("forget_names", identity("bob")))["forgotten"] == 0
    named = [person["name_then"] for person in (await only(court, "execute_wipe"))["members"]]
    assert named == ["ann", None], "of the other the name stays"
    bans = await court.front.listing("list_bans", court["mona"], 10)
    assert {ban["person"]["name_then"]: ban["person"]["is_deleted"] for ban in bans} == {
        "ann": False,
        None: True,
    }
    back = await court.call("register_user", DISCORD, "bob", "bob", identity("bob"))
    assert back["refused"] == "user_banned"


async def test_a_stranger_has_their_name_forgotten_and_stays_banned(court: Court) -> None:
    await court.call("ban_user", court["mona"], None, identity("eve"), "Sold answers.", None, "Eve")
    assert (await court.call("forget_names", identity("eve")))["forgotten"] == 1
    assert (await only(court, "ban_user"))["member"]["is_deleted"]
    assert await court.rows("recorded_names", "display_name = 'Eve'") == []
    back = await court.call("register_user", DISCORD, "eve", "Eve", identity("eve"))
    assert (back["refused"], back["reason"]) == ("user_banned", "Sold answers.")


async def test_who_has_an_account_goes_by_deleting_it(court: Court) -> None:
    await renamed(court, "ann", "ann")
    await court.call("freeze_user", court["mona"], court["ann"], "Odd.")
    assert (await court.call("forget_names", identity("ann")))["refused"] == "has_account"
    assert (await only(court, "freeze_user"))["member"]["name_then"] == "ann"


async def test_old_names_are_forgotten_but_for_those_of_the_banned(court: Court) -> None:
    await court.call("freeze_user", court["mona"], court["ann"], "Odd.")
    await court.call("ban_user", court["mona"], court["bob"], identity("bob"), "Odd.", None)
    stranger = await court.call("ban_user", court["mona"], None, identity("eve"), "Odd.", None, "Eve")
    await court.owner_connection.execute(
        "update betjee.recorded_names set recorded_at = recorded_at - interval '401 days' where exchange_id = $1",
        court.front.exchange_id,
    )
    await court.call("unfreeze_user", court["mona"], court["ann"])
    await court.front.service.fetchval("select betjee.purge_names(100000)")
    old = await court.rows("recorded_names", "recorded_at < clock_timestamp() - interval '1 day'")
    assert {row["display_name"] for row in old} == {"bob", "Eve"}
    await court.call("unban", court["mona"], stranger["ban_id"])
    await court.front.service.fetchval("select betjee.purge_names(100000)")
    assert await court.rows("recorded_names", "user_id = 0") == []
    recent = await court.rows("recorded_names", f"user_id = {court['ann']}")
    assert len(recent) == 1, "what was recorded since stays"


async def test_an_export_has_the_names_and_only_ones_own(court: Court) -> None:
    await court.call("freeze_user", court["mona"], court["ann"], "Odd.")
    await court.call("freeze_user", court["mona"], court["bob"], "Odd.")
    export = await court.front.document("export_user", court.front.exchange_id, court["ann"])
    assert [item["display_name"] for item in export["recorded_names"]] == ["ann"]


async def test_who_has_no_account_finds_their_names_in_the_export_until_they_are_forgotten(
    court: Court,
) -> None:
    await court.call("ban_user", court["mona"], None, identity("eve"), "Sold answers.", None, "Eve")
    await wiped(court, "bob")
    for who, called_then in (("eve", "Eve"), ("bob", "bob")):
        export = await court.front.document("export_identity", court.front.exchange_id, identity(who))
        assert {item["display_name"] for item in export["recorded_names"]} == {called_then}
        await court.call("forget_names", identity(who))
        export = await court.front.document("export_identity", court.front.exchange_id, identity(who))
        assert export["recorded_names"] == [], "the ban is still there, and names nobody"
        assert len(export["bans"]) == 1


@pytest.mark.usefixtures("template")  # which has made the roles
async def test_entries_of_before_get_the_names_of_the_upgrade(
    servers: Servers, administrator: asyncpg.Connection
) -> None:
    name = f"betjee_upgrade_{secrets.token_hex(6)}"
    await administrator.execute(f'create database "{name}" owner exchange_owner')
    owner = await asyncpg.connect(servers.address("exchange_owner", servers.owner_password, name))
    try:
        async with owner.transaction():
            for script in sql.migrations():
                await owner.execute(script.text)
                if script.name == BEFORE_NAMES:
                    await an_old_record(owner)
        rows = await owner.fetch("select * from betjee.recorded_names order by sequence, display_name")
        assert [(row["sequence"], row["display_name"]) for row in rows] == [
            (1, "ann"),
            (1, "mona"),
            (2, "ann"),
            (2, "bob"),
        ]
    finally:
        await owner.close()
        await administrator.execute(f'drop database "{name}" with (force)')


async def an_old_record(owner: asyncpg.Connection) -> None:
    """Mona froze ann; the exchange wiped ann, bob and cid, who has deleted themselves; nobody knows number 99."""
    exchange_id = await owner.fetchval(
        "insert into betjee.exchanges (name, settings) values ('Old', '{}') returning exchange_id"
    )
    numbers = {}
    for person, status in (("mona", "active"), ("ann", "frozen"), ("bob", "active"), ("cid", "deleted")):
        numbers[person] = await owner.fetchval(
            "insert into betjee.users (exchange_id, display_name, status) values ($1, $2, $3) returning user_id",
            exchange_id,
            person,
            status,
        )
    acts = [
        (1, numbers["mona"], "freeze_user", {"user_id": numbers["ann"]}),
        (2, 0, "execute_wipe", {"user_ids": [numbers["ann"], numbers["bob"], numbers["cid"], 99]}),
        (3, 0, "fail_wipe", {"wipe_id": 2, "user_id": None}),
    ]
    for sequence, moderator, act, detail in acts:
        await owner.execute(
            "insert into betjee.moderation_log (exchange_id, sequence, moderator_user_id, act, detail, request_id, recorded_at)"
            " values ($1, $2, $3, $4, $5, 1, clock_timestamp())",
            exchange_id,
            sequence,
            moderator,
            act,
            json.dumps(detail),
        )
