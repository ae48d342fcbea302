"""What moderators are told of suspicions, and decide; what happens by itself; and who leaves."""

import json

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
    notices,
    search,
    user_of,
)
from tests.sql.front import DISCORD, Front, newcomer, owner_of


async def test_moderators_are_told_once_and_again_when_it_has_doubled(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await burst(page, "abcdefgh")
    told = await notices(connection_owner, page, "suspects_found")
    assert [(notice["user_id"], notice["accounts"], notice["signal"]) for notice in told] == [
        (owner, 4, "burst"),
        (owner, 8, "burst"),
    ]
    (cluster,) = await clusters(page, owner)
    assert (cluster["accounts"], cluster["waiting"], cluster["waiting_paise"]) == (8, 8, 8 * BONUS)


async def test_in_their_channel_where_they_have_one(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await page.call("set_channel", owner, DISCORD, "111")
    await page.call("set_moderators_channel", owner, DISCORD, "222")
    await burst(page, "abcd")
    await page.service.fetchval("select betjee.claim_outbox('me', 60)")
    due = [
        json.loads(row[0])
        for row in await page.service.fetch("select betjee.list_due_notices($1, 'me', 10)", page.exchange_id)
    ]
    assert [(notice["kind"], notice["channel_id"], notice["user_id"]) for notice in due] == [
        ("suspects_found", "222", None)
    ]


async def test_one_release_grants_every_bonus_that_waits_once(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await burst(page, "abcde")
    await be_refused(page, "f", HOSTEL)
    await search(page)
    (cluster,) = await clusters(page, owner)
    released = await page.call("release_suspects", owner, cluster["cluster_id"], None, request_id=700)
    assert (released["released"], released["passed_over"], released["status"]) == (6, 0, "released")
    assert [await cash(connection_owner, page, name) for name in "abcde"] == [BONUS] * 5
    again = await page.call("release_suspects", owner, cluster["cluster_id"], None, request_id=700)
    assert again == released
    another = await page.call("release_suspects", owner, cluster["cluster_id"], None)
    assert another["refused"] == "cluster_decided"
    assert [await cash(connection_owner, page, name) for name in "abcde"] == [BONUS] * 5
    assert (await arrive(page, "f", HOSTEL))["bonus_paise"] == BONUS, "released before they were a member"
    assert len(await notices(connection_owner, page, "bonus_released")) == 5
    await audited(page)


async def test_what_was_released_is_not_brought_up_again(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await burst(page, "abcd")
    (cluster,) = await clusters(page, owner)
    await page.call("release_suspects", owner, cluster["cluster_id"], None)
    assert (await arrive(page, "e", HOSTEL))["bonus_paise"] == BONUS, "one newcomer beside those is no burst"
    assert await search(page) == 0
    await burst(page, "fgh")
    assert [item["status"] for item in await clusters(page, owner)] == ["open", "released"]
    assert await cash(connection_owner, page, "a") == BONUS


async def test_nobody_upholds_their_own_mark_or_that_of_an_equal(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await burst(page, "ab")
    for name in "ab":
        await page.call("add_moderator", owner, DISCORD, name, name)
    await burst(page, "cd")
    (cluster,) = await clusters(page, owner)
    mona = (await user_of(page, "a"))["user_id"]
    assert (await page.call("freeze_suspects", mona, cluster["cluster_id"]))["status"] == "upheld"
    rows = await connection_owner.fetch(
        "select identity_hash, decision from betjee.marks where exchange_id = $1", page.exchange_id
    )
    upheld = {row["identity_hash"] for row in rows if row["decision"] == "upheld"}
    assert upheld == {hash_of("c"), hash_of("d")}


async def test_nobody_releases_themselves_or_without_power(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await burst(page, "abcd")
    (cluster,) = await clusters(page, owner)
    member = (await user_of(page, "a"))["user_id"]
    for function, more in (
        ("release_suspects", (None,)),
        ("release_suspects", (member,)),
        ("freeze_suspects", ()),
        ("wipe_suspects", ("burn", None)),
    ):
        refused = await page.call(function, member, cluster["cluster_id"], *more)
        assert refused["refused"] == "not_a_moderator", function
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await clusters(page, member)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await page.service.fetchval(
            "select betjee.get_cluster($1, $2, $3)", page.exchange_id, member, cluster["cluster_id"]
        )
    # Made a moderator meanwhile, they still decide nothing about themselves.
    await page.call("add_moderator", owner, DISCORD, "a", "a")
    alone = await page.call("release_suspects", member, cluster["cluster_id"], member)
    assert alone["refused"] == "own_account"
    everyone = await page.call("release_suspects", member, cluster["cluster_id"], None)
    assert (everyone["released"], everyone["passed_over"]) == (3, 1)
    assert await cash(connection_owner, page, "a") == 0
    assert await cash(connection_owner, page, "b") == BONUS


async def test_who_was_appointed_and_has_not_signed_up_is_passed_over_too(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    for name in "abcd":
        await be_refused(page, name, HOSTEL)
    await search(page)
    await page.call("add_moderator", owner, DISCORD, "a", "a", hash_of("a"))
    moderator = (await user_of(page, "a"))["user_id"]
    (cluster,) = await clusters(page, owner)
    released = await page.call("release_suspects", moderator, cluster["cluster_id"], None)
    assert (released["released"], released["passed_over"]) == (3, 1)
    undecided = "select identity_hash from betjee.marks where exchange_id = $1 and decision is null"
    assert await connection_owner.fetchval(undecided, page.exchange_id) == hash_of("a")


async def test_a_moderator_of_another_exchange_decides_nothing(page: Front) -> None:
    await burst(page, "abcd")
    (cluster,) = await clusters(page, await owner_of(page))
    elsewhere = await page.document("open_exchange", 5_000, DISCORD, "another guild", "Guild", "boss", "Boss")
    boss = await page.document("find_user", elsewhere["exchange_id"], DISCORD, "boss")
    here = await page.call("release_suspects", boss["user_id"], cluster["cluster_id"], None)
    assert here["refused"] == "not_a_moderator"
    there = await page.document(
        "release_suspects", elsewhere["exchange_id"], 5_001, boss["user_id"], cluster["cluster_id"], None
    )
    assert there["refused"] == "unknown_cluster"


async def test_freezing_upholds_and_one_can_still_be_released(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await burst(page, "abcd")
    (cluster,) = await clusters(page, owner)
    frozen = await page.call("freeze_suspects", owner, cluster["cluster_id"])
    assert (frozen["status"], frozen["frozen"], frozen["waiting"]) == ("upheld", 4, 4)
    one = await user_of(page, "a")
    assert one["status"] == "frozen"
    assert len(await notices(connection_owner, page, "account_frozen")) == 4
    released = await page.call("release_suspects", owner, cluster["cluster_id"], one["user_id"])
    assert (released["released"], released["unfrozen"]) == (1, 1)
    assert await cash(connection_owner, page, "a") == BONUS
    assert [(await user_of(page, name))["status"] for name in "abcd"] == ["active", *["frozen"] * 3]
    await audited(page)


async def test_releasing_after_freezing_takes_all_of_it_back(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await burst(page, "abc")
    await page.call("delete_user", (await user_of(page, "a"))["user_id"], hash_of("a"))
    await burst(page, "de")
    (cluster,) = await clusters(page, owner)
    await page.call("freeze_user", owner, (await user_of(page, "b"))["user_id"], "For something else.")
    frozen = await page.call("freeze_suspects", owner, cluster["cluster_id"])
    assert (frozen["frozen"], frozen["left"]) == (4, 1)
    released = await page.call("release_suspects", owner, cluster["cluster_id"], None)
    assert (released["released"], released["unfrozen"], released["passed_over"]) == (5, 3, 0)
    assert [(await user_of(page, name))["status"] for name in "bcde"] == ["frozen", *["active"] * 3]
    assert [await cash(connection_owner, page, name) for name in "bcde"] == [BONUS] * 4
    assert "refused" not in await page.call("register_user", *newcomer("a"), None, None, HOSTEL[0])
    late = await page.call("freeze_suspects", owner, cluster["cluster_id"])
    assert late["refused"] == "cluster_decided"
    await audited(page)


async def test_who_was_released_alone_is_not_frozen_with_the_others(page: Front) -> None:
    owner = await owner_of(page)
    await burst(page, "abcd")
    (cluster,) = await clusters(page, owner)
    await page.call("release_suspects", owner, cluster["cluster_id"], (await user_of(page, "a"))["user_id"])
    await page.call("freeze_suspects", owner, cluster["cluster_id"])
    assert [(await user_of(page, name))["status"] for name in "abcd"] == ["active", *["frozen"] * 3]
    await page.call("wipe_suspects", owner, cluster["cluster_id"], "burn", None)
    (wipe,) = await page.listing("list_wipes", owner, 10)
    assert [member["display_name"] for member in wipe["members"]] == ["b", "c", "d"]
    late = await page.call("release_suspects", owner, cluster["cluster_id"], None)
    assert (late["refused"], late["detail"]) == (
        "cluster_decided",
        "That has been decided already: to be wiped, decided by Owner.",
    )


async def test_undoing_a_wipe_lifts_the_bans_of_who_had_left_and_releasing_is_possible_again(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await burst(page, "abc")
    await page.call("delete_user", (await user_of(page, "a"))["user_id"], hash_of("a"))
    await burst(page, "d")
    (cluster,) = await clusters(page, owner)
    wipe = await page.call("wipe_suspects", owner, cluster["cluster_id"], "burn", None)
    assert wipe["left_banned"] == 1
    signing_up = ("register_user", *newcomer("a"), None, None, HOSTEL[0])
    assert (await page.call(*signing_up))["refused"] == "user_banned"
    await page.call("undo_wipe", owner, wipe["wipe_id"])
    assert "refused" not in await page.call(*signing_up)
    acts = [act["act"] for act in await page.listing("list_moderation_log", owner, None, 2)]
    assert set(acts) == {"undo_wipe", "unban"}
    released = await page.call("release_suspects", owner, cluster["cluster_id"], None)
    assert released["status"] == "released"
    assert [await cash(connection_owner, page, name) for name in "bcd"] == [BONUS] * 3
    await audited(page)


async def test_a_wipe_that_was_executed_keeps_out_who_had_left(page: Front) -> None:
    owner = await owner_of(page)
    await page.call("change_setting", owner, "wipe_undo_seconds", "0")
    await burst(page, "abc")
    await page.call("delete_user", (await user_of(page, "a"))["user_id"], hash_of("a"))
    await burst(page, "d")
    (cluster,) = await clusters(page, owner)
    wipe = await page.call("wipe_suspects", owner, cluster["cluster_id"], "burn", None)
    assert (wipe["status"], wipe["left_banned"]) == ("executed", 1)
    for name in "ab":
        refused = await page.call("register_user", *newcomer(name), None, None, HOSTEL[0])
        assert refused["refused"] == "user_banned"
    (cluster,) = await clusters(page, owner)
    assert (cluster["left"], cluster["members_total"], cluster["wipe_status"]) == (1, 0, "executed")
    await audited(page)


async def test_wiping_a_cluster_plans_one_wipe_of_its_members(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await page.call("change_setting", owner, "wipe_undo_seconds", "0")
    await burst(page, "abcd")
    (cluster,) = await clusters(page, owner)
    preview = await page.document("preview_suspects_wipe", page.exchange_id, owner, cluster["cluster_id"])
    assert [member["display_name"] for member in preview["members"]] == ["a", "b", "c", "d"]
    wiped = await page.call("wipe_suspects", owner, cluster["cluster_id"], "burn", None)
    assert wiped["status"] == "executed"
    assert (await page.call("register_user", *newcomer("a"), None, None, HOSTEL[0]))[
        "refused"
    ] == "user_banned"
    await audited(page)
