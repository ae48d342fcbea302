"""The first rule and the signals beside it: who is marked, whose bonus waits, and who decides."""

import asyncio
import json

import asyncpg
import pytest

from tests.sql.arrivals import (
    Networks,
    arrive,
    be_refused,
    begin,
    cash,
    clusters,
    hash_of,
    ipv4,
    ipv6,
    pass_time,
    search,
    trade,
    user_of,
)
from tests.sql.blocking import holding_exchange, wait_for_waiting
from tests.sql.front import DISCORD, Front, newcomer, owner_of

BONUS = 2_000_000
HOSTEL = ipv4("hostel")


@pytest.fixture
async def page(front: Front) -> Front:
    """An exchange whose members sign up on the page."""
    await front.call("change_setting", await owner_of(front), "verification", "web")
    return front


async def marked(owner: asyncpg.Connection, front: Front) -> set[bytes]:
    rows = await owner.fetch(
        "select identity_hash from betjee.marks where exchange_id = $1", front.exchange_id
    )
    return {row["identity_hash"] for row in rows}


async def notices(owner: asyncpg.Connection, front: Front, kind: str) -> list[dict[str, object]]:
    rows = await owner.fetch(
        "select user_id, detail from betjee.outbox where exchange_id = $1 and kind = $2 order by notice_id",
        front.exchange_id,
        kind,
    )
    return [{"user_id": row["user_id"], **json.loads(row["detail"])} for row in rows]


async def burst(front: Front, names: str, *, proven: bool = False) -> None:
    for name in names:
        await arrive(front, name, HOSTEL, proven=proven)


async def audited(front: Front) -> None:
    assert await front.service.fetch("select betjee.audit_exchange($1)", front.exchange_id) == []


# The first rule


async def test_three_are_no_burst(page: Front, connection_owner: asyncpg.Connection) -> None:
    await burst(page, "abc")
    assert await marked(connection_owner, page) == set()
    assert await cash(connection_owner, page, "a") == BONUS


