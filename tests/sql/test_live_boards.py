"""The live board in SQL: who puts it, who keeps it, what it shows, and what becomes of one that is lost."""

import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.model.founding import execute, found
from tests.model.state import Ask
from tests.sql.boards import lasting_hour
from tests.sql.front import DISCORD, Front, owner_of

__all__ = ["lasting_hour"]

LEASE_SECONDS = 30


async def put(front: Front, channel: str = "100", holder: str = "a", **more: Any) -> dict[str, Any]:
    moderator = more.pop("moderator", None) or await owner_of(front)
    return await front.call("put_board", moderator, DISCORD, channel, holder, LEASE_SECONDS, **more)


async def claim(front: Front, holder: str = "b", most: int = 10) -> list[dict[str, Any]]:
    rows = await front.service.fetch("select betjee.claim_boards($1, $2, $3)", holder, LEASE_SECONDS, most)
    boards = [json.loads(row[0]) for row in rows]
    return [board for board in boards if board["exchange_id"] == front.exchange_id]


async def show(front: Front, board_id: int, holder: str, content: str = "x", sequence: int = 10**6) -> bool:
    query = "select betjee.mark_board_shown($1, $2, $3, $4, $5, '7', true)"
    shown: bool = await front.service.fetchval(query, front.exchange_id, board_id, holder, sequence, content)
    return shown


@pytest.fixture(autouse=True)
async def alone(connection_owner: asyncpg.Connection) -> None:
    """No board of an earlier test is due."""
    await connection_owner.execute("delete from betjee.live_boards")


async def let_pass(owner: asyncpg.Connection, seconds: int) -> None:
    """Suppose that everything about boards was so many seconds earlier."""
    await owner.execute(
        "update betjee.live_boards set next_look_at = next_look_at - $1::interval, looked_at = looked_at - $1::interval,"
        " claimed_at = claimed_at - $1::interval, leased_until = leased_until - $1::interval",
        timedelta(seconds=seconds),
    )


