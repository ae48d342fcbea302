"""Bans that end, by whoever or whatever ends them first; and that nobody ends their own."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest

from tests.sql.blocking import holding_exchange, wait_for_waiting
from tests.sql.court import Court, identity
from tests.sql.front import DISCORD

HOUR = 3_600
OVER = "update betjee.bans set banned_until = clock_timestamp() where exchange_id = $1 and banned_until is not null"


class Rivals:
    """Two sessions that want the exchange in a given order, while a third has it."""

    def __init__(self, court: Court, watcher: asyncpg.Connection, sessions: list[asyncpg.Connection]) -> None:
        self._court, self._watcher, self._sessions = court, watcher, sessions

    async def race(
        self, first: tuple[str, tuple[object, ...]], second: tuple[str, tuple[object, ...]], *, ends: bool
    ) -> list[dict[str, Any]]:
        """What both are answered. The ban's time is over at the moment in which the first gets its turn, if it `ends`."""
        async with (
            asyncio.TaskGroup() as group,
            holding_exchange(self._court.owner_connection, self._court.front.exchange_id),
        ):
            turns = []
            for number, (function, arguments) in enumerate((first, second)):
                turns.append(group.create_task(self._ask(number, function, arguments)))
                alike = sum(name == function for name, _ in (first, second)[: number + 1])
                await wait_for_waiting(self._watcher, f"betjee.{function}(", alike)
            if ends:
                await self._court.owner_connection.execute(OVER, self._court.front.exchange_id)
        return [turn.result() for turn in turns]

    async def _ask(self, number: int, function: str, arguments: tuple[object, ...]) -> dict[str, Any]:
        values = (self._court.front.exchange_id, 5_000 + number, *arguments)
        places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
        answer = await self._sessions[number].fetchval(f"select betjee.{function}({places})", *values)
        document: dict[str, Any] = json.loads(answer)
        return document


@pytest.fixture
def rivals(court: Court, watcher: asyncpg.Connection, sessions: list[asyncpg.Connection]) -> Rivals:
    return Rivals(court, watcher, sessions)


async def banned(court: Court) -> int:
    """Ann is banned for an hour; the number of the ban."""
    ban = await court.call("ban_user", court["mona"], court["ann"], identity("ann"), "Odd.", HOUR)
    number: int = ban["ban_id"]
    return number


def lift(court: Court, number: int) -> tuple[str, tuple[object, ...]]:
    return "unban", (court["mona"], number)


def renew(court: Court) -> tuple[str, tuple[object, ...]]:
    return "ban_user", (court["max"], court["ann"], identity("ann"), "Again.", HOUR)


async def assert_sound(court: Court, in_force: list[str]) -> None:
    """The bans in force, by their reasons, are these, and ann's status says the same."""
    rows = await court.rows("bans", "ended_at is null")
    assert [row["reason"] for row in rows] == in_force
    assert await court.status("ann") == ("banned" if in_force else "active")
    assert await court.audit() == []


async def test_a_ban_that_ends_as_it_is_lifted_ends_once(court: Court, rivals: Rivals) -> None:
    number = await banned(court)
    other = "halt_market", (court["max"], "22s1", "A rumour.")
    answers = await rivals.race(other, lift(court, number), ends=True)
    assert answers[1]["refused"] == "ban_ended", "its time was over before"
    assert "unban" not in [act for act, _ in await court.acts()], "nobody lifted it"
    await assert_sound(court, [])


@pytest.mark.parametrize("lifted_first", [True, False])
async def test_a_ban_that_ends_as_it_is_lifted_and_renewed_is_renewed(
    court: Court, rivals: Rivals, lifted_first: bool
) -> None:
    number = await banned(court)
    turns = [lift(court, number), renew(court)]
    answers = await rivals.race(*(turns if lifted_first else reversed(turns)), ends=True)
    lifted, renewed = answers if lifted_first else reversed(answers)
    assert lifted["refused"] == "ban_ended", "nor is the new ban lifted by the number of the old"
    assert renewed["reason"] == "Again."
    await assert_sound(court, ["Again."])


