"""Orders that wait for a price: arming, cancelling, listing, and each refusal."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from tests.model import curve
from tests.model.curve import Terms
from tests.model.founding import Founded, execute, found
from tests.model.state import Ask
from tests.sql.blocking import holding_exchange, wait_for_waiting
from tests.sql.front import Front

LONG, SHORT = 0, 1
START_PAISE = 1_663
TERMS = Terms(total_shares_cap=12_000)
HIGHEST_PAISE = curve.price(TERMS, 12_000 - TERMS.min_market_shares)
"""Of a market that can be bought far up its curve, yet not to the ceiling."""
STOPS = "select * from betjee.stop_losses where exchange_id = $1 order by stop_id"


@dataclass
class Waiting(Front):
    """A front whose first member holds 100 shares and whose second is short of 20."""

    service: asyncpg.Connection
    founded: Founded
    last_id: int = field(default=100, repr=False)

    @property
    def exchange_id(self) -> int:  # type: ignore[override]  # it is the founded one
        return self.founded.exchange_id

    async def arm(self, user: int = LONG, *, request_id: int | None = None, **changed: Any) -> dict[str, Any]:
        """A stop-loss on the whole position, ten percent away, but for what is changed."""
        away = 1_500 if user == LONG else 1_900
        order = {
            "kind": "stop_loss",
            "market": "22s1",
            "trigger": away,
            "shares": None,
            "bps": None,
        } | changed
        return await self.call("arm_stop", self.user(user), *order.values(), request_id=request_id)

    def user(self, number: int) -> int:
        return self.founded.users[number] if number < len(self.founded.users) else 10**9

    async def state(self) -> tuple[int, int]:
        """The exchange's sequence, and how many orders wait."""
        row = await self.service.fetchrow(
            "select sequence, (select count(*) from betjee.stop_losses s where s.exchange_id = e.exchange_id"
            " and s.status in ('armed', 'suspended')) from betjee.exchanges e where exchange_id = $1",
            self.exchange_id,
        )
        assert row is not None
        return row[0], row[1]


@pytest.fixture
async def waiting(connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection) -> Waiting:
    founded = await found(connection_owner, [10**8, 10**8], {"22s1": TERMS, "22s2": Terms()})
    asks = [
        Ask(1, founded.users[LONG], "22s1", "buy", 100, confirmed=True),
        Ask(2, founded.users[SHORT], "22s1", "short", 20, confirmed=True),
    ]
    for outcome in await execute(connection_service, founded.exchange_id, asks):
        assert outcome["status"] == "filled"
    return Waiting(connection_service, founded)


PRICE_PAISE = curve.price(TERMS, 100 - 20)


@pytest.mark.parametrize(
    ("user", "kind", "trigger", "signed_shares", "sign", "side"),
    [
        (LONG, "stop_loss", 1_500, -100, -1, "sell"),
        (LONG, "take_profit", 2_000, -100, 1, "sell"),
        (SHORT, "stop_loss", 2_000, 20, 1, "cover"),
        (SHORT, "take_profit", 1_500, 20, -1, "cover"),
    ],
)
async def test_an_order_waits_on_the_side_that_closes_the_position(
    waiting: Waiting, *, user: int, kind: str, trigger: int, signed_shares: int, sign: int, side: str
) -> None:
    sequence, _ = await waiting.state()
    answer = await waiting.arm(user, kind=kind, trigger=trigger, request_id=77)
    (row,) = await waiting.service.fetch(STOPS, waiting.exchange_id)
    assert (row["shares"], row["trigger_sign"], row["status"]) == (signed_shares, sign, "armed")
    assert sign * (curve.price(TERMS, row["trigger_sold"]) - trigger) >= 0
    assert sign * (curve.price(TERMS, row["trigger_sold"] - sign) - trigger) < 0
    assert (row["stop_id"], row["request_id"], row["user_id"]) == (sequence + 1, 77, waiting.user(user))
    assert await waiting.state() == (sequence + 1, 1)
    assert answer == {
        "stop_id": row["stop_id"],
        "kind": kind,
        "status": "armed",
        "market": "22s1",
        "label": "22S1",
        "side": side,
        "shares": abs(signed_shares),
        "trigger_price_paise": trigger,
        "trigger_sign": sign,
        "price_paise": PRICE_PAISE,
        "position_shares": -signed_shares,
        "halted": False,
        "halted_until": None,
        "cooldown_until": None,
        "armed_count": 1,
        "armed_limit": 20,
    }