class TestPutting:
    async def test_whoever_puts_it_has_the_lease_and_the_next_when_it_ran_out(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        put_here = await put(front)
        assert (put_here["channel_id"], put_here["earlier_message_id"]) == ("100", None)
        assert await claim(front) == []
        await let_pass(connection_owner, LEASE_SECONDS + 1)
        (board,) = await claim(front)
        assert (board["board_id"], board["message_id"]) == (put_here["board_id"], None)
        assert board["dedupe_key"] == f"b{put_here['board_id']}"

    async def test_a_second_one_takes_the_place_of_the_first(self, front: Front) -> None:
        first = await put(front)
        assert await show(front, first["board_id"], "a")
        second = await put(front, "200", "b")
        assert (second["earlier_channel_id"], second["earlier_message_id"]) == ("100", "7")
        assert not await show(front, first["board_id"], "a"), "the first is no more"
        assert await show(front, second["board_id"], "b")

    async def test_only_moderators_put_and_remove_it(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        member = await front.register("asha")
        refused = await put(front, moderator=member)
        assert refused["refused"] == "not_a_moderator"
        assert (await front.call("remove_board", member))["refused"] == "not_a_moderator"
        assert await connection_owner.fetchval("select count(*) from betjee.live_boards") == 0

    @pytest.mark.parametrize("channel", ["", "1" * 65, None])
    async def test_what_is_no_channel_is_refused(self, front: Front, channel: str) -> None:
        assert (await put(front, channel))["refused"] == "invalid_channel"

    async def test_removing_tells_where_it_is_and_is_on_the_record(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        board = await put(front)
        await show(front, board["board_id"], "a")
        owner = await owner_of(front)
        removed = await front.call("remove_board", owner, request_id=900)
        assert (removed["channel_id"], removed["message_id"]) == ("100", "7")
        assert await front.call("remove_board", owner, request_id=900) == removed
        assert (await front.call("remove_board", owner))["refused"] == "no_board"
        acts = await connection_owner.fetch(
            "select act from betjee.moderation_log where exchange_id = $1 order by sequence",
            front.exchange_id,
        )
        assert [row["act"] for row in acts] == ["open_exchange", "put_board", "remove_board"]

    async def test_a_repeated_request_puts_nothing_twice(self, front: Front) -> None:
        first = await put(front, request_id=800)
        assert await put(front, request_id=800, holder="b") == first
        assert (await put(front, "300", request_id=800))["refused"] == "request_reused"


class TestLooking:
    async def test_only_where_something_has_changed_and_not_before_15_seconds(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        board = await put(front)
        figures = await front.document("get_board", front.exchange_id)
        await show(front, board["board_id"], "a", sequence=figures["sequence"])
        await let_pass(connection_owner, 100)
        assert await claim(front) == [], "nothing has changed"
        await front.register("asha")
        (claimed,) = await claim(front)
        assert (claimed["message_id"], claimed["content_hash"], claimed["is_pinned"]) == ("7", "x", True)
        await show(front, board["board_id"], "b", sequence=figures["sequence"])
        await let_pass(connection_owner, 10)
        assert await claim(front) == [], "too soon"
        await let_pass(connection_owner, 5)
        assert len(await claim(front)) == 1

    async def test_now_and_then_even_where_nothing_has_changed(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        board = await put(front)
        await show(front, board["board_id"], "a")
        await let_pass(connection_owner, 590)
        assert await claim(front) == []
        await let_pass(connection_owner, 11)
        assert len(await claim(front)) == 1

    async def test_one_process_at_a_time(self, front: Front, connection_owner: asyncpg.Connection) -> None:
        board = await put(front)
        await let_pass(connection_owner, LEASE_SECONDS + 1)
        assert len(await claim(front, "b")) == 1
        assert await claim(front, "c") == []
        assert not await show(front, board["board_id"], "a"), "whose lease has run out marks nothing"
        assert await show(front, board["board_id"], "b")

    async def test_two_that_claim_at_once_get_different_boards(
        self, front: Front, sessions: list[asyncpg.Connection], connection_owner: asyncpg.Connection
    ) -> None:
        await put(front)
        await let_pass(connection_owner, LEASE_SECONDS + 1)
        claiming = sessions[0].transaction()
        await claiming.start()
        query = "select betjee.claim_boards($1, 30, 10)"
        assert len(await sessions[0].fetch(query, "b")) == 1
        assert await sessions[1].fetch(query, "c") == [], "it waits for nobody"
        await claiming.rollback()
        assert len(await sessions[1].fetch(query, "c")) == 1

    async def test_all_processes_together_have_one_budget(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        for number in range(5):
            await connection_owner.execute(
                "with e as (insert into betjee.exchanges (name, settings) values ('Other', '{}') returning exchange_id)"
                " insert into betjee.live_boards (exchange_id, board_id, provider, channel_id, next_look_at)"
                " select exchange_id, $1, 'discord', '1', clock_timestamp() - interval '1 minute' from e",
                number + 1,
            )
        query = "select betjee.claim_boards($1, 30, 3)"
        claimed = "update betjee.live_boards set claimed_at = clock_timestamp() + $1::interval"
        assert len(await front.service.fetch(query, "b")) == 3
        # However long the next question takes, it comes within a second of those claims.
        await connection_owner.execute(f"{claimed} where holder is not null", timedelta(minutes=1))
        assert await front.service.fetch(query, "c") == []
        await connection_owner.execute(f"{claimed} where holder is not null", timedelta(seconds=-1))
        assert len(await front.service.fetch(query, "c")) == 2

    async def test_one_that_was_postponed_waits(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        board = await put(front)
        postpone = "select betjee.postpone_board($1, $2, $3, 60)"
        await front.service.fetch(postpone, front.exchange_id, board["board_id"], "b")
        assert await claim(front) == [], "only its holder may"
        await front.service.fetch(postpone, front.exchange_id, board["board_id"], "a")
        await let_pass(connection_owner, 50)
        assert await claim(front) == []
        await let_pass(connection_owner, 10)
        assert len(await claim(front)) == 1

    @pytest.mark.parametrize(("holder", "seconds"), [("", 30), ("x" * 65, 30), ("a", 0), ("a", 301)])
    async def test_a_wrong_lease_is_refused(self, front: Front, holder: str, seconds: int) -> None:
        with pytest.raises(asyncpg.InvalidParameterValueError):
            await front.service.fetch("select betjee.claim_boards($1, $2, 10)", holder, seconds)


async def test_moderators_are_told_of_a_lost_board_as_they_chose(
    front: Front, connection_owner: asyncpg.Connection
) -> None:
    board = await put(front)
    owner = await owner_of(front)
    lose = "select betjee.lose_board($1, $2, 'deleted')"
    assert not await front.service.fetchval(lose, front.exchange_id, 12345), "another board"
    assert await front.service.fetchval(lose, front.exchange_id, board["board_id"])
    assert not await front.service.fetchval(lose, front.exchange_id, board["board_id"]), "once"
    notices = await connection_owner.fetch(
        "select user_id, kind, detail, state from betjee.outbox where exchange_id = $1", front.exchange_id
    )
    assert [(row["user_id"], row["kind"], row["state"]) for row in notices] == [(owner, "board_lost", "kept")]
    assert json.loads(notices[0]["detail"]) == {"channel_id": "100", "reason": "deleted"}


class TestFigures:
    @pytest.mark.usefixtures("lasting_hour")
    async def test_prices_changes_and_volumes(
        self, front: Front, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
    ) -> None:
        founded = await found(connection_owner, [10**9])
        front.exchange_id = founded.exchange_id

        async def trade(number: int, side: str, shares: int, ago: timedelta | None = None) -> int:
            ask = Ask(number, founded.users[0], "22s1", side, shares, confirmed=True)
            (answer,) = await execute(connection_service, founded.exchange_id, [ask])
            if ago is not None:
                await connection_owner.execute(
                    "update betjee.transactions set executed_at = clock_timestamp() - $2::interval"
                    " where exchange_id = $1 and request_id = $3",
                    founded.exchange_id,
                    ago,
                    number,
                )
            price: int = answer["price_after_paise"]
            return price

        at_first = (await front.document("get_board", founded.exchange_id))["markets"][0]["price_paise"]
        two_days_ago = await trade(1, "buy", 100, timedelta(days=2))
        three_hours_ago = await trade(2, "buy", 50, timedelta(hours=3))
        half_an_hour_ago = await trade(3, "sell", 15, timedelta(minutes=30))
        now = await trade(4, "sell", 5)
        count = "select betjee.count_candles($1, 3)"
        for counted in (0, 3, 4):
            board = await front.document("get_board", founded.exchange_id)
            (market,) = board["markets"]
            assert market["volume_shares"] == 70, f"each fill of the last day once, with {counted} counted"
            await connection_service.fetchval(count, founded.exchange_id)
        assert market["price_paise"] == now
        assert market["hour_change_bps"] == int((now - three_hours_ago) * 10_000 / three_hours_ago)
        assert market["day_change_bps"] == int((now - two_days_ago) * 10_000 / two_days_ago)
        clock = await connection_service.fetchval("select clock_timestamp()")
        hour = clock.replace(minute=0, second=0, microsecond=0)
        fills = await connection_owner.fetch(
            "select executed_at, price_after_paise from betjee.transactions"
            " where exchange_id = $1 and request_id <= 3 order by sequence desc",
            founded.exchange_id,
        )
        went = [tuple(fill) for fill in fills]
        assert [price for _, price in went] == [half_an_hour_ago, three_hours_ago, two_days_ago]
        line = [
            next(price for time, price in went if time <= hour - timedelta(hours=hours))
            for hours in range(22, -1, -2)
        ]
        assert market["prices_paise"] == [*line, now]
        assert at_first < two_days_ago
        assert board["sequence"] == 5

    async def test_a_halt_is_shown_until_its_end(
        self, front: Front, connection_owner: asyncpg.Connection
    ) -> None:
        halt = (
            "update betjee.markets set status = 'halted', halted_until = clock_timestamp() + $2::interval"
            " where exchange_id = $1 and shift_id = 1"
        )
        for seconds, status in ((60, "halted"), (-60, "open")):
            await connection_owner.execute(halt, front.exchange_id, timedelta(seconds=seconds))
            market = (await front.document("get_board", front.exchange_id))["markets"][0]
            assert market["status"] == status
            assert (market["halted_until"] is not None) == (status == "halted")

    async def test_a_strangers_board_is_null(self, front: Front) -> None:
        assert await front.service.fetchval("select betjee.get_board(1000000)") is None
