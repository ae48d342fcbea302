"""Communities, members, moderators, settings and reports: what each function does, and what it refuses."""

import asyncio

import asyncpg
import pytest

from tests.sql.blocking import holding_exchange, wait_for_waiting
from tests.sql.front import DISCORD, Front, newcomer, owner_of


async def test_a_community_gets_one_exchange_with_ten_markets_and_its_owner(front: Front) -> None:
    again = await front.document(
        "open_exchange", 1_001, DISCORD, front.guild, "Renamed", "another", "Another"
    )
    assert again["exchange_id"] == front.exchange_id
    assert (
        await front.service.fetchval("select betjee.find_exchange('discord', $1)", front.guild)
        == front.exchange_id
    )
    assert await front.service.fetchval("select betjee.find_exchange('elsewhere', 'other')") is None
    markets = await front.listing("list_markets")
    assert [market["market"] for market in markets][:3] == ["21s1", "21s2", "22s1"]
    assert len(markets) == 10
    assert {market["price_paise"] for market in markets} == {1_663}
    (owner,) = await front.listing("list_moderators")
    assert (owner["rank"], owner["provider_user_id"]) == ("owner", "owner")


async def test_the_request_that_opened_an_exchange_is_remembered(front: Front) -> None:
    for owner in ("owner", "another"):
        again = await front.document("open_exchange", 1_000, DISCORD, front.guild, "Guild", owner, "Name")
        assert again == {"exchange_id": front.exchange_id}
    signed_up = await front.call("register_user", *newcomer("ada"), request_id=1_000)
    assert signed_up["refused"] == "request_reused"
    await front.call("register_user", *newcomer("ada"), request_id=1_002)
    other = await front.document("open_exchange", 1_002, DISCORD, front.guild, "Guild", "owner", "Name")
    assert other["refused"] == "request_reused"


@pytest.mark.parametrize("request_id", [0, -5, None])
@pytest.mark.parametrize("guild", ["new", "known"])
async def test_an_exchange_is_opened_by_a_request_with_a_number(
    front: Front, request_id: int | None, guild: str
) -> None:
    guild = front.guild if guild == "known" else f"{front.guild}x"
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await front.document("open_exchange", request_id, DISCORD, guild, "Guild", "owner", "Owner")


async def test_a_name_that_shows_as_nothing_is_someone(front: Front) -> None:
    assert (await front.call("register_user", *newcomer("ada", "\n\u3000\t")))["display_name"] == "Someone"


async def test_a_community_opened_by_many_at_once_gets_one_exchange(
    sessions: list[asyncpg.Connection],
) -> None:
    opening = [
        Front(session).document("open_exchange", 1, DISCORD, "crowded", "Crowded", "owner", "Owner")
        for session in sessions
    ]
    answers = await asyncio.gather(*opening, return_exceptions=True)
    opened = [answer["exchange_id"] for answer in answers if isinstance(answer, dict)]
    failures = [answer for answer in answers if isinstance(answer, BaseException)]
    assert len(set(opened)) == 1
    assert all(isinstance(failure, asyncpg.SerializationError) for failure in failures)
    assert await sessions[0].fetchval("select count(*) from betjee.exchanges where name = 'Crowded'") == 1


async def test_signing_up_grants_the_bonus_once(front: Front) -> None:
    first = await front.call("register_user", *newcomer("ada"))
    again = await front.call("register_user", *newcomer("ada", "Ada L."))
    assert (first["created"], first["bonus_paise"], first["cash_paise"]) == (True, 2_000_000, 2_000_000)
    assert (again["created"], again["bonus_paise"], again["cash_paise"]) == (False, 0, 2_000_000)
    assert again["user_id"] == first["user_id"]
    found = await front.document("find_user", front.exchange_id, DISCORD, "ada")
    assert (found["display_name"], found["registered"], found["status"]) == ("Ada L.", True, "active")


async def test_signing_up_many_times_at_once_grants_the_bonus_once(
    front: Front,
    sessions: list[asyncpg.Connection],
    connection_owner: asyncpg.Connection,
    watcher: asyncpg.Connection,
) -> None:
    async with asyncio.TaskGroup() as group, holding_exchange(connection_owner, front.exchange_id):
        for number, session in enumerate(sessions[:20]):
            arguments = (front.exchange_id, 5_000 + number, *newcomer("ada"))
            group.create_task(Front(session).document("register_user", *arguments))
        await wait_for_waiting(watcher, "register_user", 20)
    assert (
        await connection_owner.fetchval(
            "select sum(amount_paise) from betjee.grants where exchange_id = $1", front.exchange_id
        )
        == 2_000_000
    )


async def test_whoever_is_banned_cannot_sign_up_again(
    front: Front, connection_owner: asyncpg.Connection
) -> None:
    await front.register("ada")
    await connection_owner.execute(
        "update betjee.users set status = 'banned' where exchange_id = $1", front.exchange_id
    )
    assert (await front.call("register_user", *newcomer("ada")))["refused"] == "user_banned"


