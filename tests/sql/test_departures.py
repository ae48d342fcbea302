"""Whoever deletes themselves is still counted by the rules, for a while, and then nothing of it is left."""

import asyncpg
import pytest

from tests.sql.arrivals import (
    HOSTEL,
    arrive,
    audited,
    cash,
    clusters,
    hash_of,
    ipv4,
    marked,
    pass_time,
    search,
    trade,
    user_of,
)
from tests.sql.front import Front, newcomer, owner_of
from tests.sql.test_signals import MARKETS, members, move_bonus, wide

__all__ = ["wide"]

BOTS = [f"bot {number}" for number in range(26)]


async def leave(front: Front, *names: str) -> None:
    for name in names:
        left = await front.call("delete_user", (await user_of(front, name))["user_id"], hash_of(name))
        assert "refused" not in left


async def drip(front: Front, owner: asyncpg.Connection, *names: str) -> None:
    """They sign up from the hostel, one every 20 minutes."""
    for name in names:
        await arrive(front, name, HOSTEL)
        await pass_time(owner, front.exchange_id, 1_200)


async def departures(owner: asyncpg.Connection, front: Front) -> list[asyncpg.Record]:
    return await owner.fetch("select * from betjee.departures where exchange_id = $1", front.exchange_id)


async def grow_older(owner: asyncpg.Connection, front: Front, days: float) -> None:
    """Only the departures: what else is forgotten has tests of its own."""
    await owner.execute(
        "update betjee.departures set departed_at = departed_at - make_interval(secs => $2),"
        " seen_at = seen_at - make_interval(secs => $2) where exchange_id = $1",
        front.exchange_id,
        86_400 * days,
    )


