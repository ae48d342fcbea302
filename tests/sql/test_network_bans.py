"""Banning the network that ties a cluster: as wide as the signal saw it, and nobody who is there already."""

import json

import asyncpg
import pytest

from tests.sql.arrivals import Networks, arrive, clusters, ipv4, ipv6, key, search
from tests.sql.front import Front, owner_of

HOSTEL = ipv4("hostel")


@pytest.fixture
async def page(front: Front) -> Front:
    """An exchange whose members sign up on the page; four have come at once."""
    await front.call("change_setting", await owner_of(front), "verification", "web")
    for name in "abcd":
        await arrive(front, name, HOSTEL)
    return front


async def found(front: Front, kind: str = "burst") -> int:
    """The number of the one cluster of a kind."""
    (cluster,) = [item for item in await clusters(front, await owner_of(front)) if item["kind"] == kind]
    return int(cluster["cluster_id"])


async def test_nobody_new_comes_from_it_until_the_ban_ends(page: Front) -> None:
    owner, cluster_id = await owner_of(page), await found(page)
    ban = await page.call("ban_suspects_network", owner, cluster_id, "Bots.", 3_600)
    assert (ban["subject"], ban["reason"]) == ("network", "Bots.")
    assert (await arrive(page, "late", HOSTEL))["refused"] == "network_banned"
    assert (await arrive(page, "elsewhere", ipv4("elsewhere")))["created"]
    (cluster,) = [item for item in await clusters(page, owner) if item["kind"] == "burst"]
    assert cluster["status"] == "open", "the ban decides nothing about the accounts"
    assert (await page.listing("list_moderation_log", owner, None, 1))[0]["act"] == "ban_network"
    await page.call("unban", owner, ban["ban_id"])
    assert (await arrive(page, "later", HOSTEL))["created"]


async def test_a_wide_signal_bans_as_wide_as_it_saw(page: Front) -> None:
    await page.call("change_setting", await owner_of(page), "wide_burst_accounts", "4")
    for number in range(6):
        await arrive(page, f"w{number}", ipv6("site", number))
    await search(page)
    await page.call(
        "ban_suspects_network", await owner_of(page), await found(page, "wide_burst"), "Bots.", None
    )
    neighbour: Networks = ipv6("site", 200)
    assert (await arrive(page, "late", neighbour))["refused"] == "network_banned"


async def test_it_is_refused_with_a_sentence(page: Front, connection_owner: asyncpg.Connection) -> None:
    owner, cluster_id = await owner_of(page), await found(page)
    stranger = 10**9

    async def refusal(moderator: int, cluster: int, reason: str = "Bots.", seconds: int | None = None) -> str:
        answer = await page.call("ban_suspects_network", moderator, cluster, reason, seconds)
        return str(answer["refused"])

    assert await refusal(stranger, cluster_id) == "not_a_moderator"
    assert await refusal(owner, 10**9) == "unknown_cluster"
    assert await refusal(owner, cluster_id, " ") == "invalid_reason"
    assert await refusal(owner, cluster_id, "Bots.", 1) == "invalid_duration"
    await connection_owner.execute(
        "insert into betjee.clusters (exchange_id, cluster_id, kind, subject_hash, detail, found_at, last_at)"
        " values ($1, 999999, 'transfer', $2, $3, now(), now())",
        page.exchange_id,
        key("whoever gained"),
        json.dumps({}),
    )
    assert await refusal(owner, 999999) == "no_network"
    await page.call("ban_suspects_network", owner, cluster_id, "Bots.", None)
    assert await refusal(owner, cluster_id) == "already_banned"


async def test_a_repeated_request_bans_once(page: Front) -> None:
    asked = (await owner_of(page), await found(page), "Bots.", None)
    first = await page.call("ban_suspects_network", *asked, request_id=9_001)
    assert await page.call("ban_suspects_network", *asked, request_id=9_001) == first