@pytest.mark.parametrize(
    ("shares", "bps", "resolved"),
    [(None, None, 100), (30, None, 30), (None, 5_050, 50), (None, 1, 1), (100, None, 100)],
)
async def test_a_size_is_a_number_a_part_of_the_position_or_all_of_it(
    waiting: Waiting, shares: int | None, bps: int | None, resolved: int
) -> None:
    assert (await waiting.arm(shares=shares, bps=bps))["shares"] == resolved


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("unknown_user", {"user": 2}, {}),
    ("unknown_market", {"market": "99s9"}, {"market": "99s9"}),
    ("no_position", {"market": "22s2"}, {"position_shares": 0, "price_paise": START_PAISE}),
    ("invalid_shares", {"shares": 0}, {}),
    ("invalid_shares", {"shares": -1}, {}),
    ("invalid_shares", {"shares": 10_000_001}, {}),
    ("invalid_shares", {"bps": 0}, {}),
    ("invalid_shares", {"bps": 10_001}, {}),
    ("invalid_shares", {"shares": 1, "bps": 1}, {}),
    ("exceeds_position", {"shares": 101}, {"position_shares": 100, "shares": 101}),
    ("exceeds_position", {"user": SHORT, "shares": 21}, {"position_shares": -20, "shares": 21}),
    ("trigger_out_of_range", {"trigger": 999}, {"price_min_paise": 1_000, "price_max_paise": HIGHEST_PAISE}),
    ("trigger_out_of_range", {"trigger": 0}, {}),
    ("trigger_out_of_range", {"trigger": 100_001}, {}),
    (
        "trigger_out_of_range",
        {"kind": "take_profit", "trigger": HIGHEST_PAISE + 1},
        {"price_max_paise": HIGHEST_PAISE},
    ),
    ("trigger_crossed", {"trigger": 3_000}, {"trigger_sign": -1, "side": "sell"}),
    ("trigger_crossed", {"kind": "take_profit", "trigger": 1_100}, {"trigger_sign": 1, "side": "sell"}),
    ("trigger_crossed", {"user": SHORT, "trigger": 1_100}, {"trigger_sign": 1, "side": "cover"}),
    ("trigger_crossed", {"user": SHORT, "kind": "take_profit", "trigger": 3_000}, {"trigger_sign": -1}),
]


@pytest.mark.parametrize(("code", "changed", "figures"), REFUSED)
async def test_what_cannot_wait_is_refused_with_its_figures(
    waiting: Waiting, code: str, changed: dict[str, Any], figures: dict[str, Any]
) -> None:
    before = await waiting.state()
    refused = await waiting.arm(**changed)
    assert refused["refused"] == code
    assert refused["detail"].endswith(".")
    assert refused | figures == refused
    if code not in ("unknown_user", "unknown_market"):
        assert refused["price_paise"] in (PRICE_PAISE, START_PAISE)
    assert await waiting.state() == before


async def test_the_present_price_is_crossed_and_a_paisa_beyond_is_not(waiting: Waiting) -> None:
    for kind, beyond in (("stop_loss", -1), ("take_profit", 1)):
        refused = await waiting.arm(kind=kind, trigger=PRICE_PAISE)
        assert (refused["refused"], refused["price_paise"]) == ("trigger_crossed", PRICE_PAISE)
        assert (await waiting.arm(kind=kind, trigger=PRICE_PAISE + beyond))["status"] == "armed"


async def test_the_last_reachable_price_is_taken(waiting: Waiting) -> None:
    assert (await waiting.arm(kind="take_profit", trigger=HIGHEST_PAISE))["status"] == "armed"
    assert (await waiting.arm(trigger=1_000))["status"] == "armed"


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("update betjee.users set status = 'frozen' where exchange_id = $1", "user_frozen"),
        ("update betjee.users set status = 'banned' where exchange_id = $1", "user_banned"),
        ("update betjee.users set registered_at = null where exchange_id = $1", "not_registered"),
        ("update betjee.markets set status = 'settled' where exchange_id = $1", "market_settled"),
    ],
)
async def test_refusals_that_come_from_elsewhere(
    waiting: Waiting, connection_owner: asyncpg.Connection, statement: str, code: str
) -> None:
    await connection_owner.execute(statement, waiting.exchange_id)
    assert (await waiting.arm())["refused"] == code


