"""Signing up: the two ways, who must wait, and the bonus once for each identity and season, by whatever path."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.sql.blocking import holding_exchange, wait_for_waiting
from tests.sql.front import DISCORD, Front, newcomer, owner_of

HOME = (b"h" * 32, None, None)
GRANTED = "select coalesce(sum(amount_paise), 0)::bigint from betjee.grants where exchange_id = $1"
BURN = """
insert into betjee.burns (exchange_id, sequence, granted_paise, cash_paise, burned_at)
select $1, betjee.next_sequence($1, clock_timestamp()), amount_paise, amount_paise, clock_timestamp()
from betjee.grants where exchange_id = $1 and user_id = $2
"""


def token_hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


async def choose(owner: asyncpg.Connection, front: Front, **settings: object) -> None:
    """What a moderator would set."""
    await owner.execute(
        "update betjee.exchanges set settings = settings || $2::jsonb where exchange_id = $1",
        front.exchange_id,
        json.dumps(settings),
    )


async def link(front: Front, name: str, secret: str) -> dict[str, Any]:
    """Somebody types /register, and is given a link with that secret."""
    return await front.call("register_user", *newcomer(name), None, None, token_hash(secret))


async def consent(
    front: Front, secret: str, proven: str | None = None, networks: Any = HOME, request_id: int | None = None
) -> dict[str, Any]:
    """Somebody presses the page's button under the link with that secret."""
    return await front.call(
        "complete_verification", token_hash(secret), proven, networks, request_id=request_id
    )


async def delete(owner: asyncpg.Connection, front: Front, name: str) -> None:
    """An account is removed, as a wipe or a deletion removes it."""
    async with owner.transaction():
        user_id = await owner.fetchval(
            "select user_id from betjee.accounts where exchange_id = $1 and provider_user_id = $2",
            front.exchange_id,
            name,
        )
        await owner.execute(BURN, front.exchange_id, user_id)
        for table in ("grants", "accounts", "users"):
            await owner.execute(
                f"delete from betjee.{table} where exchange_id = $1 and user_id = $2",
                front.exchange_id,
                user_id,
            )


@pytest.fixture
async def page(front: Front, connection_owner: asyncpg.Connection) -> Front:
    """An exchange whose members sign up on the page."""
    await choose(connection_owner, front, verification="web")
    return front


async def test_a_new_exchange_is_opened_as_the_caller_has_it(front: Front) -> None:
    for verification in ("off", "web"):
        opened = await front.document(
            "open_exchange", 1, DISCORD, f"{front.guild}-{verification}", "G", "o", "O", verification
        )
        settings = await front.service.fetch("select betjee.list_settings($1)", opened["exchange_id"])
        values = {item["name"]: item["value"] for item in (json.loads(row[0]) for row in settings)}
        assert values["verification"] == verification
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await front.document("open_exchange", 1, DISCORD, f"{front.guild}-x", "G", "o", "O", "perhaps")


