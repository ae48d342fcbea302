"""The audit finds whatever is changed behind the exchange's back, and a rebuild puts it right."""

from typing import Literal

import asyncpg
import pytest

from tests.model.curve import Terms
from tests.model.founding import Founded, execute, found
from tests.model.invariants import discrepancies
from tests.model.state import Ask
from tests.sql.front import Front

DAMAGES = {
    "cash": "update betjee.users set cash_paise = cash_paise + 1 where user_id = $1 and exchange_id = $2",
    "reserved": "update betjee.users set reserved_paise = reserved_paise + 1 where user_id = $1 and exchange_id = $2",
    "a position": "update betjee.positions set shares = shares + 1 where user_id = $1 and shares > 0 and exchange_id = $2",
    "a pool": "update betjee.markets set pool_paise = pool_paise - 1 where exchange_id = $2 and $1::bigint > 0",
    "remaining shares": "update betjee.markets set remaining_shares = remaining_shares - 1 where exchange_id = $2 and $1::bigint > 0",
    "open shorts": "update betjee.markets set open_short_shares = open_short_shares + 1 where exchange_id = $2 and $1::bigint > 0",
    "the treasury": "update betjee.exchanges set treasury_paise = treasury_paise - 1 where exchange_id = $2 and $1::bigint > 0",
    "a fill's gross": "update betjee.transactions set gross_paise = gross_paise + 1 where user_id = $1 and shares = 5 and exchange_id = $2",
    "a fill's shares": "update betjee.transactions set shares = 6 where user_id = $1 and shares = 5 and exchange_id = $2",
    "a fill's tax": "update betjee.transactions set tax_paise = tax_paise + 1 where user_id = $1 and shares = 5 and exchange_id = $2",
    "a fill's position": "update betjee.transactions set position_shares = 0 where user_id = $1 and shares = 5 and exchange_id = $2",
    "a fill gone": "delete from betjee.transactions where user_id = $1 and shares = 5 and exchange_id = $2",
    "a grant": "update betjee.grants set amount_paise = amount_paise + 1 where user_id = $1 and exchange_id = $2",
}

SINGLE_ROWS = {
    "the price after it": "update betjee.transactions set price_after_paise = price_after_paise + 1 where shares = 5 and exchange_id = $1",
    "the average price": "update betjee.transactions set price_paise = price_paise + 1 where shares = 2 and exchange_id = $1",
    "the tax": "update betjee.transactions set tax_paise = tax_paise + case shares when 5 then 1 when -3 then -1 else 0 end"
    " where exchange_id = $1",
    "the gross": "update betjee.transactions set gross_paise = gross_paise + case when shares in (5, -3) then 1 else 0 end"
    " where exchange_id = $1",
    "the position after it is 6, it should be 5": "update betjee.transactions set position_shares = 6 where shares = 5 and exchange_id = $1",
    "the position after it is missing, it should be 7": "update betjee.transactions set position_shares = null"
    " where shares = 2 and exchange_id = $1",
    "are realised, by the rows": "update betjee.transactions set realised_paise = realised_paise + 1 where shares = 5 and exchange_id = $1",
    "was executed at": "update betjee.transactions set executed_at = executed_at - interval '1 second'"
    " where shares = -1 and exchange_id = $1",
    "is not registered": "update betjee.users set registered_at = null where exchange_id = $1",
    "is registered without a grant": "delete from betjee.grants where exchange_id = $1",
    "The setting band_bps is missing": "update betjee.exchanges set settings = settings - 'band_bps' where exchange_id = $1",
}
"""What must be found though the sums that it is part of may be right, by a part of its sentence."""

NUMBERED = {
    "grants": "insert into betjee.grants values ($1, 99, 1, 'signup', 0, clock_timestamp())",
    "burns": "insert into betjee.burns (exchange_id, sequence, burned_at) values ($1, 99, clock_timestamp())",
    "the moderation log": "insert into betjee.moderation_log values ($1, 99, 1, 'act', '{}', 1, clock_timestamp())",
    "reports": "insert into betjee.reports select $1, 99, min(user_id), 'text', clock_timestamp() from betjee.users"
    " where exchange_id = $1",
    "fills": "update betjee.transactions set sequence = 99 where exchange_id = $1 and sequence = 7",
}

REPAIRABLE = ("cash", "reserved", "a position", "a pool", "remaining shares", "open shorts", "the treasury")

AUDIT = "select betjee.audit_exchange($1)"


@pytest.fixture
async def traded(connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection) -> Founded:
    """An exchange in which a few trades were made."""
    return await trade(connection_owner, connection_service, Terms())