async def test_the_very_same_order_waits_once(waiting: Waiting) -> None:
    first = await waiting.arm(shares=10)
    assert (await waiting.arm(shares=10))["refused"] == "duplicate_stop"
    assert (await waiting.arm(shares=11))["status"] == "armed"
    assert (await waiting.arm(shares=10, trigger=1_499))["status"] == "armed"
    assert (await waiting.arm(shares=10, kind="take_profit", trigger=1_900))["status"] == "armed"
    await waiting.call("cancel_stop", waiting.user(LONG), first["stop_id"])
    assert (await waiting.arm(shares=10))["status"] == "armed"


async def test_so_many_wait_and_no_more(waiting: Waiting, connection_owner: asyncpg.Connection) -> None:
    await connection_owner.execute(
        """update betjee.exchanges set settings = settings || '{"max_armed_stops": 3}' where exchange_id = $1""",
        waiting.exchange_id,
    )
    for shares in (1, 2, 3):
        assert (await waiting.arm(shares=shares))["armed_count"] == shares
    refused = await waiting.arm(shares=4)
    assert (refused["refused"], refused["armed_count"], refused["armed_limit"]) == ("too_many_stops", 3, 3)
    assert (await waiting.arm(SHORT))["status"] == "armed", "the limit is each member's own"
    await waiting.call("cancel_stops", waiting.user(LONG))
    assert (await waiting.arm(shares=4))["armed_count"] == 1


@pytest.mark.parametrize("changed", [{"kind": None}, {"kind": "trailing"}, {"trigger": None}])
async def test_what_no_front_end_sends_is_an_exception(waiting: Waiting, changed: dict[str, Any]) -> None:
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await waiting.arm(**changed)


async def halt(owner: asyncpg.Connection, exchange_id: int, until: str) -> None:
    await owner.execute(
        f"update betjee.markets set status = 'halted', halted_until = {until} where exchange_id = $1 and code = '22s1'",
        exchange_id,
    )


async def test_orders_are_given_listed_and_cancelled_in_a_halted_market(
    waiting: Waiting, connection_owner: asyncpg.Connection
) -> None:
    await halt(connection_owner, waiting.exchange_id, "clock_timestamp() + interval '1 minute'")
    armed = await waiting.arm()
    (listed,) = await waiting.listing("list_stops", waiting.user(LONG))
    assert (armed["halted"], listed["halted"]) == (True, True)
    assert armed["halted_until"] == listed["halted_until"] is not None
    market = (await waiting.listing("list_markets"))[0]
    assert (market["status"], market["halted_until"]) == ("halted", armed["halted_until"])
    assert (await waiting.call("cancel_stop", waiting.user(LONG), armed["stop_id"]))["status"] == "cancelled"


async def test_a_halt_that_is_over_is_not_shown_and_one_without_an_end_is(
    waiting: Waiting, connection_owner: asyncpg.Connection
) -> None:
    await waiting.arm()
    for until, status, halted in (
        ("clock_timestamp() - interval '1 s'", "open", False),
        ("null", "halted", True),
    ):
        await halt(connection_owner, waiting.exchange_id, until)
        (listed,) = await waiting.listing("list_stops", waiting.user(LONG))
        assert (listed["halted"], listed["halted_until"]) == (halted, None)
        market = (await waiting.listing("list_markets"))[0]
        assert (market["status"], market["halted_until"]) == (status, None)


async def test_a_cool_down_is_shown_for_the_direction_it_bars(
    waiting: Waiting, connection_owner: asyncpg.Connection
) -> None:
    await waiting.arm()
    cool = "update betjee.positions set cooldown_sign = $2, cooldown_until = clock_timestamp() + $3 * interval '1 s' where exchange_id = $1"
    for sign, seconds, shown in ((-1, 60, True), (1, 60, False), (-1, -1, False)):
        await connection_owner.execute(cool, waiting.exchange_id, sign, seconds)
        (listed,) = await waiting.listing("list_stops", waiting.user(LONG))
        assert (listed["cooldown_until"] is not None) == shown


