"""What is counted in Redis: exactly, for all processes together, and in one slot of a cluster."""

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from exchange.limits import RateLimits
from runtime.limits import Budget, Caller, Limits, Network, Reason
from runtime.limits.budgets import demand_of
from runtime.limits.limits import SETTINGS_SECONDS
from runtime.limits.shared import PREFIX, keys_of
from tests.conftest import PATIENT_SECONDS
from tests.limits.conftest import Clock, OwnValkey, pass_time
from tests.limits.counting import ASHA, EXCHANGE, RAVI, TEN_AT_ONCE, admitted, trade

ROOT = Path(__file__).parents[2]
HOSTEL = b"\x17" * 32


def in_hostel(number: int, *, suspect: bool = False) -> Caller:
    return Caller(str(200 + number), HOSTEL, suspect)


async def knows(limits: Limits, settings: dict[int, RateLimits], wanted: RateLimits) -> None:
    """The limits have heard of an exchange's settings."""
    settings[EXCHANGE] = wanted
    limits._settings.get(EXCHANGE)
    await asyncio.sleep(0)


async def test_five_at_once_and_ten_within_any_minute(limits: Limits, redis: Redis):
    *fine, sixth = await trade(limits, times=6)
    assert all(ruling.is_admitted for ruling in fine)
    assert sixth.reason is Reason.MEMBER
    assert 0 < sixth.wait_seconds <= 10
    await pass_time(redis, 10)
    *fine, eleventh = await trade(limits, times=6)
    assert all(ruling.is_admitted for ruling in fine)
    assert eleventh.reason is Reason.MEMBER
    assert 40 < eleventh.wait_seconds <= 50, "until the first five are a minute old"
    await pass_time(redis, eleventh.wait_seconds)
    assert await admitted(limits) == 5


async def test_who_comes_when_told_is_admitted_and_a_moment_earlier_not(limits: Limits, redis: Redis):
    *_, refused = await trade(limits, times=6)
    await pass_time(redis, refused.wait_seconds - 1)
    assert await admitted(limits, times=1) == 0
    await pass_time(redis, 1)
    assert await admitted(limits, times=1) == 1


async def test_a_refused_trade_uses_up_nothing(limits: Limits, redis: Redis):
    assert await admitted(limits, times=100) == 5
    await pass_time(redis, 10)
    assert await admitted(limits) == 5


async def test_members_and_exchanges_and_budgets_do_not_share(limits: Limits):
    assert await admitted(limits, ASHA) == 5
    assert await admitted(limits, RAVI) == 5
    elsewhere = [await limits.check(Budget.TRADES, EXCHANGE + 1, ASHA) for _ in range(6)]
    assert [ruling.is_admitted for ruling in elsewhere] == [True] * 5 + [False]
    assert (await limits.check(Budget.READS, EXCHANGE, ASHA)).is_admitted


@pytest.mark.parametrize(
    ("budget", "places"),
    [(Budget.READS, 60), (Budget.QUOTES, 120), (Budget.SIGN_UPS, 10), (Budget.MODERATION, 30)],
)
async def test_each_budget_has_its_places_within_any_minute(
    limits: Limits, redis: Redis, budget: Budget, places: int
):
    *fine, refused = [await limits.check(budget, EXCHANGE, ASHA) for _ in range(places + 1)]
    assert all(ruling.is_admitted for ruling in fine)
    assert refused.reason is Reason.MEMBER
    assert 0 < refused.wait_seconds <= 60
    await pass_time(redis, 60)
    assert (await limits.check(budget, EXCHANGE, ASHA)).is_admitted


async def test_sign_ups_are_counted_by_network_where_it_is_known(limits: Limits):
    rulings = [await limits.check(Budget.SIGN_UPS, EXCHANGE, in_hostel(number)) for number in range(11)]
    assert [ruling.is_admitted for ruling in rulings] == [True] * 10 + [False]
    assert (await limits.check(Budget.SIGN_UPS, EXCHANGE, Caller("300", b"\x18" * 32))).is_admitted


async def test_asking_for_a_link_takes_no_place_from_those_who_sign_up(valkey: OwnValkey):
    async def settings_of(_exchange_id: int) -> RateLimits:
        return RateLimits()

    async def network_of(_exchange_id: int, _user: str) -> Network | None:
        return Network(HOSTEL)

    limits = Limits(valkey.url, settings_of, network_of, answer_seconds=PATIENT_SECONDS)
    async with contextlib.aclosing(limits):
        await limits.look()
        await limits.check_member(Budget.READS, EXCHANGE, "mallory")
        assert limits._networks.get((EXCHANGE, "mallory")) == Network(HOSTEL)
        asked = [await limits.check_member(Budget.SIGN_UPS, EXCHANGE, "mallory") for _ in range(11)]
        assert [ruling.is_admitted for ruling in asked] == [True] * 10 + [False]
        assert (await limits.check(Budget.SIGN_UPS, EXCHANGE, Caller("page", HOSTEL))).is_admitted


