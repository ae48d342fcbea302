"""Notices: how they are queued, listed, chosen and purged, and what the relay is given of them."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest

from tests.sql.blocking import holding, wait_for_waiting
from tests.sql.front import DISCORD, Front, owner_of
from tests.sql.test_plans import ROWS_READ

QUEUE = """
select betjee.queue_notices(e, $2::betjee.notice[]) from betjee.exchanges e where e.exchange_id = $1
"""
LEASE = 60
STATES = "select state from betjee.outbox where exchange_id = $1 order by notice_id"


@pytest.fixture
async def connection_owner(database: Any) -> Any:
    """The owner, who may play the writer: the trade engine's part."""
    connection = await asyncpg.connect(database.owner_url)
    await connection.execute("delete from betjee.outbox")
    try:
        yield connection
    finally:
        await connection.close()


async def queue(owner: asyncpg.Connection, front: Front, *notices: tuple[int | None, str]) -> list[int]:
    """Queue notices as a trade does; their numbers."""
    last = await owner.fetchval("select coalesce(max(notice_id), 0) from betjee.outbox")
    rows = [(user, kind, json.dumps({"market": "22s1"})) for user, kind in notices]
    await owner.execute(QUEUE, front.exchange_id, rows)
    queued = await owner.fetch("select notice_id from betjee.outbox where notice_id > $1 order by 1", last)
    return [row[0] for row in queued]


async def claim(service: asyncpg.Connection, holder: str = "a", seconds: int = LEASE) -> int | None:
    exchange_id: int | None = await service.fetchval("select betjee.claim_outbox($1, $2)", holder, seconds)
    return exchange_id


async def due(front: Front, holder: str = "a", limit: int = 100) -> list[dict[str, Any]]:
    return await front.listing("list_due_notices", holder, limit)


async def mark(front: Front, function: str, *arguments: object) -> Any:
    places = ", ".join(f"${number}" for number in range(2, len(arguments) + 2))
    query = f"select betjee.{function}($1, {places})"
    return await front.service.fetchval(query, front.exchange_id, *arguments)


async def states(owner: asyncpg.Connection, front: Front) -> list[str]:
    return [row["state"] for row in await owner.fetch(STATES, front.exchange_id)]


async def let_lease_run_out(owner: asyncpg.Connection, front: Front) -> None:
    await owner.execute(
        "update betjee.outbox_leases set leased_until = clock_timestamp() - interval '1 second' where exchange_id = $1",
        front.exchange_id,
    )


async def let_retries_be_due(owner: asyncpg.Connection, front: Front) -> None:
    await owner.execute(
        "update betjee.outbox set next_attempt_at = clock_timestamp() where exchange_id = $1 and state = 'pending'",
        front.exchange_id,
    )


async def told_directly(front: Front, name: str) -> int:
    """Somebody who asked for direct messages."""
    user = await front.register(name)
    await front.call("choose_notifications", user, "direct")
    return user