async def test_what_is_listed_is_ones_own_what_waits_and_no_more_than_is_held(waiting: Waiting) -> None:
    assert await waiting.listing("list_stops", waiting.user(LONG)) == []
    first, second = await waiting.arm(), await waiting.arm(kind="take_profit", trigger=2_000, shares=10)
    await waiting.arm(SHORT)
    sale = Ask(3, waiting.user(LONG), "22s1", "sell", 60, confirmed=True)
    await execute(waiting.service, waiting.exchange_id, [sale])
    listed = await waiting.listing("list_stops", waiting.user(LONG))
    assert [(stop["stop_id"], stop["shares"]) for stop in listed] == [
        (first["stop_id"], 40),
        (second["stop_id"], 10),
    ]
    portfolio = await waiting.document("get_portfolio", waiting.exchange_id, waiting.user(LONG))
    assert [position["waiting_orders"] for position in portfolio["positions"]] == [2]


async def test_a_cancelled_order_waits_no_more_and_is_cancelled_once(waiting: Waiting) -> None:
    stop_id = (await waiting.arm())["stop_id"]
    sequence, _ = await waiting.state()
    cancelled = await waiting.call("cancel_stop", waiting.user(LONG), stop_id)
    assert (cancelled["stop_id"], cancelled["status"]) == (stop_id, "cancelled")
    assert await waiting.state() == (sequence + 1, 0)
    again = await waiting.call("cancel_stop", waiting.user(LONG), stop_id)
    assert (again["refused"], again["status"]) == ("stop_ended", "cancelled")
    assert await waiting.state() == (sequence + 1, 0)


@pytest.mark.parametrize("status", ["filled", "lapsed", "failed"])
async def test_an_order_that_ended_otherwise_says_how(
    waiting: Waiting, connection_owner: asyncpg.Connection, status: str
) -> None:
    stop_id = (await waiting.arm())["stop_id"]
    await connection_owner.execute(
        "update betjee.stop_losses set status = $2::text, ended_at = clock_timestamp(),"
        " code = case when $2::text = 'failed' then 'market_dry' end where exchange_id = $1",
        waiting.exchange_id,
        status,
    )
    refused = await waiting.call("cancel_stop", waiting.user(LONG), stop_id)
    assert (refused["refused"], refused["status"]) == ("stop_ended", status)
    assert await waiting.listing("list_stops", waiting.user(LONG)) == []


async def test_nobody_cancels_anothers_order_or_learns_of_it(waiting: Waiting) -> None:
    stop_id = (await waiting.arm())["stop_id"]
    anothers = await waiting.call("cancel_stop", waiting.user(SHORT), stop_id)
    nobodys = await waiting.call("cancel_stop", waiting.user(SHORT), 10**9)
    assert anothers == nobodys
    assert anothers["refused"] == "unknown_stop"
    assert (await waiting.call("cancel_stops", waiting.user(SHORT))) == {"count": 0, "stops": []}
    assert (await waiting.state())[1] == 1


async def test_all_of_ones_orders_are_cancelled_at_once_suspended_ones_too(
    waiting: Waiting, connection_owner: asyncpg.Connection
) -> None:
    mine = [(await waiting.arm(shares=shares))["stop_id"] for shares in (1, 2, 3)]
    await waiting.arm(SHORT)
    await connection_owner.execute(
        "update betjee.stop_losses set status = 'suspended' where exchange_id = $1 and stop_id = $2",
        waiting.exchange_id,
        mine[1],
    )
    sequence, _ = await waiting.state()
    cancelled = await waiting.call("cancel_stops", waiting.user(LONG))
    assert cancelled["count"] == 3
    assert [stop["stop_id"] for stop in cancelled["stops"]] == mine
    assert {stop["status"] for stop in cancelled["stops"]} == {"cancelled"}
    assert await waiting.state() == (sequence + 1, 1)
    assert await waiting.call("cancel_stops", waiting.user(LONG)) == {"count": 0, "stops": []}
    assert await waiting.state() == (sequence + 1, 1), "nothing changed, so nothing is numbered"


async def test_a_suspended_order_is_cancelled(waiting: Waiting, connection_owner: asyncpg.Connection) -> None:
    stop_id = (await waiting.arm())["stop_id"]
    await connection_owner.execute(
        "update betjee.stop_losses set status = 'suspended' where exchange_id = $1", waiting.exchange_id
    )
    assert (await waiting.call("cancel_stop", waiting.user(LONG), stop_id))["status"] == "cancelled"