async def test_only_the_owner_appoints_and_removes_moderators(front: Front) -> None:
    owner, ada = await owner_of(front), await front.register("ada")
    refused = await front.call("add_moderator", ada, DISCORD, "ada", "Ada")
    assert refused["refused"] == "not_the_owner"
    appointed = await front.call("add_moderator", owner, DISCORD, "ada", "Ada")
    assert (appointed["user_id"], appointed["rank"]) == (ada, "moderator")
    assert (await front.call("remove_moderator", ada, owner))["refused"] == "not_the_owner"
    assert (await front.call("remove_moderator", owner, owner))["refused"] == "is_the_owner"
    assert (await front.call("remove_moderator", owner, ada))["user_id"] == ada
    assert [moderator["rank"] for moderator in await front.listing("list_moderators")] == ["owner"]


async def test_moderators_are_bounded_in_number(front: Front) -> None:
    owner = await owner_of(front)
    for number in range(49):
        await front.call("add_moderator", owner, DISCORD, str(number), "Someone")
    refused = await front.call("add_moderator", owner, DISCORD, "one more", "Someone")
    assert refused["refused"] == "too_many_moderators"


async def test_a_setting_is_changed_by_a_moderator_and_recorded(
    front: Front, connection_owner: asyncpg.Connection
) -> None:
    owner = await owner_of(front)
    change = await front.call("change_setting", owner, "band_bps", "2000")
    told = {"name": "band_bps", "old_value": "3000", "new_value": "2000"}
    assert change == told | {"unit": "bps", "new_markets_only": False}
    assert (await front.call("change_setting", owner, "tax_bps", "25"))["new_markets_only"]
    settings = {setting["name"]: setting["value"] for setting in await front.listing("list_settings")}
    assert settings["band_bps"] == "2000"
    acts = await connection_owner.fetch(
        "select act, moderator_user_id from betjee.moderation_log where exchange_id = $1 order by sequence",
        front.exchange_id,
    )
    assert tuple(acts[-1]) == ("change_setting", owner)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("no_such_setting", "1"),
        ("band_bps", "99"),
        ("band_bps", "1000000001"),
        ("band_bps", "1e5"),
        ("band_bps", "-100"),
        ("band_bps", ""),
        ("steepness", "0.99"),
        ("steepness", "10.123"),
        ("public_fills", "maybe"),
        ("pricing", "guess"),
        ("price_min_paise", "100000"),
        ("max_tradable_shares", "10001"),
        ("min_market_shares", "10000"),
    ],
)
async def test_a_setting_out_of_bounds_is_refused_with_a_sentence(
    front: Front, name: str, value: str
) -> None:
    refused = await front.call("change_setting", await owner_of(front), name, value)
    assert refused["refused"] == "invalid_setting"
    assert refused["detail"].endswith(".")


async def test_settings_are_for_moderators(front: Front) -> None:
    ada = await front.register("ada")
    assert (await front.call("change_setting", ada, "band_bps", "2000"))["refused"] == "not_a_moderator"


async def test_what_a_new_setting_says_about_terms_leaves_markets_as_they_are(front: Front) -> None:
    markets = "select * from betjee.markets where exchange_id = $1 order by shift_id"
    before = await front.service.fetch(markets, front.exchange_id)
    await front.call("change_setting", await owner_of(front), "steepness", "5")
    assert await front.service.fetch(markets, front.exchange_id) == before


async def test_every_default_is_within_its_own_bounds(front: Front) -> None:
    owner = await owner_of(front)
    for setting in await front.listing("list_settings"):
        changed = await front.call("change_setting", owner, setting["name"], setting["default_value"])
        assert changed.get("new_value") == setting["default_value"], changed


async def test_preferences_are_what_the_settings_say(front: Front) -> None:
    document = await front.document("get_preferences", front.exchange_id)
    assert document == {"public_fills": True, "confirm_impact_bps": 500}


async def test_reports_reach_moderators_and_nobody_else(front: Front) -> None:
    owner, ada = await owner_of(front), await front.register("ada")
    await front.call("report", ada, "  Prices look odd.  ")
    (report,) = await front.listing("list_reports", owner, 10)
    assert (report["text"], report["display_name"]) == ("Prices look odd.", "ada")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await front.listing("list_reports", ada, 10)


@pytest.mark.parametrize(
    "text", ["", "   ", "\n\n\n", "\u00a0\t\u200b\u3000", "\u202e\u2066\u200d\u3164", "x" * 1_001]
)
async def test_a_report_has_a_length(front: Front, text: str) -> None:
    assert (await front.call("report", await front.register("ada"), text))["refused"] == "invalid_text"


async def test_reports_are_numbered_one_two_three(front: Front) -> None:
    ada = await front.register("ada")
    bob = await front.register("bob")
    numbers = [
        (await front.call("report", user, f"Report {index}"))["report_id"]
        for index, user in enumerate([ada, bob, ada])
    ]
    assert numbers == [1, 2, 3]


async def test_reports_are_bounded_in_number_and_for_members(front: Front) -> None:
    ada = await front.register("ada")
    for number in range(10):
        await front.call("report", ada, f"Report {number}")
    assert (await front.call("report", ada, "One more"))["refused"] == "too_many_reports"
    assert (await front.call("report", 10**9, "Hello"))["refused"] == "unknown_user"