async def test_many_of_one_network_are_counted_though_some_have_left(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await drip(page, connection_owner, *BOTS[:5])
    await leave(page, *BOTS[:5])
    await drip(page, connection_owner, *BOTS[5:25])
    assert await search(page) == 0
    await drip(page, connection_owner, BOTS[25])
    assert await search(page) == 1
    (cluster,) = await clusters(page, await owner_of(page))
    assert (cluster["kind"], cluster["accounts"], cluster["members_total"], cluster["left"]) == (
        "crowd",
        26,
        21,
        5,
    )
    assert await marked(connection_owner, page, "crowd") == {hash_of(name) for name in BOTS}
    assert await search(page) == 0
    await audited(page)


async def test_who_leaves_and_comes_back_is_one(page: Front, connection_owner: asyncpg.Connection) -> None:
    await drip(page, connection_owner, *BOTS[:25])
    for _ in range(3):
        await leave(page, BOTS[0])
        await arrive(page, BOTS[0], HOSTEL)
    assert len(await departures(connection_owner, page)) == 3
    assert await search(page) == 0


async def test_accounts_that_traded_as_one_are_found_though_they_have_left(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await members(page, connection_owner, "abcd")
    for market in MARKETS:
        for name in "abc":
            await trade(page, name, "buy", 1, market)
    await leave(page, *"ab")
    assert await search(page) == 1
    (cluster,) = await clusters(page, await owner_of(page))
    assert (cluster["kind"], cluster["accounts"], cluster["left"]) == ("concert", 3, 2)


async def test_who_is_named_by_a_signal_of_trading_cannot_leave(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await members(page, connection_owner, "abcd")
    for market in MARKETS:
        for name in "abc":
            await trade(page, name, "buy", 1, market)
    await search(page)
    kept = await page.call("delete_user", (await user_of(page, "a"))["user_id"], hash_of("a"))
    assert kept["refused"] == "awaits_decision"
    await leave(page, "d")


@pytest.mark.parametrize("leavers", ["ab", "abc", "abcg"])
async def test_bonus_that_moved_is_found_though_givers_or_the_gainer_have_left(
    wide: Front, connection_owner: asyncpg.Connection, leavers: str
) -> None:
    for name in "abcg":
        await arrive(wide, name, ipv4(f"home of {name}"))
    await move_bonus(wide, connection_owner, "abc", "g")
    await leave(wide, *leavers)
    assert await search(wide) == 1
    (cluster,) = await clusters(wide, await owner_of(wide))
    assert (cluster["kind"], cluster["accounts"], cluster["left"]) == ("transfer", 4, len(leavers))
    assert await marked(connection_owner, wide, "transfer") == {hash_of(name) for name in "abcg"}
    await audited(wide)


async def test_freezing_bans_who_has_left_and_releasing_lets_them_come_back_without_a_bonus(
    wide: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(wide)
    for name in "abcg":
        await arrive(wide, name, ipv4(f"home of {name}"))
    await move_bonus(wide, connection_owner, "abc", "g")
    await leave(wide, *"ab")
    await search(wide)
    (cluster,) = await clusters(wide, owner)
    await wide.call("freeze_suspects", owner, cluster["cluster_id"])
    signing_up = ("register_user", *newcomer("a"), None, None, HOSTEL[0])
    assert (await wide.call(*signing_up))["refused"] == "user_banned"
    await wide.call("release_suspects", owner, cluster["cluster_id"], None)
    assert (await arrive(wide, "a", HOSTEL))["bonus_paise"] == 0
    assert await cash(connection_owner, wide, "a") == 0
    await audited(wide)


async def test_what_is_kept_is_a_number_and_hashes(page: Front, connection_owner: asyncpg.Connection) -> None:
    await arrive(page, "a", HOSTEL)
    user = (await user_of(page, "a"))["user_id"]
    await leave(page, "a")
    (kept,) = await departures(connection_owner, page)
    assert (kept["user_id"], kept["identity_hash"], kept["network_key"]) == (user, hash_of("a"), HOSTEL[0])
    assert set(kept.keys()) == {
        "exchange_id",
        "user_id",
        "identity_hash",
        "network_key",
        "network_key_56",
        "network_key_48",
        "seen_at",
        "departed_at",
    }


@pytest.mark.parametrize(("retention", "days"), [("90", 7), ("3", 3)])
async def test_after_the_time_nothing_is_left(
    page: Front, connection_owner: asyncpg.Connection, retention: str, days: int
) -> None:
    await page.call("change_setting", await owner_of(page), "network_key_retention_days", retention)
    await arrive(page, "a", HOSTEL)
    await leave(page, "a")
    await grow_older(connection_owner, page, days - 0.01)
    await page.service.fetchval("select betjee.purge_verifications(1000)")
    assert len(await departures(connection_owner, page)) == 1
    await grow_older(connection_owner, page, 0.02)
    await page.service.fetchval("select betjee.purge_verifications(1000)")
    assert await departures(connection_owner, page) == []
    kept = await page.document("export_identity", page.exchange_id, hash_of("a"))
    assert kept["departures"] == []
    stranger = "select betjee.export_identity($1, $2)"
    assert await page.service.fetchval(stranger, page.exchange_id, hash_of("stranger")) is None


async def test_a_network_is_kept_no_longer_because_its_member_has_left(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await arrive(page, "a", HOSTEL)
    await connection_owner.execute(
        "update betjee.accounts set seen_at = seen_at - interval '89 days' where exchange_id = $1",
        page.exchange_id,
    )
    await leave(page, "a")
    await grow_older(connection_owner, page, 1.01)
    await page.service.fetchval("select betjee.purge_verifications(1000)")
    assert await departures(connection_owner, page) == []


async def test_who_comes_back_sees_in_the_export_what_was_kept(page: Front) -> None:
    await arrive(page, "a", HOSTEL)
    before = (await user_of(page, "a"))["user_id"]
    await leave(page, "a")
    await arrive(page, "a", HOSTEL)
    await arrive(page, "b", HOSTEL)
    exported = await page.document("export_user", page.exchange_id, (await user_of(page, "a"))["user_id"])
    (departure,) = exported["departures"]
    assert departure["user_id"] == before
    assert departure["network_key"] == f"\\x{HOSTEL[0].hex()}"
    other = await page.document("export_user", page.exchange_id, (await user_of(page, "b"))["user_id"])
    assert other["departures"] == []