async def test_four_within_seconds_are_marked_and_their_bonus_waits(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await burst(page, "abc")
    fourth = await arrive(page, "d", HOSTEL)
    assert (fourth["created"], fourth["bonus_paise"], fourth["withheld_paise"]) == (True, 0, BONUS)
    assert fourth["bonus"] == "₹20,000.00"
    assert await marked(connection_owner, page) == {hash_of(name) for name in "abcd"}
    # The first three had theirs for a moment; untouched, it waits too, and they are told.
    assert [await cash(connection_owner, page, name) for name in "abcd"] == [0, 0, 0, 0]
    assert [told["amount_paise"] for told in await notices(connection_owner, page, "bonus_withheld")] == [
        BONUS
    ] * 3
    again = await page.call("register_user", *newcomer("a"))
    assert (again["created"], again["withheld_paise"]) == (False, BONUS)
    portfolio = await page.document("get_portfolio", page.exchange_id, again["user_id"])
    assert (portfolio["withheld_paise"], portfolio["granted_paise"]) == (BONUS, 0)
    await audited(page)


async def test_four_that_take_their_time_are_no_burst(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    for name in "abcdef":
        await arrive(page, name, HOSTEL)
        await pass_time(connection_owner, page.exchange_id, 5.5)
    assert await marked(connection_owner, page) == set()


async def test_three_after_a_burst_are_none_either(page: Front, connection_owner: asyncpg.Connection) -> None:
    await burst(page, "abcd")
    await pass_time(connection_owner, page.exchange_id, 60)
    await burst(page, "efg")
    assert len(await marked(connection_owner, page)) == 4
    await burst(page, "h")
    assert len(await marked(connection_owner, page)) == 8


async def test_networks_do_not_add_up(page: Front, connection_owner: asyncpg.Connection) -> None:
    for name in "abcdef":
        await arrive(page, name, ipv4(f"home of {name}"))
    assert await marked(connection_owner, page) == set()


async def test_one_who_tries_again_and_again_is_one(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    for name in "aabbcc":
        await be_refused(page, name, HOSTEL)
    await search(page)
    assert await marked(connection_owner, page) == set()


async def test_those_whom_a_limiter_refused_count_and_are_marked_before_they_are_members(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    for name in "abc":
        await be_refused(page, name, HOSTEL)
    await arrive(page, "d", HOSTEL)
    assert await marked(connection_owner, page) == {hash_of(name) for name in "abcd"}
    await pass_time(connection_owner, page.exchange_id, 3_600)
    late = await arrive(page, "a", ipv4("elsewhere"))
    assert (late["bonus_paise"], late["withheld_paise"]) == (0, BONUS)


async def test_a_burst_of_refused_alone_is_found_by_the_search(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    for name in "abcd":
        await be_refused(page, name, HOSTEL)
    assert await marked(connection_owner, page) == set()
    assert await search(page) == 1
    assert await marked(connection_owner, page) == {hash_of(name) for name in "abcd"}
    assert await search(page) == 0


async def test_of_one_network_a_bounded_number_of_attempts_is_kept(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await be_refused(page, "a", HOSTEL)
    await connection_owner.execute(
        "insert into betjee.verification_attempts (exchange_id, identity_hash, network_key, outcome, attempted_at)"
        " select $1, sha256(n::text::bytea), $2, 'too_many_attempts', clock_timestamp() from generate_series(1, 499) n",
        page.exchange_id,
        HOSTEL[0],
    )
    await be_refused(page, "b", HOSTEL)
    count = "select count(*) from betjee.verification_attempts where exchange_id = $1"
    assert await connection_owner.fetchval(count, page.exchange_id) == 500
    assert (await arrive(page, "c", HOSTEL))["withheld_paise"] == 0, "not recorded, so not marked itself"
    assert hash_of("a") in await marked(connection_owner, page)


async def test_who_has_traded_keeps_the_bonus_and_who_moderates_loses_none(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await burst(page, "ab")
    await trade(page, "a", "buy", 10)
    await page.call("add_moderator", await owner_of(page), DISCORD, "b", "b")
    await burst(page, "cd")
    assert len(await marked(connection_owner, page)) == 4
    assert await cash(connection_owner, page, "a") > 0
    assert await cash(connection_owner, page, "b") == BONUS
    assert await cash(connection_owner, page, "c") == 0
    await audited(page)


async def test_who_has_been_in_the_community_for_long_is_marked_and_keeps_the_bonus(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await page.call("change_setting", owner, "mark_action", "freeze")
    for name, days in (("a", 31), ("b", 29), ("c", 400), ("d", 0), ("e", 31)):
        await arrive(page, name, HOSTEL, days=days, proven=True)
    assert await marked(connection_owner, page) == {hash_of(name) for name in "abcde"}
    assert [await cash(connection_owner, page, name) for name in "abcde"] == [BONUS, 0, BONUS, 0, BONUS]
    assert [(await user_of(page, name))["status"] for name in "abcde"] == [
        "active",
        "frozen",
        "active",
        "frozen",
        "active",
    ]
    (cluster,) = await clusters(page, owner)
    assert (cluster["accounts"], cluster["waiting"], cluster["long_standing"]) == (5, 2, 3)
    await audited(page)


async def test_nobody_is_trusted_for_that_where_the_exchange_has_it_so(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await page.call("change_setting", await owner_of(page), "trusted_membership_days", "0")
    for name in "abcd":
        await arrive(page, name, HOSTEL, days=3_000)
    assert [await cash(connection_owner, page, name) for name in "abcd"] == [0] * 4


async def test_twenty_who_press_at_once_are_all_marked(
    page: Front,
    sessions: list[asyncpg.Connection],
    connection_owner: asyncpg.Connection,
    watcher: asyncpg.Connection,
) -> None:
    tokens = [await begin(page, f"bot {number}") for number in range(20)]
    query = (
        "select betjee.complete_verification($1, $2, $3, null, ($4::bytea, null, null)::betjee.network_keys)"
    )
    async with asyncio.TaskGroup() as group, holding_exchange(connection_owner, page.exchange_id):
        for number, (session, token) in enumerate(zip(sessions, tokens, strict=False)):
            group.create_task(session.fetchval(query, page.exchange_id, 9_000 + number, token, HOSTEL[0]))
        await wait_for_waiting(watcher, "complete_verification", 20)
    assert await marked(connection_owner, page) == {hash_of(f"bot {number}") for number in range(20)}
    granted = "select sum(amount_paise) from betjee.grants where exchange_id = $1"
    assert await connection_owner.fetchval(granted, page.exchange_id) == 0
    (cluster,) = await clusters(page, await owner_of(page))
    assert cluster["waiting_paise"] == 20 * BONUS
    await audited(page)


async def test_two_moderators_who_release_at_once_grant_once(
    page: Front,
    sessions: list[asyncpg.Connection],
    connection_owner: asyncpg.Connection,
    watcher: asyncpg.Connection,
) -> None:
    owner = await owner_of(page)
    await burst(page, "abcd")
    (cluster,) = await clusters(page, owner)
    arguments = (owner, cluster["cluster_id"], None)
    async with asyncio.TaskGroup() as group, holding_exchange(connection_owner, page.exchange_id):
        for number, session in enumerate(sessions[:5]):
            group.create_task(
                Front(session).document("release_suspects", page.exchange_id, 9_000 + number, *arguments)
            )
        await wait_for_waiting(watcher, "release_suspects", 5)
    assert [await cash(connection_owner, page, name) for name in "abcd"] == [BONUS] * 4
    await audited(page)


# What moderators are told, and decide


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
    assert released["released"] == 1
    assert await cash(connection_owner, page, "a") == BONUS
    # The freeze was a moderator's act of its own, and ends by its own verb.
    assert (await user_of(page, "a"))["status"] == "frozen"
    await page.call("unfreeze_user", owner, one["user_id"])
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


# At once, where the exchange has it so


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


# Leaving


async def test_who_leaves_takes_the_mark_along_and_gets_no_second_bonus(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await burst(page, "abcd")
    user = (await user_of(page, "a"))["user_id"]
    assert len((await page.document("export_user", page.exchange_id, user))["marks"]) == 1
    await page.call("delete_user", user, hash_of("a"))
    assert hash_of("a") not in await marked(connection_owner, page)
    await pass_time(connection_owner, page.exchange_id, 60)
    back = await arrive(page, "a", ipv4("elsewhere"))
    assert (back["bonus_paise"], back["withheld_paise"], back["had_bonus_before"]) == (0, 0, True)
    await audited(page)


# Limits by network


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


# Wider networks, and slow ones


async def test_neighbouring_networks_of_one_customer_are_a_signal_that_only_tells(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    for number in range(11):
        await arrive(page, f"bot {number}", ipv6("farm", number))
    assert await search(page) == 1
    (cluster,) = await clusters(page, await owner_of(page))
    assert (
        cluster["kind"],
        cluster["accounts"],
        cluster["detail"]["width"],
        cluster["detail"]["networks"],
    ) == (
        "wide_burst",
        11,
        56,
        11,
    )
    assert await marked(connection_owner, page) == set()
    assert await cash(connection_owner, page, "bot 3") == BONUS


async def test_one_network_is_no_neighbourhood(page: Front, connection_owner: asyncpg.Connection) -> None:
    for number in range(12):
        await arrive(page, f"bot {number}", ipv6("farm", 1))
        await pass_time(connection_owner, page.exchange_id, 20)
    assert await search(page) == 0


@pytest.mark.parametrize("network", [HOSTEL, ipv6("farm", 1)])
async def test_many_from_one_network_within_a_day_are_one_signal_however_slow(
    page: Front, connection_owner: asyncpg.Connection, network: Networks
) -> None:
    for number in range(26):
        await arrive(page, f"bot {number}", network)
        await pass_time(connection_owner, page.exchange_id, 1_200)
        if number == 24:
            assert await search(page) == 0
    assert await search(page) == 1
    (cluster,) = await clusters(page, await owner_of(page))
    assert (cluster["kind"], cluster["accounts"], cluster["detail"]["width"]) == ("crowd", 26, 64)
    assert await marked(connection_owner, page) == set()


# Trading


MARKETS = ("21s1", "21s2", "22s1", "22s2", "23s1")


async def members(front: Front, owner: asyncpg.Connection, names: str) -> None:
    """Members of one network who did not come in a burst."""
    for name in names:
        await arrive(front, name, HOSTEL)
        await pass_time(owner, front.exchange_id, 60)


async def test_accounts_of_one_network_that_trade_as_one_are_a_signal(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await members(page, connection_owner, "abcd")
    await arrive(page, "z", ipv4("elsewhere"))
    for market in MARKETS:
        for name in "abcz":
            await trade(page, name, "buy", 1, market)
    assert await search(page) == 1
    (cluster,) = await clusters(page, await owner_of(page))
    assert (cluster["kind"], cluster["accounts"], cluster["frozen"]) == ("concert", 3, 0)
    assert cluster["detail"]["moments"] in (4, 5)


async def test_friends_who_share_a_few_of_many_moments_are_none(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await members(page, connection_owner, "abc")
    for market in MARKETS[:3]:
        for name in "abc":
            await trade(page, name, "buy", 1, market)
    for place, name in enumerate("abc"):
        for _ in range(4):
            await pass_time(connection_owner, page.exchange_id, 11)
            await trade(page, name, "buy", 1, MARKETS[place])
    assert await search(page) == 0


async def test_the_other_side_is_not_the_same(page: Front, connection_owner: asyncpg.Connection) -> None:
    await members(page, connection_owner, "abc")
    for market in MARKETS:
        for name, side in zip("abc", ("buy", "short", "buy"), strict=True):
            await trade(page, name, side, 1, market)
    assert await search(page) == 0


async def move_bonus(front: Front, owner: asyncpg.Connection, givers: str, gainer: str) -> None:
    """Each giver pushes the price up, the gainer sells to it, and the giver is left with the loss; twice over."""
    for giver in givers:
        for _ in range(3):
            await trade(front, gainer, "buy", 550)
            await trade(front, giver, "buy", 450)
            await trade(front, gainer, "sell", 550)
            await trade(front, giver, "sell", 450)
            await pass_time(owner, front.exchange_id, 300)


@pytest.fixture
async def wide(page: Front) -> Front:
    """The same, with a band so wide that a story takes few orders."""
    await page.call("change_setting", await owner_of(page), "band_bps", "1000000000")
    return page


async def test_bonus_that_moves_to_one_account_is_a_signal(
    wide: Front, connection_owner: asyncpg.Connection
) -> None:
    for name in "abcg":
        await arrive(wide, name, ipv4(f"home of {name}"))
    await move_bonus(wide, connection_owner, "ab", "g")
    assert await search(wide) == 0, "two are too few"
    await move_bonus(wide, connection_owner, "c", "g")
    assert await search(wide) == 1
    (cluster,) = await clusters(wide, await owner_of(wide))
    assert (cluster["kind"], cluster["accounts"], cluster["detail"]["givers"]) == ("transfer", 4, 3)
    positions = (
        await wide.document("get_portfolio", wide.exchange_id, (await user_of(wide, "g"))["user_id"])
    )["positions"]
    assert cluster["detail"]["gained_paise"] == positions[0]["realised_paise"]
    assert cluster["detail"]["lost_paise"] >= 3 * BONUS * 2 // 5
    assert [(await user_of(wide, name))["status"] for name in "abcg"] == ["active"] * 4


async def test_losing_without_somebody_who_gains_as_much_is_no_signal(
    wide: Front, connection_owner: asyncpg.Connection
) -> None:
    for name in "abcwh":
        await arrive(wide, name, ipv4(f"home of {name}"))
    await trade(wide, "h", "buy", 400)
    for name in "aaabbbcccc":
        await trade(wide, "w", "buy", 650)
        await trade(wide, name, "buy", 300)
        # One who sells a little to each of them gains too little to be who it was for, and the one who gains comes late.
        await trade(wide, "h", "sell", 40)
        await pass_time(connection_owner, wide.exchange_id, 300)
        await trade(wide, "w", "sell", 650)
        await trade(wide, name, "sell", 300)
        await pass_time(connection_owner, wide.exchange_id, 300)
    lost = [BONUS - await cash(connection_owner, wide, name) for name in "abc"]
    assert min(lost) >= BONUS * 44 // 100, "with less, before tax, there would be nothing to look at"
    assert await search(wide) == 0


async def test_a_second_signal_freezes_whom_the_first_has_marked(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(page)
    await members(page, connection_owner, "xy")
    for name in "abc":
        await arrive(page, name, HOSTEL)
        await trade(page, name, "buy", 1, "28s1")
    await arrive(page, "d", HOSTEL)
    for market in MARKETS:
        for name in "abcxy":
            await trade(page, name, "buy", 1, market)
    assert await search(page) == 1
    assert [(await user_of(page, name))["status"] for name in "abcdxy"] == ["frozen"] * 3 + ["active"] * 3
    burst_cluster = next(item for item in await clusters(page, owner) if item["kind"] == "burst")
    assert burst_cluster["other_signals"] == 3
    released = await page.call("release_suspects", owner, burst_cluster["cluster_id"], None)
    assert (released["released"], released["passed_over"]) == (1, 3)
    one = await user_of(page, "a")
    await page.call("release_suspects", owner, burst_cluster["cluster_id"], one["user_id"])
    assert (await user_of(page, "a"))["status"] == "active"
    await audited(page)


async def test_a_second_signal_only_tells_where_the_exchange_has_it_so(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await page.call("change_setting", await owner_of(page), "second_signal_freezes", "off")
    for name in "abc":
        await arrive(page, name, HOSTEL)
        await trade(page, name, "buy", 1, "28s1")
    await arrive(page, "d", HOSTEL)
    for market in MARKETS:
        for name in "abc":
            await trade(page, name, "buy", 1, market)
    assert await search(page) == 1
    assert [(await user_of(page, name))["status"] for name in "abcd"] == ["active"] * 4