async def trade(owner: asyncpg.Connection, service: asyncpg.Connection, terms: Terms) -> Founded:
    """Buy, short, sell and cover in one market with these terms."""
    founded = await found(owner, (2_000_000, 20_000_000), {"22s1": terms})
    sides = [(0, "buy", 5), (1, "short", 3), (0, "buy", 2), (0, "sell", 1), (1, "cover", 1)]
    asks = [
        Ask(number, founded.users[user], "22s1", side, shares, confirmed=True)
        for number, (user, side, shares) in enumerate(sides, start=1)
    ]
    await execute(service, founded.exchange_id, asks)
    return founded


async def test_an_exchange_that_only_traded_is_clean(
    traded: Founded, connection_service: asyncpg.Connection
) -> None:
    assert await connection_service.fetch(AUDIT, traded.exchange_id) == []


@pytest.mark.parametrize("damage", DAMAGES)
async def test_every_damage_is_found(
    traded: Founded, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection, damage: str
) -> None:
    await connection_owner.execute(DAMAGES[damage], traded.users[0], traded.exchange_id)
    assert await connection_service.fetch(AUDIT, traded.exchange_id) != []
    assert await discrepancies(connection_owner, traded.exchange_id) != []


@pytest.mark.parametrize("said", SINGLE_ROWS)
@pytest.mark.parametrize("pricing", ["integral", "average"])
async def test_every_row_is_held_against_the_rules(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    said: str,
    pricing: Literal["integral", "average"],
) -> None:
    traded = await trade(connection_owner, connection_service, Terms(pricing=pricing))
    assert await connection_service.fetch(AUDIT, traded.exchange_id) == []
    await connection_owner.execute(SINGLE_ROWS[said], traded.exchange_id)
    assert said in str(await connection_service.fetch(AUDIT, traded.exchange_id))


