"""Random histories with moderators in them: whoever is frozen, banned, wiped or leaves, the rest agrees to the paisa."""

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.exchange.histories import (
    WINDOW_PASSES,
    Attempt,
    Intent,
    Setting,
    Step,
    attempts,
    rarely,
    settings_of_a_history,
)
from tests.exchange.test_random_histories import assert_same_state
from tests.exchange.test_random_stops import (
    Arming,
    Cancelling,
    arm,
    armings,
    assert_same_stops,
    cancel,
    trade,
)
from tests.model.curve import Terms
from tests.model.founding import Founded, found, pass_window
from tests.model.invariants import discrepancies
from tests.model.judgement import Rules


@dataclass(frozen=True)
class Act:
    """Something that the moderator does to one of three members."""

    verb: Literal["freeze", "unfreeze", "ban", "unban"]
    user: int


@dataclass(frozen=True)
class Wiping:
    """A wipe of some of them."""

    users: frozenset[int]
    mode: Literal["burn", "unwind"]


@dataclass(frozen=True)
class Undoing:
    """The oldest wipe that is planned is undone."""


@dataclass(frozen=True)
class Leaving:
    """A member deletes themselves."""

    user: int


Event = Step | Arming | Cancelling | Act | Wiping | Undoing | Leaving

USERS = st.integers(0, 2)


def moderated_histories() -> st.SearchStrategy[list[Event]]:
    """Trading, waiting orders and pauses, and now and then an act."""
    batch: st.SearchStrategy[Event] = st.lists(attempts(), max_size=8).map(tuple)
    acts: st.SearchStrategy[Event] = st.one_of(
        st.builds(Act, st.sampled_from(["freeze", "unfreeze", "ban", "unban"]), USERS),
        st.builds(Wiping, st.frozensets(USERS, min_size=1, max_size=2), st.sampled_from(["burn", "unwind"])),
        st.just(Undoing()),
        st.builds(Leaving, USERS),
    )
    pause: st.SearchStrategy[Event] = st.just(WINDOW_PASSES)
    waiting: st.SearchStrategy[Event] = armings()
    return st.lists(
        batch | batch | waiting | rarely(acts, batch, odds=2) | rarely(pause, batch, odds=2), max_size=24
    )


def identity_hash(user_id: int) -> bytes:
    return hashlib.sha256(str(user_id).encode()).digest()


@given(setting=settings_of_a_history(), steps=moderated_histories(), undo_seconds=st.sampled_from([0, 600]))
async def test_whatever_moderators_do_the_survivors_are_those_of_the_model(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    setting: Setting,
    steps: list[Event],
    undo_seconds: int,
) -> None:
    founded = await found_with_moderator(connection_owner, setting, undo_seconds)
    await live_through(connection_owner, connection_service, founded, steps)


@pytest.mark.parametrize("seed", range(24))
async def test_crowded_histories_are_those_of_the_model(
    connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection, seed: int
) -> None:
    chance = random.Random(seed)
    markets = {
        code: Terms(**CROWDED, pricing=chance.choice(["integral", "average"])) for code in ("21s1", "22s1")
    }
    rules = Rules(
        max_order_shares=1_000_000, band_bps=chance.choice([3_000, 1_000_000_000]), max_armed_stops=100
    )
    founded = await found_with_moderator(
        connection_owner, Setting(markets, rules, (30_000_000,) * 6), chance.choice([0, 600])
    )
    steps = [crowded_step(chance) for _ in range(90)]
    await live_through(connection_owner, connection_service, founded, steps)
    failed = "select failure from betjee.wipes where exchange_id = $1 and status = 'failed'"
    assert await connection_owner.fetch(failed, founded.exchange_id) == []


INTENTS: Sequence[Intent] = ("rise", "fall")
STOP_KINDS: Sequence[Literal["stop_loss", "take_profit"]] = ("stop_loss", "take_profit")
VERBS: Sequence[Literal["freeze", "unfreeze", "ban", "unban"]] = (
    "freeze",
    "unfreeze",
    "unfreeze",
    "ban",
    "unban",
    "unban",
)
MODES: Sequence[Literal["burn", "unwind"]] = ("burn", "unwind", "unwind")
CROWDED: dict[str, Any] = {"total_shares_cap": 500, "max_tradable_shares": 400, "min_market_shares": 20}


def crowded_step(chance: random.Random) -> Event:
    """Something that happens among six members who all hold something and let orders wait."""
    user, market = chance.randrange(6), chance.choice(["21s1", "22s1"])
    kinds: list[Callable[[], Event]] = [
        lambda: _batch(chance, market),
        lambda: Arming(
            user,
            market,
            chance.choice(STOP_KINDS),
            chance.choice([chance.randint(70, 99), chance.randint(101, 140)]),
            chance.choice([None, chance.randint(1, 30)]),
        ),
        lambda: WINDOW_PASSES,
        lambda: Act(chance.choice(VERBS), user),
        lambda: Wiping(frozenset({user, chance.randrange(6)}), chance.choice(MODES)),
        Undoing,
        lambda: Leaving(user),
    ]
    return chance.choices(kinds, [30, 30, 10, 14, 5, 1, 2])[0]()


def _batch(chance: random.Random, market: str) -> Event:
    return tuple(
        Attempt(chance.randrange(6), market, chance.choice(INTENTS), chance.randint(1, 50))
        for _ in range(chance.randint(1, 8))
    )