async def test_a_ban_that_goes_on_is_lifted_before_it_is_renewed(court: Court, rivals: Rivals) -> None:
    number = await banned(court)
    lifted, renewed = await rivals.race(lift(court, number), renew(court), ends=False)
    assert (lifted["ban_id"], renewed["reason"]) == (number, "Again.")
    await assert_sound(court, ["Again."])


async def test_a_ban_that_goes_on_is_not_renewed_and_then_lifted(court: Court, rivals: Rivals) -> None:
    number = await banned(court)
    renewed, lifted = await rivals.race(renew(court), lift(court, number), ends=False)
    assert (renewed["refused"], lifted["ban_id"]) == ("already_banned", number)
    await assert_sound(court, [])


async def test_two_lift_the_same_ban_once(court: Court, rivals: Rivals) -> None:
    number = await banned(court)
    first, second = await rivals.race(lift(court, number), ("unban", (court["max"], number)), ends=False)
    assert (first["ban_id"], second["refused"]) == (number, "ban_ended")
    await assert_sound(court, [])


class TestSelfPardon:
    """Eve is banned by her hash, as after a wipe, and the owner appoints her, who does not know that."""

    async def ban(self, court: Court) -> int:
        ban = await court.call("ban_user", court["mona"], None, identity("eve"), "Sold answers.", None, "Eve")
        number: int = ban["ban_id"]
        return number

    async def appoint(self, court: Court, identity_hash: bytes | None) -> None:
        eve = await court.call("add_moderator", court["olga"], DISCORD, "eve", "Eve", identity_hash)
        court.people["eve"] = eve["user_id"]

    async def test_who_never_signed_up_does_not_lift_a_ban_that_may_be_their_own(self, court: Court) -> None:
        number = await self.ban(court)
        await self.appoint(court, None)
        refused = await court.call("unban", court["eve"], number)
        assert refused["refused"] == "unknown_identity"
        assert await court.rows("bans", "ended_at is null")

    async def test_once_they_are_known_it_is_their_own(self, court: Court) -> None:
        number = await self.ban(court)
        await self.appoint(court, None)
        await self.appoint(court, identity("eve"))
        assert (await court.call("unban", court["eve"], number))["refused"] == "own_account"
        await court.call("register_user", DISCORD, "eve", "Eve", identity("eve"))
        assert (await court.call("unban", court["eve"], number))["refused"] == "own_account"
        assert await court.rows("bans", "ended_at is null")

    async def test_who_was_wiped_and_is_appointed_does_not_either(self, court: Court) -> None:
        await court.plan("mona", ["bob"], "burn")
        await court.pass_time()
        await court.write()
        (ban,) = await court.rows("bans", "ended_at is null")
        appointed = await court.call("add_moderator", court["olga"], DISCORD, "bob", "bob", None)
        refused = await court.call("unban", appointed["user_id"], ban["ban_id"])
        assert refused["refused"] == "unknown_identity"

    async def test_others_lift_it_and_they_lift_others(self, court: Court) -> None:
        number = await self.ban(court)
        await self.appoint(court, None)
        assert (await court.call("unban", court["max"], number))["ban_id"] == number
        known = await court.call("ban_user", court["mona"], court["ann"], identity("ann"), "Odd.", None)
        assert (await court.call("unban", court["eve"], known["ban_id"]))["ban_id"] == known["ban_id"]

    async def test_a_network_is_nobodys_own(self, court: Court) -> None:
        await self.appoint(court, None)
        ban = await court.call("ban_network", court["mona"], identity("network"), "A farm.", None)
        assert (await court.call("unban", court["eve"], ban["ban_id"]))["ban_id"] == ban["ban_id"]
