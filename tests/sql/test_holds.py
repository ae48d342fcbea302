"""What a member is told of what holds them back."""

from datetime import datetime
from typing import Any

from tests.sql.court import Court, identity


async def hold_of(court: Court, name: str) -> dict[str, Any]:
    return await court.front.document("find_hold", court.front.exchange_id, court[name])


async def test_nothing_holds_who_may_trade(court: Court) -> None:
    hold = await hold_of(court, "ann")
    assert (hold["status"], hold["reason"], hold["since"], hold["withheld_paise"]) == (
        "active",
        None,
        None,
        0,
    )


async def test_a_freeze_has_its_reason_and_its_time(court: Court) -> None:
    await court.call("freeze_user", court["mona"], court["ann"], "Odd trades.")
    hold = await hold_of(court, "ann")
    assert (hold["status"], hold["reason"], hold["can_appeal"]) == ("frozen", "Odd trades.", False)
    (freeze,) = await court.rows("freezes")
    # The text has no trailing zeros, so moments are compared, not texts.
    assert datetime.fromisoformat(hold["since"]) == freeze["frozen_at"]


async def test_a_planned_wipe_is_a_freeze_with_its_reason(court: Court) -> None:
    await court.plan("mona", ["ann"], "burn", "Bots.")
    hold = await hold_of(court, "ann")
    assert (hold["status"], hold["reason"]) == ("frozen", "Bots.")


async def test_a_ban_is_told_before_a_freeze_and_whether_it_can_be_appealed(court: Court) -> None:
    await court.call("freeze_user", court["mona"], court["ann"], "Odd trades.")
    await court.call("ban_user", court["mona"], court["ann"], identity("ann"), "Sold answers.", 3_600)
    hold = await hold_of(court, "ann")
    assert (hold["status"], hold["reason"], hold["can_appeal"]) == ("banned", "Sold answers.", True)
    assert hold["until"] > hold["since"]
    await court.call("appeal", identity("ann"), "It was not me.")
    assert (await hold_of(court, "ann"))["can_appeal"] is False


async def test_of_a_stranger_and_of_who_left_nothing_is_told(court: Court) -> None:
    query = "select betjee.find_hold($1, $2)"
    await court.call("delete_user", court["ann"], identity("ann"))
    for number in (court["ann"], 10**9):
        assert await court.front.service.fetchval(query, court.front.exchange_id, number) is None


async def test_what_is_refused_carries_it(court: Court) -> None:
    await court.order("ann", "buy", 10)
    await court.call("freeze_user", court["mona"], court["ann"], "Odd trades.")
    refused = [
        await court.call("arm_stop", court["ann"], "stop_loss", "22s1", 1_100, None, None),
        await court.call("arm_alert", court["ann"], "22s1", 5_000),
        await court.call("delete_user", court["ann"], identity("ann")),
        await court.front.document("preview_deletion", court.front.exchange_id, court["ann"]),
    ]
    for answer in refused:
        assert (answer["refused"], answer["hold"]["reason"]) == ("user_frozen", "Odd trades.")


async def halt_of(court: Court, market: str) -> dict[str, Any]:
    return await court.front.document("find_halt", court.front.exchange_id, market)


async def test_a_market_that_a_moderator_halts_has_their_reason_until_it_is_resumed(court: Court) -> None:
    assert await halt_of(court, "22s1") == {"status": "open", "reason": None}
    for reason in ("A rumour.", "Another one."):
        await court.call("halt_market", court["mona"], "22s1", reason)
        assert await halt_of(court, "22s1") == {"status": "halted", "reason": reason}
        assert await halt_of(court, "22s2") == {"status": "open", "reason": None}
        await court.call("resume_market", court["max"], "22s1")
        assert await halt_of(court, "22s1") == {"status": "open", "reason": None}


async def test_a_halt_for_a_time_has_no_reason_of_a_moderator(court: Court) -> None:
    await court.call("halt_market", court["mona"], "22s1", "A rumour.")
    await court.call("resume_market", court["mona"], "22s1")
    await court.owner_connection.execute(
        "update betjee.markets set status = 'halted', halted_until = clock_timestamp() + interval '100 s'"
        " where exchange_id = $1 and code = '22s1'",
        court.front.exchange_id,
    )
    assert await halt_of(court, "22s1") == {"status": "halted", "reason": None}


async def test_of_no_market_nothing_is_told(court: Court) -> None:
    query = "select betjee.find_halt($1, $2)"
    assert await court.front.service.fetchval(query, court.front.exchange_id, "99s9") is None