async def live_through(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    founded: Founded,
    steps: list[Event],
) -> None:
    """Do everything in the database and in the model, and compare all that is left."""
    for number, step in enumerate(steps, start=1):
        if step == WINDOW_PASSES:
            await pass_window(connection_owner, founded)
        elif isinstance(step, Arming):
            await arm(connection_service, founded, step, number)
        elif isinstance(step, Cancelling):
            await cancel(connection_service, founded, step, number)
        elif isinstance(step, tuple):
            await trade(connection_service, founded, step, number)
        else:
            await act(connection_service, founded, step, number)
            await assert_same_state(connection_owner, founded)
            assert (
                await connection_service.fetch("select betjee.audit_exchange($1)", founded.exchange_id) == []
            )
    await assert_same_state(connection_owner, founded)
    await assert_same_stops(connection_owner, founded)
    assert await discrepancies(connection_owner, founded.exchange_id) == []
    assert await connection_service.fetch("select betjee.audit_exchange($1)", founded.exchange_id) == []
    await assert_past_is_remembered(connection_service, founded)


async def found_with_moderator(owner: asyncpg.Connection, setting: Setting, undo_seconds: int) -> Founded:
    """The exchange of a history; the last of its users owns it."""
    founded = await found(owner, (*setting.cash_paise, 2_000_000), setting.markets, setting.rules)
    founded.model.rules = founded.model.rules.__class__(
        **{**founded.model.rules.__dict__, "wipe_undo_seconds": undo_seconds}
    )
    await owner.execute(
        "update betjee.exchanges set settings = settings || jsonb_build_object('wipe_undo_seconds', $2::bigint)"
        " where exchange_id = $1",
        founded.exchange_id,
        undo_seconds,
    )
    await owner.execute(
        "insert into betjee.moderators values ($1, $2, 'owner', clock_timestamp())",
        founded.exchange_id,
        founded.users[-1],
    )
    # Without a hash they would lift no ban of somebody who is gone, since it might be their own.
    await owner.execute(
        "insert into betjee.accounts (exchange_id, provider, provider_user_id, user_id, identity_hash)"
        " values ($1, 'test', $2, $3, $4)",
        founded.exchange_id,
        str(founded.users[-1]),
        founded.users[-1],
        identity_hash(founded.users[-1]),
    )
    return founded


async def act(service: asyncpg.Connection, founded: Founded, event: Event, number: int) -> None:
    """Do it, in the database and in the model."""
    model, request_id, moderator = founded.model, 20_000 + number, founded.users[-1]

    async def call(function: str, *arguments: object) -> str | None:
        places = ", ".join(f"${place}" for place in range(1, len(arguments) + 3))
        answer = await service.fetchval(
            f"select betjee.{function}({places})", founded.exchange_id, request_id, *arguments
        )
        code: str | None = json.loads(answer).get("refused")
        return code

    match event:
        case Act("freeze", user):
            user_id = founded.users[user]
            assert await call("freeze_user", moderator, user_id, "Odd.") == model.freeze(user_id)
        case Act("unfreeze", user):
            user_id = founded.users[user]
            assert await call("unfreeze_user", moderator, user_id) == model.unfreeze(user_id)
        case Act("ban", user):
            user_id = founded.users[user]
            expected = model.ban(user_id)
            assert (
                await call("ban_user", moderator, user_id, identity_hash(user_id), "Odd.", None) == expected
            )
        case Act("unban", user) if founded.users[user] in model.banned:
            ban_id = model.banned[founded.users[user]]
            assert await call("unban", moderator, ban_id) is None
            model.unban(founded.users[user])
        case Wiping(users, mode):
            chosen = [founded.users[user] for user in users]
            hashes = [identity_hash(user) for user in chosen]
            expected = model.plan_wipe(chosen, mode)
            assert await call("plan_wipe", moderator, chosen, hashes, mode, "Bots.") == expected
        case Undoing() if model.wipes:
            wipe = model.wipes[0]
            assert await call("undo_wipe", moderator, wipe.wipe_id) is None
            model.undo_wipe(wipe)
        case Leaving(user):
            user_id = founded.users[user]
            assert await call("delete_user", user_id, identity_hash(user_id)) == model.delete(user_id)


async def assert_past_is_remembered(service: asyncpg.Connection, founded: Founded) -> None:
    """A rebuild as of any sequence gives every survivor what the model remembers of them."""
    model = founded.model
    started = len(founded.users)
    for at in range(started, model.sequence + 1, max(1, (model.sequence - started) // 6)):
        rows = await service.fetch("select * from betjee.replayed_state($1, $2)", founded.exchange_id, at)
        figures: dict[tuple[str, str], dict[str, Any]] = {
            (row["kind"], row["name"]): json.loads(row["figures"]) for row in rows if row["figures"]
        }
        expected: dict[tuple[str, str], dict[str, Any]] = {}
        for user_id in model.members:
            past = [memory for memory in model.memory.get(user_id, []) if memory.sequence <= at]
            cash = past[-1].cash_paise if past else founded.cash_paise[user_id]
            reserved = past[-1].reserved_paise if past else 0
            expected["user", str(user_id)] = {"cash_paise": cash, "reserved_paise": reserved}
            for code, held in (past[-1].holdings if past else {}).items():
                names = ("shares", "basis_paise", "realised_paise", "taxes_paise")
                expected["position", f"{user_id} in {code}"] = dict(zip(names, held, strict=True))
        assert {key: figure for key, figure in figures.items() if key[0] in ("user", "position")} == expected
        assert await service.fetch("select betjee.check_moment($1, $2)", founded.exchange_id, at) == []
