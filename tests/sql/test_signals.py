"""The signals beside the first rule, each of which only tells; and two that are more than one."""

import asyncpg
import pytest

from tests.sql.arrivals import (
    BONUS,
    HOSTEL,
    Networks,
    arrive,
    audited,
    cash,
    clusters,
    hash_of,
    ipv4,
    ipv6,
    marked,
    pass_time,
    search,
    trade,
    user_of,
)
from tests.sql.front import Front, owner_of


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
    assert len(await marked(connection_owner, page, "wide_burst")) == 11
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
    assert await marked(connection_owner, page, "crowd") == {hash_of(f"bot {number}") for number in range(26)}


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