async def test_the_same_request_again_gives_the_first_answer(waiting: Waiting) -> None:
    armed = await waiting.arm(request_id=500)
    cancelled = await waiting.call("cancel_stop", waiting.user(LONG), armed["stop_id"], request_id=501)
    await waiting.arm()
    swept = await waiting.call("cancel_stops", waiting.user(LONG), request_id=502)
    before = await waiting.state()
    assert await waiting.arm(request_id=500) == armed
    assert (
        await waiting.call("cancel_stop", waiting.user(LONG), armed["stop_id"], request_id=501) == cancelled
    )
    assert await waiting.call("cancel_stops", waiting.user(LONG), request_id=502) == swept
    assert swept["count"] == 1
    assert await waiting.state() == before
    for changed in (
        {"kind": "take_profit"},
        {"market": "22s2"},
        {"trigger": 1_499},
        {"shares": 1},
        {"bps": 1},
    ):
        assert (await waiting.arm(request_id=500, **changed))["refused"] == "request_reused"
    assert (await waiting.arm(request_id=501))["refused"] == "request_reused"


async def test_one_request_sent_twenty_times_at_once_is_one_order(
    waiting: Waiting,
    connection_owner: asyncpg.Connection,
    watcher: asyncpg.Connection,
    sessions: list[asyncpg.Connection],
) -> None:
    async with asyncio.TaskGroup() as group, holding_exchange(connection_owner, waiting.exchange_id):
        fronts = [Waiting(session, waiting.founded) for session in sessions[:20]]
        answers = [group.create_task(front.arm(request_id=900)) for front in fronts]
        await wait_for_waiting(watcher, "arm_stop", 20)
    assert len({answer.result()["stop_id"] for answer in answers}) == 1
    assert (await waiting.state())[1] == 1


async def test_of_many_who_cancel_at_once_one_does(
    waiting: Waiting,
    connection_owner: asyncpg.Connection,
    watcher: asyncpg.Connection,
    sessions: list[asyncpg.Connection],
) -> None:
    stop_id = (await waiting.arm())["stop_id"]
    sequence, _ = await waiting.state()
    async with asyncio.TaskGroup() as group, holding_exchange(connection_owner, waiting.exchange_id):
        answers = []
        for number, session in enumerate(sessions[:20]):
            front = Waiting(session, waiting.founded)
            call = front.call("cancel_stop", waiting.user(LONG), stop_id, request_id=900 + number)
            answers.append(group.create_task(call))
        await wait_for_waiting(watcher, "cancel_stop", 20)
    codes = Counter(answer.result().get("refused", "cancelled") for answer in answers)
    assert codes == {"cancelled": 1, "stop_ended": 19}
    assert await waiting.state() == (sequence + 1, 0)


@pytest.mark.parametrize(
    ("user", "kind", "prices"),
    [
        (LONG, "stop_loss", (95, 90, 80)),
        (LONG, "take_profit", (105, 110, 120)),
        (SHORT, "stop_loss", (105, 110, 120)),
        (SHORT, "take_profit", (95, 90, 80)),
        (2, "stop_loss", (95, 90, 80)),
    ],
)
async def test_suggested_triggers_are_on_the_right_side_and_can_be_armed(
    waiting: Waiting, user: int, kind: str, prices: tuple[int, ...]
) -> None:
    offered = await waiting.listing("suggest_triggers", waiting.user(user), "22s1", kind, None)
    assert [(item["trigger_price_paise"], item["code"]) for item in offered] == [
        ((PRICE_PAISE * percent + 50) // 100, None) for percent in prices
    ]
    assert [round(item["change_bps"] / 100) for item in offered] == [percent - 100 for percent in prices]
    for item in offered:
        if user != 2:
            armed = await waiting.arm(user, kind=kind, trigger=item["trigger_price_paise"])
            assert armed["status"] == "armed"


@pytest.mark.parametrize(
    ("typed", "code"), [(1_234, None), (5_000, "trigger_crossed"), (999, "trigger_out_of_range")]
)
async def test_a_typed_trigger_comes_first_and_is_judged(
    waiting: Waiting, typed: int, code: str | None
) -> None:
    first, *others = await waiting.listing("suggest_triggers", waiting.user(LONG), "22s1", "stop_loss", typed)
    assert (first["trigger_price_paise"], first["code"]) == (typed, code)
    assert len(others) == 3
    assert await waiting.listing("suggest_triggers", waiting.user(LONG), "99s9", "stop_loss", typed) == []
