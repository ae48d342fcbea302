"""Suspicions that name some of the same people: what is decided of one leaves what was decided of another."""

import asyncpg

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
    search,
    user_of,
)
from tests.sql.front import Front, newcomer, owner_of

LIBRARY = ipv4("library")


async def statuses(front: Front, names: str) -> list[str]:
    return [(await user_of(front, name))["status"] for name in names]


async def two_bursts(front: Front, both: str, first: str, second: str) -> tuple[int, int, int]:
    """`both` are refused by a limiter at the hostel, where `first` come, and then come with `second` from the library.

    The owner, and the numbers of both suspicions.
    """
    await burst(front, first)
    for name in both:
        await be_refused(front, name, HOSTEL)
    assert await search(front) == 1
    for name in both + second:
        await arrive(front, name, LIBRARY)
    owner = await owner_of(front)
    one, other = sorted(cluster["cluster_id"] for cluster in await clusters(front, owner))
    return owner, one, other


async def test_who_is_named_by_two_that_were_frozen_is_free_when_both_are_released(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner, *both = await two_bursts(page, "d", "abc", "efg")
    for number in both:
        await page.call("freeze_suspects", owner, number)
    released = await page.call("release_suspects", owner, both[0], None)
    assert (released["released"], released["unfrozen"], released["passed_over"]) == (3, 3, 1)
    assert await statuses(page, "abcdefg") == [*["active"] * 3, *["frozen"] * 4]
    assert await cash(connection_owner, page, "d") == 0
    released = await page.call("release_suspects", owner, both[1], None)
    assert (released["unfrozen"], released["passed_over"]) == (4, 0)
    assert await statuses(page, "abcdefg") == ["active"] * 7
    assert [await cash(connection_owner, page, name) for name in "abcdefg"] == [BONUS] * 7
    await audited(page)


async def test_who_had_left_and_is_named_by_two_may_come_back_when_both_are_released(page: Front) -> None:
    await be_refused(page, "d", HOSTEL)
    await arrive(page, "d", LIBRARY)
    await page.call("delete_user", (await user_of(page, "d"))["user_id"], hash_of("d"))
    await burst(page, "abc")
    for name in "efg":
        await arrive(page, name, LIBRARY)
    owner = await owner_of(page)
    both = [cluster["cluster_id"] for cluster in await clusters(page, owner)]
    assert [cluster["left"] for cluster in await clusters(page, owner)] == [1, 1]
    for number in both:
        await page.call("freeze_suspects", owner, number)
    signing_up = ("register_user", *newcomer("d"), None, None, HOSTEL[0])
    await page.call("release_suspects", owner, both[0], None)
    assert (await page.call(*signing_up))["refused"] == "user_banned"
    await page.call("release_suspects", owner, both[1], None)
    assert "refused" not in await page.call(*signing_up)
    await audited(page)


async def test_another_suspicion_of_the_very_same_is_decided_and_released_with_the_first(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    owner, *both = await two_bursts(page, "abcd", "", "")
    await page.call("freeze_suspects", owner, both[0])
    assert [cluster["status"] for cluster in await clusters(page, owner)] == ["upheld"] * 2
    wipe = await page.call("wipe_suspects", owner, both[0], "burn", None)
    await page.call("undo_wipe", owner, wipe["wipe_id"])
    released = await page.call("release_suspects", owner, both[0], None)
    assert (released["unfrozen"], released["passed_over"]) == (4, 0)
    assert [cluster["status"] for cluster in await clusters(page, owner)] == ["released"] * 2
    assert [await cash(connection_owner, page, name) for name in "abcd"] == [BONUS] * 4
    await audited(page)


async def test_a_decision_about_others_leaves_a_suspicion_open(page: Front) -> None:
    owner, *both = await two_bursts(page, "abcd", "", "")
    for name in "efgh":
        await arrive(page, name, ipv4("station"))
    third = max(cluster["cluster_id"] for cluster in await clusters(page, owner))
    await page.call("freeze_suspects", owner, third)
    assert {cluster["cluster_id"]: cluster["status"] for cluster in await clusters(page, owner)} == {
        both[0]: "open", both[1]: "open", third: "upheld"
    }  # fmt: skip


async def test_who_awaits_a_wipe_is_not_released_before_it_is_undone(page: Front) -> None:
    owner = await owner_of(page)
    await burst(page, "abcd")
    (cluster,) = await clusters(page, owner)
    wipe = await page.call("wipe_suspects", owner, cluster["cluster_id"], "burn", None)
    one = (await user_of(page, "a"))["user_id"]
    refused = await page.call("release_suspects", owner, cluster["cluster_id"], one)
    assert (refused["refused"], refused["detail"]) == (
        "already_planned",
        "They await a wipe: undo that first.",
    )
    await page.call("undo_wipe", owner, wipe["wipe_id"])
    assert (await page.call("release_suspects", owner, cluster["cluster_id"], one))["released"] == 1
    await audited(page)
