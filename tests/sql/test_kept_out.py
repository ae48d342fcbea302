"""Who is kept out, by whichever way they sign up; and what of a sign-up goes with its member."""

import json

import asyncpg
import pytest

from tests.sql.arrivals import arrive, hash_of, ipv4, key, pass_time
from tests.sql.front import DISCORD, Front, newcomer, owner_of

HERE, AROUND, FURTHER = key("/64"), key("/56"), key("/48")


async def test_a_banned_identity_is_kept_out_by_either_way_and_told_why(page: Front) -> None:
    owner = await owner_of(page)
    await page.call("ban_user", owner, None, hash_of("ada"), "Sold answers", None)
    in_chat = await page.call("register_user", *newcomer("ada"), None, None, hash_of("token"))
    assert (in_chat["refused"], in_chat["reason"]) == ("user_banned", "Sold answers")
    await page.call("change_setting", owner, "verification", "off")
    at_once = await page.call("register_user", *newcomer("ada"))
    assert (at_once["refused"], at_once["reason"]) == ("user_banned", "Sold answers")


async def test_a_ban_between_the_link_and_the_page_is_seen_on_the_page(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    token = key("token of ada")
    await page.call("register_user", *newcomer("ada"), None, None, token)
    await page.call("ban_user", await owner_of(page), None, hash_of("ada"), "Sold answers", None)
    query = (
        "select betjee.complete_verification($1, 77, $2, null, ($3::bytea, null, null)::betjee.network_keys)"
    )
    answer = json.loads(await page.service.fetchval(query, page.exchange_id, token, HERE))
    assert (answer["refused"], answer["reason"]) == ("user_banned", "Sold answers")
    outcomes = "select outcome from betjee.verification_attempts where exchange_id = $1"
    assert await connection_owner.fetchval(outcomes, page.exchange_id) == "user_banned"


@pytest.mark.parametrize("banned", [HERE, AROUND, FURTHER])
async def test_a_banned_network_takes_no_new_members_and_keeps_those_it_has(
    page: Front, banned: bytes
) -> None:
    assert (await arrive(page, "ada", (HERE, AROUND, FURTHER)))["created"]
    await page.call("ban_network", await owner_of(page), banned, "A farm", None)
    refused = await arrive(page, "bob", (HERE, AROUND, FURTHER))
    assert refused["refused"] == "network_banned"
    assert "A farm" not in refused["detail"]
    again = await page.call("register_user", *newcomer("ada"))
    assert again["created"] is False
    elsewhere = await arrive(page, "eve", ipv4("elsewhere"))
    assert elsewhere["created"]


async def test_who_deletes_themselves_leaves_no_link_and_an_attempt_for_as_long_as_those_are_kept(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await arrive(page, "ada", (HERE, AROUND, FURTHER))
    user = (await page.document("find_user", page.exchange_id, DISCORD, "ada"))["user_id"]
    await page.call("delete_user", user, hash_of("ada"))
    for table in ("verification_tokens", "accounts"):
        query = f"select count(*) from betjee.{table} where exchange_id = $1 and provider_user_id = 'ada'"
        assert await connection_owner.fetchval(query, page.exchange_id) == 0, table
    attempts = "select identity_hash from betjee.verification_attempts where exchange_id = $1"
    assert await connection_owner.fetchval(attempts, page.exchange_id) == hash_of("ada")
    await pass_time(connection_owner, page.exchange_id, 91 * 86_400)
    await page.service.fetchval("select betjee.purge_verifications(1000)")
    assert await connection_owner.fetchval(attempts, page.exchange_id) is None
    back = await arrive(page, "ada", (HERE, AROUND, FURTHER))
    assert (back["created"], back["bonus_paise"], back["had_bonus_before"]) == (True, 0, True)


async def test_a_wipe_ends_the_links_of_the_wiped(page: Front, connection_owner: asyncpg.Connection) -> None:
    await arrive(page, "ada", (HERE, AROUND, FURTHER))
    user = (await page.document("find_user", page.exchange_id, DISCORD, "ada"))["user_id"]
    owner = await owner_of(page)
    await page.call("change_setting", owner, "wipe_undo_seconds", "0")
    wiped = await page.call("plan_wipe", owner, [user], [hash_of("ada")], "burn", "A bot")
    assert wiped["status"] == "executed"
    query = "select count(*) from betjee.verification_tokens where exchange_id = $1"
    assert await connection_owner.fetchval(query, page.exchange_id) == 0
    marks = "select season from betjee.bonus_marks where exchange_id = $1 and identity_hash = $2"
    assert await connection_owner.fetchval(marks, page.exchange_id, hash_of("ada")) == 1
    assert (await page.call("register_user", *newcomer("ada"), None, None, HERE))["refused"] == "user_banned"


async def test_the_networks_of_banned_networks_are_not_forgotten(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    for name, network in (("ada", HERE), ("bob", FURTHER)):
        await arrive(page, name, (network, None, None))
    await page.call("ban_network", await owner_of(page), HERE, "A farm", None)
    dated = "update betjee.accounts set seen_at = seen_at - interval '100 days' where exchange_id = $1 and seen_at is not null"
    await connection_owner.execute(dated, page.exchange_id)
    await page.service.fetchval("select betjee.purge_verifications(1000)")
    kept = "select provider_user_id from betjee.accounts where exchange_id = $1 and network_key is not null"
    rows = await connection_owner.fetch(kept, page.exchange_id)
    assert [row["provider_user_id"] for row in rows] == ["ada"]