async def test_a_network_gives_120_a_minute_and_each_member_keeps_two(limits: Limits):
    bots = [in_hostel(number) for number in range(30)]
    fills = [await admitted(limits, bot, 6) for bot in bots]
    assert fills == [5] * 24 + [2] * 6
    refused = (await trade(limits, bots[-1]))[0]
    assert refused.reason is Reason.NETWORK
    assert 0 < refused.wait_seconds <= 60
    assert await admitted(limits, ASHA) == 5, "whose network is not known"


async def test_a_suspect_network_gives_ten_and_each_member_keeps_two(limits: Limits):
    bots = [in_hostel(number, suspect=True) for number in range(5)]
    assert [await admitted(limits, bot) for bot in bots] == [5, 5, 2, 2, 2]


async def test_what_a_member_keeps_comes_back_each_minute_however_the_others_trade(
    limits: Limits, redis: Redis
):
    bots = [in_hostel(number, suspect=True) for number in range(5)]
    honest = in_hostel(9, suspect=True)
    for _ in range(3):
        for bot in bots:
            await admitted(limits, bot)
        assert await admitted(limits, honest) == 2, "and trying on and on takes nothing of the next minute"
        await pass_time(redis, 60)


async def test_a_trade_over_ones_own_limit_takes_nothing_from_the_network(limits: Limits):
    await admitted(limits, in_hostel(0), 500)
    others = [in_hostel(number) for number in range(1, 24)]
    assert sum([await admitted(limits, other, 5) for other in others]) == 115


async def test_a_race_is_won_by_five(limits: Limits):
    rulings = await asyncio.gather(*(trade(limits) for _ in range(200)))
    assert sum(ruling.is_admitted for (ruling,) in rulings) == 5


async def test_a_changed_setting_counts_at_once_for_what_was_done_before(
    limits: Limits, settings: dict[int, RateLimits], clock: Clock
):
    await knows(limits, settings, TEN_AT_ONCE)
    assert await admitted(limits, times=8) == 8
    clock.now += SETTINGS_SECONDS
    await knows(limits, settings, RateLimits(user_trades_per_minute=9, user_trade_burst=9))
    assert await admitted(limits) == 1


async def test_settings_are_asked_for_once_in_a_while(
    limits: Limits, settings: dict[int, RateLimits], clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    asked: list[int] = []

    async def settings_of(exchange_id: int) -> RateLimits:
        asked.append(exchange_id)
        return RateLimits()

    monkeypatch.setattr(limits._settings, "_load", settings_of)
    await trade(limits, times=20)
    assert asked == [EXCHANGE]
    clock.now += SETTINGS_SECONDS
    await trade(limits, times=20)
    assert asked == [EXCHANGE] * 2


async def test_settings_that_cannot_be_read_stay_as_they_were(
    limits: Limits, settings: dict[int, RateLimits], clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    async def broken(_exchange_id: int) -> RateLimits:
        raise OSError

    await knows(limits, settings, TEN_AT_ONCE)
    monkeypatch.setattr(limits._settings, "_load", broken)
    clock.now += SETTINGS_SECONDS
    assert await admitted(limits) == 10


def test_two_processes_count_together(valkey: OwnValkey):
    command = [sys.executable, "-m", "tests.limits.counter_process", valkey.url]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [is_shared for _, is_shared in said] == ["True", "True"]
    assert sum(int(count) for count, _ in said) == 10


async def test_a_redis_that_has_forgotten_the_script_is_taught_it_again(limits: Limits, redis: Redis):
    await trade(limits)
    await redis.script_flush()
    assert await admitted(limits) == 4
    assert limits.state.is_shared


async def test_nothing_is_kept_longer_than_it_counts(limits: Limits, redis: Redis):
    await trade(limits, in_hostel(0))
    for budget in Budget:
        await limits.check(budget, EXCHANGE, ASHA)
    keys = [key async for key in redis.scan_iter("*")]
    assert len(keys) == 7
    assert all(key.startswith(f"{PREFIX}:".encode()) for key in keys)
    assert all([0 < await redis.ttl(key) <= 60 for key in keys])


def test_what_is_judged_together_lies_in_one_slot_and_exchanges_in_many():
    slots = set()
    for exchange_id in range(1, 50):
        demand = demand_of(Budget.TRADES, exchange_id, in_hostel(0), RateLimits())
        keys = keys_of(demand)
        assert len(keys) == 2
        assert len({key_slot(key) for key in keys}) == 1
        slots.add(key_slot(keys[0]))
    assert len(slots) > 40