async def test_in_the_chat_alone_nobody_gets_the_bonus_of_an_exchange_with_a_page(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    begun = await link(page, "ada", "s")
    assert begun.keys() == {"display_name", "link_expires_at"}
    assert (await page.call("register_user", *newcomer("ada")))["refused"] == "verification_unavailable"
    unknown = "select betjee.find_user($1, 'discord', 'ada') is null"
    assert await page.service.fetchval(unknown, page.exchange_id)
    assert await connection_owner.fetchval(GRANTED, page.exchange_id) == 0


async def test_without_the_setting_nobody_gets_in_without_the_page(
    front: Front, connection_owner: asyncpg.Connection
) -> None:
    await connection_owner.execute(
        "update betjee.exchanges set settings = settings - 'verification' where exchange_id = $1",
        front.exchange_id,
    )
    assert (await front.call("register_user", *newcomer("ada")))["refused"] == "verification_unavailable"


async def test_signing_up_without_an_identitys_hash_is_a_bug(front: Front) -> None:
    with pytest.raises(asyncpg.NotNullViolationError):
        await front.call("register_user", DISCORD, "ada", "Ada", None)


async def test_consent_makes_a_member_who_is_noted_as_proven_or_not(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    for name, proven in (("ada", None), ("bob", "bob")):
        await link(page, name, name)
        keys = (name.ljust(32, "1").encode(), b"2" * 32, b"3" * 32)
        done = await consent(page, name, proven, keys)
        assert (done["created"], done["bonus_paise"], done["bonus"]) == (True, 2_000_000, "₹20,000.00")
        account = await connection_owner.fetchrow(
            "select * from betjee.accounts where exchange_id = $1 and provider_user_id = $2",
            page.exchange_id,
            name,
        )
        assert account is not None
        assert account["ownership_proven"] is (proven is not None)
        assert (account["network_key"], account["network_key_56"], account["network_key_48"]) == keys
        assert account["verified_at"] == account["seen_at"] is not None


async def test_a_link_tells_what_it_is_for_until_it_is_used(page: Front) -> None:
    await link(page, "ada", "s")
    shown = await page.document("find_verification", page.exchange_id, token_hash("s"))
    assert (shown["exchange_name"], shown["display_name"], shown["bonus"]) == ("Guild", "ada", "₹20,000.00")
    await consent(page, "s")
    shown = await page.document("find_verification", page.exchange_id, token_hash("s"))
    assert shown["refused"] == "token_used"
    shown = await page.document("find_verification", page.exchange_id, token_hash("guessed"))
    assert shown["refused"] == "token_unknown"


async def test_a_link_expires_after_ten_minutes(page: Front, connection_owner: asyncpg.Connection) -> None:
    begun = await link(page, "ada", "s")
    left = datetime.fromisoformat(begun["link_expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    await connection_owner.execute(
        "update betjee.verification_tokens set issued_at = issued_at - $2::interval, expires_at = expires_at - $2::interval"
        " where exchange_id = $1",
        page.exchange_id,
        timedelta(minutes=10),
    )
    assert (await consent(page, "s"))["refused"] == "token_expired"


async def test_a_newer_link_ends_the_one_before(page: Front) -> None:
    await link(page, "ada", "earlier")
    await link(page, "bob", "another's")
    await link(page, "ada", "later")
    assert (await consent(page, "earlier"))["refused"] == "token_expired"
    assert (await consent(page, "another's"))["created"]
    assert (await consent(page, "later"))["created"]


async def test_a_link_of_another_exchange_is_unknown_here(front: Front, page: Front) -> None:
    await link(page, "ada", "s")
    other = await page.document("open_exchange", 1, DISCORD, f"{page.guild}-other", "Other", "o", "O")
    answer = await page.document(
        "complete_verification", other["exchange_id"], 5, token_hash("s"), None, HOME
    )
    assert answer["refused"] == "token_unknown"


async def test_old_links_keep_no_lock_waiting(page: Front, connection_owner: asyncpg.Connection) -> None:
    await link(page, "ada", "s")
    await consent(page, "s")
    async with holding_exchange(connection_owner, page.exchange_id):
        await page.service.execute("set lock_timeout = '1ms'")
        assert (await consent(page, "s"))["refused"] == "token_used"
        assert (await consent(page, "guessed"))["refused"] == "token_unknown"


async def test_a_lost_answer_is_asked_for_again(page: Front) -> None:
    await link(page, "ada", "s")
    first = await consent(page, "s", request_id=77)
    assert await consent(page, "s", request_id=77) == first
    assert (await consent(page, "s", request_id=78))["refused"] == "token_used"
    assert (await consent(page, "s", proven="ada", request_id=77))["refused"] == "request_reused"


async def test_the_same_request_sent_at_once_is_one(
    page: Front,
    sessions: list[asyncpg.Connection],
    connection_owner: asyncpg.Connection,
    watcher: asyncpg.Connection,
) -> None:
    await link(page, "ada", "s")
    arguments = (page.exchange_id, 77, token_hash("s"), None, HOME)
    async with asyncio.TaskGroup() as group, holding_exchange(connection_owner, page.exchange_id):
        asked = [
            group.create_task(Front(session).document("complete_verification", *arguments))
            for session in sessions[:20]
        ]
        await wait_for_waiting(watcher, "complete_verification", 20)
    assert all(task.result() == asked[0].result() for task in asked)
    assert asked[0].result()["created"]


async def test_a_race_for_one_token_has_one_winner(
    page: Front,
    sessions: list[asyncpg.Connection],
    connection_owner: asyncpg.Connection,
    watcher: asyncpg.Connection,
) -> None:
    await link(page, "ada", "s")
    async with asyncio.TaskGroup() as group, holding_exchange(connection_owner, page.exchange_id):
        asked = [
            group.create_task(
                Front(session).document(
                    "complete_verification", page.exchange_id, 100 + number, token_hash("s"), None, HOME
                )
            )
            for number, session in enumerate(sessions)
        ]
        await wait_for_waiting(watcher, "complete_verification", len(sessions))
    codes = [task.result().get("refused", "granted") for task in asked]
    assert sorted(set(codes)) == ["granted", "token_used"]
    assert codes.count("granted") == 1
    assert await connection_owner.fetchval(GRANTED, page.exchange_id) == 2_000_000


async def test_a_link_in_anothers_hands_is_refused_and_stays_its_owners(page: Front) -> None:
    await link(page, "ada", "s")
    assert (await consent(page, "s", proven="eve"))["refused"] == "not_the_owner"
    assert (await consent(page, "s", proven="ada"))["created"]


async def test_whoever_is_banned_after_they_got_the_link_is_refused(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await page.call("add_moderator", await owner_of(page), DISCORD, "ada", "Ada")
    await link(page, "ada", "s")
    await connection_owner.execute(
        "update betjee.users set status = 'banned' where exchange_id = $1", page.exchange_id
    )
    assert (await consent(page, "s"))["refused"] == "user_banned"
    assert (await link(page, "ada", "t"))["refused"] == "user_banned"
    assert await connection_owner.fetchval(GRANTED, page.exchange_id) == 0


# Every path to a second bonus


async def by_chat(owner: asyncpg.Connection, front: Front, name: str, secret: str) -> dict[str, Any]:
    await choose(owner, front, verification="off")
    return await front.call("register_user", *newcomer(name))


async def by_page(owner: asyncpg.Connection, front: Front, name: str, secret: str) -> dict[str, Any]:
    await choose(owner, front, verification="web")
    begun = await link(front, name, secret)
    return await consent(front, secret) if "link_expires_at" in begun else begun


@pytest.mark.parametrize("first", [by_chat, by_page])
@pytest.mark.parametrize("second", [by_chat, by_page])
@pytest.mark.parametrize("between", ["nothing", "deletion", "ban", "ban and deletion"])
async def test_no_path_leads_to_a_second_bonus(
    front: Front, connection_owner: asyncpg.Connection, first: Any, second: Any, between: str
) -> None:
    assert (await first(connection_owner, front, "ada", "first"))["bonus_paise"] == 2_000_000
    if "ban" in between:
        await connection_owner.execute(
            "update betjee.users set status = 'banned' where exchange_id = $1", front.exchange_id
        )
    if "deletion" in between:
        await delete(connection_owner, front, "ada")
    again = await second(connection_owner, front, "ada", "second")
    if between == "ban":
        assert again["refused"] == "user_banned"
    else:
        assert (again["bonus_paise"], again["had_bonus_before"]) == (0, True)
        assert again["created"] is ("deletion" in between)
    cash = "select coalesce(sum(cash_paise), 0)::bigint from betjee.users where exchange_id = $1"
    assert await connection_owner.fetchval(cash, front.exchange_id) == (
        0 if "deletion" in between else 2_000_000
    )
    assert await front.service.fetch("select betjee.audit_exchange($1)", front.exchange_id) == []


async def test_a_link_that_waited_while_its_owner_signed_up_in_the_chat_brings_nothing_more(
    page: Front, connection_owner: asyncpg.Connection
) -> None:
    await link(page, "ada", "s")
    assert (await by_chat(connection_owner, page, "ada", ""))["bonus_paise"] == 2_000_000
    done = await consent(page, "s")
    assert (done["created"], done["bonus_paise"]) == (False, 0)
    assert await connection_owner.fetchval(GRANTED, page.exchange_id) == 2_000_000


async def test_a_new_season_has_a_bonus_of_its_own_for_whoever_starts_anew(
    front: Front, connection_owner: asyncpg.Connection
) -> None:
    await front.register("ada")
    await delete(connection_owner, front, "ada")
    await connection_owner.execute(
        "update betjee.exchanges set season = 2 where exchange_id = $1", front.exchange_id
    )
    assert (await front.call("register_user", *newcomer("ada")))["bonus_paise"] == 2_000_000


async def test_another_exchange_has_a_bonus_of_its_own(front: Front) -> None:
    await front.register("ada")
    other = await front.document("open_exchange", 1, DISCORD, f"{front.guild}-other", "Other", "o", "O")
    signed_up = await front.document("register_user", other["exchange_id"], 5, *newcomer("ada"))
    assert signed_up["bonus_paise"] == 2_000_000
