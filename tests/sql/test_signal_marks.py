"""Marks of signals other than a burst: seen by moderators, decided by them, and nobody's harm."""

import json

import asyncpg
import pytest

from tests.sql.arrivals import (
    BONUS,
    HOSTEL,
    arrive,
    audited,
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
from tests.sql.front import DISCORD, Front, owner_of

CROWD = [f"guest {number}" for number in range(5)]


@pytest.fixture
async def crowd(page: Front, connection_owner: asyncpg.Connection) -> Front:
    """Five of a hostel where four within a day are a signal, one every 20 minutes; an hour and more ago."""
    await page.call("change_setting", await owner_of(page), "crowd_accounts", "3")
    await drip(page, connection_owner, *CROWD)
    await pass_time(connection_owner, page.exchange_id, 3_600)
    assert await search(page) == 1
    return page


async def drip(front: Front, owner: asyncpg.Connection, *names: str, network: str = "") -> None:
    for name in names:
        await arrive(front, name, ipv4(network) if network else HOSTEL)
        await pass_time(owner, front.exchange_id, 1_200)


async def statuses(front: Front, names: list[str]) -> list[str]:
    return [(await user_of(front, name))["status"] for name in names]


async def test_a_signal_marks_and_takes_nothing_and_slows_nobody(
    crowd: Front, connection_owner: asyncpg.Connection
) -> None:
    assert await marked(connection_owner, crowd, "crowd") == {hash_of(name) for name in CROWD}
    assert [await cash(connection_owner, crowd, name) for name in CROWD] == [BONUS] * 5
    assert await statuses(crowd, CROWD) == ["active"] * 5
    network = await crowd.document("find_network", crowd.exchange_id, DISCORD, CROWD[0])
    assert network["is_suspect"] is False
    late = await arrive(crowd, "late", HOSTEL)
    assert (late["bonus_paise"], late["withheld_paise"]) == (BONUS, 0)
    await audited(crowd)


@pytest.mark.parametrize("kind", ["wide_burst", "crowd", "concert", "transfer"])
async def test_the_table_itself_lets_no_other_mark_withhold(
    front: Front, connection_owner: asyncpg.Connection, kind: str
) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="marks_of_bursts_withhold"):
        await connection_owner.execute(
            "insert into betjee.marks (exchange_id, identity_hash, kind, cluster_id, marked_at, user_id, withheld_paise)"
            " values ($1, sha256('a'), $2, 1, clock_timestamp(), 1, 1)",
            front.exchange_id,
            kind,
        )


async def test_a_burst_of_the_same_network_withholds_from_who_came_in_it(
    crowd: Front, connection_owner: asyncpg.Connection
) -> None:
    await burst(crowd, "abcd")
    assert [await cash(connection_owner, crowd, name) for name in ("a", "d", CROWD[0])] == [0, 0, BONUS]
    await search(crowd)
    owner = await owner_of(crowd)
    found = {cluster["kind"]: cluster for cluster in await clusters(crowd, owner)}
    assert (found["crowd"]["accounts"], found["crowd"]["waiting"], found["crowd"]["other_signals"]) == (
        9,
        4,
        4,
    )
    shown = await crowd.document("get_cluster", crowd.exchange_id, owner, found["crowd"]["cluster_id"])
    assert {member["display_name"]: member["marks"] for member in shown["members"]} == {
        **{name: ["crowd"] for name in CROWD},
        **{name: ["burst", "crowd"] for name in "abcd"},
    }
    # One look at the hostel is enough: releasing the wider signal grants what the burst withheld.
    released = await crowd.call("release_suspects", owner, found["crowd"]["cluster_id"], None)
    assert (released["released"], released["passed_over"]) == (9, 0)
    assert [cluster["status"] for cluster in await clusters(crowd, owner)] == ["released"] * 2
    assert await cash(connection_owner, crowd, "a") == BONUS
    await audited(crowd)


async def test_a_mark_of_a_network_keeps_nobody_from_deleting_themselves(
    crowd: Front, connection_owner: asyncpg.Connection
) -> None:
    left = await crowd.call("delete_user", (await user_of(crowd, CROWD[0]))["user_id"], hash_of(CROWD[0]))
    assert "refused" not in left
    (cluster,) = await clusters(crowd, await owner_of(crowd))
    assert (cluster["accounts"], cluster["members_total"], cluster["left"]) == (5, 4, 1)
    await burst(crowd, "abcd")
    kept = await crowd.call("delete_user", (await user_of(crowd, "a"))["user_id"], hash_of("a"))
    assert kept["refused"] == "awaits_decision"
    await audited(crowd)