async def test_fills_older_than_their_position_are_clean_and_count_for_those_after_them(
    traded: Founded, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    await connection_owner.execute(
        "update betjee.transactions set position_shares = null where exchange_id = $1", traded.exchange_id
    )
    assert await connection_service.fetch(AUDIT, traded.exchange_id) == []
    assert await discrepancies(connection_owner, traded.exchange_id) == []
    await execute(
        connection_service, traded.exchange_id, [Ask(9, traded.users[1], "22s1", "cover", 2, confirmed=True)]
    )
    assert await connection_service.fetch(AUDIT, traded.exchange_id) == []
    damage = (
        "update betjee.transactions set position_shares = 2 where exchange_id = $1 and position_shares = 0"
    )
    assert await connection_owner.execute(damage, traded.exchange_id) == "UPDATE 1"
    assert len(await connection_service.fetch(AUDIT, traded.exchange_id)) == 1


async def test_what_was_burned_does_not_make_later_fills_look_wrong(
    traded: Founded, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    await connection_owner.execute(
        "with gone as (delete from betjee.transactions where exchange_id = $1 and user_id = $2 returning *)"
        " insert into betjee.burns (exchange_id, sequence, shift_id, shares, gross_paise, tax_paise, burned_at,"
        "   price_after_paise)"
        " select $1, 8, shift_id, sum(shares), sum(sign(shares) * gross_paise), sum(tax_paise), clock_timestamp(), 1663"
        " from gone group by shift_id",
        traded.exchange_id,
        traded.users[1],
    )
    await connection_owner.execute(
        "update betjee.exchanges set sequence = 8 where exchange_id = $1", traded.exchange_id
    )
    await execute(
        connection_service, traded.exchange_id, [Ask(9, traded.users[0], "22s1", "buy", 1, confirmed=True)]
    )
    of_fills = "select betjee.audit_fills($1)"
    assert await connection_owner.fetch(of_fills, traded.exchange_id) == []
    await connection_owner.execute(
        "update betjee.transactions set price_after_paise = 1 where exchange_id = $1 and sequence = 9",
        traded.exchange_id,
    )
    assert len(await connection_owner.fetch(of_fills, traded.exchange_id)) == 1


async def test_an_exchange_of_a_community_has_an_owner(
    front: Front, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    assert await connection_service.fetch(AUDIT, front.exchange_id) == []
    await connection_owner.execute("delete from betjee.moderators where exchange_id = $1", front.exchange_id)
    assert "no owner" in str(await connection_service.fetch(AUDIT, front.exchange_id))


@pytest.mark.parametrize("table", NUMBERED)
async def test_a_sequence_that_was_set_back_is_found_and_repaired(
    traded: Founded, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection, table: str
) -> None:
    await connection_owner.execute(NUMBERED[table], traded.exchange_id)
    behind = "The sequence 7 is behind 99, which a record has already."
    assert behind in [row[0] for row in await connection_service.fetch(AUDIT, traded.exchange_id)]
    differing = "select kind from betjee.replayed_state($1, 1000000) where figures is distinct from stored"
    assert "sequence" in [
        row["kind"] for row in await connection_service.fetch(differing, traded.exchange_id)
    ]
    await connection_owner.execute("select betjee.repair_exchange($1)", traded.exchange_id)
    assert "behind" not in str(await connection_service.fetch(AUDIT, traded.exchange_id))
    sequence = "select sequence from betjee.exchanges where exchange_id = $1"
    assert await connection_owner.fetchval(sequence, traded.exchange_id) == 99


@pytest.mark.parametrize("damage", REPAIRABLE)
async def test_the_state_is_rebuilt_from_the_ledger_by_the_owner_alone(
    traded: Founded, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection, damage: str
) -> None:
    await connection_owner.execute(DAMAGES[damage], traded.users[0], traded.exchange_id)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection_service.execute("select betjee.repair_exchange($1)", traded.exchange_id)
    await connection_owner.execute("select betjee.repair_exchange($1)", traded.exchange_id)
    assert await connection_service.fetch(AUDIT, traded.exchange_id) == []
    assert await discrepancies(connection_owner, traded.exchange_id) == []


async def test_an_order_that_waits_without_its_position_is_found_and_lapses_by_the_repair(
    traded: Founded, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    arm = "select betjee.arm_stop($1, $2, $3, 'stop_loss', '22s1', $4, null, null)->>'status'"
    for request_id, (user, trigger) in enumerate(zip(traded.users, (1_500, 1_900), strict=True), start=50):
        assert (
            await connection_service.fetchval(arm, traded.exchange_id, request_id, user, trigger) == "armed"
        )
    assert await connection_service.fetch(AUDIT, traded.exchange_id) == []
    await connection_owner.execute(
        "update betjee.stop_losses set shares = -shares, trigger_sign = -trigger_sign"
        " where exchange_id = $1 and user_id = $2",
        traded.exchange_id,
        traded.users[1],
    )
    (problem,) = await connection_service.fetch(AUDIT, traded.exchange_id)
    assert problem[0].endswith("waits to trade -2 shares, but the position is -2.")
    differing = "select kind from betjee.replayed_state($1, 1000000) where figures is distinct from stored"
    assert [row["kind"] for row in await connection_service.fetch(differing, traded.exchange_id)] == ["order"]
    await connection_owner.execute("select betjee.repair_exchange($1)", traded.exchange_id)
    assert await connection_service.fetch(AUDIT, traded.exchange_id) == []
    assert await connection_service.fetch(differing, traded.exchange_id) == []
    left = "select user_id, status from betjee.stop_losses where exchange_id = $1 order by stop_id"
    assert [tuple(row) for row in await connection_service.fetch(left, traded.exchange_id)] == [
        (traded.users[0], "armed"),
        (traded.users[1], "lapsed"),
    ]


async def test_a_repair_keeps_the_cool_downs_of_positions_that_remain(
    traded: Founded, connection_owner: asyncpg.Connection, connection_service: asyncpg.Connection
) -> None:
    await connection_owner.execute(
        "update betjee.positions set shares = shares + 1, cooldown_sign = -1, cooldown_by = 1, cooldown_until = '2126-01-01'"
        " where exchange_id = $1",
        traded.exchange_id,
    )
    await connection_owner.execute("select betjee.repair_exchange($1)", traded.exchange_id)
    assert await connection_service.fetch(AUDIT, traded.exchange_id) == []
    kept = "select cooldown_sign, extract(year from cooldown_until)::int from betjee.positions where exchange_id = $1"
    assert [tuple(row) for row in await connection_service.fetch(kept, traded.exchange_id)] == [
        (-1, 2126)
    ] * 2


async def test_any_moment_of_the_past_can_be_replayed(
    traded: Founded, connection_service: asyncpg.Connection
) -> None:
    rows = await connection_service.fetch(
        "select figures ->> 'remaining_shares' as remaining from generate_series(2, 7) moment,"
        " lateral betjee.replayed_state($1, moment) where kind = 'market' order by moment",
        traded.exchange_id,
    )
    assert [10_000 - int(row["remaining"]) for row in rows] == [0, 5, 2, 4, 3, 4]
