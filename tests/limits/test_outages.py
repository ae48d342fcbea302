"""Redis stops, hangs, and comes back: what goes on, what waits, and what is said of it."""

import asyncio
import logging

import pytest
from redis.asyncio import Redis

from exchange.limits import RateLimits
from runtime.limits import Budget, Caller, Limits, Reason, alone
from runtime.limits.alone import CountsAlone
from runtime.limits.budgets import demand_of
from runtime.limits.outages import RETRY_SECONDS
from tests.limits.conftest import Clock, OwnValkey
from tests.limits.counting import ASHA, EXCHANGE, RAVI, admitted, trade

HOW = pytest.mark.parametrize("how", ["stopped", "frozen"])


@pytest.fixture
def answer_seconds() -> float:
    """Short, since each test waits for it in vain; long enough for the answers that come."""
    return 0.5


@pytest.fixture
def asked(limits: Limits, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What has been asked of Redis."""
    asked: list[object] = []
    take = limits._shared.take

    async def noted(demand: object) -> object:
        asked.append(demand)
        return await take(demand)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(limits._shared, "take", noted)
    return asked


async def lose(limits: Limits, valkey: OwnValkey, how: str) -> None:
    """Take Redis away, as one member notices first."""
    assert (await limits.check(Budget.READS, EXCHANGE, RAVI)).is_admitted
    assert limits.state.is_shared
    valkey.go_away(how)
    assert (await limits.check(Budget.READS, EXCHANGE, RAVI)).is_admitted
    await found_out(limits)
    assert not limits.state.is_shared


async def found_out(limits: Limits) -> None:
    """A probe that is under way has ended."""
    if limits._outages._probe is not None:
        await asyncio.wait([limits._outages._probe])


@HOW
async def test_trades_go_on_half_as_many(limits: Limits, valkey: OwnValkey, how: str):
    await lose(limits, valkey, how)
    *fine, third = await trade(limits, times=3)
    assert all(ruling.is_admitted for ruling in fine)
    assert third.reason is Reason.MEMBER
    assert 0 < third.wait_seconds <= 10
    bots = [Caller(str(number), b"\x17" * 32) for number in range(40)]
    assert [await admitted(limits, bot, 2) for bot in bots] == [2] * 40, "each keeps two"


@HOW
async def test_reads_and_quotes_go_on_as_usual(limits: Limits, valkey: OwnValkey, how: str):
    await lose(limits, valkey, how)
    for budget, places in ((Budget.READS, 60), (Budget.QUOTES, 120)):
        rulings = [await limits.check(budget, EXCHANGE, ASHA) for _ in range(places + 1)]
        assert [ruling.is_admitted for ruling in rulings] == [True] * places + [False]
        assert 0 < rulings[-1].wait_seconds <= 60


@HOW
async def test_signing_up_and_moderating_wait(limits: Limits, valkey: OwnValkey, how: str):
    await lose(limits, valkey, how)
    for budget in (Budget.SIGN_UPS, Budget.MODERATION):
        ruling = await limits.check(budget, EXCHANGE, ASHA)
        assert ruling.reason is Reason.AWAY
        assert ruling.wait_seconds > 0


@HOW
async def test_nobody_waits_for_a_redis_that_is_away(
    limits: Limits, valkey: OwnValkey, clock: Clock, asked: list[object], how: str
):
    await lose(limits, valkey, how)
    assert len(asked) == 2
    for _ in range(3):
        await asyncio.gather(*(trade(limits, Caller(str(number))) for number in range(50)))
        clock.now += RETRY_SECONDS
    assert len(asked) == 2, "who finds it away once a second is a probe, not a member"
    await found_out(limits)
    assert not limits.state.is_shared


@HOW
async def test_a_late_answer_is_no_outage(
    limits: Limits, valkey: OwnValkey, caplog: pytest.LogCaptureFixture, how: str
):
    await trade(limits)
    if how == "frozen":
        valkey.freeze()
        assert await admitted(limits, RAVI) == 2, "nobody waits while it is in doubt"
        valkey.thaw()
    else:
        limits._outages.doubt(TimeoutError())
    await found_out(limits)
    assert await admitted(limits) == 4
    assert limits.state.is_shared
    assert caplog.records == []


@HOW
async def test_it_heals_by_itself_and_begins_and_ends_are_logged_once(
    limits: Limits, valkey: OwnValkey, clock: Clock, caplog: pytest.LogCaptureFixture, how: str
):
    caplog.set_level(logging.INFO, "runtime.limits")
    await lose(limits, valkey, how)
    for _ in range(3):
        clock.now += RETRY_SECONDS
        await trade(limits)
        await found_out(limits)
    assert [record.getMessage().split("(")[0] for record in caplog.records] == ["Redis does not answer "]
    assert limits.state.reason
    caplog.clear()
    valkey.come_back()
    clock.now += RETRY_SECONDS
    assert (await limits.check(Budget.SIGN_UPS, EXCHANGE, ASHA)).is_admitted
    assert limits.state.is_shared
    assert await admitted(limits, RAVI) == 5
    assert [record.getMessage().split(" after")[0] for record in caplog.records] == ["Redis answers again"]


@HOW
async def test_all_who_are_caught_at_once_go_on_and_leave_nothing_behind(
    limits: Limits, valkey: OwnValkey, clock: Clock, how: str
):
    await trade(limits)
    valkey.go_away(how)
    callers = [Caller(str(number)) for number in range(300)]
    rulings = await asyncio.gather(*(trade(limits, caller) for caller in callers))
    assert all(ruling.is_admitted for (ruling,) in rulings)
    assert limits._shared._script.is_idle
    await found_out(limits)
    valkey.come_back()
    clock.now += RETRY_SECONDS
    assert (await limits.look()).is_shared
    # Few enough that a machine which others keep busy does not take itself for an outage.
    callers = [Caller(f"later {number}") for number in range(30)]
    assert await asyncio.gather(*(admitted(limits, caller, 6) for caller in callers)) == [5] * len(callers)
    assert limits.state.is_shared


@HOW
async def test_a_health_check_sees_it_where_nobody_acts(
    limits: Limits, valkey: OwnValkey, clock: Clock, how: str
):
    assert (await limits.look()).is_shared
    valkey.go_away(how)
    state = await limits.look()
    assert not state.is_shared
    assert state.away_since is not None
    valkey.come_back()
    clock.now += RETRY_SECONDS
    assert (await limits.look()).is_shared


@HOW
async def test_what_was_counted_alone_is_forgotten_when_redis_is_back(
    limits: Limits, valkey: OwnValkey, clock: Clock, how: str
):
    await lose(limits, valkey, how)
    assert await admitted(limits) == 2
    valkey.come_back()
    clock.now += RETRY_SECONDS
    assert (await limits.look()).is_shared
    valkey.go_away(how)
    await limits.look()
    assert await admitted(limits) == 2


async def test_a_redis_that_is_full_is_an_outage_until_it_has_room(
    limits: Limits, redis: Redis, clock: Clock, caplog: pytest.LogCaptureFixture
):
    await trade(limits)
    await redis.config_set("maxmemory", "1")
    for _ in range(4):
        assert (await trade(limits, RAVI))[0].reason is not Reason.AWAY
        await found_out(limits)
        clock.now += RETRY_SECONDS
    assert not limits.state.is_shared
    assert len(caplog.records) == 1, "it is not told again and again that it came back and went"
    await redis.config_set("maxmemory", "0")
    assert (await limits.check(Budget.MODERATION, EXCHANGE, ASHA)).is_admitted
    assert limits.state.is_shared


async def test_counting_alone_takes_bounded_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(alone, "MOST_COUNTS", 300)
    counts = CountsAlone()
    most = 0
    for number in range(1_000):
        caller = Caller(str(number), number.to_bytes(32))
        await counts.take(demand_of(Budget.TRADES, EXCHANGE, caller, RateLimits()))
        storage = counts._storage
        most = max(
            most,
            *(len(kept) for kept in (storage.storage, storage.expirations, storage.locks, storage.events)),
        )
    assert 100 < most < 310
