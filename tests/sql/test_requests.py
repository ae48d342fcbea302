"""One request id has one effect, whatever it is for, and is forgotten after thirty days."""

import asyncpg
import pytest

from tests.model.founding import execute, found
from tests.model.state import Ask
from tests.sql.front import DISCORD, Front, newcomer, owner_of

REPEATABLE = {
    "register_user": newcomer("ada"),
    "add_moderator": ("owner", DISCORD, "ada", "Ada"),
    "change_setting": ("owner", "band_bps", "2000"),
    "report": ("owner", "Prices look odd."),
    "remove_moderator": ("owner", 404),
    "arm_stop": ("owner", "stop_loss", "22s1", 1_500, None, None),
    "cancel_stop": ("owner", 404),
    "cancel_stops": ("owner",),
}
STATE = """
select sequence, (select count(*) from betjee.requests r where r.exchange_id = e.exchange_id)
from betjee.exchanges e where exchange_id = $1
"""


@pytest.mark.parametrize("function", REPEATABLE)
async def test_the_same_request_again_gives_the_first_answer(front: Front, function: str) -> None:
    arguments = [
        await owner_of(front) if part == "owner" and place == 0 else part
        for place, part in enumerate(REPEATABLE[function])
    ]
    first = await front.call(function, *arguments, request_id=77)
    state = await front.service.fetchrow(STATE, front.exchange_id)
    assert await front.call(function, *arguments, request_id=77) == first
    assert await front.service.fetchrow(STATE, front.exchange_id) == state


@pytest.mark.parametrize("function", REPEATABLE)
async def test_a_request_id_is_not_used_for_two_things(front: Front, function: str) -> None:
    owner = await owner_of(front)
    await front.call("report", owner, "Something else.", request_id=77)
    arguments = [
        owner if part == "owner" and place == 0 else part for place, part in enumerate(REPEATABLE[function])
    ]
    assert (await front.call(function, *arguments, request_id=77))["refused"] == "request_reused"


async def test_an_order_with_the_id_of_another_request_is_refused(front: Front) -> None:
    owner = await owner_of(front)
    await front.call("report", owner, "Something else.", request_id=77)
    (answer,) = await execute(front.service, front.exchange_id, [Ask(77, owner, "22s1", "buy", 1)])
    assert answer["code"] == "request_reused"


@pytest.mark.parametrize(
    "changed",
    [{"user_id": 404}, {"market": "99s9"}, {"side": "short"}, {"shares": 2}, {"limit_paise": 10**6}],
)
async def test_an_order_that_says_something_else_under_a_known_id_is_refused(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection, changed: dict[str, object]
) -> None:
    founded = await found(connection_owner)
    order = {"request_id": 1, "user_id": founded.users[0], "market": "22s1", "side": "buy", "shares": 1}
    first, second = Ask(**order), Ask(**{**order, **changed})  # type: ignore[arg-type]  # keys are fields
    answers = await execute(connection_service, founded.exchange_id, [first, second])
    answers += await execute(connection_service, founded.exchange_id, [second, first])
    assert [answer.get("code") for answer in answers] == [None, "request_reused", "request_reused", None]
    assert answers[0] == answers[3]


async def test_confirming_an_order_is_not_another_order(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    founded = await found(connection_owner)
    given = (1, founded.users[0], "22s1", "buy", 1, None, None)
    answers = [
        (await execute(connection_service, founded.exchange_id, [Ask(*given, confirmed=confirmed)]))[0]
        for confirmed in (True, False)
    ]
    assert answers[0] == answers[1]


async def test_requests_are_forgotten_after_thirty_days_and_not_before(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    founded = await found(connection_owner)
    asks = [Ask(number, founded.users[0], "22s1", "buy", 1) for number in range(1, 6)]
    await execute(connection_service, founded.exchange_id, asks)
    age = "update betjee.requests set requested_at = requested_at - make_interval(days => $1) where exchange_id = $3 and request_id <= $2"
    await connection_owner.execute(age, 29, 5, founded.exchange_id)
    assert await connection_service.fetchval("select betjee.purge_requests(100)") == 0
    await connection_owner.execute(age, 2, 3, founded.exchange_id)
    assert await connection_service.fetchval("select betjee.purge_requests(2)") == 2
    assert await connection_service.fetchval("select betjee.purge_requests(100)") == 1
