"""The first rule: too many identities from one network within seconds are marked, and their bonus waits."""

import asyncio

import asyncpg

from tests.sql.arrivals import (
    BONUS,
    HOSTEL,
    arrive,
    audited,
    be_refused,
    begin,
    burst,
    cash,
    clusters,
    hash_of,
    ipv4,
    marked,
    notices,
    pass_time,
    search,
    trade,
    user_of,
)
from tests.sql.blocking import holding_exchange, wait_for_waiting
from tests.sql.front import DISCORD, Front, newcomer, owner_of


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
    await be_refused(page, "a", HOSTEL, "not_the_owner")
    count = "select count(*) from betjee.verification_attempts where exchange_id = $1"
    assert await connection_owner.fetchval(count, page.exchange_id) == 500
    # Yet a flood hides nobody who comes after it.
    await be_refused(page, "b", HOSTEL)
    assert await connection_owner.fetchval(count, page.exchange_id) == 501
    assert (await arrive(page, "b", HOSTEL))["withheld_paise"] == BONUS
    assert (await arrive(page, "c", HOSTEL))["withheld_paise"] == BONUS
    assert await connection_owner.fetchval(count, page.exchange_id) == 503
    assert {hash_of("b"), hash_of("c")} <= await marked(connection_owner, page)


async def test_who_has_traded_keeps_the_bonus_and_who_moderates_is_not_marked(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await burst(page, "ab")
    await trade(page, "a", "buy", 10)
    await page.call("add_moderator", await owner_of(page), DISCORD, "b", "b")
    await burst(page, "cd")
    assert await marked(connection_owner, page) == {hash_of(name) for name in "acd"}
    assert await cash(connection_owner, page, "a") > 0
    assert await cash(connection_owner, page, "b") == BONUS
    assert await cash(connection_owner, page, "c") == 0
    await audited(page)


async def test_the_bonus_of_a_moderator_who_was_marked_before_does_not_wait(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    for name in "abcd":
        await be_refused(page, name, HOSTEL)
    await search(page)
    assert hash_of("a") in await marked(connection_owner, page)
    await page.call("add_moderator", await owner_of(page), DISCORD, "a", "a")
    assert (await arrive(page, "a", HOSTEL))["bonus_paise"] == BONUS
    assert (await arrive(page, "b", HOSTEL))["bonus_paise"] == 0
    await audited(page)


async def test_the_bonus_of_a_new_owner_is_released(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await burst(page, "abcd")
    await page.call("transfer_ownership", DISCORD, "a", "a", hash_of("a"))
    assert [await cash(connection_owner, page, name) for name in "ab"] == [BONUS, 0]
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