async def test_one_is_released_alone_and_the_others_are_frozen(crowd: Front) -> None:
    owner = await owner_of(crowd)
    (cluster,) = await clusters(crowd, owner)
    one = (await user_of(crowd, CROWD[0]))["user_id"]
    assert (await crowd.call("release_suspects", owner, cluster["cluster_id"], one))["released"] == 1
    await crowd.call("freeze_suspects", owner, cluster["cluster_id"])
    assert await statuses(crowd, CROWD) == ["active", *["frozen"] * 4]
    await crowd.call("release_suspects", owner, cluster["cluster_id"], None)
    assert await statuses(crowd, CROWD) == ["active"] * 5


async def test_what_was_released_of_one_network_is_marked_anew_with_another(
    crowd: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(crowd)
    (cluster,) = await clusters(crowd, owner)
    await crowd.call("release_suspects", owner, cluster["cluster_id"], None)
    await crowd.call("delete_user", (await user_of(crowd, CROWD[0]))["user_id"], hash_of(CROWD[0]))
    await drip(crowd, connection_owner, CROWD[0], "x", "y", "z", network="another")
    assert await search(crowd) == 1
    undecided = "select identity_hash from betjee.marks where exchange_id = $1 and decision is null"
    rows = await connection_owner.fetch(undecided, crowd.exchange_id)
    assert {row["identity_hash"] for row in rows} == {hash_of(name) for name in (CROWD[0], "x", "y", "z")}


async def test_they_are_forgotten_with_their_cluster(
    crowd: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(crowd)
    (cluster,) = await clusters(crowd, owner)
    await crowd.call("release_suspects", owner, cluster["cluster_id"], None)
    await crowd.service.fetchval("select betjee.purge_suspects(1000)")
    assert len(await marked(connection_owner, crowd, "crowd")) == 5
    dated = "update betjee.clusters set decided_at = decided_at - interval '91 days' where exchange_id = $1"
    await connection_owner.execute(dated, crowd.exchange_id)
    await crowd.service.fetchval("select betjee.purge_suspects(1000)")
    assert await marked(connection_owner, crowd, "crowd") == set()


async def test_what_nobody_decides_is_forgotten_when_it_is_long_over(
    crowd: Front, connection_owner: asyncpg.Connection
) -> None:
    await burst(crowd, "abcd")
    await search(crowd)
    for days, kinds in ((89, {"burst", "crowd"}), (2, {"burst"})):
        dated = (
            "update betjee.clusters set last_at = last_at - make_interval(days => $2) where exchange_id = $1"
        )
        await connection_owner.execute(dated, crowd.exchange_id, days)
        await crowd.service.fetchval("select betjee.purge_suspects(1000)")
        assert {item["kind"] for item in await clusters(crowd, await owner_of(crowd))} == kinds
    assert await marked(connection_owner, crowd, "crowd") == set()
    assert len(await marked(connection_owner, crowd)) == 4, "a bonus that waits goes on waiting"


async def test_who_is_marked_finds_it_in_the_export(crowd: Front) -> None:
    user = (await user_of(crowd, CROWD[0]))["user_id"]
    exported = await crowd.document("export_user", crowd.exchange_id, user)
    assert [(mark["kind"], mark["withheld_paise"]) for mark in exported["marks"]] == [("crowd", 0)]
    assert json.dumps(exported).count("decided_by") == 0


async def test_pages_of_suspicions(page: Front, connection_owner: asyncpg.Connection) -> None:
    owner = await owner_of(page)
    await page.call("change_setting", owner, "crowd_accounts", "2")
    for number in range(4):
        await drip(page, connection_owner, *(f"{number}{name}" for name in "abc"), network=f"net {number}")
    await search(page)
    everything = [item["cluster_id"] for item in await page.listing("list_suspects", owner, 50, 0)]
    assert len(everything) == 4
    pages = [await page.listing("list_suspects", owner, 3, offset) for offset in (0, 3, 6)]
    assert [[item["cluster_id"] for item in one] for one in pages] == [everything[:3], everything[3:], []]
