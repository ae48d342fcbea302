"""What a mark does at once where the exchange has it so, and where it ends."""

from typing import Any

import asyncpg
import pytest

from tests.sql.arrivals import (
    BONUS,
    HOSTEL,
    arrive,
    audited,
    be_refused,
    burst,
    cash,
    clusters,
    hash_of,
    ipv4,
    marked,
    pass_time,
    search,
    user_of,
)
from tests.sql.front import DISCORD, Front, newcomer, owner_of


async def test_only_proven_accounts_are_frozen_at_once(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await page.call("change_setting", owner, "mark_action", "freeze")
    await burst(page, "ab", proven=True)
    await burst(page, "cd")
    assert [(await user_of(page, name))["status"] for name in "abcd"] == [
        "frozen",
        "frozen",
        "active",
        "active",
    ]
    assert len(await marked(connection_owner, page)) == 4
    (cluster,) = await clusters(page, owner)
    await page.call("release_suspects", owner, cluster["cluster_id"], None)
    assert [(await user_of(page, name))["status"] for name in "abcd"] == ["active"] * 4
    assert [await cash(connection_owner, page, name) for name in "abcd"] == [BONUS] * 4
    await audited(page)


async def test_a_burst_is_wiped_when_it_is_over_where_the_exchange_has_it_so(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await page.call("change_setting", owner, "mark_action", "wipe")
    await burst(page, "abcd", proven=True)
    await burst(page, "e")
    assert await search(page) == 0, "more of them may come"
    await pass_time(connection_owner, page.exchange_id, 61)
    assert await search(page) == 1
    (wipe,) = await page.listing("list_wipes", owner, 10)
    assert (wipe["planned_by"], wipe["status"], len(wipe["members"])) == (0, "planned", 4)
    due = "update betjee.wipes set due_at = due_at - interval '10 minutes' where exchange_id = $1"
    await connection_owner.execute(due, page.exchange_id)
    await page.service.fetch("select betjee.execute_orders($1, '{}')", page.exchange_id)
    (wipe,) = await page.listing("list_wipes", owner, 10)
    assert wipe["status"] == "executed"
    assert (await user_of(page, "e"))["status"] == "active", "ownership was not proven"
    await audited(page)


async def test_a_large_wipe_by_the_exchange_needs_a_moderator_where_there_are_two(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await page.call("add_moderator", owner, DISCORD, "mona", "Mona")
    await page.call("change_setting", owner, "mark_action", "wipe")
    await page.call("change_setting", owner, "wipe_undo_seconds", "0")
    await burst(page, "abcd", proven=True)
    await pass_time(connection_owner, page.exchange_id, 61)
    await search(page)
    (wipe,) = await page.listing("list_wipes", owner, 10)
    assert (wipe["planned_by"], wipe["status"]) == (0, "awaiting_second")
    assert (await page.call("second_wipe", owner, wipe["wipe_id"]))["status"] == "executed"
    await audited(page)


async def test_the_exchange_wipes_nobody_whom_a_moderator_wipes_already(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await page.call("change_setting", owner, "mark_action", "wipe")
    await burst(page, "abcd", proven=True)
    users = [(await user_of(page, name))["user_id"] for name in "abcd"]
    await page.call("plan_wipe", owner, users, [hash_of(name) for name in "abcd"], "unwind", "Bots.")
    await pass_time(connection_owner, page.exchange_id, 61)
    assert await search(page) == 0
    (wipe,) = await page.listing("list_wipes", owner, 10)
    assert wipe["planned_by"] == owner


async def test_a_wipe_by_the_exchange_can_be_undone_and_the_bonus_released(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await page.call("change_setting", owner, "mark_action", "wipe")
    await burst(page, "abcd", proven=True)
    await pass_time(connection_owner, page.exchange_id, 61)
    await search(page)
    (wipe,) = await page.listing("list_wipes", owner, 10)
    await page.call("undo_wipe", owner, wipe["wipe_id"])
    assert [(await user_of(page, name))["status"] for name in "abcd"] == ["active"] * 4
    assert await search(page) == 0, "what was undone is not planned again"
    (cluster,) = await clusters(page, owner)
    assert (await page.call("release_suspects", owner, cluster["cluster_id"], None))["released"] == 4
    assert await cash(connection_owner, page, "a") == BONUS
    await audited(page)


async def leave(front: Front, name: str) -> dict[str, Any]:
    return await front.call("delete_user", (await user_of(front, name))["user_id"], hash_of(name))


async def test_nobody_who_is_suspect_leaves_before_a_moderator_has_looked(page: Front) -> None:
    await burst(page, "abcd")
    assert (await leave(page, "a"))["refused"] == "awaits_decision"
    owner = await owner_of(page)
    (cluster,) = await clusters(page, owner)
    await page.call("release_suspects", owner, cluster["cluster_id"], (await user_of(page, "a"))["user_id"])
    assert (await leave(page, "a"))["refused"] == "awaits_decision", "the suspicion of them all is open"
    await page.call("release_suspects", owner, cluster["cluster_id"], None)
    assert "refused" not in await leave(page, "a")
    await audited(page)


async def test_who_leaves_before_a_burst_is_full_is_marked_all_the_same(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await burst(page, "abc")
    assert "refused" not in await leave(page, "a")
    await burst(page, "d")
    assert await marked(connection_owner, page) == {hash_of(name) for name in "abcd"}
    await audited(page)


@pytest.mark.parametrize(("act", "more"), [("freeze_suspects", ()), ("wipe_suspects", ("burn", None))])
async def test_who_has_left_is_banned_with_the_others(
    page: Front, connection_owner: asyncpg.Connection, act: str, more: tuple[object, ...]
) -> None:
    await burst(page, "abc")
    await leave(page, "a")
    await be_refused(page, "x", HOSTEL)
    await burst(page, "d")
    owner = await owner_of(page)
    (cluster,) = await clusters(page, owner)
    await page.call(act, owner, cluster["cluster_id"], *more)
    assert (await page.call("register_user", *newcomer("a"), None, None, HOSTEL[0]))[
        "refused"
    ] == "user_banned"
    assert "refused" not in await page.call("register_user", *newcomer("x"), None, None, HOSTEL[0])
    await audited(page)


async def test_who_leaves_keeps_the_mark_for_as_long_as_networks_are_kept_and_gets_no_second_bonus(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await burst(page, "abcd")
    user = (await user_of(page, "a"))["user_id"]
    assert len((await page.document("export_user", page.exchange_id, user))["marks"]) == 1
    owner = await owner_of(page)
    (cluster,) = await clusters(page, owner)
    await page.call("release_suspects", owner, cluster["cluster_id"], None)
    await leave(page, "a")
    query = "select user_id, withheld_paise from betjee.marks where exchange_id = $1 and identity_hash = $2"
    (mark,) = await connection_owner.fetch(query, page.exchange_id, hash_of("a"))
    assert (mark["user_id"], mark["withheld_paise"]) == (None, 0)
    dated = "update betjee.marks set decided_at = decided_at - interval '91 days' where exchange_id = $1"
    await connection_owner.execute(dated, page.exchange_id)
    await page.service.fetchval("select betjee.purge_suspects(1000)")
    assert await marked(connection_owner, page) == {hash_of(name) for name in "bcd"}
    await pass_time(connection_owner, page.exchange_id, 60)
    back = await arrive(page, "a", ipv4("elsewhere"))
    assert (back["bonus_paise"], back["withheld_paise"], back["had_bonus_before"]) == (0, 0, True)
    await audited(page)


async def test_a_network_is_suspect_while_somebody_there_is_marked(page: Front) -> None:
    owner = await owner_of(page)
    await arrive(page, "z", ipv4("home"))
    await burst(page, "abcd")
    find = ("find_network", page.exchange_id, DISCORD)
    assert await page.document(*find, "a") == {"network_key": HOSTEL[0].hex(), "is_suspect": True}
    assert (await page.document(*find, "z"))["is_suspect"] is False
    assert (
        await page.service.fetchval("select betjee.find_network($1, 'discord', 'owner')", page.exchange_id)
        is None
    )
    (cluster,) = await clusters(page, owner)
    await page.call("release_suspects", owner, cluster["cluster_id"], None)
    assert (await page.document(*find, "a"))["is_suspect"] is False


async def test_decided_clusters_are_forgotten_with_their_networks(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await burst(page, "abcd")
    (cluster,) = await clusters(page, owner)
    await page.call("release_suspects", owner, cluster["cluster_id"], None)
    assert await page.service.fetchval("select betjee.purge_suspects(100)") == 0
    dated = "update betjee.clusters set decided_at = decided_at - interval '91 days' where exchange_id = $1"
    await connection_owner.execute(dated, page.exchange_id)
    await page.service.fetchval("select betjee.purge_suspects(1000)")
    assert await clusters(page, owner) == []
    assert await cash(connection_owner, page, "a") == BONUS