class TestQueue:
    async def test_only_what_is_wanted_is_sent_and_everything_is_listed(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        ada, bob = await told_directly(front, "ada"), await front.register("bob")
        await queue(connection_owner, front, (ada, "first"), (bob, "second"), (None, "third"))
        assert await states(connection_owner, front) == ["pending", "kept", "pending"]
        for user, kind in ((ada, "first"), (bob, "second")):
            listed = await front.document("list_notices", front.exchange_id, user, 10)
            assert [notice["kind"] for notice in listed["notices"]] == [kind]
            assert listed["missed"] == 1

    async def test_ten_thousand_are_queued_by_reading_their_receivers_once(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        ada = await told_directly(front, "ada")
        rows = [(ada, "stop_filled", json.dumps({"market": "22s1"}))] * 10_000
        async with connection_owner.transaction():
            before = await connection_owner.fetchval(ROWS_READ)
            await connection_owner.execute(QUEUE, front.exchange_id, rows)
            read = await connection_owner.fetchval(ROWS_READ) - before
        assert await states(connection_owner, front) == ["pending"] * 10_000
        assert read <= 3 * 10_000, "in proportion to the notices, not to notices times notices"

    async def test_nothing_to_queue_is_nothing(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        assert await queue(connection_owner, front) == []

    async def test_they_carry_the_time_of_their_transaction(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        await queue(connection_owner, front, (None, "first"))
        assert await connection_owner.fetchval(
            "select o.created_at = e.updated_at and o.next_attempt_at = e.updated_at"
            " from betjee.outbox o join betjee.exchanges e using (exchange_id) where exchange_id = $1",
            front.exchange_id,
        )

    async def test_the_application_cannot_queue(self, front: Front) -> None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await front.service.execute(QUEUE, front.exchange_id, [])


class TestPreference:
    async def test_a_later_wish_sends_nothing_old(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        ada = await front.register("ada")
        await queue(connection_owner, front, (ada, "old"))
        await front.call("choose_notifications", ada, "direct")
        await queue(connection_owner, front, (ada, "new"))
        await claim(front.service)
        assert [notice["kind"] for notice in await due(front)] == ["new"]

    async def test_no_wish_any_more_keeps_what_is_pending(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        ada = await told_directly(front, "ada")
        await queue(connection_owner, front, (ada, "first"), (None, "second"))
        assert await front.call("choose_notifications", ada, "none") == {"notify_by": "none"}
        assert await states(connection_owner, front) == ["kept", "pending"]

    async def test_what_is_pending_is_sent_as_it_is_wished_now(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        ada = await told_directly(front, "ada")
        await queue(connection_owner, front, (ada, "first"))
        await front.call("choose_notifications", ada, "channel")
        await claim(front.service)
        (notice,) = await due(front)
        assert notice["notify_by"] == "channel"

    async def test_whoever_refuses_is_sent_nothing_more_until_they_ask_again(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        ada, bob = await told_directly(front, "ada"), await told_directly(front, "bob")
        await queue(connection_owner, front, (ada, "first"), (bob, "other"), (ada, "second"))
        await mark(front, "refuse_notices", ada)
        await queue(connection_owner, front, (ada, "third"))
        assert await states(connection_owner, front) == ["kept", "pending", "kept", "kept"]
        listed = await front.document("list_notices", front.exchange_id, ada, 10)
        assert (listed["notify_by"], listed["missed"]) == ("none", 3)
        await front.call("choose_notifications", ada, "direct")
        await queue(connection_owner, front, (ada, "fourth"))
        assert (await states(connection_owner, front))[-1] == "pending"

    async def test_a_refusal_does_not_undo_a_wish_for_the_channel(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        ada = await told_directly(front, "ada")
        await queue(connection_owner, front, (ada, "first"))
        await front.call("choose_notifications", ada, "channel")
        await mark(front, "refuse_notices", ada)
        assert await states(connection_owner, front) == ["pending"]

    async def test_refusals_and_repetition(self, front: Front) -> None:
        ada, owner = await front.register("ada"), await owner_of(front)
        assert (await front.call("choose_notifications", ada, "pigeon"))["refused"] == "invalid_choice"
        assert (await front.call("choose_notifications", owner, "direct"))["refused"] == "not_registered"
        assert (await front.call("choose_notifications", 10**9, "direct"))["refused"] == "not_registered"
        first = await front.call("choose_notifications", ada, "direct", request_id=77)
        await front.call("choose_notifications", ada, "none")
        assert await front.call("choose_notifications", ada, "direct", request_id=77) == first
        listed = await front.document("list_notices", front.exchange_id, ada, 10)
        assert listed["notify_by"] == "none", "the repeated request changed nothing"


class TestList:
    async def test_missed_ones_come_first_until_they_are_seen(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        ada = await told_directly(front, "ada")
        pinged, sent, waiting = await queue(connection_owner, front, (ada, "a"), (ada, "b"), (ada, "c"))
        await mark(front, "mark_notice_delivered", pinged, "channel")
        await mark(front, "mark_notice_delivered", sent, "direct")
        listed = await front.document("list_notices", front.exchange_id, ada, 10)
        assert [(notice["notice_id"], notice["is_missed"]) for notice in listed["notices"]] == [
            (waiting, True),
            (pinged, True),
            (sent, False),
        ]
        assert await mark(front, "mark_notices_seen", ada, [pinged, sent, waiting]) == 3
        assert await mark(front, "mark_notices_seen", ada, [pinged, sent, waiting]) == 0
        listed = await front.document("list_notices", front.exchange_id, ada, 10)
        assert (listed["missed"], len(listed["notices"])) == (0, 3)

    async def test_nobody_sees_or_marks_those_of_others(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        ada, bob = await front.register("ada"), await front.register("bob")
        numbers = await queue(connection_owner, front, (ada, "a"))
        assert await mark(front, "mark_notices_seen", bob, numbers) == 0
        assert (await front.document("list_notices", front.exchange_id, bob, 10))["notices"] == []

    async def test_limits(self, front: Front, connection_owner: asyncpg.Connection) -> None:
        ada = await front.register("ada")
        await queue(connection_owner, front, *[(ada, "a")] * 30)
        listed = await front.document("list_notices", front.exchange_id, ada, 20)
        assert (listed["missed"], len(listed["notices"])) == (30, 20)
        assert (
            await front.service.fetchval("select betjee.list_notices($1, $2, 1)", front.exchange_id, 10**9)
            is None
        )
        with pytest.raises(asyncpg.InvalidParameterValueError):
            await mark(front, "mark_notices_seen", ada, list(range(101)))

    async def test_what_is_old_is_forgotten(self, front: Front, connection_owner: asyncpg.Connection) -> None:
        ada = await front.register("ada")
        old, new = await queue(connection_owner, front, (ada, "old"), (ada, "new"))
        await connection_owner.execute(
            "update betjee.outbox set created_at = created_at - interval '31 days' where notice_id = $1", old
        )
        assert await front.service.fetchval("select betjee.purge_outbox(10)") == 1
        left = await connection_owner.fetch("select notice_id from betjee.outbox")
        assert [row["notice_id"] for row in left] == [new]


class TestRelay:
    async def test_the_holder_of_a_lease_is_given_what_is_due_with_its_address(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        ada = await told_directly(front, "ada")
        first, second = await queue(connection_owner, front, (ada, "a"), (None, "b"))
        assert await claim(front.service) == front.exchange_id
        direct, public = await due(front)
        assert (direct["notice_id"], direct["user_id"], direct["notify_by"]) == (first, ada, "direct")
        assert (direct["provider"], direct["provider_user_id"]) == (DISCORD, "ada")
        assert direct["detail"] == {"market": "22s1"}
        assert direct["exchange_name"] == "Guild"
        assert (public["notice_id"], public["user_id"], public["community_id"]) == (second, None, front.guild)
        assert (public["provider"], public["channel_id"]) == (DISCORD, None)
        assert direct["dedupe_key"] != public["dedupe_key"]
        assert len(direct["dedupe_key"]) <= 25

    async def test_nobody_else_is_given_anything(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        await queue(connection_owner, front, (None, "a"))
        assert await due(front) == [], "not without a lease"
        await claim(front.service)
        assert await due(front, "b") == []
        assert await claim(front.service, "b") is None

    async def test_a_lease_that_ran_out_is_anyones_and_a_late_release_is_ignored(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        await queue(connection_owner, front, (None, "a"))
        await claim(front.service)
        await let_lease_run_out(connection_owner, front)
        assert await due(front) == []
        assert await claim(front.service, "b") == front.exchange_id
        await mark(front, "release_outbox", "a")
        assert len(await due(front, "b")) == 1
        await mark(front, "release_outbox", "b")
        assert await claim(front.service) == front.exchange_id

    async def test_of_two_who_claim_at_once_one_gets_the_lease(
        self, front: Front, connection_owner: asyncpg.Connection, sessions: list[asyncpg.Connection]
    ) -> None:
        await queue(connection_owner, front, (None, "a"))
        answers = await asyncio.gather(
            *(claim(session, f"holder {number}") for number, session in enumerate(sessions))
        )
        assert sorted(answer is not None for answer in answers) == [False] * 39 + [True]

    async def test_a_claim_waits_for_nobody(
        self, front: Front, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
    ) -> None:
        await queue(connection_owner, front, (None, "a"))
        lease = "select from betjee.outbox_leases where exchange_id = $1 for update"
        async with holding(connection_owner, lease, front.exchange_id):
            await connection_service.execute("set lock_timeout = '1ms'")
            assert await claim(connection_service) is None

    async def test_exchanges_take_turns(
        self, front: Front, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
    ) -> None:
        other = Front(connection_service)
        document = await other.document("open_exchange", 1, DISCORD, f"{front.guild}x", "Other", "o", "O")
        other.exchange_id = document["exchange_id"]
        await queue(connection_owner, front, (None, "a"))
        await queue(connection_owner, other, (None, "a"))
        turns = []
        for _ in range(4):
            turns.append(await claim(connection_service))
            await connection_service.execute("select betjee.release_outbox($1, 'a')", turns[-1])
        assert turns[:2] == turns[2:]
        assert {*turns} == {front.exchange_id, other.exchange_id}

    @pytest.mark.parametrize(("holder", "seconds"), [("", 60), ("x" * 65, 60), ("a", 0), ("a", 301)])
    async def test_leases_are_bounded(self, front: Front, holder: str, seconds: int) -> None:
        with pytest.raises(asyncpg.InvalidParameterValueError):
            await claim(front.service, holder, seconds)

    async def test_what_was_delivered_is_not_due_again(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        (number,) = await queue(connection_owner, front, (None, "a"))
        await claim(front.service)
        for _ in range(2):
            await mark(front, "mark_notice_delivered", number, "channel")
        assert await due(front) == []
        row = await connection_owner.fetchrow("select * from betjee.outbox where notice_id = $1", number)
        assert row is not None
        assert (row["state"], row["attempts"]) == ("delivered", 1)
        assert await mark(front, "retry_notice", number) is None, "it is no longer pending"

    async def test_retries_come_later_and_later_and_end(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        ada = await told_directly(front, "ada")
        (number,) = await queue(connection_owner, front, (ada, "a"))
        waits = []
        await claim(front.service)
        for _ in range(19):
            before = await connection_owner.fetchval("select clock_timestamp()")
            assert await mark(front, "retry_notice", number) == "pending"
            after = await connection_owner.fetchval("select clock_timestamp()")
            assert await due(front) == []
            next_at = await connection_owner.fetchval(
                "select next_attempt_at from betjee.outbox where notice_id = $1", number
            )
            waits.append(((next_at - after).total_seconds(), (next_at - before).total_seconds()))
            await let_retries_be_due(connection_owner, front)
        expected = [5, 10, 20, 40, 80, 160, 320, 640] + [900] * 11
        assert all(least <= wait <= most for wait, (least, most) in zip(expected, waits, strict=True)), waits
        assert len(await due(front)) == 1
        assert await mark(front, "retry_notice", number) == "failed"
        assert await due(front) == []
        assert await claim(front.service, "b") is None
        listed = await front.document("list_notices", front.exchange_id, ada, 10)
        assert (listed["missed"], listed["notices"][0]["state"]) == (1, "failed")

    async def test_a_receivers_notices_stay_in_order_and_hold_up_nobody_else(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        ada, bob = await told_directly(front, "ada"), await told_directly(front, "bob")
        first, *_ = await queue(connection_owner, front, (ada, "1"), (bob, "2"), (ada, "3"), (None, "4"))
        await claim(front.service)
        await mark(front, "retry_notice", first)
        assert [notice["kind"] for notice in await due(front)] == ["2", "4"]
        await let_retries_be_due(connection_owner, front)
        kinds = [notice["kind"] for notice in await due(front)]
        assert kinds.index("1") < kinds.index("3")
        assert await due(front, limit=1) == (await due(front))[:1]

    async def test_what_can_be_sent_nowhere_is_kept(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        (number,) = await queue(connection_owner, front, (None, "a"))
        await mark(front, "keep_notice", number)
        assert await states(connection_owner, front) == ["kept"]

    async def test_queueing_does_not_wait_for_the_relay(
        self,
        front: Front,
        connection_owner: asyncpg.Connection,
        sessions: list[asyncpg.Connection],
    ) -> None:
        await queue(connection_owner, front, (None, "a"))
        async with sessions[0].transaction():
            assert await claim(sessions[0]) == front.exchange_id
            await connection_owner.execute("set lock_timeout = '1ms'")
            await queue(connection_owner, front, (None, "b"))

    async def test_a_refusal_waits_for_the_exchanges_lock(
        self, front: Front, connection_owner: asyncpg.Connection, watcher: asyncpg.Connection
    ) -> None:
        ada = await told_directly(front, "ada")
        lock = "select from betjee.exchanges where exchange_id = $1 for no key update"
        async with asyncio.TaskGroup() as group, holding(connection_owner, lock, front.exchange_id):
            group.create_task(mark(front, "refuse_notices", ada))
            await wait_for_waiting(watcher, "refuse_notices")


class TestChannel:
    async def test_a_moderator_chooses_it_on_the_record(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        owner = await owner_of(front)
        assert await front.call("set_channel", owner, DISCORD, "123") == {"channel_id": "123"}
        await queue(connection_owner, front, (None, "a"))
        await claim(front.service)
        assert (await due(front))[0]["channel_id"] == "123"
        assert await front.call("set_channel", owner, DISCORD, None) == {"channel_id": None}
        acts = await connection_owner.fetch(
            "select act from betjee.moderation_log where exchange_id = $1 and act = 'set_channel'",
            front.exchange_id,
        )
        assert len(acts) == 2

    async def test_refusals(self, front: Front) -> None:
        ada, owner = await front.register("ada"), await owner_of(front)
        assert (await front.call("set_channel", ada, DISCORD, "1"))["refused"] == "not_a_moderator"
        for channel in ("", "x" * 65):
            assert (await front.call("set_channel", owner, DISCORD, channel))["refused"] == "invalid_channel"
